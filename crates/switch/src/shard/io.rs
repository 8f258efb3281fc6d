//! The doors of a shard: everything that goes in and comes out.

use std::collections::BTreeMap;
use std::sync::Arc;

use strowger_call::{CallRating, CallView, Hop, TestReport};
use strowger_config::Config;
use strowger_location::OutboundStatus;
use strowger_model::event::{CallChanged, Notice};
use strowger_model::id::FlowId;
use strowger_model::media::{MediaEvent, MediaOrder};
use strowger_model::payment::{MoneyEvent, MoneyOrder};
use strowger_model::{AccountId, Scope, Wall};
use strowger_route::Decision;
use strowger_store::{KeptMessage, MessageError, NewMessage};

use super::api::ApiInSip;
use super::probe::Endpoint;
use super::regstat::RegisterStatistics;
use crate::handle::types::{
    Audible, BindingFilter, CallRef, InstantText, LineStatus, ListenError, MessageRefusal, MessageState, P2p,
    P2pError, P2pPlaced, Registered, RoutingTest, TestCall, UnregMode,
};

/// An input.
#[derive(Debug)]
pub enum ShardInput<'a> {
    /// A datagram, or one framed message of a connection.
    Sip {
        /// Where it came from. Over UDP `listener` is what [`super::Shard::listener`] gave for the local address.
        from: Hop,
        /// The message.
        bytes: &'a [u8],
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
    /// A wish from outside, answered by [`ShardOutput::Reply`].
    Order {
        /// Given back in the reply.
        token: u64,
        /// The wish.
        order: Order,
    },
    /// A report of the media engine.
    Media(MediaEvent),
    /// An answer of the store.
    Money(MoneyEvent),
    /// An answer of the store about messages.
    People(PeopleAnswer),
    /// A leg of a call that did not survive a crash.
    Adopt {
        /// Its snapshot from the journal.
        snapshot: String,
    },
    /// The deadline has come.
    Time,
}

/// What the store is to do for messages.
#[derive(Debug)]
pub enum PeopleOrder {
    /// Keep one; answered by [`PeopleAnswer::Kept`].
    Keep {
        /// Given back in the answer.
        token: u64,
        /// The message.
        message: NewMessage,
    },
    /// Take those that wait for an account; answered by [`PeopleAnswer::Taken`].
    Take {
        /// Whose.
        account: AccountId,
    },
    /// One that was under way is delivered, or waits again.
    Sent {
        /// Which.
        id: i64,
        /// It is delivered.
        delivered: bool,
    },
}

/// What the store answers.
#[derive(Debug)]
pub enum PeopleAnswer {
    /// A message is kept, or not.
    Kept {
        /// Of the order.
        token: u64,
        /// It counts as under way.
        underway: bool,
        /// Its number.
        outcome: Result<i64, MessageError>,
    },
    /// Messages that waited.
    Taken {
        /// For whom.
        account: AccountId,
        /// The messages, the oldest first.
        messages: Vec<KeptMessage>,
    },
}

/// A wish from outside.
#[derive(Debug)]
pub enum Order {
    /// List the calls within the scope.
    LiveCalls(Scope),
    /// What one call costs.
    Rating(Scope, CallRef),
    /// Which call can be listened to, and where.
    Audible(Scope, CallRef),
    /// End calls.
    Disconnect(Scope, CallRef),
    /// Place a call.
    P2p(P2p),
    /// Make a test call.
    Test(TestCall),
    /// List registrations.
    Bindings(Scope, BindingFilter),
    /// End registrations.
    Unregister(Scope, BindingFilter, UnregMode),
    /// What do these accounts' lines do?
    Lines(Vec<AccountId>),
    /// Send a message; one that is not to be kept reaches only phones that are registered now.
    Message {
        /// Who sends it; none: the server or somebody outside.
        from: Option<AccountId>,
        /// Whom it is for.
        to: AccountId,
        /// What it says.
        text: InstantText,
        /// It waits for a phone where there is none.
        keep: bool,
    },
    /// Messages wait for these accounts in the store.
    MessagesWait(Vec<AccountId>),
    /// How are these accounts?
    Presence(Vec<AccountId>),
    /// An account says how it is, until then.
    SetPresence(AccountId, String, Wall),
    /// How do our own registrations stand?
    Outbound,
    /// How large are the tables?
    Sizes,
    /// Counters of registrations.
    Registrations,
    /// How many requests proved to be these accounts'?
    Hits(Vec<AccountId>),
    /// Ask the endpoints of accounts above one whether they are there, at most so many of either kind.
    Probe(Scope, Option<AccountId>, usize),
    /// How have they answered?
    Probed,
    /// Which trunks do not answer?
    TrunksDown,
    /// Counters.
    Statistics,
    /// Where would a call go?
    Route(RoutingTest),
    /// The configuration changed.
    Configure(Arc<Config>),
    /// The servers that want a registration of ours.
    Upstream(Vec<AccountId>),
    /// End what is not answered yet, forget routes, and register at our servers anew.
    ClearSip,
    /// Forget which trunks did not answer, and register at our servers anew.
    ResetTrunks,
    /// Forget which trunks did not answer, and our routes.
    ForgetEndpoints,
    /// The answer to an API request.
    Api {
        /// Of the request.
        token: u64,
        /// What.
        answer: String,
    },
    /// Refuse new calls, or take them again.
    Drain(bool),
    /// End every call and take our own registrations back.
    Finish,
}

/// What came of an order.
#[derive(Debug)]
pub enum Answer {
    /// To [`Order::LiveCalls`].
    Calls(Vec<CallView>),
    /// To [`Order::Rating`].
    Rating(Option<CallRating>),
    /// To [`Order::Audible`].
    Audible(Box<Result<Audible, ListenError>>),
    /// To [`Order::Disconnect`], [`Order::Unregister`] and the orders that forget something: how much.
    Count(u32),
    /// To [`Order::P2p`].
    P2p(Result<P2pPlaced, P2pError>),
    /// To [`Order::Test`] that was not refused.
    Tested(Box<TestReport>),
    /// To [`Order::Bindings`].
    Bindings(Vec<Registered>),
    /// To [`Order::Lines`].
    Lines(Vec<LineStatus>),
    /// To [`Order::Message`]: its number and what became of it.
    Message(Result<(i64, MessageState), MessageRefusal>),
    /// To [`Order::Presence`]: a word for each.
    Presence(Vec<Box<str>>),
    /// To [`Order::Outbound`].
    Outbound(Vec<OutboundStatus>),
    /// To [`Order::Route`].
    Route(Box<Decision>),
    /// To [`Order::Sizes`]: name, entries, bytes of one at least.
    Sizes(Vec<(&'static str, usize, usize)>),
    /// To [`Order::Registrations`].
    Registrations(Box<RegisterStatistics>),
    /// To [`Order::Hits`], in its order.
    Hits(Vec<u64>),
    /// To [`Order::Probed`].
    Probed(Vec<Endpoint>),
    /// To [`Order::TrunksDown`].
    TrunksDown(Arc<BTreeMap<AccountId, Wall>>),
    /// To [`Order::Statistics`].
    Statistics(Statistics),
    /// To the others.
    Done,
}

/// Counters of a shard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// SIP messages received.
    pub received: u64,
    /// SIP messages sent.
    pub sent: u64,
    /// Messages that could not be parsed.
    pub malformed: u64,
    /// Inputs that panicked.
    pub panics: u64,
    /// Calls that run.
    pub calls: u64,
    /// Calls that were begun.
    pub calls_total: u64,
    /// Calls that were answered.
    pub answered_total: u64,
    /// Calls begun in the last ten seconds.
    pub calls_last_10_s: u64,
    /// Registered contacts.
    pub bindings: u64,
    /// Accounts with at least one.
    pub registered_accounts: u64,
    /// Media slots in use.
    pub slots_used: u64,
    /// Media slots ready.
    pub slots_ready: u64,
    /// Servers that we are still registered at, or try to be.
    pub outbound: u64,
}

/// An output.
#[derive(Debug)]
pub enum ShardOutput {
    /// Send a message.
    Transmit {
        /// Where.
        to: Hop,
        /// The message.
        bytes: Arc<[u8]>,
    },
    /// For the media engine.
    Media(MediaOrder),
    /// For the store.
    Money(MoneyOrder),
    /// For the store, about messages.
    People(PeopleOrder),
    /// For everybody who watches.
    Changed(CallChanged),
    /// For everybody who watches, beside the calls.
    Notice(Notice),
    /// What came of an order.
    Reply {
        /// Of the order.
        token: u64,
        /// What.
        answer: Answer,
    },
    /// Close a connection.
    CloseFlow(FlowId),
    /// Append to the bindings log.
    Binding(Vec<u8>),
    /// A request for the API, answered by [`Order::Api`].
    Api(ApiInSip),
    /// An account's line changed.
    LineState {
        /// Whose.
        account: AccountId,
        /// To what.
        status: LineStatus,
    },
}

impl Statistics {
    /// Adds another shard's.
    pub const fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.sent += other.sent;
        self.malformed += other.malformed;
        self.panics += other.panics;
        self.calls += other.calls;
        self.calls_total += other.calls_total;
        self.answered_total += other.answered_total;
        self.calls_last_10_s += other.calls_last_10_s;
        self.bindings += other.bindings;
        self.registered_accounts += other.registered_accounts;
        self.slots_used += other.slots_used;
        self.slots_ready += other.slots_ready;
        self.outbound += other.outbound;
    }
}
