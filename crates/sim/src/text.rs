//! SIP messages as the parties of the simulation read and write them: lines of text. Independent of the `sip`
//! crate on purpose, so that a mistake there is not made twice.

use std::fmt::Write as _;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The first line.
    pub start: String,
    /// Names in lower case, long form; values trimmed.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Text {
    /// A request or response without headers.
    #[must_use]
    pub fn new(start: impl Into<String>) -> Self {
        Self { start: start.into(), headers: Vec::new(), body: String::new() }
    }

    /// Reads a datagram; none: it is no SIP message.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let start = lines.next()?.to_owned();
        if !start.contains("SIP/2.0") {
            return None;
        }
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (long_name(name), value.trim().to_owned()))
            .collect();
        let message = Self { start, headers, body: body.to_owned() };
        let announced = message.get("content-length").and_then(|n| n.parse::<usize>().ok());
        announced.is_none_or(|n| n == body.len()).then_some(message)
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Adds a session description.
    #[must_use]
    pub fn with_sdp(mut self, sdp: String) -> Self {
        self.body = sdp;
        self.with("content-type", "application/sdp")
    }

    /// The bytes on the wire.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = format!("{}\r\n", self.start);
        for (name, value) in &self.headers {
            let _ = write!(out, "{name}: {value}\r\n");
        }
        let _ = write!(out, "content-length: {}\r\n\r\n{}", self.body.len(), self.body);
        out.into_bytes()
    }

    /// The first value of a header, by its long lower-case name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// All values of a header.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The status; 0 for a request.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.start.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)?.parse().ok()).unwrap_or(0)
    }

    /// The method of a request, or of a response's CSeq.
    #[must_use]
    pub fn method(&self) -> &str {
        if self.status() == 0 {
            self.start.split(' ').next().unwrap_or("")
        } else {
            self.get("cseq").and_then(|value| value.split_whitespace().nth(1)).unwrap_or("")
        }
    }

    /// The Request-URI.
    #[must_use]
    pub fn uri(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or("")
    }

    /// The number of CSeq.
    #[must_use]
    pub fn cseq(&self) -> u32 {
        let number = self.get("cseq").and_then(|value| value.split_whitespace().next());
        number.and_then(|n| n.parse().ok()).unwrap_or(0)
    }

    /// The Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &str {
        self.get("call-id").unwrap_or("")
    }

    /// The branch of the top Via.
    #[must_use]
    pub fn branch(&self) -> &str {
        self.get("via").and_then(|via| parameter(via, "branch")).unwrap_or("")
    }

    /// The From tag.
    #[must_use]
    pub fn caller_tag(&self) -> &str {
        self.get("from").and_then(tag).unwrap_or("")
    }

    /// The To tag; empty where there is none.
    #[must_use]
    pub fn called_tag(&self) -> &str {
        self.get("to").and_then(tag).unwrap_or("")
    }

    /// The URI of the Contact.
    #[must_use]
    pub fn contact(&self) -> Option<&str> {
        let value = self.get("contact")?;
        Some(bracketed(value).unwrap_or_else(|| value.split(';').next().unwrap_or(value)))
    }

    /// A response to this request: Via, From, To (with `to_tag` where it has none), Call-ID, CSeq, Record-Route.
    #[must_use]
    pub fn response(&self, status: u16, reason: &str, to_tag: &str) -> Self {
        let mut response = Self::new(format!("SIP/2.0 {status} {reason}"));
        for name in ["via", "record-route", "from", "to", "call-id", "cseq"] {
            for value in self.all(name) {
                let tagged = name == "to" && status > 100 && tag(value).is_none();
                let value = if tagged { format!("{value};tag={to_tag}") } else { value.to_owned() };
                response.headers.push((name.to_owned(), value));
            }
        }
        response
    }
}

/// What stands between angle brackets.
fn bracketed(value: &str) -> Option<&str> {
    value.split_once('<')?.1.split_once('>').map(|(uri, _)| uri)
}

/// The tag behind the address.
fn tag(value: &str) -> Option<&str> {
    let after = value.rsplit_once('>').map_or(value, |(_, after)| after);
    parameter(after, "tag")
}

/// A parameter's value.
fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    value.split(';').skip(1).find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn long_name(name: &str) -> String {
    let name = name.trim().to_ascii_lowercase();
    let long = match name.as_str() {
        "v" => "via",
        "f" => "from",
        "t" => "to",
        "i" => "call-id",
        "m" => "contact",
        "l" => "content-length",
        "c" => "content-type",
        _ => return name,
    };
    long.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &str = "INVITE sip:b@h SIP/2.0\r\nv: SIP/2.0/UDP h;rport;branch=z9hG4bKx\r\nFrom: \"A;tag=no\" <sip:a@h;x=1>;tag=1\r\n\
        To: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\nm: <sip:a@1.2.3.4:5>;x=y\r\nContent-Length: 4\r\n\r\nbody";

    #[test]
    fn a_request_is_read_and_answered() {
        let invite = Text::parse(INVITE.as_bytes()).unwrap();
        assert_eq!((invite.method(), invite.uri(), invite.cseq()), ("INVITE", "sip:b@h", 7));
        assert_eq!((invite.branch(), invite.caller_tag(), invite.called_tag()), ("z9hG4bKx", "1", ""));
        assert_eq!((invite.contact(), invite.body.as_str()), (Some("sip:a@1.2.3.4:5"), "body"));
        let ringing = Text::parse(&invite.response(180, "Ringing", "2").bytes()).unwrap();
        assert_eq!((ringing.status(), ringing.method(), ringing.called_tag()), (180, "INVITE", "2"));
        assert_eq!(Text::parse(b"\r\n\r\n"), None);
        assert_eq!(Text::parse(INVITE.replace(": 4", ": 5").as_bytes()), None);
    }
}
