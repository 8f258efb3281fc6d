//! The doors of the collection: what comes in, what goes out, what can be asked.

use std::sync::Arc;

use strowger_billing::Rating;
use strowger_model::cdr::Cdr;
use strowger_model::event::{CallChanged, Notice};
use strowger_model::id::FlowId;
use strowger_model::media::{MediaEvent, MediaOrder, SlotStats};
use strowger_model::payment::{MoneyEvent, MoneyOrder};
use strowger_model::{AccountId, Amount, CallId, LegId, Unit, Wall};
use strowger_sip::Message;
use thiserror::Error;

use crate::hop::Hop;

/// Whose a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Belongs {
    /// A leg's: give it in as [`CallInput::Sip`].
    Leg(LegId),
    /// An INVITE that opens a call: find out who calls, then [`CallInput::Invite`].
    NewInvite,
    /// An ACK or a response of nobody: no answer.
    Stray,
    /// A request within a dialog, or a CANCEL, of nobody: 481.
    NoSuchDialog,
    /// A request outside of dialogs that is not about calls.
    NotOurs,
}

/// An input of the collection.
#[derive(Debug)]
pub enum CallInput {
    /// A message that [`Belongs::Leg`].
    Sip {
        /// The message.
        message: Message,
        /// Where it came from.
        from: Hop,
    },
    /// A new call, its caller identified.
    Invite {
        /// The INVITE.
        message: Message,
        /// Where it came from.
        from: Hop,
        /// Who calls: an enduser, or the trunk it came by.
        caller: AccountId,
        /// The caller is a trunk.
        trunk: bool,
        /// The number dialled, a technical prefix stripped.
        called: String,
    },
    /// A report of the media engine, other than fresh slots.
    Media(MediaEvent),
    /// An answer of the store.
    Money(MoneyEvent),
    /// A wish from outside; answered by [`CallOutput::Reply`].
    Order {
        /// Given back in the reply.
        token: u64,
        /// The wish.
        order: CallOrder,
    },
    /// A leg of a call that did not survive a crash: it gets a BYE.
    Adopt {
        /// The leg's snapshot, from the journal.
        snapshot: String,
    },
    /// A connection is gone.
    FlowClosed(FlowId),
    /// A request could not be sent.
    SendFailed {
        /// Where it should have gone.
        to: Hop,
        /// The branch of its Via.
        branch: String,
    },
}

/// When a placed call is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// As soon as the first party is being dialled.
    Placed,
    /// When the first party answered.
    FirstAnswered,
    /// When both talk.
    Connected,
}

/// A wish from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallOrder {
    /// Call `first`, then `second`, and connect them at the initiator's expense.
    Place {
        /// Who pays.
        initiator: AccountId,
        /// The number rung first.
        first: String,
        /// The number rung then.
        second: String,
        /// The number shown to both; none: the initiator's.
        shown: Option<String>,
        /// When to reply.
        wait: Wait,
    },
    /// Call a number as the account would, play a tone to whoever answers, hang up and report.
    Test {
        /// Who calls and pays.
        account: AccountId,
        /// The number dialled.
        called: String,
        /// How long the conversation lasts, in seconds.
        seconds: u32,
    },
    /// End a call.
    Hangup {
        /// Which.
        call: CallId,
    },
    /// End one leg, and what it is connected to.
    HangupLeg {
        /// Which.
        leg: LegId,
    },
    /// End every call that an account takes part in or pays for.
    HangupAccount {
        /// Whose.
        account: AccountId,
    },
    /// End every call.
    HangupAll,
    /// End a call without touching money.
    Drop {
        /// Which.
        call: CallId,
    },
}

/// What an order came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// The call is placed.
    Placed {
        /// Its id.
        call: CallId,
        /// What was waited for has happened.
        answered: bool,
    },
    /// So many calls were ended.
    Ended(usize),
    /// The test call is over.
    Tested(Box<TestReport>),
}

/// What a test call came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestReport {
    /// Which.
    pub call: CallId,
    /// From the INVITE to the first sign that it rings, or to what came in its place, in milliseconds.
    pub post_dial_ms: u64,
    /// How long it rang, in milliseconds.
    pub ringing_ms: u64,
    /// Its record.
    pub cdr: Cdr,
    /// The packets of the conversation; none where there was none, or the engine did not say in time.
    pub media: Option<SlotStats>,
}

/// Why an order came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OrderError {
    /// No such call.
    #[error("no such call")]
    NoSuchCall,
    /// No such leg.
    #[error("no such leg")]
    NoSuchLeg,
    /// No such account.
    #[error("no such account")]
    NoSuchAccount,
    /// The server is being stopped.
    #[error("no new calls: the server is being stopped")]
    Draining,
    /// As many calls as are allowed.
    #[error("no new calls: all lines are in use")]
    Full,
    /// The call was not begun.
    #[error("refused with {status}: {reason}")]
    Refused {
        /// A SIP status.
        status: u16,
        /// A phrase.
        reason: String,
    },
    /// The call was begun and failed before what was waited for.
    #[error("failed with {status}: {reason}")]
    Failed {
        /// Which.
        call: CallId,
        /// A SIP status.
        status: u16,
        /// A phrase.
        reason: String,
    },
}

/// What an account's line does, over all its calls in this shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineState {
    /// Nothing.
    Idle,
    /// It dials or rings.
    Calling,
    /// It talks.
    Speaking,
}

/// An output of the collection.
#[derive(Debug, Clone, PartialEq)]
pub enum CallOutput {
    /// Send this.
    Transmit {
        /// Where.
        to: Hop,
        /// One SIP message.
        bytes: Arc<[u8]>,
    },
    /// For the media engine.
    Media(MediaOrder),
    /// For the store.
    Money(MoneyOrder),
    /// For everybody who watches.
    Changed(CallChanged),
    /// For whoever watches more than calls.
    Notice(Notice),
    /// What an order came to.
    Reply {
        /// Of the order.
        token: u64,
        /// What.
        outcome: Result<Done, OrderError>,
    },
    /// A trunk answered, or did not.
    TrunkSeen {
        /// Which.
        trunk: AccountId,
        /// Where.
        hop: Hop,
        /// It answered.
        alive: bool,
    },
    /// An account's line changed.
    Line {
        /// Whose.
        account: AccountId,
        /// To what.
        state: LineState,
    },
}

/// What a running call costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRating {
    /// Who pays.
    pub payer: Option<AccountId>,
    /// Its price; none: the call is free.
    pub rating: Option<Rating>,
    /// The number dialled.
    pub dialled: String,
    /// When it was answered.
    pub answered: Option<Wall>,
    /// Milliseconds of conversation so far.
    pub talked_ms: u64,
    /// Money of the payer that is held for it.
    pub held: Amount,
    /// Seconds that are covered by free seconds.
    pub free_s: u64,
    /// The longest call that is allowed, in milliseconds.
    pub max_ms: u64,
}

/// A running call as shown to operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallView {
    /// Which.
    pub call: CallId,
    /// When it began.
    pub started: Wall,
    /// The caller's Call-ID; of a placed call the first party's.
    pub sip_call_id: String,
    /// The caller.
    pub caller: Option<AccountId>,
    /// Who pays.
    pub payer: Option<AccountId>,
    /// The called account.
    pub called: Option<AccountId>,
    /// The trunk in use.
    pub server: Option<AccountId>,
    /// The number shown to the called party.
    pub presented: String,
    /// The number dialled.
    pub dialled: String,
    /// When it was answered.
    pub answered: Option<Wall>,
    /// Milliseconds of conversation so far.
    pub speaking_ms: u64,
    /// `dialling`, `ringing`, `speaking`, `ending`.
    pub state: &'static str,
    /// The caller's audio codec, empty while unknown.
    pub codec: String,
    /// What the payer would be charged if it ended now; none unless asked for, and where nobody pays.
    pub cost: Option<(Amount, Unit)>,
    /// The mean opinion score of the side that is heard worse, in hundredths; none unless asked for, and while too
    /// little was heard.
    pub mos: Option<u16>,
    /// Its legs.
    pub legs: Vec<LegId>,
}
