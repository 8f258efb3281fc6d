//! Session descriptions (RFC 8866, before it RFC 4566) and the offer/answer rules (RFC 3264) as a
//! back-to-back user agent needs them.
//!
//! A [`Session`] is the text itself with ranges over it: lines that nobody here knows are kept and
//! written again, and what this side must change is replaced line by line. The functions beside it take
//! descriptions and give descriptions or facts; nothing is remembered between calls, no port is
//! allocated and no id is minted here.
//!
//! Deliberately not done: ICE, DTLS-SRTP, BUNDLE and rtcp-mux are neither offered nor answered (their
//! attributes are removed from what we send); SDES keys pass from end to end.

#![deny(missing_docs)]

mod answer;
mod direction;
mod error;
mod facts;
mod media;
mod offer;
mod session;

pub use answer::{local_answer, relay_answer};
pub use direction::Direction;
pub use error::{NotAcceptable, ParseError};
pub use facts::{
    Policy, Role, awaiting, check_answer, check_offer, compatible, negotiated, same_but_version, unchanged,
};
pub use media::{Format, Media};
pub use offer::{Ours, local_offer, relay_offer, with_direction};
pub use session::{MAX_BODY_BYTES, MAX_LINES, MAX_MEDIA, Origin, Session};
