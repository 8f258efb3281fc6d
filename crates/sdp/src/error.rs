//! Why a body is no session description, and why a description cannot be agreed to.

use thiserror::Error;

/// The body is not a session description.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseError {
    /// No line at all.
    #[error("empty session description")]
    Empty,
    /// Longer than [`crate::MAX_BODY_BYTES`].
    #[error("session description of {bytes} bytes is too large")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// More lines than [`crate::MAX_LINES`].
    #[error("more than {limit} lines")]
    TooManyLines {
        /// The limit.
        limit: usize,
    },
    /// More media lines than [`crate::MAX_MEDIA`].
    #[error("more than {limit} media lines")]
    TooManyMedia {
        /// The limit.
        limit: usize,
    },
    /// Not of the form `x=value`.
    #[error("line {line} is not of the form x=value")]
    NotALine {
        /// Counted from one.
        line: usize,
    },
    /// A media line without kind, port, protocol and a format.
    #[error("line {line} is not a media description")]
    BadMedia {
        /// Counted from one.
        line: usize,
    },
}

/// The description cannot be agreed to: 488 Not Acceptable Here for an offer, a failed call for an answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotAcceptable {
    /// No audio line with a port.
    #[error("no audio")]
    NoAudio,
    /// A transport that is not RTP over UDP as we speak it.
    #[error("transport protocol {0} is not available")]
    Protocol(String),
    /// Neither `c=` nor `o=` holds an IP address.
    #[error("no connection address")]
    NoAddress,
    /// The two sides share no audio format.
    #[error("no common audio format")]
    NoCommonCodec,
    /// The answer has another number of media lines than the offer (RFC 3264 section 6).
    #[error("{answered} media lines answer {offered}")]
    MediaCount {
        /// Lines in the offer.
        offered: usize,
        /// Lines in the answer.
        answered: usize,
    },
    /// A media line of the answer is of another kind than the offer's at its place.
    #[error("media line {index} is of another kind than offered")]
    MediaKind {
        /// Counted from zero.
        index: usize,
    },
}

impl NotAcceptable {
    /// Code and text for a Warning header (RFC 3261 section 20.43).
    #[must_use]
    pub const fn warning(&self) -> (u16, &'static str) {
        match self {
            Self::NoAudio => (304, "Media type not available"),
            Self::Protocol(_) => (302, "Incompatible transport protocol"),
            Self::NoAddress => (301, "Incompatible network address formats"),
            Self::NoCommonCodec => (305, "Incompatible media format"),
            Self::MediaCount { .. } | Self::MediaKind { .. } => (399, "Answer does not fit the offer"),
        }
    }
}
