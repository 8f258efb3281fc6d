//! Which transaction a message belongs to (RFC 3261 17.1.3 and 17.2.3).

use std::fmt::Write as _;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::header::HeaderId;
use crate::lex::{List, decode_text};
use crate::message::Message;
use crate::method::Method;

/// What every branch of RFC 3261 begins with.
const MAGIC_COOKIE: &str = "z9hG4bK";

/// The port of a sent-by without one.
const DEFAULT_PORT: u16 = 5060;

/// The identity of a transaction, comparable and cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TransactionKey(Arc<str>);

impl TransactionKey {
    /// The server transaction of a request; an ACK has the key of its INVITE.
    ///
    /// A branch without the magic cookie, or with nothing after it, is matched by RFC 2543's rule: Request-URI,
    /// From tag, Call-ID, CSeq and top Via. The To tag is left out, since the ACK's is not the INVITE's.
    #[must_use]
    pub fn of_request(request: &Message) -> Self {
        match request.method() {
            Method::Ack => Self::server(request, Method::Invite.as_str()),
            _ => Self::server(request, request.method_text()),
        }
    }

    /// The server transaction of the INVITE that a CANCEL is for.
    #[must_use]
    pub fn of_cancelled(cancel: &Message) -> Self {
        Self::server(cancel, Method::Invite.as_str())
    }

    /// The client transaction of a response, or of a request of ours: branch and method.
    #[must_use]
    pub fn of_response(message: &Message) -> Self {
        Self(format!("{}\n{}", message.branch(), message.cseq_method_text()).into())
    }

    fn server(request: &Message, method: &str) -> Self {
        let branch = request.branch();
        let modern = branch
            .split_at_checked(MAGIC_COOKIE.len())
            .is_some_and(|(cookie, rest)| cookie.eq_ignore_ascii_case(MAGIC_COOKIE) && !rest.is_empty());
        let via =
            request.values(HeaderId::Via).next().and_then(|value| List::new(value).next()).unwrap_or(b"");
        let mut text = String::with_capacity(branch.len() + 48);
        // Writing into a String cannot fail.
        if modern && let Ok(via) = crate::header::Via::parse_loosely(via) {
            let host = via.host.to_ascii_lowercase();
            let _ = write!(text, "{branch}\n{host}:{}\n{method}", via.port.unwrap_or(DEFAULT_PORT));
        } else {
            let (uri, tag, call, cseq) =
                (request.uri_text(), request.from_tag(), request.call_id(), request.cseq());
            let _ = write!(text, "{uri}\n{tag}\n{call}\n{cseq}\n{method}\n{}", decode_text(via));
        }
        Self(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Framing;

    fn key(method: &str, via: &str, to_tag: &str) -> (TransactionKey, TransactionKey) {
        let text = format!(
            "{method} sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP {via}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>{to_tag}\r\n\
             Call-ID: x\r\nCSeq: 1 {method}\r\n\r\n"
        );
        let request = Message::parse(text.as_bytes(), Framing::Datagram).unwrap();
        (TransactionKey::of_request(&request), TransactionKey::of_cancelled(&request))
    }

    fn check(one: (&str, &str), other: (&str, &str), same: bool) {
        assert_eq!(key(one.0, one.1, "").0 == key(other.0, other.1, ";tag=2").0, same, "{one:?} {other:?}");
    }

    #[test]
    fn branches_and_old_style_requests_are_matched() {
        check(("INVITE", "h;branch=z9hG4bK1"), ("INVITE", "H:5060;branch=z9hG4bK1;rport"), true);
        check(("INVITE", "h;branch=z9hG4bK1"), ("ACK", "h;branch=z9hG4bK1"), true);
        check(("INVITE", "h;branch=z9hG4bK1"), ("CANCEL", "h;branch=z9hG4bK1"), false);
        check(("INVITE", "h;branch=z9hG4bK1"), ("INVITE", "i;branch=z9hG4bK1"), false);
        check(("INVITE", "h;branch=z9hG4bK1"), ("INVITE", "h;branch=z9hG4bK2"), false);
        check(("INVITE", "h"), ("ACK", "h"), true);
        check(("INVITE", "h;branch=z9hG4bK"), ("ACK", "h;branch=z9hG4bK"), true);
        check(("INVITE", "h;branch=1"), ("INVITE", "i;branch=1"), false);
        check(("FOO", "h;branch=z9hG4bK1"), ("BAR", "h;branch=z9hG4bK1"), false);
        let invite = key("INVITE", "h;branch=z9hG4bK1", "").0;
        assert_eq!(key("CANCEL", "h;branch=z9hG4bK1", "").1, invite);
    }
}
