//! The driver of the exchange: sockets, threads, timers and time for the pure machines, whose outputs it
//! performs. It gives a [`Handle`] to everybody above it.
//!
//! No rules of its own: who may call, what it costs, where a phone is and what an INVITE means is decided in
//! `route`, `billing`, `location` and `call`.

#![deny(missing_docs)]

mod clock;
mod connections;
mod directory;
mod driver;
mod encrypted;
mod handle;
mod listeners;
pub mod shard;
mod start;

pub use clock::{Zone, is_time_zone};
pub use connections::connections_from;
pub use directory::TableChange;
pub use driver::flows::SipFlow;
pub use driver::sys::{Interface, interfaces};
pub use encrypted::{
    EncryptedConnection, EncryptedConnections, EncryptedKey, EncryptedKind, EncryptedSession,
    EncryptedStatistics, EncryptedSum, Handshake, NotEncrypted,
};
pub use handle::types::{
    ApiDatagram, Audible, BindingFilter, CallRef, Check, FlowInfo, FlowTransport, Info, InstantText,
    LineStatus, ListenError, LiveCall, LiveState, MessageRefusal, MessageState, OutboundRegistration, P2p,
    P2pError, P2pPlaced, Registered, RoutingTest, Stopped, TestCall, UnregMode, WaitFor,
};
pub use handle::{
    ApiReply, Handle, Listening, Reload, ReloadError, RestartError, SipRestarted, TrunksRestarted,
};
pub use listeners::{BindError, Listeners, Ports, bind_pair, bind_tcp, rebind_tcp};
pub use shard::MAX_BODY_BYTES as MAX_MESSAGE_BYTES;
pub use shard::{
    ApiInSip, Endpoint, RATE_WINDOW_S, RegisterStatistics, Shard, ShardInput, ShardOutput, ShardSetup,
};
pub use start::{Deps, Running, StartError, start};
pub use strowger_call::{CallRating, NotAudible, TestReport, Voices};
pub use strowger_location::{
    MAX_WORD_BYTES as MAX_PRESENCE_BYTES, OutboundState, REFRESH_BOUNDS_S, is_word as is_presence_word,
};
