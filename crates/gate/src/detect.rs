//! What the first bytes of a connection say. Pure: bytes in, verdict out.

use strowger_api::is_request_line;

/// The most CR and LF bytes skipped before the first line: SIP clients ping with them (RFC 5626 3.5.1).
const MAX_LEADING_LINE_ENDS: usize = 64;

/// HTTP methods other than OPTIONS, which SIP has too.
const HTTP_METHODS: [&[u8]; 8] =
    [b"GET ", b"POST ", b"HEAD ", b"PUT ", b"DELETE ", b"PATCH ", b"CONNECT ", b"TRACE "];

/// Schemes of SIP request targets.
const SIP_SCHEMES: [&[u8]; 4] = [b"sip:", b"sips:", b"tel:", b"urn:"];

/// The magic cookie of STUN, in bytes 4 to 7 of every message (RFC 8489 5).
const STUN_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];

/// What a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// HTTP/1.x; a WebSocket begins so too.
    Http,
    /// API requests, one per line.
    Line,
    /// SIP (RFC 3261).
    Sip,
    /// A TLS handshake.
    Tls,
    /// STUN or TURN.
    Stun,
    /// None of these.
    Unknown,
    /// Not decided: more bytes are needed.
    More,
}

/// Judges the first bytes. `ended`: no more will come, so an unfinished line is a line.
#[must_use]
pub fn detect(bytes: &[u8], ended: bool) -> Verdict {
    let undecided = if ended { Verdict::Unknown } else { Verdict::More };
    if let Some(verdict) = binary(bytes) {
        return verdict;
    }
    let leading = bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    if leading > MAX_LEADING_LINE_ENDS {
        return Verdict::Unknown;
    }
    let bytes = &bytes[leading..];
    if bytes.is_empty() {
        return undecided;
    }
    let end = bytes.iter().position(|b| matches!(b, b'\r' | b'\n'));
    let line = &bytes[..end.unwrap_or(bytes.len())];
    if let Some(verdict) = early(line) {
        return verdict;
    }
    if line.iter().any(|b| b.is_ascii_control() && *b != b'\t') {
        return Verdict::Unknown;
    }
    if end.is_none() && !ended { Verdict::More } else { whole(line) }
}

/// Protocols that are not text.
fn binary(bytes: &[u8]) -> Option<Verdict> {
    match bytes {
        [0x16, 0x03, ..] => Some(Verdict::Tls),
        [0x16] => Some(Verdict::More),
        [0..=3, rest @ ..] => Some(match rest.get(3..7) {
            Some(cookie) if cookie == STUN_COOKIE => Verdict::Stun,
            Some(_) => Verdict::Unknown,
            None => Verdict::More,
        }),
        _ => None,
    }
}

/// What can be said before the line is complete.
fn early(line: &[u8]) -> Option<Verdict> {
    if HTTP_METHODS.iter().any(|method| line.starts_with(method)) {
        return Some(Verdict::Http);
    }
    if let Some(target) = line.strip_prefix(b"OPTIONS ")
        && matches!(target.first(), Some(b'/' | b'*' | b'h' | b'H'))
    {
        return Some(Verdict::Http);
    }
    if line.starts_with(b"SIP/2.0 ") {
        return Some(Verdict::Sip);
    }
    let space = line.iter().position(|b| *b == b' ')?;
    let (method, target) = (&line[..space], &line[space + 1..]);
    let is_method =
        !method.is_empty() && method.iter().all(|b| b.is_ascii_graphic() && !b.is_ascii_lowercase());
    let is_target = SIP_SCHEMES
        .iter()
        .any(|scheme| target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    (is_method && is_target).then_some(Verdict::Sip)
}

/// The verdict on a complete first line without its line end.
fn whole(line: &[u8]) -> Verdict {
    if line.ends_with(b" SIP/2.0") {
        Verdict::Sip
    } else if is_request_line(line) {
        Verdict::Line
    } else {
        Verdict::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell_the_protocol() {
        for (bytes, verdict) in [
            (&b""[..], Verdict::More),
            (b"G", Verdict::More),
            (b"GET /mvapireq/?apientry=balance HTTP/1.1\r\n", Verdict::Http),
            (b"POST /", Verdict::Http),
            (b"OPTIONS /mvapireq/ HTTP/1.1\r\n", Verdict::Http),
            (b"OPTIONS ", Verdict::More),
            (b"OPTIONS sip:a@b SIP/2.0\r\n", Verdict::Sip),
            (b"OPTIONS sip:a", Verdict::Sip),
            (b"\r\n\r\nREGISTER sip:b SIP/2.0\r\n", Verdict::Sip),
            (b"NEWMETHOD+X any:thing SIP/2.0\r\n", Verdict::Sip),
            (b"SIP/2.0 200 OK\r\n", Verdict::Sip),
            (b"\r\n\r\n", Verdict::More),
            (b"?apientry=apitest1\r\n", Verdict::Line),
            (b"?apientry=apitest1\n", Verdict::Line),
            (b"?apientry=apitest1\r", Verdict::Line),
            (b"\r\rbalance,key,u,p\rbalance,key,u,p\r", Verdict::Line),
            (b"?apientry=apitest1", Verdict::More),
            (b"mvapireq/?apientry=apitest1\r\nmore", Verdict::Line),
            (b"/xmapi/balance?user=a\n", Verdict::Line),
            (b"balance,key,u,p\r\n", Verdict::Line),
            (b"balanced,diet\r\n", Verdict::Unknown),
            (b"hello world\r\n", Verdict::Unknown),
            (b"EHLO example\r\n", Verdict::Unknown),
            (b"SSH-2.0-x\r\n", Verdict::Unknown),
            (b"\x16\x03\x01\x02\x00", Verdict::Tls),
            (b"\x16", Verdict::More),
            (b"\x00\x01\x00\x00\x21\x12\xa4\x42", Verdict::Stun),
            (b"\x00\x01\x00\x00\x21\x12", Verdict::More),
            (b"\x00\x01\x00\x00\x00\x00\x00\x00", Verdict::Unknown),
            (b"\x80\x00\x00", Verdict::Unknown),
            (b"ab\x00cd", Verdict::Unknown),
        ] {
            assert_eq!(detect(bytes, false), verdict, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn at_the_end_of_the_stream_an_unfinished_line_is_a_line() {
        for (bytes, verdict) in [
            (&b"?apientry=apitest1"[..], Verdict::Line),
            (b"", Verdict::Unknown),
            (b"\r\n", Verdict::Unknown),
            (b"nonsense", Verdict::Unknown),
        ] {
            assert_eq!(detect(bytes, true), verdict, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn every_prefix_of_a_request_agrees_with_the_whole_or_asks_for_more() {
        for whole in
            [&b"INVITE sip:b@example SIP/2.0\r\n"[..], b"OPTIONS * HTTP/1.1\r\n", b"?apientry=help\r\n"]
        {
            let verdict = detect(whole, false);
            for end in 0..whole.len() {
                let part = detect(&whole[..end], false);
                assert!(part == verdict || part == Verdict::More, "{}", whole[..end].escape_ascii());
            }
        }
    }

    #[test]
    fn a_verdict_does_not_depend_on_how_the_bytes_were_cut() {
        const PIECES: [&[u8]; 16] = [
            b"GET ",
            b"OPTIONS ",
            b"INVITE ",
            b"/",
            b"*",
            b"sip:",
            b"?apientry=help",
            b" SIP/2.0",
            b" HTTP/1.1",
            b"\r\n",
            b"\n",
            b"\x00",
            b"\x16\x03",
            b"\x21\x12\xa4\x42",
            b"x",
            b"\xff",
        ];
        // A plain linear congruential generator: the same texts in every run.
        let mut state = 1_u64;
        let mut next = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below
        };
        for _ in 0..20_000 {
            let mut bytes = Vec::new();
            let mut decided = Verdict::More;
            for _ in 0..1 + next(8) {
                bytes.extend_from_slice(PIECES[next(PIECES.len())]);
                let verdict = detect(&bytes, false);
                assert!(decided == Verdict::More || verdict == decided, "{}", bytes.escape_ascii());
                decided = verdict;
            }
        }
    }

    #[test]
    fn line_ends_without_end_are_given_up() {
        assert_eq!(detect(&[b'\n'; MAX_LEADING_LINE_ENDS + 1], false), Verdict::Unknown);
    }
}
