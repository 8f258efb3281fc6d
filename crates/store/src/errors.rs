//! What can go wrong, one enum per kind of operation.

use std::path::PathBuf;

use strowger_model::{AccountId, Amount, Unit};

use crate::db::{Fault, READ_LIMIT_MS};
use crate::outbox::OutboxError;

/// The database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The configuration names no database that is known.
    #[error("database '{given}…' is neither empty, sqlite:PATH nor postgres://…")]
    Database {
        /// What it begins with.
        given: String,
    },
    /// Another process has it.
    #[error("{path} is in use by another process: stop it, or use its console")]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// A file beside the database cannot be used.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database itself refused.
    #[error("cannot open the database: {what}")]
    Fault {
        /// In the engine's words.
        what: String,
    },
    /// Settlements of the last run are in the emergency file and could not be written.
    #[error("cannot settle what {path} holds: {what}")]
    Emergency {
        /// The file.
        path: PathBuf,
        /// Why.
        what: String,
    },
}

impl From<Fault> for OpenError {
    fn from(fault: Fault) -> Self {
        Self::Fault { what: fault.to_string() }
    }
}

/// The store cannot do it now, whatever the operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// Nothing can be written: disk full, failed fsync, lost database.
    #[error("the database takes no writes: {why}")]
    Unwell {
        /// In the engine's words.
        why: String,
    },
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
    /// Another process of this node has taken over.
    #[error("another process of this node has taken over")]
    Fenced,
    /// Too many operations wait.
    #[error("too many operations wait for the database")]
    Busy,
    /// One statement failed.
    #[error("the database refused: {what}")]
    Fault {
        /// In the engine's words.
        what: String,
    },
}

impl From<Fault> for Unavailable {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Unwritable(why) | Fault::Broken(why) | Fault::Lost(why) => Self::Unwell { why },
            Fault::Killed => Self::Closed,
            other => Self::Fault { what: other.to_string() },
        }
    }
}

/// A read failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// There is no such row, or it is not in scope.
    #[error("not found")]
    NotFound,
    /// It took longer than readers may.
    #[error("stopped after {ms} ms")]
    TooLong {
        /// The limit.
        ms: u64,
    },
    /// Not now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Credit was not moved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreditError {
    /// There is no such account, or it is not in scope.
    #[error("account {id} not found")]
    NotFound {
        /// Which.
        id: AccountId,
    },
    /// The account has less.
    #[error("only {available} available")]
    NoCredit {
        /// What could be taken.
        available: Amount,
    },
    /// The amount must be above zero.
    #[error("the amount must be above zero")]
    NotPositive,
    /// `tb_currencies` has no rate for one of the two.
    #[error("no exchange rate from {from} to {to} in tb_currencies")]
    NoRate {
        /// From.
        from: Unit,
        /// To.
        to: Unit,
    },
    /// The request id was used with other content.
    #[error("this requestid was used for another request")]
    RequestReused,
    /// Not now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A recharge code was not redeemed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedeemError {
    /// Unknown, used or expired: one answer for all three.
    #[error("unknown or used code")]
    UnknownCode,
    /// There is no such account, or it is not in scope.
    #[error("account {id} not found")]
    NotFound {
        /// Which.
        id: AccountId,
    },
    /// `tb_currencies` has no rate for one of the two.
    #[error("no exchange rate from {from} to {to} in tb_currencies")]
    NoRate {
        /// The code's.
        from: Unit,
        /// The account's.
        to: Unit,
    },
    /// The request id was used with other content.
    #[error("this requestid was used for another request")]
    RequestReused,
    /// Not now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A payment was not begun or not carried on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaymentError {
    /// There is no such account or payment, or it is not in scope.
    #[error("not found")]
    NotFound,
    /// It is not known yet what becomes of another one of the account.
    #[error("payment {id} is not settled yet")]
    Open {
        /// Which.
        id: i64,
    },
    /// Too many cards were declined.
    #[error("too many cards were refused")]
    TooMany,
    /// The amount must be above zero.
    #[error("the amount must be above zero")]
    NotPositive,
    /// The request id was used with other content.
    #[error("this requestid was used for another request")]
    RequestReused,
    /// Not now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// An account or a row was not read or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// There is no such row, or it is not in scope.
    #[error("not found")]
    NotFound,
    /// The username belongs to another account.
    #[error("username is taken")]
    Taken,
    /// There is no such column or table.
    #[error("no field {name}")]
    BadField {
        /// As given.
        name: String,
    },
    /// The value does not fit the column.
    #[error("{name} must be {expected}")]
    BadValue {
        /// The column.
        name: String,
        /// What would be right.
        expected: &'static str,
    },
    /// The table or column is protected.
    #[error("{what} cannot be changed this way")]
    Denied {
        /// Which.
        what: String,
    },
    /// The request id was used with other content.
    #[error("this requestid was used for another request")]
    RequestReused,
    /// Not now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A statement of the `db` command was not carried out. The text is ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// It is not T-SQL.
    #[error("syntax: {what}")]
    Syntax {
        /// Where and what.
        what: String,
    },
    /// It is not allowed here.
    #[error("{what} is refused: {why}")]
    Refused {
        /// What.
        what: String,
        /// Why.
        why: String,
    },
    /// The engine refused it.
    #[error("{what}")]
    Failed {
        /// In the engine's words.
        what: String,
    },
    /// It took too long.
    #[error("stopped after {ms} ms")]
    TooLong {
        /// The limit.
        ms: u64,
    },
    /// Passwords are compared too often.
    #[error("passwords are compared too often")]
    TooOften {
        /// When the next comparison may come.
        retry: std::time::Duration,
    },
    /// Not now.
    #[error(transparent)]
    Unavailable(Unavailable),
}

impl From<Unavailable> for SqlError {
    fn from(why: Unavailable) -> Self {
        match why {
            Unavailable::Fault { what } => Self::Failed { what },
            other => Self::Unavailable(other),
        }
    }
}

/// No backup, or no restore.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The caller's scope is not everything.
    #[error("a backup needs the rights of an administrator")]
    Denied,
    /// The program that PostgreSQL's backups need is not installed or failed.
    #[error("{program}: {what}")]
    Program {
        /// `pg_dump` or `pg_restore`.
        program: &'static str,
        /// What it said.
        what: String,
    },
    /// The server of the database refuses it, or what it needs there is missing.
    #[error("the database's server: {what}")]
    Server {
        /// What, and what to do about it.
        what: String,
    },
    /// This engine has no such backup.
    #[error("{what}")]
    NotHere {
        /// What there is instead.
        what: &'static str,
    },
    /// A file cannot be read or written.
    #[error("{path}: {what}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        what: String,
    },
    /// The copy does not hold what the original holds.
    #[error("the copy is not whole: {what}")]
    Damaged {
        /// The difference.
        what: String,
    },
    /// Not now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Recovery could not run.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// Not now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Every error that can stand for a fault of the database.
macro_rules! from_fault {
    ($($name:ident),*) => { $(
        impl From<Fault> for $name {
            fn from(fault: Fault) -> Self {
                Self::Unavailable(fault.into())
            }
        }
    )* };
}
from_fault!(CreditError, RedeemError, PaymentError, UserError, BackupError, RecoverError, OutboxError);

impl From<Fault> for ReadError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::TooLong => Self::TooLong { ms: READ_LIMIT_MS },
            other => Self::Unavailable(other.into()),
        }
    }
}

impl From<Fault> for SqlError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::TooLong => Self::TooLong { ms: READ_LIMIT_MS },
            Fault::Statement(what) | Fault::Constraint(what) => Self::Failed { what },
            other => Self::Unavailable(other.into()),
        }
    }
}
