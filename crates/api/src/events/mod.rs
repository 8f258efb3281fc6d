//! The event stream: what happens on this node, numbered without gaps, kept for a bounded window, read with a cursor.
//! It knows no transport: gates push what a [`Subscription`] gives.

mod calls;
mod collect;
mod event;
mod hub;
mod journal;
mod subscription;

pub(crate) use event::kind_names;
pub use event::{Event, EventKind, Filter, Viewer};
pub use hub::Hub;
pub use subscription::{Pushed, Subscription};
