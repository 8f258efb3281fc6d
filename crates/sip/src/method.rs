//! Request methods. An unknown method is a method too: it parses as [`Method::Other`] and its text
//! stays readable in the message.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A request method. Names compare with case, as RFC 3261 7.1 says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Method {
    /// RFC 3261.
    Invite,
    /// RFC 3261.
    Ack,
    /// RFC 3261.
    Bye,
    /// RFC 3261.
    Cancel,
    /// RFC 3261.
    Register,
    /// RFC 3261.
    Options,
    /// RFC 6086.
    Info,
    /// RFC 3311.
    Update,
    /// RFC 3262.
    Prack,
    /// RFC 6665.
    Subscribe,
    /// RFC 6665.
    Notify,
    /// RFC 3515.
    Refer,
    /// RFC 3428.
    Message,
    /// RFC 3903.
    Publish,
    /// Any other token.
    Other,
}

/// Every known method with its text.
const NAMES: [(Method, &str); 14] = [
    (Method::Invite, "INVITE"),
    (Method::Ack, "ACK"),
    (Method::Bye, "BYE"),
    (Method::Cancel, "CANCEL"),
    (Method::Register, "REGISTER"),
    (Method::Options, "OPTIONS"),
    (Method::Info, "INFO"),
    (Method::Update, "UPDATE"),
    (Method::Prack, "PRACK"),
    (Method::Subscribe, "SUBSCRIBE"),
    (Method::Notify, "NOTIFY"),
    (Method::Refer, "REFER"),
    (Method::Message, "MESSAGE"),
    (Method::Publish, "PUBLISH"),
];

impl Method {
    /// The method of a token.
    #[must_use]
    pub fn from_bytes(token: &[u8]) -> Self {
        NAMES.iter().find(|(_, name)| name.as_bytes() == token).map_or(Self::Other, |(method, _)| *method)
    }

    /// The text on the wire; empty for [`Method::Other`].
    #[must_use]
    pub fn as_str(self) -> &'static str {
        NAMES.iter().find(|(method, _)| *method == self).map_or("", |(_, name)| *name)
    }

    /// Requests that make a dialog: INVITE, SUBSCRIBE, REFER.
    #[must_use]
    pub const fn makes_dialog(self) -> bool {
        matches!(self, Self::Invite | Self::Subscribe | Self::Refer)
    }

    /// Requests whose Contact moves the remote target (RFC 3261 12.2, 3311, 6665).
    #[must_use]
    pub const fn refreshes_target(self) -> bool {
        matches!(self, Self::Invite | Self::Update | Self::Subscribe | Self::Notify | Self::Refer)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
