//! The packet engine: sockets and threads of its own. It performs the orders of `model::media` and reports
//! its events; it knows nothing of calls, SIP or money.
//!
//! Each thread owns its port pairs and waits for them with epoll; a packet of voice is received and sent on
//! by the same thread and never allocates. While packets come fast, a thread drains its sockets and then
//! sleeps for about a millisecond instead of waking for each packet.
//!
//! Whoever listens to a call has its slots tapped ([`EngineHandle::tap`]) and weaves the copies together away from
//! the media threads ([`Weave`]); a slot that is not tapped pays one look at a length for that.
//!
//! Deliberately not done: taps by order of a call (for recording), mixing and SRTP are refused as not available; own
//! RTCP reports are not sent.

#![deny(missing_docs)]

mod config;
mod engine;
mod orders;
mod pace;
mod ports;
mod slot;
mod sys;
mod tap;
mod weave;
mod worker;

pub use config::EngineConfig;
pub use engine::{CheckError, Engine, EngineHandle, EngineStats, StartError};
pub use strowger_rtp::Header;
pub use sys::raise_descriptor_limit;
pub use tap::{MAX_TAPS, Sink};
pub use weave::{BLOCK_FRAMES, FRAMES_PER_SECOND, Side, Stamp, Weave, is_heard};
