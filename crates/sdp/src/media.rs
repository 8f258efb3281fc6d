//! The typed view of one media section: a window on the session's lines, nothing is copied.

use std::net::{IpAddr, SocketAddr};

use crate::direction::Direction;
use crate::session::{Session, connection};

/// One media section of a [`Session`].
#[derive(Debug, Clone, Copy)]
pub struct Media<'a> {
    session: &'a Session,
    start: usize,
    end: usize,
}

/// One RTP format of a media line with what is said about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format<'a> {
    /// The payload type.
    pub payload: u8,
    /// The encoding's name as written, empty where nobody names it.
    pub name: &'a [u8],
    /// Clock rate in hertz.
    pub clock_hz: u32,
    /// Channels.
    pub channels: u8,
    /// Its parameters (`a=fmtp`).
    pub fmtp: Option<&'a [u8]>,
}

/// Static payload types of RFC 3551 that still occur: payload, name, clock rate.
const STATIC_FORMATS: [(u8, &str, u32); 13] = [
    (0, "PCMU", 8000),
    (3, "GSM", 8000),
    (4, "G723", 8000),
    (5, "DVI4", 8000),
    (6, "DVI4", 16000),
    (7, "LPC", 8000),
    (8, "PCMA", 8000),
    (9, "G722", 8000),
    (12, "QCELP", 8000),
    (13, "CN", 8000),
    (14, "MPA", 90000),
    (15, "G728", 8000),
    (18, "G729", 8000),
];

impl<'a> Media<'a> {
    pub(crate) const fn new(session: &'a Session, start: usize, end: usize) -> Self {
        Self { session, start, end }
    }

    /// `audio`, `video`, `image`, …
    #[must_use]
    pub fn kind(&self) -> &'a [u8] {
        self.part(0)
    }

    /// The RTP port; 0 means that the section is refused or switched off.
    #[must_use]
    pub fn port(&self) -> u16 {
        media_line(self.line()).unwrap_or_default()
    }

    /// `RTP/AVP` and its relatives.
    #[must_use]
    pub fn proto(&self) -> &'a [u8] {
        self.part(2)
    }

    /// The format tokens.
    pub fn formats(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        fields(self.line()).skip(3)
    }

    /// The RTP formats in order of preference; tokens that are no payload type are passed over.
    pub fn codecs(&self) -> impl Iterator<Item = Format<'a>> + use<'a> {
        let media = *self;
        self.formats().filter_map(move |token| media.format(number(token).filter(|&p: &u8| p < 128)?))
    }

    /// The formats that carry voice: neither telephone-event nor comfort noise nor redundancy.
    pub fn voices(&self) -> impl Iterator<Item = Format<'a>> + use<'a> {
        self.codecs().filter(Format::is_voice)
    }

    /// The direction of the section, else of the session, else both ways.
    #[must_use]
    pub fn direction(&self) -> Direction {
        let of = |lines: &mut dyn Iterator<Item = (u8, &'a [u8])>| {
            lines.filter(|l| l.0 == b'a').find_map(|l| Direction::named(l.1))
        };
        of(&mut self.lines()).or_else(|| of(&mut self.session.session_lines())).unwrap_or_default()
    }

    /// The direction with the old form of hold taken in: who gives the address 0.0.0.0 wants nothing sent
    /// to it (RFC 3264 section 8.4).
    #[must_use]
    pub fn effective_direction(&self) -> Direction {
        let reachable = self.connection().is_none_or(|ip| !ip.is_unspecified());
        let direction = self.direction();
        Direction::of(direction.sends(), direction.receives() && reachable)
    }

    /// The author keeps the other side waiting: by direction or by the address 0.0.0.0.
    #[must_use]
    pub fn is_held(&self) -> bool {
        !self.effective_direction().receives()
    }

    /// The address of the section, else of the session; none for host names.
    #[must_use]
    pub fn connection(&self) -> Option<IpAddr> {
        match self.lines().find(|l| l.0 == b'c') {
            Some((_, value)) => connection(value),
            None => self.session.address(),
        }
    }

    /// Milliseconds per packet that the author likes to receive, cut to its maximum, where it says so.
    #[must_use]
    pub fn ptime_ms(&self) -> Option<u16> {
        let read = |name| self.attribute(name).and_then(leading_number).filter(|&ms: &u16| ms > 0);
        let (ptime, most) = (read(b"ptime"), read(b"maxptime"));
        ptime.map(|ms| ms.min(most.unwrap_or(u16::MAX))).or(most.filter(|&ms| ms < 20))
    }

    /// Where the author receives RTCP, where it says so (RFC 3605).
    #[must_use]
    pub fn rtcp(&self) -> Option<SocketAddr> {
        let value = self.attribute(b"rtcp")?;
        let port = number(field(value, 0)?)?;
        let ip = connection(after_fields(value, 1));
        Some(SocketAddr::new(ip.or_else(|| self.connection())?, port))
    }

    /// Does the author offer RTP and RTCP on one port (RFC 5761)?
    #[must_use]
    pub fn rtcp_mux(&self) -> bool {
        self.attribute(b"rtcp-mux").is_some()
    }

    /// The payload type of telephone-event, of the first voice format's clock rate where there are several.
    #[must_use]
    pub fn telephone_event(&self) -> Option<u8> {
        let clock = self.voices().next().map(|v| v.clock_hz);
        let mut events = self.codecs().filter(|f| f.is_named("telephone-event"));
        let first = events.next()?;
        let fits = |f: &Format<'_>| Some(f.clock_hz) == clock;
        Some(if fits(&first) { first.payload } else { events.find(fits).unwrap_or(first).payload })
    }

    /// The value of an attribute of this section (empty for a flag); names compare without case.
    #[must_use]
    pub fn attribute(&self, name: &[u8]) -> Option<&'a [u8]> {
        let attributes = self.lines().filter(|l| l.0 == b'a').map(|l| split_attribute(l.1));
        attributes.into_iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Is it audio?
    #[must_use]
    pub fn is_audio(&self) -> bool {
        self.kind().eq_ignore_ascii_case(b"audio")
    }

    /// The transport is plain RTP or RTP with SDES keys over UDP.
    #[must_use]
    pub fn is_rtp(&self) -> bool {
        [&b"RTP/AVP"[..], b"RTP/AVPF"].iter().any(|p| self.proto().eq_ignore_ascii_case(p)) || self.is_srtp()
    }

    /// The transport is RTP with SDES keys (RFC 4568).
    #[must_use]
    pub fn is_srtp(&self) -> bool {
        [&b"RTP/SAVP"[..], b"RTP/SAVPF"].iter().any(|p| self.proto().eq_ignore_ascii_case(p))
    }

    /// The section's lines after its `m=`.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        self.session.range(self.start + 1, self.end)
    }

    /// Where the section begins: tells two sections of one description apart.
    pub(crate) const fn line_number(&self) -> usize {
        self.start
    }

    fn format(&self, payload: u8) -> Option<Format<'a>> {
        let about = |name: &[u8]| {
            let values = self.lines().filter(|l| l.0 == b'a').map(|l| split_attribute(l.1));
            let mut of_name = values.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value);
            let of_payload = of_name.find(|v| field(v, 0).and_then(number) == Some(payload));
            of_payload.map(|v| v.iter().position(|&b| b == b' ').map_or(&b""[..], |at| &v[at + 1..]))
        };
        let fmtp = about(b"fmtp");
        if let Some(map) = about(b"rtpmap") {
            let mut parts = map.trim_ascii().split(|&b| b == b'/');
            let name = parts.next()?;
            let clock_hz = parts.next().and_then(leading_number).unwrap_or(8000);
            let channels = parts.next().and_then(number).unwrap_or(1);
            return Some(Format { payload, name, clock_hz, channels, fmtp });
        }
        let known = STATIC_FORMATS.iter().find(|f| f.0 == payload);
        let (name, clock_hz) = known.map_or(("", 8000), |f| (f.1, f.2));
        Some(Format { payload, name: name.as_bytes(), clock_hz, channels: 1, fmtp })
    }

    fn line(&self) -> &'a [u8] {
        self.session.range(self.start, self.start + 1).next().map_or(&[], |l| l.1)
    }

    fn part(&self, at: usize) -> &'a [u8] {
        field(self.line(), at).unwrap_or_default()
    }
}

impl Format<'_> {
    /// Names compare without case.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// Neither telephone-event nor comfort noise nor redundancy.
    #[must_use]
    pub fn is_voice(&self) -> bool {
        !["telephone-event", "CN", "red", "tone"].iter().any(|name| self.is_named(name))
    }

    /// The same encoding, whatever its payload type: by name and clock rate, by payload type where unnamed.
    #[must_use]
    pub fn same_encoding(&self, other: &Format<'_>) -> bool {
        if self.name.is_empty() || other.name.is_empty() {
            return self.payload == other.payload && self.name.is_empty() == other.name.is_empty();
        }
        self.name.eq_ignore_ascii_case(other.name)
            && self.clock_hz == other.clock_hz
            && self.channels == other.channels
    }
}

/// The port of a media line that has kind, port, protocol and at least one format.
pub(crate) fn media_line(value: &[u8]) -> Option<u16> {
    let mut parts = fields(value);
    let (_kind, port, _proto, _format) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    number(port.split(|&b| b == b'/').next()?)
}

/// Name and value of an attribute line's value.
pub(crate) fn split_attribute(value: &[u8]) -> (&[u8], &[u8]) {
    match value.iter().position(|&b| b == b':') {
        Some(at) => (value[..at].trim_ascii(), value[at + 1..].trim_ascii()),
        None => (value, &[]),
    }
}

/// The blank-separated fields of a value.
pub(crate) fn fields(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b' ' || b == b'\t').filter(|f| !f.is_empty())
}

/// One field, counted from zero.
pub(crate) fn field(value: &[u8], at: usize) -> Option<&[u8]> {
    fields(value).nth(at)
}

/// What follows the first `count` fields, without the blanks between.
pub(crate) fn after_fields(value: &[u8], count: usize) -> &[u8] {
    (0..count).fold(value.trim_ascii_start(), |rest, _| {
        let end = rest.iter().position(|&b| b == b' ' || b == b'\t').unwrap_or(rest.len());
        rest[end..].trim_ascii_start()
    })
}

/// A number that is the whole text.
pub(crate) fn number<N: std::str::FromStr>(text: &[u8]) -> Option<N> {
    let digits = text.iter().all(u8::is_ascii_digit);
    if digits { std::str::from_utf8(text).ok()?.parse().ok() } else { None }
}

/// The number that a text begins with: devices write `20.0` and `8000;x`.
fn leading_number<N: std::str::FromStr>(text: &[u8]) -> Option<N> {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    number(&text[..end])
}
