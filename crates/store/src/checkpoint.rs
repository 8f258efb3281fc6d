//! Moves SQLite's WAL into the database file, off the writer's thread, and watches its size.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::db::{Conn, Fault};
use crate::errors::OpenError;
use crate::options::{Database, Options};
use crate::shared::Shared;

/// How often the size is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// A smaller log is left alone.
const WORTH_BYTES: u64 = 4 << 20;
/// A log of this size is cut, although the writer may have to wait for it.
const CUT_BYTES: u64 = 64 << 20;

/// Starts the thread for a SQLite database; none for PostgreSQL.
pub(crate) fn start(
    options: &Options,
    shared: &Arc<Shared>,
) -> Result<Option<thread::JoinHandle<()>>, OpenError> {
    let Database::Sqlite(path) = &options.database else { return Ok(None) };
    let mut conn = Conn::writer(&options.database, Arc::default())?;
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    let shared = Arc::clone(shared);
    let body = move || {
        while !shared.wait_until_closed(LOOK) {
            if let Err(fault) = look(&mut conn, Path::new(&wal)) {
                tracing::warn!(%fault, "the write-ahead log stays as it is");
            }
        }
    };
    let thread = thread::Builder::new().name("store-checkpoint".into()).spawn(body);
    thread.map(Some).map_err(|source| OpenError::File { path: "thread".into(), source })
}

fn look(conn: &mut Conn, wal: &Path) -> Result<(), Fault> {
    let bytes = std::fs::metadata(wal).map_or(0, |m| m.len());
    if bytes < WORTH_BYTES {
        return Ok(());
    }
    let how = if bytes < CUT_BYTES { "PASSIVE" } else { "TRUNCATE" };
    if how == "TRUNCATE" {
        tracing::warn!(bytes, "the write-ahead log is large: a reader has kept it alive");
    }
    conn.query(&format!("PRAGMA wal_checkpoint({how})"), &[]).map(|_| ())
}
