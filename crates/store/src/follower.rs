//! Follows the `changes` table and tells one listener. On SQLite the writer rings after each commit; on PostgreSQL
//! NOTIFY wakes it, and a short poll makes up for a listener that was lost.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use crate::db::{Conn, Fault, listen, open_listener, values};
use crate::errors::{ReadError, Unavailable};
use crate::load;
use crate::options::Database;
use crate::store::Store;

/// A row that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its place in the sequence of changes.
    pub seq: i64,
    /// `account` for an account with its profile and addresses, else the documented table.
    pub table: String,
    /// The row.
    pub id: i64,
}

/// The longest wait for a ring before the table is looked at anyway.
const POLL: Duration = Duration::from_millis(500);
/// Numbers before the newest one that are read again: on PostgreSQL a transaction may commit after one that
/// took its number later.
const LOOK_BACK: i64 = 1_000;
/// Changes read at once.
const BATCH: i64 = 5_000;

/// Where a follower stands.
struct Position {
    newest: i64,
    /// The numbers seen within the look-back.
    seen: BTreeMap<i64, ()>,
    look_back: i64,
}

/// A running follower.
#[derive(Debug, Clone)]
pub struct Following(std::sync::Arc<std::sync::atomic::AtomicBool>);

impl Following {
    /// It ends by itself with its next look; it may report once more.
    pub fn stop(&self) {
        self.0.store(true, std::sync::atomic::Ordering::Release);
    }

    fn stopped(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::Acquire)
    }
}

/// Starts the thread.
pub(crate) fn follow(
    store: &Store,
    since: i64,
    mut each: Box<dyn FnMut(Vec<Change>) + Send>,
) -> Result<Following, ReadError> {
    let options = store.inner.options.clone();
    let shared = std::sync::Arc::clone(&store.inner.shared);
    let mut conn = Conn::reader(&options.database, Duration::from_secs(30))?;
    let look_back = match options.database {
        Database::Sqlite(_) => 0,
        Database::Postgres(_) => LOOK_BACK,
    };
    let mut position = Position { newest: since, seen: BTreeMap::new(), look_back };
    // What the caller has loaded already is not news.
    for (seq, _, _) in read(&mut conn, since - look_back)?.into_iter().filter(|c| c.0 <= since) {
        position.seen.insert(seq, ());
    }
    let following = Following(std::sync::Arc::default());
    let running = following.clone();
    let body = move || {
        let mut rung = 0;
        let mut listener = None;
        while !shared.closed() && !running.stopped() {
            match news(&mut conn, &mut position) {
                Ok(changes) if changes.is_empty() => {}
                Ok(changes) => each(changes),
                Err(fault) => {
                    tracing::warn!(%fault, "the changes cannot be read; trying again");
                    if let Ok(fresh) = Conn::reader(&options.database, Duration::from_secs(30)) {
                        conn = fresh;
                    }
                }
            }
            match &options.database {
                Database::Sqlite(_) => rung = shared.wait_for_change(rung, POLL),
                Database::Postgres(url) => wait_on_server(url, &mut listener),
            }
        }
    };
    let thread = thread::Builder::new().name("store-follower".into()).spawn(body);
    let thread = thread.map_err(|e| ReadError::Unavailable(Unavailable::Fault { what: e.to_string() }))?;
    store.adopt(thread);
    Ok(following)
}

/// Waits for a notification; a lost listener is made anew and the table polled meanwhile.
fn wait_on_server(url: &str, listener: &mut Option<postgres::Client>) {
    if listener.is_none() {
        *listener = open_listener(url).ok();
        if listener.is_some() {
            // What happened before LISTEN took effect is read before the first wait.
            return;
        }
    }
    match listener.as_mut().map(|client| listen(client, POLL)) {
        Some(Ok(_)) => {}
        Some(Err(_)) => *listener = None,
        None => thread::sleep(POLL),
    }
}

fn read(conn: &mut Conn, after: i64) -> Result<Vec<(i64, String, i64)>, Fault> {
    let rows = conn.query(
        "SELECT seq, tbl, id FROM changes WHERE seq > ?1 ORDER BY seq LIMIT ?2",
        &values![after, BATCH + LOOK_BACK],
    )?;
    Ok(rows.iter().map(|row| (row.int(0), row.text(1), row.int(2))).collect())
}

/// What was not seen yet, each row once.
fn news(conn: &mut Conn, position: &mut Position) -> Result<Vec<Change>, Fault> {
    let mut changes: Vec<Change> = Vec::new();
    // Older than what is kept: the table was pruned beyond the listener's place, which a restart repairs.
    debug_assert!(position.newest >= 0, "changes count from 1");
    if load::last_change(conn)? <= position.newest && position.look_back == 0 {
        return Ok(changes);
    }
    let mut rows: BTreeMap<(String, i64), i64> = BTreeMap::new();
    for (seq, table, id) in read(conn, position.newest - position.look_back)? {
        let fresh =
            if position.look_back == 0 { seq > position.newest } else { !position.seen.contains_key(&seq) };
        if fresh {
            rows.insert((table, id), seq);
            position.seen.insert(seq, ());
        }
        position.newest = position.newest.max(seq);
    }
    let horizon = position.newest - position.look_back;
    position.seen = position.seen.split_off(&horizon);
    changes.extend(rows.into_iter().map(|((table, id), seq)| Change { seq, table, id }));
    changes.sort_by_key(|change| change.seq);
    Ok(changes)
}
