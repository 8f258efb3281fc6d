//! Messages: one shared buffer and a table of ranges. Values are parsed when asked for.
//!
//! Reading never allocates beyond the buffer; writing is [`Builder`]'s.

mod build;
mod keys;
mod parse;
mod respond;
mod stream;
mod table;
mod typed;

use std::fmt;
use std::sync::Arc;

pub use build::{Builder, default_reason};
pub use stream::{StreamFrame, looks_like_sip, stream_frame};

use crate::header::{HeaderId, Uri, UriError};
use crate::lex::List;
use crate::method::Method;
use table::{Span, Table};

/// The largest message in bytes, head and body, on any transport.
pub const MAX_MESSAGE: usize = 65_535;

/// The largest head in bytes, start line to blank line.
pub const MAX_HEAD: usize = 16_384;

/// How the bytes arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// One datagram, or one WebSocket message: the end of the bytes is the end of the body.
    Datagram,
    /// One frame cut from a stream by [`stream_frame`].
    Stream,
}

/// Why bytes are not taken as a message.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ParseError {
    /// A request that is wrong but can be told so.
    #[error("{status} {reason}{}", header.map(|h| format!(" ({h})")).unwrap_or_default())]
    Answerable {
        /// The status of the answer.
        status: u16,
        /// Its reason phrase.
        reason: &'static str,
        /// The header at fault.
        header: Option<HeaderId>,
        /// What could be read: enough for [`Builder::response_to`].
        message: Box<Message>,
    },
    /// Nothing that could or should be answered.
    #[error("{reason}")]
    Drop {
        /// Why.
        reason: &'static str,
    },
}

#[derive(Debug, Clone, Copy)]
enum Start {
    Request { method: Method, text: Span, uri: Span },
    Response { status: u16, reason: Span },
}

/// What routes a message, sliced once.
#[derive(Debug, Clone, Copy, Default)]
struct Keys {
    branch: Span,
    from_tag: Span,
    to_tag: Span,
    call_id: Span,
    cseq: u32,
    cseq_method: Option<(Method, Span)>,
}

/// A parsed request or response. A clone shares the bytes.
#[derive(Clone)]
pub struct Message {
    bytes: Arc<[u8]>,
    start: Start,
    table: Table,
    body: Span,
    keys: Keys,
}

/// One header field, as it stands in the message.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    /// Its header, or [`HeaderId::Other`].
    pub id: HeaderId,
    /// Its name as written.
    pub name: &'a [u8],
    /// Its value, trimmed and unfolded. Not necessarily UTF-8.
    pub value: &'a [u8],
}

impl Message {
    /// Reads one message. Copies the bytes into one shared buffer, which is the only allocation
    /// (a head of more than 28 fields makes a second one).
    ///
    /// # Errors
    /// [`ParseError`]: answerable, or to be dropped.
    pub fn parse(bytes: &[u8], framing: Framing) -> Result<Self, ParseError> {
        parse::parse(bytes, framing)
    }

    /// The message as received, folded lines unfolded.
    #[must_use]
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// It is a request.
    #[must_use]
    pub const fn is_request(&self) -> bool {
        matches!(self.start, Start::Request { .. })
    }

    /// The method of the request line; of a response: of its CSeq.
    #[must_use]
    pub fn method(&self) -> Method {
        match self.start {
            Start::Request { method, .. } => method,
            Start::Response { .. } => self.cseq_method(),
        }
    }

    /// The method as written.
    #[must_use]
    pub fn method_text(&self) -> &str {
        match self.start {
            Start::Request { text, .. } => text.text(&self.bytes),
            Start::Response { .. } => self.cseq_method_text(),
        }
    }

    /// The Request-URI as written; empty for a response.
    #[must_use]
    pub fn uri_text(&self) -> &str {
        match self.start {
            Start::Request { uri, .. } => uri.text(&self.bytes),
            Start::Response { .. } => "",
        }
    }

    /// The Request-URI.
    ///
    /// # Errors
    /// It is malformed, or this is a response.
    pub fn uri(&self) -> Result<Uri<'_>, UriError> {
        match self.start {
            Start::Request { uri, .. } => Uri::parse(uri.get(&self.bytes)),
            Start::Response { .. } => Err(UriError("a response has none")),
        }
    }

    /// The status code; 0 for a request.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self.start {
            Start::Request { .. } => 0,
            Start::Response { status, .. } => status,
        }
    }

    /// The reason phrase; empty for a request.
    #[must_use]
    pub fn reason(&self) -> &[u8] {
        match self.start {
            Start::Request { .. } => b"",
            Start::Response { reason, .. } => reason.get(&self.bytes),
        }
    }

    /// The body, Content-Length respected.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.body.get(&self.bytes)
    }

    /// The Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &str {
        self.keys.call_id.text(&self.bytes)
    }

    /// The From tag; empty where there is none (RFC 2543).
    #[must_use]
    pub fn from_tag(&self) -> &str {
        self.keys.from_tag.text(&self.bytes)
    }

    /// The To tag; empty where there is none.
    #[must_use]
    pub fn to_tag(&self) -> &str {
        self.keys.to_tag.text(&self.bytes)
    }

    /// The branch of the top Via; empty where there is none (RFC 2543).
    #[must_use]
    pub fn branch(&self) -> &str {
        self.keys.branch.text(&self.bytes)
    }

    /// The CSeq number.
    #[must_use]
    pub const fn cseq(&self) -> u32 {
        self.keys.cseq
    }

    /// The CSeq method.
    #[must_use]
    pub fn cseq_method(&self) -> Method {
        self.keys.cseq_method.map_or(Method::Other, |(method, _)| method)
    }

    /// The CSeq method as written.
    #[must_use]
    pub fn cseq_method_text(&self) -> &str {
        self.keys.cseq_method.map_or("", |(_, text)| text.text(&self.bytes))
    }

    /// The value of the first field of that header.
    #[must_use]
    pub fn value(&self, id: HeaderId) -> Option<&[u8]> {
        self.table.first(id).map(|entry| entry.value.get(&self.bytes))
    }

    /// As [`Message::value`]; none where it is not UTF-8.
    #[must_use]
    pub fn text(&self, id: HeaderId) -> Option<&str> {
        std::str::from_utf8(self.value(id)?).ok()
    }

    /// The value of each field of that header, in order.
    pub fn values(&self, id: HeaderId) -> impl Iterator<Item = &[u8]> {
        self.table.iter().filter(move |entry| entry.id == id).map(|entry| entry.value.get(&self.bytes))
    }

    /// The elements of all fields of that header, comma-separated lists taken apart.
    pub fn elements(&self, id: HeaderId) -> impl Iterator<Item = &[u8]> {
        self.values(id).flat_map(List::new)
    }

    /// The value of the first field of that name, known or not, without regard to case.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&[u8]> {
        let id = HeaderId::from_name(name.as_bytes());
        if id != HeaderId::Other {
            return self.value(id);
        }
        self.headers()
            .find(|field| field.id == HeaderId::Other && field.name.eq_ignore_ascii_case(name.as_bytes()))
            .map(|field| field.value)
    }

    /// Every field in wire order.
    pub fn headers(&self) -> impl Iterator<Item = Field<'_>> {
        self.table.iter().map(|entry| Field {
            id: entry.id,
            name: entry.name.get(&self.bytes),
            value: entry.value.get(&self.bytes),
        })
    }
}

impl fmt::Debug for Message {
    /// Start line facts and routing keys only: bodies and credentials do not belong in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("method", &self.method_text())
            .field("status", &self.status())
            .field("call_id", &self.call_id())
            .field("cseq", &self.cseq())
            .finish_non_exhaustive()
    }
}
