//! Cutting a byte stream into messages (RFC 3261 18.3) and keep-alives (RFC 5626 3.5.1).

use memchr::{memchr, memchr_iter, memmem};

use super::{MAX_HEAD, MAX_MESSAGE};
use crate::header::HeaderId;
use crate::lex::{number, trim};

/// The longest first line that sniffing looks at, in bytes.
const MAX_SNIFF: usize = 2048;

/// What the first bytes of a stream's buffer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamFrame {
    /// The message is not complete.
    NeedMore,
    /// A message of so many bytes: parse them as [`super::Framing::Stream`].
    Frame(usize),
    /// Line breaks to consume. Four bytes are a ping, which wants a CRLF back.
    KeepAlive(usize),
    /// The framing is lost or a bound is broken: close the connection. Parsing the bytes as a datagram
    /// tells whether a 400 can be sent first.
    Bad(&'static str),
}

/// Looks at the first bytes of a stream's buffer.
#[must_use]
pub fn stream_frame(bytes: &[u8]) -> StreamFrame {
    match bytes {
        [] | [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => return StreamFrame::NeedMore,
        [b'\r', b'\n', b'\r', b'\n', ..] => return StreamFrame::KeepAlive(4),
        [b'\r', b'\n', ..] => return StreamFrame::KeepAlive(2),
        [b'\r' | b'\n', ..] => return StreamFrame::KeepAlive(1),
        _ => {}
    }
    let mut content_length = None;
    let mut line_start = 0;
    for end in memchr_iter(b'\n', bytes) {
        let line = bytes[line_start..end].strip_suffix(b"\r").unwrap_or(&bytes[line_start..end]);
        if end >= MAX_HEAD {
            return StreamFrame::Bad("head too large");
        }
        if line.is_empty() {
            return complete(bytes.len(), end + 1, content_length.unwrap_or(0));
        }
        match length_of(line) {
            Ok(None) => {}
            Ok(length) if content_length.is_none() => content_length = length,
            Ok(_) => return StreamFrame::Bad("Content-Length appears twice"),
            Err(why) => return StreamFrame::Bad(why),
        }
        line_start = end + 1;
    }
    if bytes.len() > MAX_HEAD { StreamFrame::Bad("head too large") } else { StreamFrame::NeedMore }
}

fn complete(available: usize, head: usize, body: usize) -> StreamFrame {
    match head.checked_add(body) {
        Some(total) if total > MAX_MESSAGE => StreamFrame::Bad("message too large"),
        Some(total) if total <= available => StreamFrame::Frame(total),
        Some(_) => StreamFrame::NeedMore,
        None => StreamFrame::Bad("message too large"),
    }
}

/// The value of a Content-Length line; none for any other line.
fn length_of(line: &[u8]) -> Result<Option<usize>, &'static str> {
    if !matches!(line.first(), Some(b'c' | b'C' | b'l' | b'L')) {
        return Ok(None);
    }
    let Some(colon) = memchr(b':', line) else { return Ok(None) };
    if HeaderId::from_name(trim(&line[..colon])) != HeaderId::ContentLength {
        return Ok(None);
    }
    let length = number(&line[colon + 1..]).and_then(|n| usize::try_from(n).ok());
    length.map(Some).ok_or("malformed Content-Length")
}

/// The first bytes of a connection or datagram are a SIP start line, as far as they go.
///
/// A request line is only recognised when its ` SIP/` has arrived.
#[must_use]
pub fn looks_like_sip(first_bytes: &[u8]) -> bool {
    let bytes = &first_bytes[..first_bytes.len().min(MAX_SNIFF)];
    if bytes.starts_with(b"SIP/2.0 ") {
        return true;
    }
    let line = memchr(b'\n', bytes).map_or(bytes, |end| &bytes[..end]);
    memmem::find(line, b" SIP/").is_some_and(|at| {
        let version = line[at + 5..].strip_suffix(b"\r").unwrap_or(&line[at + 5..]);
        trim(version).iter().all(|b| b.is_ascii_digit() || *b == b'.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: StreamFrame) {
        assert_eq!(stream_frame(text.as_bytes()), expected, "{text:?}");
    }

    #[test]
    fn frames_end_where_the_content_length_says() {
        check("", StreamFrame::NeedMore);
        check("OPTIONS sip:a SIP/2.0\r\nl: 3\r\n\r\nabcREGISTER", StreamFrame::Frame(34));
        check("OPTIONS sip:a SIP/2.0\r\nContent-Length : 3\r\n\r\nab", StreamFrame::NeedMore);
        check("OPTIONS sip:a SIP/2.0\r\nVia: x\r\n\r\nREGISTER", StreamFrame::Frame(33));
        check("OPTIONS sip:a SIP/2.0\nl:0\n\n", StreamFrame::Frame(27));
        check("OPTIONS sip:a SIP/2.0\r\nl: -3\r\n\r\n", StreamFrame::Bad("malformed Content-Length"));
        check("X y SIP/2.0\r\nl: 1\r\nl: 1\r\n\r\n", StreamFrame::Bad("Content-Length appears twice"));
        check("X y SIP/2.0\r\nl: 70000\r\n\r\n", StreamFrame::Bad("message too large"));
        check(&"a".repeat(MAX_HEAD + 1), StreamFrame::Bad("head too large"));
    }

    #[test]
    fn pings_and_pongs_are_told_apart() {
        check("\r\n\r\nINVITE", StreamFrame::KeepAlive(4));
        check("\r\nINVITE", StreamFrame::KeepAlive(2));
        check("\r\n", StreamFrame::NeedMore);
        check("\n", StreamFrame::KeepAlive(1));
    }

    #[test]
    fn start_lines_are_recognised() {
        for (text, sip) in [
            ("INVITE sip:a@b SIP/2.0\r\n", true),
            ("SIP/2.0 200 OK", true),
            ("GET / HTTP/1.1\r\nX: SIP/2.0", false),
            ("balance SIP/x", false),
            ("INVITE sip:a@b SI", false),
        ] {
            assert_eq!(looks_like_sip(text.as_bytes()), sip, "{text}");
        }
    }
}
