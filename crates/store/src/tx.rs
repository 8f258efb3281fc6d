//! What an operation of the writer may do inside the group's transaction, and the shape of an operation:
//! a closure that can be run again, because a group is repeated when one of its members must be undone
//! or the connection broke.

use std::collections::BTreeMap;

use strowger_billing::ledger::{self, Line};
use strowger_model::{AccountId, Amount, Unit};

use crate::db::{Conn, Engine, Fault, Row, Value, values};
use crate::errors::Unavailable;
use crate::keyring::Keyring;

/// No single posting or hold is larger: nine thousand million units.
pub(crate) const MAX_POSTING: Amount = Amount::units(9_000_000_000);

/// Why an operation's closure ends early.
#[derive(Debug)]
pub(crate) enum Stop<E> {
    /// The database failed.
    Fault(Fault),
    /// The operation is refused; what it wrote is undone.
    Refuse(E),
}

impl<E> From<Fault> for Stop<E> {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The transaction of a group, as one operation sees it.
pub(crate) struct Tx<'c> {
    conn: &'c mut Conn,
    /// The keys of secrets.
    pub(crate) keyring: &'c Keyring,
    /// Milliseconds since 1970.
    pub(crate) now_ms: i64,
    /// This node.
    pub(crate) node: u8,
    /// The node's epoch in the database.
    pub(crate) epoch: u32,
    /// The epoch that this process was given by recovery; none before it.
    pub(crate) booted: Option<u32>,
    wrote: bool,
    system: BTreeMap<(AccountId, Unit), i64>,
}

/// The system accounts' postings of a group, before they are written.
pub(crate) type Postings = BTreeMap<(AccountId, Unit), i64>;

impl<'c> Tx<'c> {
    /// A transaction that has just begun on `conn`.
    pub(crate) fn new(conn: &'c mut Conn, keyring: &'c Keyring, now_ms: i64, node: u8) -> Self {
        Self { conn, keyring, now_ms, node, epoch: 0, booted: None, wrote: false, system: BTreeMap::new() }
    }

    /// Runs a statement that changes rows; returns how many.
    pub(crate) fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Fault> {
        self.wrote = true;
        self.conn.execute(sql, params)
    }

    /// Runs a statement that changes rows and returns them.
    pub(crate) fn returning(&mut self, sql: &str, params: &[Value]) -> Result<Option<Row>, Fault> {
        self.wrote = true;
        self.conn.first(sql, params)
    }

    /// Runs a query.
    pub(crate) fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Fault> {
        self.conn.query(sql, params)
    }

    /// The first row of a query.
    pub(crate) fn first(&mut self, sql: &str, params: &[Value]) -> Result<Option<Row>, Fault> {
        self.conn.first(sql, params)
    }

    /// Which engine.
    pub(crate) const fn engine(&self) -> Engine {
        self.conn.engine()
    }

    /// The connection itself, for an ad-hoc statement. Counts as a write.
    pub(crate) const fn raw(&mut self) -> &mut Conn {
        self.wrote = true;
        self.conn
    }

    /// Appended to a SELECT that reads a balance in order to change it.
    pub(crate) const fn for_update(&self) -> &'static str {
        match self.conn.engine() {
            Engine::Sqlite => "",
            Engine::Postgres => " FOR UPDATE",
        }
    }

    /// Refuses to write for a process whose node was taken over.
    pub(crate) fn check_epoch<E: From<Unavailable>>(&self) -> Result<(), Stop<E>> {
        match self.booted {
            Some(epoch) if epoch != self.epoch => Err(Stop::Refuse(Unavailable::Fenced.into())),
            _ => Ok(()),
        }
    }

    /// Appends ledger lines and moves the balances. The lines of one call must sum to zero per unit.
    pub(crate) fn post(&mut self, step: &str, kind: &str, note: &str, lines: &[Line]) -> Result<(), Fault> {
        if !ledger::is_balanced(lines) {
            return Err(Fault::Statement(format!("postings of {step} do not sum to zero")));
        }
        if let Some(line) = lines.iter().find(|l| l.amount.abs() > MAX_POSTING) {
            return Err(Fault::Statement(format!("an amount of {} is out of range", line.amount)));
        }
        for (number, line) in lines.iter().enumerate() {
            self.execute(
                "INSERT INTO ledger (step, line, account_id, unit, amount, kind, at_ms, note) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                &values![step, number as u64, line.account, line.unit, line.amount, kind, self.now_ms, note],
            )?;
            if line.account.0 < 0 {
                *self.system.entry((line.account, line.unit)).or_default() += line.amount.0;
            } else {
                self.add_settled(line.account, line.unit, line.amount.0)?;
            }
        }
        Ok(())
    }

    fn add_settled(&mut self, account: AccountId, unit: Unit, micros: i64) -> Result<(), Fault> {
        self.execute(
            "INSERT INTO balance (account_id, unit, settled, seq) VALUES (?1, ?2, ?3, 1) \
             ON CONFLICT (account_id, unit) DO UPDATE SET settled = balance.settled + excluded.settled, \
             seq = balance.seq + 1",
            &values![account, unit, micros],
        )?;
        Ok(())
    }

    /// What the next operation starts from.
    pub(crate) fn begin_operation(&mut self) -> Postings {
        self.wrote = false;
        self.system.clone()
    }

    /// The operation was undone.
    pub(crate) fn undo_operation(&mut self, before: Postings) {
        self.system = before;
    }

    /// The operation that ran last has written something.
    pub(crate) const fn wrote(&self) -> bool {
        self.wrote
    }

    /// A statement of the group itself: savepoints.
    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), Fault> {
        self.conn.batch(sql)
    }

    /// Writes the system accounts' balances, merged over the group.
    pub(crate) fn flush(&mut self) -> Result<(), Fault> {
        for ((account, unit), micros) in std::mem::take(&mut self.system) {
            self.add_settled(account, unit, micros)?;
        }
        Ok(())
    }
}

/// What became of an operation within the group.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It stands.
    Keep,
    /// It is refused; what it wrote must go.
    Undo,
    /// One of its statements failed: PostgreSQL takes no more until a savepoint before it.
    Spoilt,
    /// The database failed in a way that concerns the whole group.
    Fault(Fault),
}

/// How the group ended for an operation.
#[derive(Debug, Clone)]
pub(crate) enum End {
    /// It is durable (or was refused by its own rules).
    Committed,
    /// Nothing was written.
    Unavailable(Unavailable),
}

/// One operation of the writer.
pub(crate) trait Op: Send {
    /// Carries it out. May be called more than once; the last call counts.
    fn run(&mut self, tx: &mut Tx<'_>) -> Verdict;
    /// Answers whoever asked.
    fn finish(self: Box<Self>, end: End);
    /// The line for the emergency file of an operation that is never refused but kept until it succeeds.
    fn emergency(&self) -> Option<String> {
        None
    }
    /// It may have changed rows that nodes keep in memory.
    fn changes_rows(&self) -> bool {
        true
    }
    /// It has a transaction of its own: SQLite rolls a whole transaction back when a statement is stopped
    /// for taking too long.
    fn alone(&self) -> bool {
        false
    }
}

/// An operation made of a closure and of what to do with its result.
pub(crate) struct Task<T, E, F, D> {
    body: F,
    done: Option<D>,
    result: Option<Result<T, E>>,
    alone: bool,
}

impl<T, E, F, D> Task<T, E, F, D>
where
    T: Send,
    E: From<Unavailable> + Send,
    F: FnMut(&mut Tx<'_>) -> Result<T, Stop<E>> + Send,
    D: FnOnce(Result<T, E>) + Send,
{
    /// `body` runs inside the transaction; `done` is called after the commit.
    pub(crate) fn boxed(body: F, done: D) -> Box<Self> {
        Box::new(Self { body, done: Some(done), result: None, alone: false })
    }

    /// The same in a transaction of its own.
    pub(crate) fn boxed_alone(body: F, done: D) -> Box<Self> {
        Box::new(Self { body, done: Some(done), result: None, alone: true })
    }
}

impl<T, E, F, D> Op for Task<T, E, F, D>
where
    T: Send,
    E: From<Unavailable> + Send,
    F: FnMut(&mut Tx<'_>) -> Result<T, Stop<E>> + Send,
    D: FnOnce(Result<T, E>) + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> Verdict {
        match (self.body)(tx) {
            Ok(value) => {
                self.result = Some(Ok(value));
                Verdict::Keep
            }
            Err(Stop::Refuse(error)) => {
                self.result = Some(Err(error));
                Verdict::Undo
            }
            Err(Stop::Fault(fault)) => match own_fault(&fault) {
                Some(why) => {
                    self.result = Some(Err(why.into()));
                    Verdict::Spoilt
                }
                None => Verdict::Fault(fault),
            },
        }
    }

    fn alone(&self) -> bool {
        self.alone
    }

    fn finish(mut self: Box<Self>, end: End) {
        let result = match (end, self.result.take()) {
            (End::Committed, Some(result)) => result,
            (End::Committed, None) => Err(Unavailable::Closed.into()),
            (End::Unavailable(why), _) => Err(why.into()),
        };
        if let Some(done) = self.done.take() {
            done(result);
        }
    }
}

/// A fault that is the operation's own and leaves the others alone.
pub(crate) fn own_fault(fault: &Fault) -> Option<Unavailable> {
    match fault {
        Fault::Constraint(_) | Fault::Statement(_) | Fault::TooLong => Some(fault.clone().into()),
        _ => None,
    }
}
