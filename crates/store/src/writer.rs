//! The writer thread: gathers operations into groups, commits each group once, and answers after the commit.
//! It knows when the database is unwell: then nothing new is accepted, and settlements are kept.

mod emergency;
mod group;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use strowger_model::AccountId;

pub(crate) use self::emergency::Emergency;
use self::group::Outcome;
use crate::db::{Conn, Fault, values};
use crate::errors::Unavailable;
use crate::options::Options;
use crate::shared::Shared;
use crate::tx::{End, Op, Task, Tx};

/// Operations of one group.
const GROUP_MAX: usize = 256;
/// A group of this size makes the next one wait for company: below it, waiting costs more than a commit.
const BUSY_GROUP: usize = 8;
/// How often line states are written and an unwell database is tried again.
const TICK: Duration = Duration::from_secs(1);
/// How often old answers are forgotten.
const HOUSEKEEPING: Duration = Duration::from_secs(600);
/// Answers to replays are kept this long.
const REPLAY_MS: i64 = 24 * 3_600_000;
/// Rows of `changes` are kept this long.
const CHANGES_MS: i64 = 24 * 3_600_000;
/// Rows that one round of housekeeping removes from one table.
const PRUNE_ROWS: i64 = 5_000;

/// What the writer is told.
pub(crate) enum Message {
    /// Carry it out.
    Op(Box<dyn Op>),
    /// An account's line state, written with the next tick.
    Line(AccountId, i64, i64),
    /// Somebody is about to read line states: write what is noted.
    WriteLines(Box<dyn FnOnce() + Send>),
    /// Commit what is queued, and go on with a fresh connection; the old one stays where none can be had.
    Reconnect(Box<dyn FnOnce(Result<(), Unavailable>) + Send>),
    /// Commit what is queued and end.
    Close,
}

/// The state of the writer thread.
pub(crate) struct Writer {
    options: Options,
    shared: Arc<Shared>,
    conn: Option<Conn>,
    emergency: Emergency,
    /// Settlements that the database did not take yet.
    stuck: Vec<Box<dyn Op>>,
    /// A group whose COMMIT was sent before the connection broke, with its number.
    uncertain: Option<(i64, Vec<Box<dyn Op>>)>,
    lines: BTreeMap<AccountId, (i64, i64)>,
    /// Who waits for the line states to be written.
    readers: Vec<Box<dyn FnOnce() + Send>>,
    group_number: i64,
    last_group: usize,
    killed: bool,
    /// Somebody wants a fresh connection after the group that is being gathered.
    reconnecting: Option<Reconnected>,
}

/// Who is told whether a fresh connection stands.
type Reconnected = Box<dyn FnOnce(Result<(), Unavailable>) + Send>;

impl Writer {
    /// A writer on an open connection.
    pub(crate) fn new(options: Options, shared: Arc<Shared>, conn: Conn) -> Self {
        // The number of a group is only compared with the last one of the same node, so it need not
        // be more than unlikely to repeat.
        let group_number = crate::keyring::random::<7>()
            .map_or_else(|_| now_ms(), |bytes| bytes.iter().fold(0, |n, b| (n << 8) | i64::from(*b)));
        let emergency = Emergency::new(options.emergency.clone());
        Self {
            options,
            shared,
            conn: Some(conn),
            emergency,
            stuck: Vec::new(),
            uncertain: None,
            lines: BTreeMap::new(),
            readers: Vec::new(),
            group_number,
            last_group: 0,
            killed: false,
            reconnecting: None,
        }
    }

    /// Runs until closed, or until a test kills it.
    pub(crate) fn run(mut self, inbox: &Receiver<Message>) {
        let mut tick = Instant::now() + TICK;
        let mut housekeeping = Instant::now() + HOUSEKEEPING;
        let mut open = true;
        while open && !self.killed {
            let wait = tick.saturating_duration_since(Instant::now());
            let mut ops = Vec::new();
            match inbox.recv_timeout(wait) {
                Ok(message) => {
                    open = self.take(message, &mut ops);
                    if open {
                        open = self.gather(inbox, &mut ops);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => open = false,
            }
            let taken = ops.len() as u64;
            self.carry_out(ops);
            self.shared.waiting.fetch_sub(taken, Ordering::Relaxed);
            if !self.readers.is_empty() {
                self.write_lines();
                self.readers.drain(..).for_each(|done| done());
            }
            if let Some(done) = self.reconnecting.take() {
                done(self.renew());
            }
            let now = Instant::now();
            if now >= tick || !open {
                tick = now + TICK;
                self.on_tick();
            }
            if now >= housekeeping {
                housekeeping = now + HOUSEKEEPING;
                self.prune();
            }
        }
        self.end(inbox);
    }

    /// Takes one message in; false when it was the last.
    fn take(&mut self, message: Message, ops: &mut Vec<Box<dyn Op>>) -> bool {
        match message {
            Message::Op(op) => ops.push(op),
            Message::Line(account, status, at_ms) => {
                self.lines.insert(account, (status, at_ms));
            }
            Message::WriteLines(done) => self.readers.push(done),
            // Whatever was gathered before it is still uncommitted, which no connection of its own minds.
            Message::Reconnect(done) => self.reconnecting = Some(done),
            Message::Close => return false,
        }
        true
    }

    fn gather(&mut self, inbox: &Receiver<Message>, ops: &mut Vec<Box<dyn Op>>) -> bool {
        let deadline = Instant::now() + self.options.gather;
        while ops.len() < GROUP_MAX {
            let next = match inbox.try_recv() {
                Ok(message) => message,
                Err(_) if self.last_group >= BUSY_GROUP => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    match inbox.recv_timeout(left) {
                        Ok(message) => message,
                        Err(_) => break,
                    }
                }
                Err(_) => break,
            };
            if !self.take(next, ops) {
                return false;
            }
        }
        self.last_group = ops.len();
        true
    }

    /// Commits what was gathered: operations that run alone one by one, in the order of arrival.
    fn carry_out(&mut self, ops: Vec<Box<dyn Op>>) {
        let mut group = Vec::with_capacity(ops.len());
        for op in ops {
            if op.alone() {
                self.carry_out_group(std::mem::take(&mut group));
                self.carry_out_group(vec![op]);
            } else {
                group.push(op);
            }
        }
        self.carry_out_group(group);
    }

    /// Commits a group, or deals with a database that does not.
    fn carry_out_group(&mut self, ops: Vec<Box<dyn Op>>) {
        if ops.is_empty() || self.killed {
            return;
        }
        if let Some(why) = self.shared.unwell() {
            return self.turn_away(ops, &why);
        }
        match self.group(ops) {
            Outcome::Done => {}
            Outcome::Killed => self.killed = true,
            Outcome::Failed(fault, ops) => self.fall_ill(fault, ops),
            Outcome::Uncertain(number, ops) => {
                self.uncertain = Some((number, ops));
                self.fall_ill(Fault::Lost("connection lost at COMMIT".into()), Vec::new());
            }
        }
    }

    fn fall_ill(&mut self, fault: Fault, ops: Vec<Box<dyn Op>>) {
        let for_good = matches!(fault, Fault::Broken(_));
        let why = fault.to_string();
        tracing::error!(%why, for_good, "the database takes no writes: no new paid calls");
        if matches!(fault, Fault::Lost(_)) {
            self.conn = None;
        }
        self.shared.set_unwell(Some(&why), for_good);
        self.turn_away(ops, &why);
    }

    /// Answers what can be refused and keeps what cannot.
    fn turn_away(&mut self, ops: Vec<Box<dyn Op>>, why: &str) {
        for op in ops {
            match op.emergency() {
                Some(line) => {
                    self.emergency.note(&line);
                    self.stuck.push(op);
                }
                None => op.finish(End::Unavailable(Unavailable::Unwell { why: why.to_owned() })),
            }
        }
    }

    fn on_tick(&mut self) {
        if self.killed {
            return;
        }
        if self.shared.unwell().is_some() {
            return self.try_again();
        }
        self.write_lines();
    }

    /// Writes the line states that were noted, unless the database takes nothing.
    fn write_lines(&mut self) {
        if self.lines.is_empty() || self.shared.unwell().is_some() {
            return;
        }
        let lines = std::mem::take(&mut self.lines);
        let op = Task::boxed(
            move |tx: &mut Tx<'_>| {
                for (account, (status, at_ms)) in &lines {
                    tx.execute(
                        "INSERT INTO line_state (id, status, status_ms) VALUES (?1, ?2, ?3) ON CONFLICT (id) \
                         DO UPDATE SET status = excluded.status, status_ms = excluded.status_ms",
                        &values![*account, *status, *at_ms],
                    )?;
                }
                Ok(())
            },
            |result: Result<(), Unavailable>| {
                if let Err(error) = result {
                    tracing::warn!(%error, "line states were not written");
                }
            },
        );
        self.carry_out(vec![op]);
    }

    /// Tries an unwell database again: first what is uncertain, then what is kept, at least a mark.
    fn try_again(&mut self) {
        if self.shared.is_broken() || !self.reconnect() || !self.settle_uncertain() {
            return;
        }
        let Some(why) = self.shared.unwell() else { return };
        let mut ops = std::mem::take(&mut self.stuck);
        let node = self.options.node;
        ops.push(Task::boxed(
            move |tx: &mut Tx<'_>| {
                tx.execute("UPDATE epoch SET commits = commits WHERE node = ?1", &values![u32::from(node)])?;
                Ok(())
            },
            |_: Result<(), Unavailable>| {},
        ));
        // Whoever hears that a settlement is durable must find the store well; only this thread turns
        // operations away, so nothing slips in before the outcome is known.
        self.shared.set_unwell(None, false);
        let outcome = self.group(ops);
        if !matches!(outcome, Outcome::Done) {
            self.shared.set_unwell(Some(&why), matches!(outcome, Outcome::Failed(Fault::Broken(_), _)));
        }
        match outcome {
            Outcome::Done => {
                self.emergency.clear();
                tracing::info!("the database takes writes again");
            }
            Outcome::Killed => self.killed = true,
            Outcome::Failed(fault, ops) => {
                if matches!(fault, Fault::Lost(_)) {
                    self.conn = None;
                }
                self.stuck = ops.into_iter().filter(|op| op.emergency().is_some()).collect();
            }
            Outcome::Uncertain(number, ops) => self.uncertain = Some((number, ops)),
        }
    }

    /// A fresh connection. A broken database is not written again before the next start, whoever asks.
    fn renew(&mut self) -> Result<(), Unavailable> {
        if self.killed || self.shared.is_broken() {
            return Err(Unavailable::Unwell { why: self.shared.unwell().unwrap_or_default() });
        }
        let fresh = Conn::writer(&self.options.database, Arc::clone(&self.options.faults))?;
        self.conn = Some(fresh);
        Ok(())
    }

    fn reconnect(&mut self) -> bool {
        if self.conn.is_none() {
            self.conn = Conn::writer(&self.options.database, Arc::clone(&self.options.faults)).ok();
        }
        self.conn.is_some()
    }

    fn prune(&mut self) {
        let op = Task::boxed(
            move |tx: &mut Tx<'_>| {
                let old = tx.now_ms - REPLAY_MS;
                tx.execute(
                    "DELETE FROM step WHERE id IN (SELECT id FROM step WHERE at_ms < ?1 LIMIT ?2)",
                    &values![old, PRUNE_ROWS],
                )?;
                tx.execute("DELETE FROM idempotency WHERE at_ms < ?1", &values![old])?;
                tx.execute(
                    "DELETE FROM changes WHERE seq IN (SELECT seq FROM changes WHERE at_ms < ?1 ORDER BY seq LIMIT ?2)",
                    &values![tx.now_ms - CHANGES_MS, PRUNE_ROWS],
                )?;
                Ok(())
            },
            |result: Result<(), Unavailable>| {
                if let Err(error) = result {
                    tracing::warn!(%error, "old answers were not forgotten");
                }
            },
        );
        self.carry_out(vec![op]);
    }

    /// Answers whatever is left, unless a test killed the thread: then nobody hears anything.
    fn end(mut self, inbox: &Receiver<Message>) {
        self.shared.close();
        if self.killed {
            return;
        }
        while let Ok(message) = inbox.try_recv() {
            match message {
                Message::Op(op) => op.finish(End::Unavailable(Unavailable::Closed)),
                Message::Reconnect(done) => done(Err(Unavailable::Closed)),
                Message::WriteLines(done) => done(),
                Message::Line(..) | Message::Close => {}
            }
        }
        for op in self.stuck.drain(..) {
            op.finish(End::Unavailable(Unavailable::Closed));
        }
    }
}

/// The wall clock, in milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
