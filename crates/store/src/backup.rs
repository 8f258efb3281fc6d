//! Backup and restore: SQLite's own online copy, verified by opening and counting it; `pg_dump` and `pg_restore`
//! for PostgreSQL.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use strowger_model::Scope;

use crate::db::{Conn, Fault};
use crate::errors::{BackupError, ReadError, Unavailable};
use crate::options::{Database, Options};
use crate::store::Store;

/// What a backup or restore holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupReport {
    /// The size of the file.
    pub bytes: u64,
    /// Accounts, deleted ones included.
    pub accounts: i64,
    /// Call records.
    pub cdrs: i64,
}

impl From<ReadError> for BackupError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable(why) => Self::Unavailable(why),
            other => Self::Unavailable(Unavailable::Fault { what: other.to_string() }),
        }
    }
}

impl Store {
    /// Copies the database to a new file while it is in use, and verifies the copy. The key file is not part of it.
    ///
    /// # Errors
    /// The scope is less than everything, the file exists or cannot be written, or the copy is not whole.
    pub async fn backup(&self, scope: Scope, to: PathBuf) -> Result<BackupReport, BackupError> {
        if scope != Scope::All {
            return Err(BackupError::Denied);
        }
        if to.exists() {
            return Err(BackupError::File { path: to, what: "exists already".into() });
        }
        let database = self.inner.options.database.clone();
        // A copy takes long: it has a thread of its own, not a reader's.
        let (sender, answer) = tokio::sync::oneshot::channel();
        let spawned = std::thread::Builder::new().name("store-backup".into()).spawn(move || {
            let _ = sender.send(copy(&database, &to));
        });
        if let Err(error) = spawned {
            return Err(BackupError::Unavailable(Unavailable::Fault { what: error.to_string() }));
        }
        answer.await.unwrap_or(Err(BackupError::Unavailable(Unavailable::Closed)))
    }

    /// Looks whether a file is a backup that could take the place of this database. Changes nothing. Blocks.
    ///
    /// # Errors
    /// It is not whole, is no backup, or is the database itself.
    pub fn verify_backup(&self, from: &Path) -> Result<(), BackupError> {
        match &self.inner.options.database {
            Database::Sqlite(path) => verified(path, from).map(drop),
            Database::Postgres(_) => run("pg_restore", &["--list"], from),
        }
    }

    /// Puts a backup in the place of the database, which must not be open. The old SQLite file stays beside it
    /// with the ending `.before-restore`.
    ///
    /// # Errors
    /// The backup is not whole, or the database is in use or cannot be replaced.
    pub fn restore(options: &Options, from: &Path) -> Result<BackupReport, BackupError> {
        match &options.database {
            Database::Sqlite(path) => restore_file(options, path, from),
            Database::Postgres(url) => {
                // One transaction: a backup that cannot be read to its end changes nothing.
                run(
                    "pg_restore",
                    &["--clean", "--if-exists", "--no-owner", "--single-transaction", "--dbname", url],
                    from,
                )?;
                let mut conn = Conn::reader(&options.database, Duration::from_secs(60))?;
                report(&mut conn, from)
            }
        }
    }
}

fn copy(database: &Database, to: &Path) -> Result<BackupReport, BackupError> {
    let mut source = Conn::reader(database, Duration::from_secs(3_600))?;
    let before = counts(&mut source)?;
    match database {
        Database::Sqlite(_) => source.copy_to(to)?,
        Database::Postgres(url) => {
            let out = to.display().to_string();
            run("pg_dump", &["--format=custom", "--file", &out, "--dbname", url], Path::new(""))?;
            let bytes = size(to)?;
            return Ok(BackupReport { bytes, accounts: before.0, cdrs: before.1 });
        }
    }
    let mut conn = Conn::reader(&Database::Sqlite(to.to_owned()), Duration::from_secs(3_600))?;
    whole(&mut conn)?;
    let report = report(&mut conn, to)?;
    if report.accounts < before.0 || report.cdrs < before.1 {
        let what =
            format!("{} accounts of {}, {} records of {}", report.accounts, before.0, report.cdrs, before.1);
        return Err(BackupError::Damaged { what });
    }
    Ok(report)
}

fn restore_file(options: &Options, path: &Path, from: &Path) -> Result<BackupReport, BackupError> {
    let report = verified(path, from)?;
    // Opening takes the lock, so a running server refuses; closing empties the WAL into the file.
    if path.exists() {
        Store::open(options.clone()).map_err(|e| file_error(path, &e))?.close();
        flush(path)?;
    }
    let fresh = ending(path, ".restoring");
    let made = copy_and_migrate(from, &fresh).and_then(|()| put_in_place(path, &fresh));
    if made.is_err() {
        // Whatever there is of it is useless; the old database is where it was.
        let _ = std::fs::remove_file(&fresh);
    }
    made.map(|()| report)
}

/// The backup beside the database, durable and brought up to date, before anything is replaced.
pub(crate) fn copy_and_migrate(from: &Path, fresh: &Path) -> Result<(), BackupError> {
    std::fs::copy(from, fresh).map_err(|e| file_error(fresh, &e))?;
    let mut conn = Conn::writer(&Database::Sqlite(fresh.to_owned()), Arc::default())?;
    crate::schema::migrate(&mut conn)?;
    drop(conn);
    flush(fresh)?;
    std::fs::File::open(fresh).and_then(|f| f.sync_all()).map_err(|e| file_error(fresh, &e))
}

/// The database goes aside and the fresh one takes its name; both stay where they were if that fails.
fn put_in_place(path: &Path, fresh: &Path) -> Result<(), BackupError> {
    let aside = ending(path, ".before-restore");
    let there = path.exists();
    if there {
        std::fs::rename(path, &aside).map_err(|e| file_error(path, &e))?;
        // Where a reader still has the file open, its empty log stays, and belongs to it.
        for rest in ["-wal", "-shm"] {
            let (from, to) = (ending(path, rest), ending(&aside, rest));
            let moved = if from.exists() { std::fs::rename(&from, &to) } else { remove_if_there(&to) };
            moved.map_err(|e| file_error(&from, &e))?;
        }
    }
    let placed = std::fs::rename(fresh, path);
    if placed.is_err() && there {
        std::fs::rename(&aside, path).map_err(|e| file_error(&aside, &e))?;
    }
    placed.map_err(|e| file_error(path, &e))
}

/// Everything of the write-ahead log goes into the file.
fn flush(path: &Path) -> Result<(), BackupError> {
    let mut conn = Conn::writer(&Database::Sqlite(path.to_owned()), Arc::default())?;
    let row = conn.first("PRAGMA wal_checkpoint(TRUNCATE)", &[])?;
    match row.map(|row| row.int(0)) {
        Some(0) => Ok(()),
        _ => Err(file_error(path, &"is in use")),
    }
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What a backup holds that is whole and not the database itself.
fn verified(database: &Path, from: &Path) -> Result<BackupReport, BackupError> {
    let real = |path: &Path| path.canonicalize().ok();
    if !from.is_file() || real(from) == real(database) {
        let what = if from.is_file() { "is the database itself" } else { "is no file" };
        return Err(BackupError::File { path: from.to_owned(), what: what.to_owned() });
    }
    let mut conn = Conn::reader(&Database::Sqlite(from.to_owned()), Duration::from_secs(3_600))?;
    whole(&mut conn)?;
    report(&mut conn, from)
}

fn file_error(path: &Path, error: &dyn std::fmt::Display) -> BackupError {
    BackupError::File { path: path.to_owned(), what: error.to_string() }
}

pub(crate) fn ending(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// SQLite's own check of a file.
fn whole(conn: &mut Conn) -> Result<(), BackupError> {
    let answer = conn.first("PRAGMA quick_check(1)", &[])?.map(|row| row.text(0)).unwrap_or_default();
    if answer == "ok" { Ok(()) } else { Err(BackupError::Damaged { what: answer }) }
}

fn counts(conn: &mut Conn) -> Result<(i64, i64), Fault> {
    let row = conn.first("SELECT (SELECT count(*) FROM account), (SELECT count(*) FROM cdr)", &[])?;
    Ok(row.map_or((0, 0), |row| (row.int(0), row.int(1))))
}

pub(crate) fn report(conn: &mut Conn, file: &Path) -> Result<BackupReport, BackupError> {
    let (accounts, cdrs) = counts(conn)?;
    Ok(BackupReport { bytes: size(file)?, accounts, cdrs })
}

fn size(file: &Path) -> Result<u64, BackupError> {
    let failed = |e: std::io::Error| BackupError::File { path: file.to_owned(), what: e.to_string() };
    Ok(std::fs::metadata(file).map_err(failed)?.len())
}

/// Runs one of PostgreSQL's programs; `last` is its last argument unless empty.
pub(crate) fn run(program: &'static str, args: &[&str], last: &Path) -> Result<(), BackupError> {
    let failed = |what: String| BackupError::Program { program, what };
    let mut command = Command::new(program);
    command.args(args);
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
