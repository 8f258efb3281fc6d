//! Writing messages into a reused buffer.
//!
//! The builder cannot fail and cannot be tricked: CR, LF and NUL in any text become a space, a field
//! name that is no token is not written, Content-Length is always the builder's own.

use std::fmt::{self, Display, Write as _};

use super::{Field, Message};
use crate::header::HeaderId;
use crate::lex::is_token;

/// Writes one message. Ends with [`Builder::body`] or [`Builder::finish`]; without, the message is incomplete.
#[derive(Debug)]
pub struct Builder<'b> {
    pub(super) out: &'b mut Vec<u8>,
}

/// Appends text, line breaks and NUL replaced.
struct Clean<'b>(&'b mut Vec<u8>);

impl fmt::Write for Clean<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        push_clean(self.0, text.as_bytes());
        Ok(())
    }
}

pub(super) fn push_clean(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    out.extend_from_slice(bytes);
    for byte in &mut out[start..] {
        if matches!(byte, b'\r' | b'\n' | 0) {
            *byte = b' ';
        }
    }
}

/// Fields that [`Builder::pass`] never passes: they belong to a hop, a dialog or the framing.
const OURS: [HeaderId; 20] = [
    HeaderId::Via,
    HeaderId::Route,
    HeaderId::RecordRoute,
    HeaderId::Path,
    HeaderId::ServiceRoute,
    HeaderId::From,
    HeaderId::To,
    HeaderId::CallId,
    HeaderId::CSeq,
    HeaderId::Contact,
    HeaderId::MaxForwards,
    HeaderId::ContentLength,
    HeaderId::ContentType,
    HeaderId::Authorization,
    HeaderId::ProxyAuthorization,
    HeaderId::WwwAuthenticate,
    HeaderId::ProxyAuthenticate,
    HeaderId::AuthenticationInfo,
    HeaderId::RAck,
    HeaderId::RSeq,
];

impl<'b> Builder<'b> {
    /// Begins a request. Clears the buffer. White space in the URI is %-encoded.
    pub fn request(out: &'b mut Vec<u8>, method: &str, uri: &str) -> Self {
        out.clear();
        let method = if !method.is_empty() && method.bytes().all(is_token) { method } else { "UNKNOWN" };
        out.extend_from_slice(method.as_bytes());
        out.push(b' ');
        for byte in uri.bytes() {
            if byte <= b' ' || byte == 0x7f {
                // Writing into a Vec cannot fail.
                let _ = write!(Clean(out), "%{byte:02X}");
            } else {
                out.push(byte);
            }
        }
        out.extend_from_slice(b" SIP/2.0\r\n");
        Self { out }
    }

    /// Begins a bare response. Clears the buffer. An empty reason means the default phrase.
    pub fn response(out: &'b mut Vec<u8>, status: u16, reason: &str) -> Self {
        out.clear();
        let reason = if reason.is_empty() { default_reason(status) } else { reason };
        let _ = write!(Clean(out), "SIP/2.0 {} {reason}", status.clamp(100, 699));
        out.extend_from_slice(b"\r\n");
        Self { out }
    }

    /// Writes a field. Content-Length is ignored.
    pub fn header(&mut self, id: HeaderId, value: impl Display) -> &mut Self {
        self.named(id.name(), value)
    }

    /// Writes a known field, unless its value is empty.
    pub fn header_unless_empty(&mut self, id: HeaderId, value: &str) -> &mut Self {
        if value.is_empty() { self } else { self.header(id, value) }
    }

    /// Writes a field of any name. A name that is no token, and Content-Length, are ignored.
    pub fn named(&mut self, name: &str, value: impl Display) -> &mut Self {
        if self.begin(name.as_bytes()) {
            let _ = write!(Clean(self.out), "{value}");
            self.out.extend_from_slice(b"\r\n");
        }
        self
    }

    /// Writes a field from bytes, whatever their encoding.
    pub fn raw(&mut self, name: &[u8], value: &[u8]) -> &mut Self {
        if self.begin(name) {
            push_clean(self.out, value);
            self.out.extend_from_slice(b"\r\n");
        }
        self
    }

    /// Copies every field of that header, in order, under its long name.
    pub fn copy(&mut self, from: &Message, id: HeaderId) -> &mut Self {
        for value in from.values(id) {
            self.raw(id.name().as_bytes(), value);
        }
        self
    }

    /// Copies the fields that `keep` chooses, in wire order and as written. Fields of the hop, the dialog,
    /// the framing and of authentication are never copied.
    pub fn pass(&mut self, from: &Message, keep: impl Fn(&Field<'_>) -> bool) -> &mut Self {
        for field in from.headers() {
            if !OURS.contains(&field.id) && keep(&field) {
                self.raw(field.name, field.value);
            }
        }
        self
    }

    /// Ends the message with a body. An empty content type writes no Content-Type.
    pub fn body(&mut self, content_type: &str, body: &[u8]) {
        if !content_type.is_empty() {
            self.header(HeaderId::ContentType, content_type);
        }
        let _ = write!(Clean(self.out), "Content-Length: {}", body.len());
        self.out.extend_from_slice(b"\r\n\r\n");
        self.out.extend_from_slice(body);
    }

    /// Ends the message without a body.
    pub fn finish(&mut self) {
        self.body("", b"");
    }

    fn begin(&mut self, name: &[u8]) -> bool {
        let sound = !name.is_empty() && name.iter().all(|b| is_token(*b));
        if !sound || HeaderId::from_name(name) == HeaderId::ContentLength {
            return false;
        }
        self.out.extend_from_slice(name);
        self.out.extend_from_slice(b": ");
        true
    }
}

/// The reason phrases of the registered status codes.
const REASONS: &[(u16, &str)] = &[
    (100, "Trying"),
    (180, "Ringing"),
    (181, "Call Is Being Forwarded"),
    (182, "Queued"),
    (183, "Session Progress"),
    (199, "Early Dialog Terminated"),
    (200, "OK"),
    (202, "Accepted"),
    (204, "No Notification"),
    (300, "Multiple Choices"),
    (301, "Moved Permanently"),
    (302, "Moved Temporarily"),
    (305, "Use Proxy"),
    (380, "Alternative Service"),
    (400, "Bad Request"),
    (401, "Unauthorized"),
    (402, "Payment Required"),
    (403, "Forbidden"),
    (404, "Not Found"),
    (405, "Method Not Allowed"),
    (406, "Not Acceptable"),
    (407, "Proxy Authentication Required"),
    (408, "Request Timeout"),
    (410, "Gone"),
    (412, "Conditional Request Failed"),
    (413, "Request Entity Too Large"),
    (414, "Request-URI Too Long"),
    (415, "Unsupported Media Type"),
    (416, "Unsupported URI Scheme"),
    (420, "Bad Extension"),
    (421, "Extension Required"),
    (422, "Session Interval Too Small"),
    (423, "Interval Too Brief"),
    (429, "Provide Referrer Identity"),
    (430, "Flow Failed"),
    (433, "Anonymity Disallowed"),
    (439, "First Hop Lacks Outbound Support"),
    (469, "Bad Info Package"),
    (480, "Temporarily Unavailable"),
    (481, "Call/Transaction Does Not Exist"),
    (482, "Loop Detected"),
    (483, "Too Many Hops"),
    (484, "Address Incomplete"),
    (485, "Ambiguous"),
    (486, "Busy Here"),
    (487, "Request Terminated"),
    (488, "Not Acceptable Here"),
    (489, "Bad Event"),
    (491, "Request Pending"),
    (493, "Undecipherable"),
    (494, "Security Agreement Required"),
    (500, "Server Internal Error"),
    (501, "Not Implemented"),
    (502, "Bad Gateway"),
    (503, "Service Unavailable"),
    (504, "Server Time-out"),
    (505, "Version Not Supported"),
    (513, "Message Too Large"),
    (580, "Precondition Failure"),
    (600, "Busy Everywhere"),
    (603, "Decline"),
    (604, "Does Not Exist Anywhere"),
    (606, "Not Acceptable"),
    (607, "Unwanted"),
    (608, "Rejected"),
];

/// The reason phrase of a status code; of its class where the code has none.
#[must_use]
pub fn default_reason(status: u16) -> &'static str {
    if let Ok(at) = REASONS.binary_search_by_key(&status, |(code, _)| *code) {
        return REASONS[at].1;
    }
    match status / 100 {
        1 => "Progress",
        2 => "OK",
        3 => "Redirection",
        4 => "Request Failure",
        5 => "Server Failure",
        _ => "Global Failure",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Framing;

    #[test]
    fn no_text_breaks_out_of_its_line() {
        let mut out = b"left over".to_vec();
        let mut builder = Builder::request(&mut out, "INVITE", "sip:a b\r\nX: y@h");
        builder.header(HeaderId::Via, "SIP/2.0/UDP h;branch=z9hG4bK1\r\nEvil: 1");
        builder
            .header_unless_empty(HeaderId::UserAgent, "")
            .header(HeaderId::ContentLength, 999)
            .named("Bad Name", 1)
            .named("X-Ok", "a\0b");
        builder.raw(b"Subject", b"J\xf6rg\nX: 1").finish();
        let text = crate::decode_text(&out).into_owned();
        assert_eq!(
            text,
            "INVITE sip:a%20b%0D%0AX:%20y@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1  Evil: 1\r\n\
             X-Ok: a b\r\nSubject: Jörg X: 1\r\nContent-Length: 0\r\n\r\n"
        );
    }

    #[test]
    fn fields_pass_in_order_and_as_written() {
        let bytes = b"INVITE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1\r\nf: <sip:a@b>;tag=1\r\n\
            t: <sip:c@d>\r\ni: x\r\nCSeq: 1 INVITE\r\nX-B: 2\r\ns: \xe9t\xe9\r\nx-a:1\r\nAuthorization: Digest x\r\n\r\n";
        let message = Message::parse(bytes, Framing::Datagram).unwrap();
        let mut out = Vec::new();
        Builder::response(&mut out, 200, "").pass(&message, |field| field.name != b"x-a").finish();
        assert_eq!(out, b"SIP/2.0 200 OK\r\nX-B: 2\r\ns: \xe9t\xe9\r\nContent-Length: 0\r\n\r\n");
    }

    #[test]
    fn reasons_are_sorted() {
        assert!(REASONS.is_sorted_by_key(|(code, _)| *code));
        assert_eq!(default_reason(486), "Busy Here");
        assert_eq!(default_reason(499), "Request Failure");
    }
}
