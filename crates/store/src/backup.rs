//! Backup and restore: SQLite's own online copy, verified by opening and counting it; `pg_dump` and `pg_restore`
//! for PostgreSQL.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use strowger_model::Scope;

use crate::backup_server;
use crate::db::{Conn, Fault, values};
use crate::errors::{BackupError, ReadError, Unavailable};
use crate::increment;
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
        self.aside(scope, to, copy).await
    }

    /// The same with only what is other than in a whole backup, which lies beside the new file.
    ///
    /// # Errors
    /// As of a backup, or the engine has no increments.
    pub async fn backup_increment(
        &self,
        scope: Scope,
        base: PathBuf,
        to: PathBuf,
    ) -> Result<BackupReport, BackupError> {
        if matches!(self.inner.options.database, Database::Postgres(_)) {
            let what = "PostgreSQL's increments are its write-ahead log: archive that, or make full backups";
            return Err(BackupError::NotHere { what });
        }
        self.aside(scope, to, move |database, to| increase(database, &base, to)).await
    }

    /// The newest whole SQLite backup of a folder, and the bases that its increments need. Blocks.
    #[must_use]
    pub fn backup_bases(folder: &Path) -> (Option<PathBuf>, Vec<String>) {
        let Ok(entries) = std::fs::read_dir(folder) else { return (None, Vec::new()) };
        let files: Vec<PathBuf> =
            entries.flatten().map(|entry| entry.path()).filter(|p| p.is_file()).collect();
        let written = |path: &PathBuf| path.metadata().and_then(|m| m.modified()).ok();
        let scratch = |path: &PathBuf| path.extension().is_some_and(|end| end == "copy" || end == "trial");
        let whole = files.iter().filter(|path| !scratch(path) && increment::is_whole(path));
        let newest = whole.max_by_key(|path| written(path));
        (newest.cloned(), files.iter().filter_map(|path| increment::base_of(path)).collect())
    }

    /// Makes a file on a thread of its own, not a reader's: a copy takes long.
    async fn aside(
        &self,
        scope: Scope,
        to: PathBuf,
        make: impl FnOnce(&Database, &Path) -> Result<BackupReport, BackupError> + Send + 'static,
    ) -> Result<BackupReport, BackupError> {
        if scope != Scope::All {
            return Err(BackupError::Denied);
        }
        if to.exists() {
            return Err(BackupError::File { path: to, what: "exists already".into() });
        }
        let database = self.inner.options.database.clone();
        let (sender, answer) = tokio::sync::oneshot::channel();
        let spawned = std::thread::Builder::new().name("store-backup".into()).spawn(move || {
            // Whoever asked may have gone.
            let _ = sender.send(make(&database, &to));
        });
        spawned.map_err(|error| Unavailable::Fault { what: error.to_string() })?;
        answer.await.unwrap_or(Err(BackupError::Unavailable(Unavailable::Closed)))
    }

    /// Looks whether a file is a backup that could take the place of this database. Changes nothing. Blocks.
    ///
    /// # Errors
    /// It is not whole, is no backup, or is the database itself.
    pub fn verify_backup(&self, from: &Path) -> Result<(), BackupError> {
        match &self.inner.options.database {
            Database::Sqlite(path) => verified(path, from),
            Database::Postgres(_) => backup_server::run("pg_restore", &["--list"], None, from),
        }
    }

    /// Puts a backup in the place of the database, which must not be open. The old one stays beside it: the SQLite file
    /// with the ending `.before-restore`, the PostgreSQL database with `_before_restore`.
    ///
    /// # Errors
    /// The backup is not whole, or the database is in use or cannot be replaced.
    pub fn restore(options: &Options, from: &Path) -> Result<BackupReport, BackupError> {
        match &options.database {
            Database::Sqlite(path) => restore_file(options, path, from),
            Database::Postgres(url) => backup_server::restore(url, from),
        }
    }
}

fn copy(database: &Database, to: &Path) -> Result<BackupReport, BackupError> {
    let mut source = Conn::reader(database, Duration::from_secs(3_600))?;
    let before = counts(&mut source)?;
    match database {
        Database::Sqlite(_) => source.copy_to(to)?,
        Database::Postgres(url) => {
            backup_server::dump(url, to)?;
            let bytes = size(to)?;
            return Ok(BackupReport { bytes, accounts: before.0, cdrs: before.1 });
        }
    }
    let mut conn = Conn::reader(&Database::Sqlite(to.to_owned()), Duration::from_secs(3_600))?;
    whole(&mut conn)?;
    let report = report(&mut conn, to)?;
    drop(conn);
    tidy(to);
    if report.accounts < before.0 || report.cdrs < before.1 {
        let what =
            format!("{} accounts of {}, {} records of {}", report.accounts, before.0, report.cdrs, before.1);
        return Err(BackupError::Damaged { what });
    }
    Ok(report)
}

/// Writes what is other than in a whole backup, by way of a copy of everything.
fn increase(database: &Database, base: &Path, to: &Path) -> Result<BackupReport, BackupError> {
    let whole = ending(to, ".copy");
    remove_if_there(&whole).map_err(|e| file_error(&whole, &e))?;
    let made = copy(database, &whole).and_then(|report| {
        increment::make(base, &whole, to)?;
        Ok(BackupReport { bytes: size(to)?, ..report })
    });
    for rest in ["", "-wal", "-shm"] {
        // What was not made is not there.
        let _ = std::fs::remove_file(ending(&whole, rest));
    }
    made
}

fn restore_file(options: &Options, path: &Path, from: &Path) -> Result<BackupReport, BackupError> {
    verified(path, from)?;
    let mut old = Vec::new();
    // Opening takes the lock, so a running server refuses; closing empties the WAL into the file.
    if path.exists() {
        Store::open(options.clone()).map_err(|e| file_error(path, &e))?.close();
        flush(path)?;
        old = epochs(&mut Conn::reader(&options.database, Duration::from_secs(60))?);
    }
    let fresh = ending(path, ".restoring");
    let made = copy_and_migrate(from, &fresh).and_then(|report| {
        carry_epochs(&mut Conn::writer(&Database::Sqlite(fresh.clone()), Arc::default())?, &old)?;
        flush(&fresh)?;
        put_in_place(path, &fresh)?;
        Ok(report)
    });
    if made.is_err() {
        // Whatever there is of it is useless; the old database is where it was.
        let _ = std::fs::remove_file(&fresh);
    }
    made
}

/// The boot epochs of the nodes, as far as they can be read.
pub(crate) fn epochs(conn: &mut Conn) -> Vec<(i64, i64)> {
    let rows = conn.query("SELECT node, epoch FROM epoch", &[]).unwrap_or_default();
    rows.iter().map(|row| (row.int(0), row.int(1))).collect()
}

/// Ids that were minted over another database are not minted again: no epoch goes back.
pub(crate) fn carry_epochs(conn: &mut Conn, old: &[(i64, i64)]) -> Result<(), Fault> {
    for (node, epoch) in old {
        conn.execute(
            "INSERT INTO epoch (node, epoch) VALUES (?1, ?2) ON CONFLICT (node) DO UPDATE SET epoch = \
             CASE WHEN excluded.epoch > epoch.epoch THEN excluded.epoch ELSE epoch.epoch END",
            &values![*node, *epoch],
        )?;
    }
    Ok(())
}

/// The backup beside the database, durable and brought up to date, before anything is replaced.
pub(crate) fn copy_and_migrate(from: &Path, fresh: &Path) -> Result<BackupReport, BackupError> {
    if increment::is_one(from) {
        increment::put_together(from, fresh)?;
    } else {
        std::fs::copy(from, fresh).map_err(|e| file_error(fresh, &e))?;
    }
    let mut conn = Conn::writer(&Database::Sqlite(fresh.to_owned()), Arc::default())?;
    whole(&mut conn)?;
    crate::schema::migrate(&mut conn)?;
    let (accounts, cdrs) = counts(&mut conn)?;
    drop(conn);
    flush(fresh)?;
    std::fs::File::open(fresh).and_then(|f| f.sync_all()).map_err(|e| file_error(fresh, &e))?;
    Ok(BackupReport { bytes: size(from)?, accounts, cdrs })
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

/// Looks whether a backup is whole and not the database itself.
fn verified(database: &Path, from: &Path) -> Result<(), BackupError> {
    let real = |path: &Path| path.canonicalize().ok();
    if !from.is_file() || real(from) == real(database) {
        let what = if from.is_file() { "is the database itself" } else { "is no file" };
        return Err(BackupError::File { path: from.to_owned(), what: what.to_owned() });
    }
    if increment::is_one(from) {
        return increment::verify(from);
    }
    let looked = whole(&mut Conn::reader(&Database::Sqlite(from.to_owned()), Duration::from_secs(3_600))?);
    tidy(from);
    looked
}

/// Whoever reads a backup leaves an empty log beside it.
pub(crate) fn tidy(backup: &Path) {
    if std::fs::metadata(ending(backup, "-wal")).is_ok_and(|log| log.len() == 0) {
        for rest in ["-wal", "-shm"] {
            // What was not made is not there.
            let _ = std::fs::remove_file(ending(backup, rest));
        }
    }
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
