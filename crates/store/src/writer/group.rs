//! One group: begin, every operation, commit. Operations run without savepoints until one that has written
//! must be undone; then the whole group is run again with a savepoint around each.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::{Writer, now_ms};
use crate::db::{Conn, Engine, Fault, values};
use crate::errors::Unavailable;
use crate::tx::{End, Op, Tx, Verdict};

/// How often a group is run again because it met another transaction.
const MEETINGS: u32 = 10;
/// How often a lost connection is made anew before the database counts as unwell.
const RECONNECTS: u32 = 3;
/// The first wait before a new connection; it doubles.
const RECONNECT_WAIT: Duration = Duration::from_millis(50);

/// How a group ended.
pub(super) enum Outcome {
    /// Every operation has been answered.
    Done,
    /// A test killed the writer.
    Killed,
    /// Nothing was written and nobody was answered.
    Failed(Fault, Vec<Box<dyn Op>>),
    /// Whether it was written is unknown; nobody was answered.
    Uncertain(i64, Vec<Box<dyn Op>>),
}

/// Why one attempt ended without a commit.
enum Missed {
    /// An operation that has written must be undone: again, with savepoints.
    Careful,
    /// The only operation is refused: rolled back, nothing else to do.
    Refused,
    /// The database failed before COMMIT was sent.
    Before(Fault),
    /// The database failed at COMMIT.
    Commit(Fault),
}

impl Writer {
    /// Runs a group until it is committed or cannot be.
    pub(super) fn group(&mut self, mut ops: Vec<Box<dyn Op>>) -> Outcome {
        let (mut careful, mut meetings, mut reconnects) = (false, 0, 0);
        self.group_number = self.group_number.wrapping_add(1) & i64::MAX;
        loop {
            match self.attempt(&mut ops, careful) {
                Ok(()) => return self.answer(ops),
                Err(Missed::Refused) => return self.answer(ops),
                Err(Missed::Careful) => careful = true,
                Err(Missed::Before(Fault::Killed) | Missed::Commit(Fault::Killed)) => return Outcome::Killed,
                Err(Missed::Before(Fault::Again(_)) | Missed::Commit(Fault::Again(_)))
                    if meetings < MEETINGS =>
                {
                    meetings += 1;
                }
                Err(Missed::Commit(Fault::Lost(why))) => {
                    tracing::warn!(%why, "connection lost at COMMIT");
                    self.conn = None;
                    if !self.wait_for_connection() {
                        return Outcome::Uncertain(self.group_number, ops);
                    }
                    match self.committed(self.group_number) {
                        Ok(true) => return self.answer(ops),
                        Ok(false) => {}
                        Err(_) => return Outcome::Uncertain(self.group_number, ops),
                    }
                }
                Err(Missed::Before(Fault::Lost(why))) if reconnects < RECONNECTS => {
                    reconnects += 1;
                    self.conn = None;
                    if !self.wait_for_connection() {
                        return Outcome::Failed(Fault::Lost(why), ops);
                    }
                }
                Err(Missed::Before(fault) | Missed::Commit(fault)) => return Outcome::Failed(fault, ops),
            }
        }
    }

    fn answer(&self, ops: Vec<Box<dyn Op>>) -> Outcome {
        let changed = ops.iter().any(|op| op.changes_rows());
        self.shared.committed();
        for op in ops {
            op.finish(End::Committed);
        }
        if changed {
            self.shared.ping_follower();
        }
        Outcome::Done
    }

    fn attempt(&mut self, ops: &mut [Box<dyn Op>], careful: bool) -> Result<(), Missed> {
        let number = self.group_number;
        let Some(conn) = self.conn.as_mut() else {
            return Err(Missed::Before(Fault::Lost("no connection".into())));
        };
        let begin = match conn.engine() {
            Engine::Sqlite => "BEGIN IMMEDIATE",
            Engine::Postgres => "BEGIN",
        };
        conn.batch(begin).map_err(Missed::Before)?;
        let ran = {
            let mut tx = Tx::new(conn, &self.options.keyring, now_ms(), self.options.node);
            tx.booted = self.shared.epoch();
            run_all(&mut tx, ops, careful, number)
        };
        if let Err(missed) = ran {
            // A rollback that fails ends with the connection; the first fault is the one that counts.
            let _ = conn.batch("ROLLBACK");
            return Err(missed);
        }
        if let Err(fault) = conn.batch("COMMIT").and_then(|()| self.options.faults.after_commit()) {
            if !matches!(fault, Fault::Lost(_)) {
                let _ = conn.batch("ROLLBACK");
            }
            return Err(Missed::Commit(fault));
        }
        Ok(())
    }

    fn wait_for_connection(&mut self) -> bool {
        let mut wait = RECONNECT_WAIT;
        for _ in 0..RECONNECTS {
            if let Ok(conn) = Conn::writer(&self.options.database, Arc::clone(&self.options.faults)) {
                self.conn = Some(conn);
                return true;
            }
            thread::sleep(wait);
            wait *= 2;
        }
        false
    }

    /// The group of this number took place.
    fn committed(&mut self, number: i64) -> Result<bool, Fault> {
        let node = u32::from(self.options.node);
        let Some(conn) = self.conn.as_mut() else { return Err(Fault::Lost("no connection".into())) };
        let row = conn.first("SELECT commits FROM epoch WHERE node = ?1", &values![node])?;
        Ok(row.is_some_and(|row| row.int(0) == number))
    }

    /// Finds out what became of an uncertain group; false if that is still unknown.
    pub(super) fn settle_uncertain(&mut self) -> bool {
        let Some((number, ops)) = self.uncertain.take() else { return true };
        match self.committed(number) {
            Ok(true) => {
                self.answer(ops);
                true
            }
            Ok(false) => {
                for op in ops {
                    if op.emergency().is_some() {
                        self.stuck.push(op);
                    } else {
                        let why = "the connection was lost".to_owned();
                        op.finish(End::Unavailable(Unavailable::Unwell { why }));
                    }
                }
                true
            }
            Err(_) => {
                self.conn = None;
                self.uncertain = Some((number, ops));
                false
            }
        }
    }
}

/// Every operation of the group, in order.
fn run_all(tx: &mut Tx<'_>, ops: &mut [Box<dyn Op>], careful: bool, number: i64) -> Result<(), Missed> {
    let before = Missed::Before;
    let node = values![u32::from(tx.node)];
    // On PostgreSQL the row also keeps another process of this node out until the commit.
    let row = match tx.engine() {
        Engine::Sqlite => tx.first("SELECT epoch FROM epoch WHERE node = ?1", &node),
        Engine::Postgres => tx.first(
            "UPDATE epoch SET commits = ?1 WHERE node = ?2 RETURNING epoch",
            &values![number, u32::from(tx.node)],
        ),
    };
    tx.epoch = row.map_err(before)?.map_or(0, |row| u32::try_from(row.int(0)).unwrap_or(0));
    let single = ops.len() == 1;
    for op in ops {
        let postings = tx.begin_operation();
        if careful {
            tx.batch("SAVEPOINT operation").map_err(before)?;
        }
        match op.run(tx) {
            Verdict::Keep if careful => tx.batch("RELEASE SAVEPOINT operation").map_err(before)?,
            Verdict::Keep => {}
            Verdict::Undo | Verdict::Spoilt if single => return Err(Missed::Refused),
            Verdict::Undo | Verdict::Spoilt if careful => {
                tx.batch("ROLLBACK TO SAVEPOINT operation").map_err(before)?;
                tx.batch("RELEASE SAVEPOINT operation").map_err(before)?;
                tx.undo_operation(postings);
            }
            Verdict::Spoilt => return Err(Missed::Careful),
            Verdict::Undo if tx.wrote() => return Err(Missed::Careful),
            Verdict::Undo => tx.undo_operation(postings),
            Verdict::Fault(fault) => return Err(before(fault)),
        }
    }
    tx.flush().map_err(before)
}
