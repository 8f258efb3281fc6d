//! What the operations of the switch take and give: plain values for the API, the gate and operators.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use strowger_call::{NotAudible, Voices};
use strowger_location::OutboundState;
use strowger_media::EngineStats;
use strowger_model::{AccountId, Amount, CallId, Unit, Wall};
use thiserror::Error;

use crate::listeners::Ports;

/// The switch is shutting down; nothing more is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the switch is shutting down")]
pub struct Stopped;

/// A call that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveCall {
    /// Our id; its text is `dbcallsid`.
    pub id: CallId,
    /// The caller.
    pub caller: Option<AccountId>,
    /// The called account.
    pub called: Option<AccountId>,
    /// The trunk in use.
    pub server: Option<AccountId>,
    /// Who pays.
    pub payer: Option<AccountId>,
    /// The number shown to the called party.
    pub caller_text: String,
    /// The number dialled.
    pub dialled: String,
    /// The caller's Call-ID.
    pub sip_call_id: String,
    /// When it began.
    pub start: Wall,
    /// When it was answered.
    pub answered: Option<Wall>,
    /// Milliseconds of conversation so far, by the monotonic clock.
    pub speaking_ms: u64,
    /// The caller's audio codec, empty while unknown.
    pub codec: String,
    /// What the payer would be charged if it ended now; none: nobody pays.
    pub cost: Option<(Amount, Unit)>,
    /// The mean opinion score of the side that is heard worse, in hundredths; none while too little was heard.
    pub mos: Option<u16>,
    /// How far it is.
    pub state: LiveState,
}

/// How far a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LiveState {
    /// Targets are being tried.
    Dialling,
    /// One rings.
    Ringing,
    /// They talk.
    Speaking,
    /// It is being ended.
    Ending,
}

impl LiveState {
    /// One lower-case word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dialling => "dialling",
            Self::Ringing => "ringing",
            Self::Speaking => "speaking",
            Self::Ending => "ending",
        }
    }
}

/// Which calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallRef {
    /// By our id.
    Call(CallId),
    /// By the caller's Call-ID.
    SipCallId(String),
    /// Every call that the account takes part in or pays for.
    Account(AccountId),
    /// Every call within the scope.
    All,
}

impl FromStr for CallRef {
    type Err = Infallible;
    /// One of our ids, `all` in any case, else a SIP Call-ID.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.parse() {
            Ok(id) => Self::Call(id),
            Err(_) if text.eq_ignore_ascii_case("all") => Self::All,
            Err(_) => Self::SipCallId(text.to_owned()),
        })
    }
}

/// A running call that can be listened to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audible {
    /// Our id.
    pub call: CallId,
    /// Where the voice of its parties arrives.
    pub voices: Voices,
    /// The number shown to the called party.
    pub caller_text: String,
    /// The number dialled.
    pub dialled: String,
    /// The codec of the conversation.
    pub codec: String,
}

/// A call cannot be listened to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ListenError {
    /// The switch is shutting down.
    #[error("the switch is shutting down")]
    Stopped,
    /// There is no such call within the scope.
    #[error("no such call")]
    NoSuchCall,
    /// It is there and cannot be heard.
    #[error("{0}")]
    NotAudible(NotAudible),
}

/// A call between two numbers that the server places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct P2p {
    /// Who pays, and is presented as the caller.
    pub account: AccountId,
    /// Dialled first.
    pub first: String,
    /// Dialled when the first one has answered.
    pub second: String,
    /// The number shown; none: the account's.
    pub caller: Option<String>,
    /// When to answer the order.
    pub wait: WaitFor,
}

/// A call to a number, made without the account's phone to see what comes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestCall {
    /// Who calls and pays.
    pub account: AccountId,
    /// The number dialled.
    pub called: String,
    /// How long whoever answers hears a tone, in seconds.
    pub seconds: u32,
}

/// When an order for a call is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitFor {
    /// As soon as it is being dialled.
    Placed,
    /// When the first party answered.
    FirstAnswered,
    /// When both talk.
    Connected,
}

/// A call was placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct P2pPlaced {
    /// Its id.
    pub call: CallId,
    /// What was waited for has happened.
    pub answered: bool,
}

/// A call was not placed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum P2pError {
    /// The switch is shutting down.
    #[error("the switch is shutting down")]
    Stopped,
    /// No new calls are taken.
    #[error("no new calls are taken: the server is being stopped")]
    Draining,
    /// There is no such account.
    #[error("no such account")]
    NoAccount,
    /// Refused before anybody was dialled.
    #[error("refused with {status}: {reason}")]
    Refused {
        /// A SIP status.
        status: u16,
        /// Why, in words.
        reason: String,
    },
    /// Dialled, and failed before what was waited for.
    #[error("failed with {status}: {reason}")]
    Failed {
        /// Its id.
        call: CallId,
        /// A SIP status.
        status: u16,
        /// Why, in words.
        reason: String,
    },
}

/// Which registrations; what is none does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BindingFilter {
    /// Of this account.
    pub account: Option<AccountId>,
    /// Of the account with this name, in any case.
    pub username: Option<String>,
    /// From this address.
    pub ip: Option<IpAddr>,
    /// Only those over WebSocket.
    pub websocket: bool,
    /// Of accounts above this one: the cursor of a long listing.
    pub after: Option<AccountId>,
    /// At most so many; 0: [`BindingFilter::MOST`].
    pub limit: usize,
}

impl BindingFilter {
    /// Most registrations of one listing.
    pub const MOST: usize = 10_000;
}

/// How a registration is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnregMode {
    /// It expires now; the phone may come back.
    Unregister,
    /// It is removed and its connection closed.
    Remove,
}

/// One registered contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Whose.
    pub account: AccountId,
    /// The account's name.
    pub username: String,
    /// The Contact's URI.
    pub contact: String,
    /// Where the phone is seen.
    pub source: SocketAddr,
    /// `udp`, `tcp`, `tls`, `ws`, `wss`.
    pub transport: &'static str,
    /// What the phone calls itself.
    pub user_agent: String,
    /// When it first registered.
    pub registered: Wall,
    /// When it expires.
    pub expires: Wall,
    /// Preference in thousandths.
    pub q: u16,
    /// `+sip.instance`, or empty.
    pub instance: String,
    /// `X-MPUSH`, or empty.
    pub push: String,
}

/// What the line of an account does; the numbers are the API's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum LineStatus {
    /// There is no such account.
    Unknown = 0,
    /// Not registered.
    Offline = 1,
    /// Registered.
    Online = 2,
    /// It dials or rings.
    Calling = 3,
    /// It talks.
    Speaking = 4,
}

impl LineStatus {
    /// The API's number; `tb_users.status` is one less.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// What a message says, and who says it.
#[derive(Clone, PartialEq, Eq)]
pub struct InstantText {
    /// The sender's name or number.
    pub from: String,
    /// What the body is: `text/plain`.
    pub content_type: String,
    /// The body.
    pub body: String,
}

impl std::fmt::Debug for InstantText {
    /// What people write to each other does not belong in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "InstantText(from {}, {} bytes)", self.from, self.body.len())
    }
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageState {
    /// A phone took it.
    Delivered,
    /// It is kept until a phone takes it.
    Stored,
    /// No phone took it, and it was not to be kept.
    Failed,
}

impl MessageState {
    /// One lower-case word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Stored => "stored",
            Self::Failed => "failed",
        }
    }
}

/// A message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MessageRefusal {
    /// The switch is shutting down.
    #[error("the switch is shutting down")]
    Stopped,
    /// Too many are under way, or the database takes none.
    #[error("no message is taken at the moment, try again")]
    Busy,
    /// As many wait for the reader as may.
    #[error("{most} messages wait for this user already")]
    Full {
        /// How many that is.
        most: u32,
    },
}

/// A question to routing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutingTest {
    /// The source; with it the caller is identified as if the call came from there.
    pub ip: Option<SocketAddr>,
    /// The caller's account, where it is known.
    pub caller: Option<AccountId>,
    /// The number or name that the caller presents.
    pub caller_number: String,
    /// The number dialled.
    pub called: String,
}

/// Our registration at an upper server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboundRegistration {
    /// The server's account.
    pub account: AccountId,
    /// How it stands.
    pub state: OutboundState,
    /// Until when, where registered.
    pub expires: Option<Wall>,
    /// The last final status; 0 before the first.
    pub last_status: u16,
}

/// One check of a heartbeat.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// `database`, `sip`, `media`, `disk`, `queue`.
    pub name: &'static str,
    /// It works.
    pub ok: bool,
    /// How long it took.
    pub ms: f64,
    /// What was measured, in words.
    pub detail: String,
    /// What is wrong.
    pub error: Option<String>,
}

/// The state of the server in numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    /// The product's version.
    pub version: &'static str,
    /// The boot epoch.
    pub epoch: u32,
    /// When it started.
    pub started: Wall,
    /// Milliseconds since.
    pub uptime_ms: u64,
    /// Registered contacts.
    pub registered: u64,
    /// Accounts with at least one.
    pub registered_accounts: u64,
    /// Calls that run.
    pub calls: u64,
    /// Calls since the start.
    pub calls_total: u64,
    /// Of those, answered.
    pub calls_answered_total: u64,
    /// Calls begun per second over the last ten.
    pub calls_per_second: f64,
    /// SIP messages received.
    pub sip_received: u64,
    /// SIP messages sent.
    pub sip_sent: u64,
    /// User and system time of the process in milliseconds.
    pub cpu_ms: u64,
    /// Resident memory in kB.
    pub memory_kb: u64,
    /// New calls are refused.
    pub draining: bool,
    /// The ports of SIP and the main port.
    pub ports: Ports,
    /// The media engine.
    pub media: EngineStats,
    /// Accounts known.
    pub accounts: u64,
}

/// A datagram of the main UDP port that is neither SIP nor STUN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiDatagram {
    /// Who sent it.
    pub from: SocketAddr,
    /// The address of ours that it reached: the answer leaves from there.
    pub local: IpAddr,
    /// Its payload.
    pub bytes: Vec<u8>,
}

/// A connection that carries SIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowInfo {
    /// The other end.
    pub peer: SocketAddr,
    /// Our end.
    pub local: SocketAddr,
    /// What it is.
    pub transport: FlowTransport,
}

/// Kinds of connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowTransport {
    /// TCP.
    Tcp,
    /// TLS.
    Tls,
    /// WebSocket.
    Ws,
    /// WebSocket over TLS.
    Wss,
}
