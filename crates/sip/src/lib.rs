//! The SIP core: messages, transactions, dialogs and digest as pure values.
//!
//! What it is: a tolerant parser into ranges of one shared buffer, an infallible builder, the four
//! transaction machines of RFC 3261 with RFC 6026 in virtual time, dialog state, and digest in both
//! roles. What it is not: it opens no socket, reads no clock, mints no tag, branch, Call-ID or nonce,
//! and knows nothing of calls, accounts or bindings.
//!
//! Errors are input, panics are bugs: whatever bytes arrive, every function returns.

#![deny(missing_docs)]

pub mod dialog;
pub mod digest;
pub mod fuzz;
pub mod header;
mod lex;
pub mod message;
mod method;
pub mod transaction;
pub mod validate;

pub use dialog::{Dialog, DialogError, DialogKey, OutOfOrder};
pub use header::{
    Contacts, HeaderError, HeaderId, Host, MediaType, NameAddr, Params, RAck, ReasonValue, Refresher, Scheme,
    SessionExpires, Uri, UriError, Via,
};
pub use lex::{decode_text, escape_user, quote};
pub use message::{
    Builder, Field, Framing, MAX_HEAD, MAX_MESSAGE, Message, ParseError, StreamFrame, default_reason,
    looks_like_sip, stream_frame,
};
pub use method::Method;
pub use transaction::{
    ClientTransaction, Fate, Output, ServerTable, ServerTransaction, Timer, TransactionKey, Unacknowledged,
};
pub use validate::{Abilities, Refusal, validate, validate_response};
