//! What is held and waited for: credit reserved by running calls, writes that wait for the writer, and on PostgreSQL the
//! statements that wait for somebody else's lock.

use std::sync::atomic::Ordering;

use strowger_model::{AccountId, Amount, Wall};

use crate::db::{Conn, Engine, Fault, values};
use crate::errors::ReadError;
use crate::store::Store;

/// Holds and waiting statements that are shown.
const MAX_ROWS: u32 = 1_000;

/// Credit that a running leg has reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldCredit {
    /// The leg.
    pub leg: String,
    /// Whose credit.
    pub account: AccountId,
    /// In which unit.
    pub unit: String,
    /// How much.
    pub amount: Amount,
    /// By which node.
    pub node: i64,
    /// Since when.
    pub since: Wall,
}

/// A statement that waits for a lock of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingLock {
    /// The database's number of the connection.
    pub owner: String,
    /// What is waited for.
    pub what: String,
    /// For how long, in milliseconds.
    pub age_ms: i64,
}

/// What is held and waited for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Locks {
    /// The oldest first.
    pub held: Vec<HeldCredit>,
    /// PostgreSQL only: SQLite has one writer, whose queue is `queued`.
    pub waiting: Vec<WaitingLock>,
    /// Operations that wait for this process's writer or are being written.
    pub queued: u64,
}

impl Store {
    /// Reserved credit and pending locks.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn locks(&self) -> Result<Locks, ReadError> {
        let queued = self.inner.shared.waiting.load(Ordering::Relaxed);
        let found = self.read::<Locks, ReadError>(Box::new(|conn| Ok(read(conn?)?))).await?;
        Ok(Locks { queued, ..found })
    }
}

fn read(conn: &mut Conn) -> Result<Locks, Fault> {
    let held = conn.query(
        "SELECT leg, account_id, unit, amount, node, at_ms FROM hold ORDER BY at_ms, leg LIMIT ?1",
        &values![MAX_ROWS],
    )?;
    let held = held.iter().map(|row| HeldCredit {
        leg: row.text(0),
        account: AccountId(row.int(1)),
        unit: row.text(2),
        amount: row.micros(3),
        node: row.int(4),
        since: Wall(row.int(5)),
    });
    let held = held.collect();
    let waiting = match conn.engine() {
        Engine::Sqlite => Vec::new(),
        Engine::Postgres => conn.query(
            "SELECT CAST(l.pid AS TEXT), l.locktype || ' ' || l.mode || coalesce(' on ' || c.relname, ''), \
             CAST(coalesce(extract(epoch FROM now() - a.query_start) * 1000, 0) AS BIGINT) FROM pg_locks l \
             JOIN pg_stat_activity a ON a.pid = l.pid LEFT JOIN pg_class c ON c.oid = l.relation \
             WHERE NOT l.granted AND a.datname = current_database() ORDER BY 3 DESC LIMIT ?1",
            &values![MAX_ROWS],
        )?,
    };
    let waiting =
        waiting.iter().map(|row| WaitingLock { owner: row.text(0), what: row.text(1), age_ms: row.int(2) });
    Ok(Locks { held, waiting: waiting.collect(), queued: 0 })
}
