//! The table from the errors of store and switch to the error types of the API.

use strowger_store::{CreditError, OutboxError, ReadError, RedeemError, SqlError, Unavailable, UserError};
use strowger_switch::{ListenError, MessageRefusal, P2pError, Stopped};

use crate::reply::{Failure, Kind};

impl From<Unavailable> for Failure {
    fn from(wrong: Unavailable) -> Self {
        match wrong {
            Unavailable::Busy => {
                Self::new(Kind::Busy, "too many operations wait for the database, try again")
            }
            Unavailable::Fault { .. } => {
                tracing::warn!(%wrong, "the database refused an operation");
                Self::failed("the database refused the operation")
            }
            other => Self::failed(other.to_string()),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(wrong: ReadError) -> Self {
        match wrong {
            ReadError::NotFound => Self::not_found("account"),
            ReadError::TooLong { ms } => Self::limit(format!("stopped after {ms} ms, ask for less")),
            ReadError::Unavailable(why) => why.into(),
        }
    }
}

impl From<CreditError> for Failure {
    fn from(wrong: CreditError) -> Self {
        match wrong {
            CreditError::NotFound { .. } => Self::not_found("account"),
            CreditError::NoCredit { available } => {
                Self::new(Kind::NoCredit, format!("only {available} available"))
            }
            CreditError::NotPositive => Self::invalid("credit must be above zero"),
            CreditError::NoRate { from, to } => Self::failed(format!("no exchange rate from {from} to {to}")),
            CreditError::RequestReused => Self::invalid("requestid was used for another request"),
            CreditError::Unavailable(why) => why.into(),
        }
    }
}

/// The HTTP status of a wrong PIN.
const WRONG_PIN: u16 = 420;

impl From<RedeemError> for Failure {
    fn from(wrong: RedeemError) -> Self {
        match wrong {
            RedeemError::UnknownCode => Self::invalid("pin is unknown or used").with_status(WRONG_PIN),
            RedeemError::NotFound { .. } => Self::not_found("account"),
            RedeemError::NoRate { from, to } => Self::failed(format!("no exchange rate from {from} to {to}")),
            RedeemError::RequestReused => Self::invalid("requestid was used for another request"),
            RedeemError::Unavailable(why) => why.into(),
        }
    }
}

impl From<UserError> for Failure {
    fn from(wrong: UserError) -> Self {
        match wrong {
            UserError::NotFound => Self::not_found("account"),
            UserError::Taken => Self::invalid("u_username is taken"),
            UserError::BadField { name } => Self::invalid(format!("there is no field {name}")),
            UserError::BadValue { name, expected } => Self::invalid(format!("{name} must be {expected}")),
            UserError::Denied { what } => Self::denied(format!("{what} cannot be changed this way")),
            UserError::RequestReused => Self::invalid("requestid was used for another request"),
            UserError::Unavailable(why) => why.into(),
        }
    }
}

impl From<SqlError> for Failure {
    fn from(wrong: SqlError) -> Self {
        match wrong {
            SqlError::Syntax { .. } => Self::invalid(format!("sql: {wrong}")),
            SqlError::Refused { .. } => Self::denied(wrong.to_string()),
            SqlError::TooLong { .. } => Self::limit(wrong.to_string()),
            SqlError::TooOften { retry } => Self::limit(wrong.to_string()).after(retry.as_secs() + 1),
            SqlError::Failed { .. } => Self::failed(wrong.to_string()),
            SqlError::Unavailable(why) => why.into(),
        }
    }
}

impl From<OutboxError> for Failure {
    fn from(wrong: OutboxError) -> Self {
        match wrong {
            OutboxError::Full => Self::new(Kind::Busy, wrong.to_string()),
            OutboxError::Unavailable(why) => why.into(),
            OutboxError::BadAddress { .. } | OutboxError::BadBody { .. } => Self::invalid(wrong.to_string()),
        }
    }
}

impl From<Stopped> for Failure {
    fn from(_: Stopped) -> Self {
        Self::new(Kind::Busy, "the server is shutting down")
    }
}

/// The SIP status of an account without credit.
const PAYMENT_REQUIRED: u16 = 402;
/// What routing says of a number that no trunk takes.
const NO_ROUTE: &str = "no route";
/// And of one that is nobody's here, which says nothing behind the kind of the failure.
const NOBODY: &str = "not found";

impl From<P2pError> for Failure {
    fn from(wrong: P2pError) -> Self {
        match wrong {
            P2pError::Stopped | P2pError::Draining => Self::new(Kind::Busy, "the server is shutting down"),
            P2pError::NoAccount => Self::not_found("account"),
            P2pError::Refused { status: PAYMENT_REQUIRED, reason } => Self::new(Kind::NoCredit, reason),
            // The number may well exist: it is the way to it that does not.
            P2pError::Refused { status: 404, reason } if reason == NO_ROUTE => Self::failed(reason),
            P2pError::Refused { status: 404, reason } if reason == NOBODY => Self::not_found("dialled user"),
            P2pError::Refused { status: 404, reason } => Self::not_found(reason),
            P2pError::Refused { status, reason } => Self::failed(format!("{status} {reason}")),
            P2pError::Failed { call, status, reason } => {
                Self::failed(format!("callid:{call} {status} {reason}"))
            }
        }
    }
}

/// Why a call cannot be listened to; `what` was asked for.
pub fn not_audible(why: ListenError, what: &str) -> Failure {
    match why {
        ListenError::Stopped => Stopped.into(),
        ListenError::NoSuchCall => Failure::not_found(what),
        ListenError::NotAudible(why) => Failure::unavailable(why.to_string()),
    }
}

impl From<MessageRefusal> for Failure {
    fn from(wrong: MessageRefusal) -> Self {
        match wrong {
            MessageRefusal::Stopped => Self::new(Kind::Busy, "the server is shutting down"),
            MessageRefusal::Busy => Self::new(Kind::Busy, wrong.to_string()),
            MessageRefusal::Full { .. } => Self::limit(wrong.to_string()),
        }
    }
}
