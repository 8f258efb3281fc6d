//! What comes out of a decision: targets to be tried, in which order, at whose cost.

use strowger_billing::Chain;
use strowger_model::AccountId;

use crate::settings::Service;

/// Why there is no plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refuse {
    /// The SIP status of the answer.
    pub status: u16,
    /// Its reason, also the record's disconnect reason.
    pub reason: &'static str,
}

/// The way of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What is tried, one after the other.
    pub steps: Vec<Step>,
    /// The number as it was given (after a forward: the forward's target).
    pub dialled: String,
    /// The normalised number.
    pub number: String,
    /// The local account that is called.
    pub called: Option<AccountId>,
    /// Who calls.
    pub caller: Option<AccountId>,
    /// Who pays; none where nobody could.
    pub payer: Option<AccountId>,
    /// The number presented by the caller.
    pub presented: String,
    /// Where the call goes if the called account is busy.
    pub on_busy: Option<Forward>,
    /// Where the call goes if the called account does not answer.
    pub on_no_answer: Option<Forward>,
    /// A `forwardalways` that was followed: the leg to that account was never dialled and gets a record of
    /// its own.
    pub forwarded: Option<Forward>,
    /// `FWD` where a forward led here, else empty.
    pub mark: &'static str,
}

/// A forward: ask for another decision with this as the origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// Who forwards, and pays for the way on.
    pub by: AccountId,
    /// Where to.
    pub to: String,
    /// Forwards of this call so far, this one included.
    pub hops: u8,
}

/// Targets that are tried at the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Several are a fork.
    pub targets: Vec<Target>,
    /// How long they may ring, in milliseconds.
    pub ring_ms: u32,
    /// When the next step is tried.
    pub failover: Failover,
}

/// When a step's failure leads to the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failover {
    /// Never.
    Never,
    /// When the trunk, not the callee, failed.
    OnFailure,
}

impl Failover {
    /// This final status leads to the next step. 408 stands for no answer to the INVITE at all as well.
    #[must_use]
    pub const fn wants(self, status: u16) -> bool {
        match self {
            Self::Never => false,
            // A callee that is busy, declines or does not exist is the same over every trunk.
            Self::OnFailure => matches!(status, 408 | 500..=599),
        }
    }
}

/// One target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// What it is.
    pub to: TargetKind,
    /// The user part of the Request-URI.
    pub sent: String,
    /// The number presented to it.
    pub presented: String,
    /// Who pays what; the leg's meter is made of it.
    pub chain: Chain,
}

/// What a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    /// The phones of a local account.
    Account(AccountId),
    /// A SIP server.
    Trunk(AccountId),
    /// A service number.
    Service(Service),
}
