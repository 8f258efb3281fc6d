//! Where accounts can be reached, and who may say so: the registrar's bindings and their log, digest
//! nonces, and our own registrations at upper servers; what is to be seen of accounts (presence), and the
//! instant messages on their way to them.
//!
//! Not here: sockets, files, clocks, accounts, and any decision about calls. The owner hands in time, messages and
//! passwords, performs the outputs, and keeps the log file.

#![deny(missing_docs)]

mod authenticator;
mod binding;
mod mac;
mod messenger;
mod nonce;
mod outbound;
mod presence;
mod reach;
mod record;
mod registrar;
mod request;
mod requests;

pub use authenticator::{AuthResult, Authenticator};
pub use binding::{Binding, MAX_BINDING_TEXT_BYTES};
pub use mac::Key;
pub use messenger::{Delivery, InstantMessage, MessageTarget, Messenger};
pub use nonce::{Nonces, Use};
pub use outbound::{
    Outbound, OutboundOutput, OutboundSettings, OutboundState, OutboundStatus, RETRY_FIRST_MS, RETRY_MAX_MS,
};
pub use presence::{
    Accepted as PublishAccepted, Line, MAX_WORD_BYTES, Package, Presence, PresenceRefusal, PresenceSettings,
    Published, Status, Subscriber, is_word,
};
pub use reach::{Carrier, Reach};
pub use record::{BindingRecord, decode_log, encode};
pub use registrar::{
    Accepted, REFRESH_BOUNDS_S, Registrar, RegistrarCounters, RegistrarOutput, RegistrarSettings,
};
pub use request::RegisterRefusal;
pub use requests::Transmit;
