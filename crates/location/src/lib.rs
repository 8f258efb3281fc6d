//! Where accounts can be reached, and who may say so: the registrar's bindings and their log, digest
//! nonces, and our own registrations at upper servers.
//!
//! Not here: sockets, files, clocks, accounts, and any decision about calls. The owner hands in time, messages and
//! passwords, performs the outputs, and keeps the log file.

#![deny(missing_docs)]

mod authenticator;
mod binding;
mod mac;
mod nonce;
mod outbound;
mod reach;
mod record;
mod registrar;
mod request;

pub use authenticator::{AuthResult, Authenticator};
pub use binding::{Binding, MAX_BINDING_TEXT_BYTES};
pub use mac::Key;
pub use nonce::{Nonces, Use};
pub use outbound::{
    Outbound, OutboundOutput, OutboundSettings, OutboundState, OutboundStatus, RETRY_FIRST_MS, RETRY_MAX_MS,
};
pub use reach::{Carrier, Reach};
pub use record::{BindingRecord, decode_log, encode};
pub use registrar::{Accepted, Registrar, RegistrarOutput, RegistrarSettings};
pub use request::RegisterRefusal;
