//! The words between a meter and its call: settings, actions, reasons, deadlines.

use serde::{Deserialize, Serialize};
use strowger_model::Amount;
use strowger_model::payment::Refusal;

/// The text is not a meter's snapshot.
#[derive(Debug, thiserror::Error)]
#[error("not a meter's snapshot: {0}")]
pub struct MeterJson(#[from] serde_json::Error);

/// How long slices, reserves and graces are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterSettings {
    /// Seconds of a slice at most; at least one billing step is held.
    pub first_slice_s: u32,
    /// `reserveslice`: seconds before the end of what is paid when more is asked for.
    pub reserve_s: u32,
    /// `mincreditonroute`: a prepaid call is begun with at least this credit, where it is not zero.
    #[serde(default)]
    pub least_credit: Amount,
    /// `lowcreditwarn`: a prepaid enduser is warned when the credit lasts less than so many seconds; 0: never.
    #[serde(default)]
    pub warn_s: u32,
    /// Milliseconds between touches of the journal.
    pub touch_ms: u64,
    /// Milliseconds that a postpaid call goes on, once, while the store is silent.
    pub grace_ms: u64,
    /// Milliseconds that a call may ring before the answer, for the choice of the dearest price.
    pub ring_allowance_ms: u64,
}

impl Default for MeterSettings {
    fn default() -> Self {
        Self {
            first_slice_s: 60,
            reserve_s: 10,
            least_credit: Amount::ZERO,
            warn_s: 0,
            touch_ms: 60_000,
            grace_ms: 60_000,
            ring_allowance_ms: 180_000,
        }
    }
}

/// What the call must do for the meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeterAction {
    /// The first hold is granted: the INVITE may leave.
    Go,
    /// There are no free seconds: call [`crate::Meter::hold`] again, which asks for money.
    HoldAgain,
    /// Nothing was held.
    Refused(Refusal),
    /// Make the journal, call [`crate::Meter::extend`] and send the order.
    Extend,
    /// The same; only the journal is due.
    Touch,
    /// The enduser's credit lasts less than [`MeterSettings::warn_s`].
    Warn {
        /// So many seconds, by what the store said last.
        left_s: u64,
    },
    /// Hang up, then settle.
    Cut(CutReason),
    /// This node's epoch is over: end the call without touching money.
    Drop,
    /// The last order is durable.
    Settled,
}

/// Why a call is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CutReason {
    /// An account of the chain has no more credit.
    NoCredit,
    /// The store did not answer, or takes no new money steps.
    NoAnswer,
    /// An account of the chain is disabled or gone.
    AccountGone,
}

/// What a deadline is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MeterDeadline {
    /// The end of credit.
    Cut,
    /// More must be held.
    Extend,
    /// The journal is due.
    Touch,
    /// Little credit is left.
    Warn,
}
