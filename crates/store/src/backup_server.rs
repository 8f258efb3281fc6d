//! Backups of PostgreSQL: its own programs, scratch databases on the same server, and a restore that puts a filled one in
//! the old one's place.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::backup::{BackupReport, carry_epochs, epochs, report};
use crate::db::{Conn, Fault};
use crate::errors::{BackupError, Unavailable};
use crate::options::Database;

/// A statement on a scratch database may take this long.
const LIMIT: Duration = Duration::from_secs(3_600);
/// The longest name of a database, in bytes.
const MAX_NAME: usize = 63;

/// Writes the database into a file.
pub(crate) fn dump(url: &str, to: &Path) -> Result<(), BackupError> {
    run("pg_dump", &["--format=custom", "--file", &to.display().to_string()], Some(url), Path::new(""))
}

/// Restores a backup into a scratch database, counts it, and removes it.
pub(crate) fn try_out(url: &str, from: &Path) -> Result<BackupReport, BackupError> {
    let scratch = Scratch::create(url, "strowger_trial")?;
    let tried = scratch.fill(from);
    scratch.drop_it()?;
    tried
}

/// Puts a backup in the place of the database, which nobody may be using; the old one stays beside it.
pub(crate) fn restore(url: &str, from: &Path) -> Result<BackupReport, BackupError> {
    let name = name_of(url)?;
    let aside = format!("{name}_before_restore");
    if aside.len() > MAX_NAME {
        return Err(server(format!("the name {name} is too long to keep the old database as {aside}")));
    }
    let mut scratch = Scratch::create(url, "strowger_restore")?;
    let filled = scratch.fill(from).and_then(|report| {
        let old = epochs(&mut scratch.server);
        carry_epochs(&mut scratch.open()?, &old)?;
        Ok(report)
    });
    let report = match filled {
        Ok(report) => report,
        Err(error) => {
            // The first error is the one to tell.
            let _ = scratch.drop_it();
            return Err(error);
        }
    };
    let fresh = scratch.release();
    swap(url, &name, &fresh, &aside).map(|()| report)
}

/// The fresh database takes the name of the old one. Nobody can rename what he is connected to, so each of the two does it
/// for the other.
fn swap(url: &str, name: &str, fresh: &str, aside: &str) -> Result<(), BackupError> {
    let rename = |from: &str, to: &str| format!("ALTER DATABASE {} RENAME TO {}", quoted(from), quoted(to));
    let mut in_fresh = writer(url, fresh)?;
    let moved = in_fresh
        .batch(&format!("DROP DATABASE IF EXISTS {}", quoted(aside)))
        .and_then(|()| in_fresh.batch(&rename(name, aside)));
    drop(in_fresh);
    if let Err(fault) = moved {
        // It is still there under its name.
        let _ = writer(url, name).map(|mut old| old.batch(&drop_sql(fresh)));
        return Err(told(&format!("the old database cannot be set aside as {aside}"), fault));
    }
    let placed = writer(url, aside).and_then(|mut old| Ok(old.batch(&rename(fresh, name))?));
    if placed.is_err() {
        writer(url, fresh)?.batch(&rename(aside, name))?;
    }
    placed
}

/// A database of its own on the server of another one.
struct Scratch {
    server: Conn,
    name: String,
    url: String,
}

impl Scratch {
    fn create(url: &str, prefix: &str) -> Result<Self, BackupError> {
        let random = crate::keyring::random::<8>().map_err(|e| Unavailable::Fault { what: e.to_string() })?;
        let name = format!("{prefix}_{}", crate::keyring::hex(&random));
        let own = with_name(url, &name)?;
        let mut conn = Conn::writer(&Database::Postgres(url.to_owned()), Arc::default())?;
        let like = conn.first(
            "SELECT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database \
             WHERE datname = current_database()",
            &[],
        )?;
        let text = |column| like.as_ref().map(|row| row.text(column).replace('\'', "''")).unwrap_or_default();
        let (encoding, collate, kind) = (text(0), text(1), text(2));
        conn.batch(&format!(
            "CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE '{collate}' LC_CTYPE '{kind}'"
        ))
        .map_err(|fault| told("the account must be allowed to create databases (CREATEDB)", fault))?;
        Ok(Self { server: conn, name, url: own })
    }

    /// Restores a backup into it, brings it up to date, counts it and adds up its books.
    fn fill(&self, from: &Path) -> Result<BackupReport, BackupError> {
        // One transaction: a backup that cannot be read to its end changes nothing.
        run("pg_restore", &["--no-owner", "--single-transaction"], Some(&self.url), from)?;
        let mut conn = self.open()?;
        crate::schema::migrate(&mut conn)?;
        drop(conn);
        let mut conn = Conn::reader(&Database::Postgres(self.url.clone()), LIMIT)?;
        let books = crate::ledger_check::check(&mut conn)?;
        match books.problems.into_iter().next() {
            None => report(&mut conn, from),
            Some(what) => Err(BackupError::Damaged { what }),
        }
    }

    fn open(&self) -> Result<Conn, Fault> {
        Conn::writer(&Database::Postgres(self.url.clone()), Arc::default())
    }

    fn drop_it(mut self) -> Result<(), BackupError> {
        Ok(self.server.batch(&drop_sql(&self.name))?)
    }

    /// Leaves it and the server's database alone; its name.
    fn release(self) -> String {
        self.name
    }
}

fn drop_sql(name: &str) -> String {
    format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(name))
}

fn writer(url: &str, name: &str) -> Result<Conn, BackupError> {
    Ok(Conn::writer(&Database::Postgres(with_name(url, name)?), Arc::default())?)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn server(what: String) -> BackupError {
    BackupError::Server { what }
}

/// A refusal of the server with what to do about it.
fn told(what: &str, fault: Fault) -> BackupError {
    match fault {
        Fault::Statement(why) | Fault::Constraint(why) => server(format!("{what}: {why}")),
        other => other.into(),
    }
}

/// The name of the database that a URL names.
fn name_of(url: &str) -> Result<String, BackupError> {
    let config: Result<postgres::Config, _> = url.parse();
    let name = config.ok().and_then(|config| config.get_dbname().map(str::to_owned));
    name.ok_or_else(|| server("the database's URL names no database".to_owned()))
}

/// The URL of another database of the same server.
pub(crate) fn with_name(url: &str, name: &str) -> Result<String, BackupError> {
    let encoded: String = name
        .bytes()
        .map(|b| match b {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'-' => char::from(b).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    let named = || {
        let (start, rest) = url.split_once("://")?;
        let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
        let (host, _) = place.split_once('/')?;
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        Some(format!("{start}://{host}/{encoded}{query}"))
    };
    named().ok_or_else(|| server("the database's URL names no database".to_owned()))
}

/// A URL without its password, which the list of processes would show to everybody, and the password.
fn without_password(url: &str) -> (String, Option<String>) {
    let config: Result<postgres::Config, _> = url.parse();
    let password = config.ok().and_then(|config| config.get_password().map(<[u8]>::to_vec));
    let Some(password) = password.and_then(|bytes| String::from_utf8(bytes).ok()) else {
        return (url.to_owned(), None);
    };
    let bare = || {
        let (start, rest) = url.split_once("://")?;
        let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (user, host) = authority.rsplit_once('@')?;
        let (user, _) = user.split_once(':')?;
        Some(format!("{start}://{user}@{host}{rest}"))
    };
    (bare().unwrap_or_else(|| url.to_owned()), Some(password))
}

/// Runs one of PostgreSQL's programs; `last` is its last argument unless empty.
pub(crate) fn run(
    program: &'static str,
    args: &[&str],
    url: Option<&str>,
    last: &Path,
) -> Result<(), BackupError> {
    let failed = |what: String| BackupError::Program { program, what };
    let mut command = Command::new(program);
    command.args(args);
    if let Some(url) = url {
        let (url, password) = without_password(url);
        command.arg("--dbname").arg(url);
        command.envs(password.map(|password| ("PGPASSWORD", password)));
    }
    if !last.as_os_str().is_empty() {
        command.arg(last);
    }
    let output = command.output().map_err(|e| failed(e.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(failed(text.lines().last().unwrap_or("failed").chars().take(200).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scratch_database_is_on_the_same_server() {
        for (url, name, wanted) in [
            ("postgres://u:p@h:5432/a", "t", Some("postgres://u:p@h:5432/t")),
            ("postgres://u@h/a?sslmode=require", "t", Some("postgres://u@h/t?sslmode=require")),
            ("postgres://u@h/a", "x y", Some("postgres://u@h/x%20y")),
            ("postgres://h", "t", None),
        ] {
            assert_eq!(with_name(url, name).ok().as_deref(), wanted);
        }
        assert_eq!(name_of("postgres://u@h/my%20db").unwrap(), "my db");
    }

    #[test]
    fn a_password_is_no_argument() {
        for (url, bare, password) in [
            ("postgres://u:p%40ss@h:5432/a", "postgres://u@h:5432/a", Some("p@ss")),
            ("postgres://u@h/a", "postgres://u@h/a", None),
            ("postgresql://u:p@h/a?sslmode=prefer", "postgresql://u@h/a?sslmode=prefer", Some("p")),
            ("postgres://u:p@h/a?nonsense=1", "postgres://u:p@h/a?nonsense=1", None),
        ] {
            let (shown, secret) = without_password(url);
            assert_eq!((shown.as_str(), secret.as_deref()), (bare, password), "{url}");
        }
    }
}
