//! The one stream of what happens to calls: presence, busy lamps, API events and statistics all read it.

use serde::{Deserialize, Serialize};

use crate::account::AccountId;
use crate::id::{CallId, LegId};
use crate::time::Wall;

/// Something happened to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallChanged {
    /// Position in the shard's stream, without gaps.
    pub sequence: u64,
    /// When.
    pub at: Wall,
    /// Which call.
    pub call: CallId,
    /// What.
    pub what: CallStep,
}

/// A step in the life of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallStep {
    /// A call was admitted.
    Started {
        /// The caller's leg; none for calls that the server places.
        leg: Option<LegId>,
        /// The caller.
        caller: Option<AccountId>,
        /// The number dialled.
        dialled: String,
    },
    /// A target is being tried.
    Dialling {
        /// Its leg.
        leg: LegId,
        /// A local account.
        account: Option<AccountId>,
    },
    /// A target rings.
    Ringing {
        /// Its leg.
        leg: LegId,
    },
    /// A target answered.
    Answered {
        /// Its leg.
        leg: LegId,
    },
    /// A leg holds or resumes.
    Held {
        /// The leg that asked.
        leg: LegId,
        /// On hold, or not any more.
        held: bool,
    },
    /// A leg ended.
    LegEnded {
        /// Which.
        leg: LegId,
        /// With what status.
        status: u16,
    },
    /// The call is over and its ports are free.
    Ended {
        /// The status given to the caller, 200 for an answered call.
        status: u16,
        /// One phrase of the table of disconnect reasons.
        reason: String,
    },
}
