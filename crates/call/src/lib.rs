//! Calls: legs, the calls that own them, and the collection that a shard runs.
//!
//! A [`leg::Leg`] alone sees SIP; a call never does: it gives orders to legs and hears events from them.
//! Nothing here reads a clock, opens a socket or knows a database: time and surroundings are handed in
//! (see [`Env`]), what is to be done comes out as [`CallOutput`].

#![deny(missing_docs)]

mod app;
mod call;
mod calls;
mod env;
mod hop;
mod ids;
mod input;
pub mod leg;
mod lines;
mod negotiation;
mod reasons;

pub use app::{App, AppEvent, AppOrder};
pub use call::{NotAudible, Voices};
pub use calls::Calls;
pub use env::{Env, Settings, Target};
pub use hop::{Carrier, Hop, Local};
pub use ids::{leg_of_branch, leg_of_call_id, leg_of_tag, leg_of_user};
pub use input::{
    Belongs, CallInput, CallOrder, CallOutput, CallRating, CallView, Done, LineState, OrderError, TestReport,
    Wait,
};
pub use negotiation::{Negotiation, Phase, Port};
pub use reasons::Reason;
pub use strowger_route::Service;
