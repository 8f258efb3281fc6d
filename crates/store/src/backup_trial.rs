//! Whether a backup can be restored, found out by restoring it: into a scratch database beside the real one, whose rows and
//! books are counted, and which is removed again.

use std::path::Path;
use std::time::Duration;

use strowger_model::Scope;

use crate::backup::{BackupReport, copy_and_migrate, ending, report, tidy};
use crate::backup_server;
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
                Database::Postgres(url) => backup_server::try_out(url, &from),
            });
        });
        spawned.map_err(|error| Unavailable::Fault { what: error.to_string() })?;
        answer.await.unwrap_or(Err(BackupError::Unavailable(Unavailable::Closed)))
    }
}

fn try_file(from: &Path) -> Result<BackupReport, BackupError> {
    try_file_at(from, from)
}

/// The same with the scratch database beside another file.
pub(crate) fn try_file_at(from: &Path, beside: &Path) -> Result<BackupReport, BackupError> {
    let scratch = ending(beside, ".trial");
    let tried = copy_and_migrate(from, &scratch).and_then(|_| {
        let mut conn = Conn::reader(&Database::Sqlite(scratch.clone()), TRIAL_LIMIT)?;
        sound(&mut conn, from)
    });
    for rest in ["", "-wal", "-shm"] {
        // What was not made is not there.
        let _ = std::fs::remove_file(ending(&scratch, rest));
    }
    tidy(from);
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
