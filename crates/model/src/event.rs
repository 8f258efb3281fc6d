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

/// Something that whoever watches the server may want to know, beside what the switch does about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A step of a call.
    Call(CallChanged),
    /// An account got its first contact, lost its last, or (again) still has one.
    Registered {
        /// Whose.
        account: AccountId,
        /// It has contacts.
        registered: bool,
        /// The best contact's URI; empty where there is none.
        contact: String,
    },
    /// How long a call can go on with what its payer has, told when that becomes little or enough.
    CreditLeft {
        /// Which call.
        call: CallId,
        /// Whose credit.
        account: AccountId,
        /// How long the call can go on, in seconds.
        left_s: u64,
        /// It is less than `lowcreditwarn`.
        low: bool,
    },
    /// A message was handed in, delivered, or kept for later. Its text is not told.
    Message(MessageNotice),
    /// An account came into being.
    AccountAdded(AccountId),
    /// An account is gone.
    AccountGone {
        /// Its id.
        account: AccountId,
        /// What it was called.
        username: String,
        /// The accounts above it, the nearest first.
        above: Vec<AccountId>,
    },
}

/// What is told about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageNotice {
    /// Its id, as commands know it.
    pub id: String,
    /// `im` or `sms`.
    pub kind: &'static str,
    /// The sending account, where it is one of ours.
    pub from: Option<AccountId>,
    /// The receiving account, where it is one of ours.
    pub to: Option<AccountId>,
    /// The sender as shown.
    pub from_text: String,
    /// The receiver as addressed.
    pub to_text: String,
    /// `received`, `delivered`, `stored`, `failed` or `expired`.
    pub state: &'static str,
}
