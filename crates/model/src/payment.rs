//! The orders by which a call reserves and settles money, and the store's answers.
//!
//! A call asks for whole billing steps, the store grants as many as credit allows. Every order carries a
//! [`StepId`]: the same step with the same content is performed once, with other content it is an alarm.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::account::AccountId;
use crate::cdr::{Cdr, CdrCost};
use crate::id::{CallId, LegId};
use crate::money::{Amount, Unit};
use crate::time::Wall;

/// The idempotency key of one money step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StepId {
    /// Our call.
    pub call: CallId,
    /// The billed leg.
    pub leg: LegId,
    /// Position among this leg's steps, from 0.
    pub sequence: u32,
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.call, self.leg, self.sequence)
    }
}

/// What one account of the payer chain must be able to cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayerHold {
    /// Who.
    pub account: AccountId,
    /// In what.
    pub unit: Unit,
    /// Held whatever happens: connection fee, minimum and one step for a first hold, nothing for an extension.
    pub least: Amount,
    /// Held for each further billing step.
    pub step: Amount,
    /// Settled minus held may not go below this; none: no limit (postpaid).
    pub floor: Option<Amount>,
}

/// The recovery record of one billed leg: everything that settles it after a crash, and ends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// The record as it would be written if the call ended at the last touch, without durations and costs.
    pub cdr: Cdr,
    /// `billing`'s meter as JSON; recovery settles with it. Empty for a free call.
    pub meter: String,
    /// When the callee answered; none while ringing.
    pub answered: Option<Wall>,
    /// Milliseconds of conversation at the last touch.
    pub billed_ms: u64,
    /// `call`'s leg snapshots as JSON, one per leg that must get a BYE.
    pub legs: Vec<String>,
}

/// One posting at the end: from the account to us (or, for a provider's cost, from us to the provider).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Who pays.
    pub account: AccountId,
    /// In what.
    pub unit: Unit,
    /// How much, never negative.
    pub amount: Amount,
    /// What for.
    pub kind: ChargeKind,
}

/// What a charge is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ChargeKind {
    /// The caller, or whoever pays in its place.
    Enduser,
    /// One level of the reseller chain.
    Reseller,
    /// What the trunk costs us; recorded, and posted to the trunk's account.
    Provider,
}

/// A call's order to the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MoneyOrder {
    /// Before an INVITE leaves. Opens the hold and the journal.
    Hold {
        /// This step.
        step: StepId,
        /// The payer chain; all or none. Empty for a free call, which has a journal nevertheless.
        payers: Vec<PayerHold>,
        /// How many steps to hold beyond `least`, at most.
        max_steps: u32,
        /// The recovery record.
        journal: Box<Journal>,
    },
    /// While the call runs: more steps, or none and only a touched journal (`max_steps` 0).
    Extend {
        /// This step.
        step: StepId,
        /// The first hold of the leg.
        hold: StepId,
        /// As in the hold, `least` being zero unless a fixed amount is needed.
        payers: Vec<PayerHold>,
        /// How many steps, at most.
        max_steps: u32,
        /// The recovery record as of now.
        journal: Box<Journal>,
    },
    /// The leg ended: charges, record, end of hold and journal, in one transaction.
    Settle {
        /// This step.
        step: StepId,
        /// The first hold of the leg; none where the attempt never held.
        hold: Option<StepId>,
        /// The postings.
        charges: Vec<Charge>,
        /// The record.
        cdr: Box<Cdr>,
        /// Its cost rows, one per level of the reseller chain.
        costs: Vec<CdrCost>,
    },
    /// The hold is given back and nothing is recorded: failover to a route with another price holds again.
    Release {
        /// This step.
        step: StepId,
        /// The first hold of the leg.
        hold: StepId,
    },
}

impl MoneyOrder {
    /// The order's idempotency key.
    #[must_use]
    pub const fn step(&self) -> StepId {
        match self {
            Self::Hold { step, .. }
            | Self::Extend { step, .. }
            | Self::Settle { step, .. }
            | Self::Release { step, .. } => *step,
        }
    }
}

/// Why nothing was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// An account of the chain cannot cover `least`.
    NoCredit {
        /// Which.
        account: AccountId,
        /// In what.
        unit: Unit,
    },
    /// The account is disabled or gone.
    NoAccount {
        /// Which.
        account: AccountId,
    },
    /// The store takes no new paid calls: disk full, failed fsync, lost database.
    StoreUnwell,
    /// The step was seen with other content.
    Conflict,
}

/// The store's answer to a [`MoneyOrder`]; durable when it is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MoneyEvent {
    /// Held.
    Held {
        /// The order's step.
        step: StepId,
        /// How many steps beyond `least`.
        steps: u32,
        /// What the first payer has left that is not held; none where nobody pays.
        left: Option<Amount>,
    },
    /// Not held, nothing changed.
    Refused {
        /// The order's step.
        step: StepId,
        /// Why.
        why: Refusal,
    },
    /// Settled or released.
    Settled {
        /// The order's step.
        step: StepId,
    },
    /// This node's epoch is over: another one has recovered its calls. Drop the call without touching money.
    Fenced {
        /// The order's step.
        step: StepId,
    },
}

impl MoneyEvent {
    /// The step that is answered.
    #[must_use]
    pub const fn step(&self) -> StepId {
        match self {
            Self::Held { step, .. }
            | Self::Refused { step, .. }
            | Self::Settled { step }
            | Self::Fenced { step } => *step,
        }
    }
}
