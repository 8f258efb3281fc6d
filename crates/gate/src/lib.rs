//! The one port: finds out what a connection speaks and hands complete requests on.
//!
//! Nothing here knows a command or a SIP method. An API request becomes a [`strowger_api::Request`] whatever
//! framing it came in, a SIP connection is handed to the switch, everything else is closed without a word.
//! Every connection is bounded: in bytes before it is understood, in time while it is silent, in number per
//! address and in all.

mod acme;
mod cards;
mod coarse;
mod connection;
mod console;
mod counted;
mod datagram;
mod detect;
mod echo;
mod events;
mod files;
mod forward;
mod gate;
mod http;
mod limits;
mod line;
mod listen;
mod mend;
mod mmq;
mod nodes;
mod outgoing;
mod path;
mod sip;
mod sse;
mod stream;
mod timer;
mod tls;
mod upload;
mod webhook;
mod websocket;

pub use acme::{AcmeSettings, Validation};
pub use detect::{Verdict, detect};
pub use gate::{Gate, Security};
pub use path::{Service, service};
pub use tls::{Certificate, Tls, TlsError};
