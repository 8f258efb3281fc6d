//! What calls and legs say to each other: orders, events, and the facts that go with them.

use serde::{Deserialize, Serialize};
use strowger_model::Secret;
use strowger_sdp::{NotAcceptable, Session};
use thiserror::Error;

use crate::hop::{Hop, Local};
use crate::negotiation::{Description, Port};
use crate::reasons::Reason;

/// What stands at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A phone of an account of ours: it is told credit and prices, and is reached where its messages come from.
    Phone,
    /// A trunk: it is told no more than a call needs.
    Trunk,
}

/// How far the leg is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Its INVITE has no final response yet.
    Early,
    /// It is over for the call, but an INVITE of ours or a 200 of ours is still open.
    Leaving,
    /// Answered.
    Up,
    /// Only transactions that run out are left.
    Over,
}

/// What a call tells a leg.
#[derive(Debug, Clone)]
pub enum LegOrder {
    /// It rings at the other end.
    Ring,
    /// There is sound before the answer.
    Progress(Description),
    /// It was answered.
    Answer(Description),
    /// Offer other media.
    Offer(Description),
    /// Accept the offer that the leg reported.
    AcceptOffer(Description),
    /// Refuse what the leg reported last: an offer, a transfer.
    Reject {
        /// A final status.
        status: u16,
    },
    /// Pass a key on, as `application/dtmf-relay`.
    Dtmf {
        /// The key.
        digit: char,
        /// How long it was held.
        duration_ms: u32,
    },
    /// End the leg, however far it is.
    Hangup {
        /// Why; its status is for a party that still waits.
        reason: Reason,
        /// The status in place of the reason's, where the other end gave one.
        status: Option<u16>,
    },
}

/// The order does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OrderRefused {
    /// The descriptions have nothing in common.
    #[error("{0}")]
    Media(#[from] NotAcceptable),
    /// The leg is not that far, or further, or negotiating already.
    #[error("not at this stage of the leg")]
    Stage,
}

/// Who ended a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The remote party: BYE, CANCEL, a final response.
    Party,
    /// Nobody: a time-out or a broken connection.
    Silence,
}

/// What a leg tells its call.
#[derive(Debug, Clone)]
pub enum LegEvent {
    /// A party calls.
    Incoming(Box<Incoming>),
    /// The first response to our INVITE, of whatever kind.
    Heard,
    /// The other end is at work.
    Progress {
        /// Which early dialog, by order of appearance; 0 also where the response makes none.
        dialog: usize,
        /// 101 to 199.
        status: u16,
        /// Its answer to our offer, once.
        sdp: Option<Session>,
    },
    /// The other end answered; an offer of ours in the INVITE is answered by this, or was by a [`LegEvent::Progress`].
    Answered {
        /// The answer in force.
        sdp: Option<Session>,
    },
    /// The party offers other media; none: it wants our offer.
    Offered {
        /// The offer.
        sdp: Option<Session>,
    },
    /// Our offer was accepted.
    Accepted {
        /// The answer.
        sdp: Session,
    },
    /// Our offer was refused; what was agreed before is still in force.
    Refused {
        /// With what status.
        status: u16,
    },
    /// The party acknowledged our 200; from here on it can take an offer.
    Acknowledged,
    /// A key was pressed (INFO).
    Dtmf {
        /// The key.
        digit: char,
        /// How long it was held.
        duration_ms: u32,
    },
    /// The party wants to be transferred.
    Referred {
        /// The user part of the target.
        to: String,
    },
    /// The leg is over.
    Ended {
        /// The final status; 200 for an answered leg that hung up.
        status: u16,
        /// Who.
        by: Ending,
        /// The user part of the Contact of a 3xx.
        redirect: Option<String>,
    },
}

/// What an INVITE says that a call wants to know.
#[derive(Debug, Clone, Default)]
pub struct Incoming {
    /// The caller's Call-ID.
    pub call_id: String,
    /// The user part of From.
    pub from_user: String,
    /// The display name of From.
    pub display: String,
    /// The user part of P-Asserted-Identity; to be believed of trunks only.
    pub asserted: Option<String>,
    /// The caller does not want its number shown (RFC 3323).
    pub private: bool,
    /// Max-Forwards, 70 where it says none.
    pub max_forwards: u32,
    /// The offer.
    pub sdp: Option<Session>,
}

/// The caller as shown to a dialled party.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Presented {
    /// Name, may be empty.
    pub display: String,
    /// Number.
    pub number: String,
    /// Not to be shown.
    pub private: bool,
}

/// Our own account at a trunk.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// User name.
    pub user: Box<str>,
    /// Password.
    pub password: Secret,
}

/// Whom an INVITE is for, how it gets there, and who calls.
#[derive(Debug, Clone)]
pub struct Callee {
    /// What stands there.
    pub kind: Kind,
    /// Where the INVITE goes.
    pub hop: Hop,
    /// How we appear there.
    pub local: Local,
    /// The Request-URI.
    pub uri: Box<str>,
    /// Route headers, outermost first.
    pub route: Vec<Box<str>>,
    /// The To URI.
    pub to: String,
    /// Who calls.
    pub caller: Presented,
    /// The host of our From; empty: our address.
    pub domain: Box<str>,
    /// Max-Forwards.
    pub max_forwards: u32,
    /// Our account there.
    pub credentials: Option<Credentials>,
}

/// What is needed to dial.
#[derive(Debug, Clone)]
pub struct Dial {
    /// Whom.
    pub callee: Callee,
    /// Where our media is.
    pub port: Port,
    /// What we offer.
    pub offer: Description,
}

/// What every leg of a shard has in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manner {
    /// User-Agent and Server.
    pub agent: Box<str>,
    /// In-dialog OPTIONS, in milliseconds; 0: never.
    pub keepalive_ms: u64,
    /// Retry-After of a 503, in seconds.
    pub retry_after_s: u32,
}
