//! Whether a backup can be restored, found out by restoring it: into a scratch database beside the real one, whose rows and
//! books are counted, and which is removed again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use strowger_model::Scope;

use crate::backup::{BackupReport, copy_and_migrate, ending, report, run};
use crate::db::Conn;
use crate::errors::{BackupError, Unavailable};
use crate::options::Database;
use crate::store::Store;

/// A statement on the scratch database may take this long.
const TRIAL_LIMIT: Duration = Duration::from_secs(3_600);

impl Store {
    /// Restores a backup into a scratch database, counts it, adds up its books, and removes it. The database
    /// itself is not touched.
    ///
    /// # Errors
    /// The scope is less than everything, the backup cannot be restored, or its books are wrong.
    pub async fn try_backup(&self, scope: Scope, from: &Path) -> Result<BackupReport, BackupError> {
        if scope != Scope::All {
            return Err(BackupError::Denied);
        }
        let (database, from) = (self.inner.options.database.clone(), from.to_owned());
        let (sender, answer) = tokio::sync::oneshot::channel();
        let spawned = std::thread::Builder::new().name("store-trial".into()).spawn(move || {
            // Whoever asked may have gone.
            let _ = sender.send(match &database {
                Database::Sqlite(_) => try_file(&from),
                Database::Postgres(url) => try_server(url, &from),
            });
        });
        spawned.map_err(|error| Unavailable::Fault { what: error.to_string() })?;
        answer.await.unwrap_or(Err(BackupError::Unavailable(Unavailable::Closed)))
    }
}

fn try_file(from: &Path) -> Result<BackupReport, BackupError> {
    let scratch = ending(from, ".trial");
    let tried = copy_and_migrate(from, &scratch).and_then(|()| {
        let mut conn = Conn::reader(&Database::Sqlite(scratch.clone()), TRIAL_LIMIT)?;
        sound(&mut conn, from)
    });
    for rest in ["", "-wal", "-shm"] {
        // What was not made is not there.
        let _ = std::fs::remove_file(ending(&scratch, rest));
    }
    // Whoever read the backup itself left an empty log beside it.
    if std::fs::metadata(ending(from, "-wal")).is_ok_and(|log| log.len() == 0) {
        for rest in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(ending(from, rest));
        }
    }
    tried
}

/// Counts, and adds up the books.
fn sound(conn: &mut Conn, from: &Path) -> Result<BackupReport, BackupError> {
    let books = crate::ledger_check::check(conn)?;
    match books.problems.into_iter().next() {
        None => report(conn, from),
        Some(what) => Err(BackupError::Damaged { what }),
    }
}

fn try_server(url: &str, from: &Path) -> Result<BackupReport, BackupError> {
    let random = crate::keyring::random::<8>().map_err(|e| Unavailable::Fault { what: e.to_string() })?;
    let name = format!("strowger_trial_{}", crate::keyring::hex(&random));
    let scratch = with_name(url, &name).ok_or_else(|| {
        BackupError::Unavailable(Unavailable::Fault {
            what: "the database's URL names no database".to_owned(),
        })
    })?;
    let mut server = Conn::writer(&Database::Postgres(url.to_owned()), Arc::default())?;
    server.batch(&format!("CREATE DATABASE {name}"))?;
    let tried = run("pg_restore", &["--no-owner", "--single-transaction", "--dbname", &scratch], from)
        .and_then(|()| {
            let mut conn = Conn::reader(&Database::Postgres(scratch.clone()), TRIAL_LIMIT)?;
            sound(&mut conn, from)
        });
    let dropped = server.batch(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
    let report = tried?;
    dropped?;
    Ok(report)
}

/// The URL of another database of the same server.
fn with_name(url: &str, name: &str) -> Option<String> {
    let (start, rest) = url.split_once("://")?;
    let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
    let (host, _) = place.split_once('/')?;
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    Some(format!("{start}://{host}/{name}{query}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scratch_database_is_on_the_same_server() {
        for (url, wanted) in [
            ("postgres://u:p@h:5432/a", Some("postgres://u:p@h:5432/t")),
            ("postgres://u@h/a?sslmode=require", Some("postgres://u@h/t?sslmode=require")),
            ("postgres://h", None),
        ] {
            assert_eq!(with_name(url, "t").as_deref(), wanted);
        }
    }
}
