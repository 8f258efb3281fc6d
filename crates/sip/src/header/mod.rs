//! Header values, one file per kind. Each borrows from the message and parses on demand.

mod contact;
mod content_type;
mod cseq;
mod host;
mod id;
mod name_addr;
mod number;
mod params;
mod rack;
mod reason;
mod session_expires;
mod uri;
mod via;

pub use contact::Contacts;
pub use content_type::MediaType;
pub use cseq::CSeq;
pub use host::Host;
pub use id::HeaderId;
pub use name_addr::NameAddr;
pub use params::{ParamIter, Params};
pub use rack::RAck;
pub use reason::ReasonValue;
pub use session_expires::{Refresher, SessionExpires};
pub use uri::{Scheme, Uri, UriError};
pub use via::Via;

pub(crate) use id::{WINDOW, name_in_window};
pub(crate) use name_addr::split_name_addr;
pub(crate) use number::seconds;

/// A header value that does not follow its grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{header}: {why}")]
pub struct HeaderError {
    /// Which header.
    pub header: HeaderId,
    /// What is wrong, fit for a reason phrase.
    pub why: &'static str,
}

impl HeaderError {
    pub(crate) const fn new(header: HeaderId, why: &'static str) -> Self {
        Self { header, why }
    }
}
