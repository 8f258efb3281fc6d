//! One face over both engines: values, rows, faults and the connection. SQL is written once, with `?1`
//! placeholders and the words both engines share; the few places that differ ask [`Engine`].
//! This module knows nothing of accounts or money.

mod pgtypes;
mod postgres;
mod sqlite;
mod value;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::postgres::{listen, open_listener};
pub(crate) use self::value::{Row, Value, values};
use crate::faults::Faults;
use crate::options::Database;
use crate::watch::noted;

/// A statement of an outside reader may run this long.
pub(crate) const READ_LIMIT_MS: u64 = 5_000;

/// Which database is behind a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    /// The embedded database.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

impl Engine {
    /// The engine's name for people.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// What a statement can come to grief by, sorted by what must follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// A uniqueness or other constraint: the operation's own fault.
    #[error("constraint: {0}")]
    Constraint(String),
    /// Any other mistake of one statement.
    #[error("{0}")]
    Statement(String),
    /// The time limit struck.
    #[error("stopped after {READ_LIMIT_MS} ms")]
    TooLong,
    /// Two transactions met: the whole group is run again.
    #[error("serialisation: {0}")]
    Again(String),
    /// The connection is gone; whether the last commit took place is unknown.
    #[error("connection lost: {0}")]
    Lost(String),
    /// The disk is full or does not answer: nothing can be written, reading may go on.
    #[error("cannot write: {0}")]
    Unwritable(String),
    /// Writing failed in a way that makes the file untrustworthy until the next start.
    #[error("write failed for good: {0}")]
    Broken(String),
    /// A test ends the process here.
    #[error("killed by a test")]
    Killed,
}

/// The columns and rows of an ad-hoc query.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    /// The names as the engine reports them.
    pub(crate) columns: Vec<String>,
    /// At most as many as were asked for.
    pub(crate) rows: Vec<Row>,
    /// There were more.
    pub(crate) cut: bool,
}

/// An open connection to either engine, for one thread.
pub(crate) enum Conn {
    /// SQLite.
    Sqlite(sqlite::Sqlite),
    /// PostgreSQL.
    Postgres(Box<postgres::Postgres>),
}

impl Conn {
    /// Opens a connection that writes.
    pub(crate) fn writer(database: &Database, faults: Arc<Faults>) -> Result<Self, Fault> {
        match database {
            Database::Sqlite(path) => sqlite::Sqlite::writer(path, faults).map(Self::Sqlite),
            Database::Postgres(url) => {
                postgres::Postgres::connect(url, None, faults).map(|c| Self::Postgres(Box::new(c)))
            }
        }
    }

    /// Opens a connection that only reads, each statement for at most `limit`.
    pub(crate) fn reader(database: &Database, limit: Duration) -> Result<Self, Fault> {
        match database {
            Database::Sqlite(path) => sqlite::Sqlite::reader(path, limit).map(Self::Sqlite),
            Database::Postgres(url) => postgres::Postgres::connect(url, Some(limit), Arc::default())
                .map(|c| Self::Postgres(Box::new(c))),
        }
    }

    /// Which engine this is.
    pub(crate) const fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// Runs a statement that changes rows; returns how many.
    pub(crate) fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Fault> {
        noted(sql, || match self {
            Self::Sqlite(c) => c.execute(sql, params),
            Self::Postgres(c) => c.execute(sql, params),
        })
    }

    /// Runs a query and collects its rows.
    pub(crate) fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Fault> {
        noted(sql, || match self {
            Self::Sqlite(c) => c.query(sql, params),
            Self::Postgres(c) => c.query(sql, params),
        })
    }

    /// The first row, if any.
    pub(crate) fn first(&mut self, sql: &str, params: &[Value]) -> Result<Option<Row>, Fault> {
        Ok(self.query(sql, params)?.into_iter().next())
    }

    /// A query whose columns are not known beforehand, cut after `max` rows.
    pub(crate) fn ask(&mut self, sql: &str, params: &[Value], max: usize) -> Result<Answer, Fault> {
        noted(sql, || match self {
            Self::Sqlite(c) => c.ask(sql, params, max),
            Self::Postgres(c) => c.ask(sql, params, max),
        })
    }

    /// Prepares an ad-hoc statement under its restrictions, and runs nothing.
    pub(crate) fn check(&mut self, sql: &str) -> Result<(), Fault> {
        self.restrict(true)?;
        let checked = match self {
            Self::Sqlite(c) => c.check(sql),
            Self::Postgres(c) => c.check(sql),
        };
        self.restrict(false)?;
        checked
    }

    /// Runs several statements without parameters.
    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), Fault> {
        noted(sql, || match self {
            Self::Sqlite(c) => c.batch(sql),
            Self::Postgres(c) => c.batch(sql),
        })
    }

    /// Denies everything an ad-hoc statement has no business with, until lifted.
    pub(crate) fn restrict(&mut self, on: bool) -> Result<(), Fault> {
        match self {
            Self::Sqlite(c) => c.restrict(on),
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Gives each following statement this long, or as long as it needs.
    pub(crate) fn limit(&mut self, limit: Option<Duration>) -> Result<(), Fault> {
        match self {
            Self::Sqlite(c) => c.limit(limit),
            Self::Postgres(c) => c.limit(limit),
        }
    }

    /// Copies the whole database to a file (SQLite only).
    pub(crate) fn copy_to(&self, to: &std::path::Path) -> Result<(), Fault> {
        match self {
            Self::Sqlite(c) => c.copy_to(to),
            Self::Postgres(_) => Err(Fault::Statement("only SQLite copies itself".into())),
        }
    }
}
