//! The text of a session description and the ranges of its lines. It knows where a line ends and where a
//! media section begins; what a line means is [`crate::Media`]'s and the offer's business.

use std::net::IpAddr;

use crate::error::ParseError;
use crate::media::{Media, after_fields, field, fields, media_line};

/// The longest body that is read, bytes.
pub const MAX_BODY_BYTES: usize = 16 * 1024;
/// The most lines that are read.
pub const MAX_LINES: usize = 512;
/// The most media lines that are read.
pub const MAX_MEDIA: usize = 32;

/// A session description: its text, and where each line lies in it.
#[derive(Debug, Clone, Default)]
pub struct Session {
    text: Vec<u8>,
    lines: Vec<Line>,
}

/// The `o=` line. Id and version stay text: devices send more digits than any integer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'a> {
    /// User name, often `-`.
    pub username: &'a [u8],
    /// Session id.
    pub session_id: &'a [u8],
    /// Version, raised with every change.
    pub version: &'a [u8],
    /// Network type, address type and address.
    pub address: &'a [u8],
}

/// One line: its letter and the range of its value.
#[derive(Debug, Clone, Copy)]
struct Line {
    letter: u8,
    start: u32,
    end: u32,
}

impl Session {
    /// Reads a body. Lines may end in CR LF, LF or CR; empty lines, blanks and NULs around a line are passed
    /// over; any byte may stand in a value; any line but `m=` may be missing, unknown, repeated or out of order.
    ///
    /// # Errors
    /// [`ParseError`]: beyond a limit, a line without `=`, a media line that is none.
    pub fn parse(body: &[u8]) -> Result<Self, ParseError> {
        if body.len() > MAX_BODY_BYTES {
            return Err(ParseError::TooLarge { bytes: body.len() });
        }
        let mut session = Self { text: Vec::with_capacity(body.len()), lines: Vec::with_capacity(24) };
        let mut media = 0;
        let texts = body.split(|&b| b == b'\r' || b == b'\n').map(trim).filter(|l| !l.is_empty());
        for (at, text) in texts.enumerate() {
            let line = at + 1;
            let [letter, b'=', value @ ..] = text else { return Err(ParseError::NotALine { line }) };
            if !letter.is_ascii_alphabetic() {
                return Err(ParseError::NotALine { line });
            }
            if line > MAX_LINES {
                return Err(ParseError::TooManyLines { limit: MAX_LINES });
            }
            if *letter == b'm' {
                media += 1;
                media_line(value).ok_or(ParseError::BadMedia { line })?;
            }
            session.push(*letter, &[value]);
        }
        match (session.lines.is_empty(), media > MAX_MEDIA) {
            (true, _) => Err(ParseError::Empty),
            (_, true) => Err(ParseError::TooManyMedia { limit: MAX_MEDIA }),
            _ => Ok(session),
        }
    }

    /// The description as it goes out, each line ended by CR LF.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.text.len() + self.lines.len() * 4);
        for (letter, value) in self.all() {
            out.extend_from_slice(&[letter, b'=']);
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
        out
    }

    /// The `o=` line, where there is a complete one.
    #[must_use]
    pub fn origin(&self) -> Option<Origin<'_>> {
        let value = self.session_line(b'o')?;
        let mut parts = fields(value);
        let (username, session_id, version) = (parts.next()?, parts.next()?, parts.next()?);
        let address = after_fields(value, 3);
        (!address.is_empty()).then_some(Origin { username, session_id, version, address })
    }

    /// The media sections in order.
    pub fn media(&self) -> impl Iterator<Item = Media<'_>> {
        self.starts().map(|start| {
            let end = self.starts().find(|&s| s > start).unwrap_or(self.lines.len());
            Media::new(self, start, end)
        })
    }

    /// The first audio section that is not switched off by port 0.
    #[must_use]
    pub fn audio(&self) -> Option<Media<'_>> {
        self.media().find(|m| m.is_audio() && m.port() != 0)
    }

    /// The address of the session's `c=` line, else of its `o=` line: devices that leave out `c=` mean that.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.session_line(b'c')
            .and_then(connection)
            .or_else(|| self.origin().and_then(|o| connection(o.address)))
    }

    /// The first line of that letter before the media sections.
    pub(crate) fn session_line(&self, letter: u8) -> Option<&[u8]> {
        self.session_lines().find(|l| l.0 == letter).map(|l| l.1)
    }

    /// The lines before the media sections.
    pub(crate) fn session_lines(&self) -> impl Iterator<Item = (u8, &[u8])> {
        self.all().take_while(|l| l.0 != b'm')
    }

    /// Letter and value of every line in a range of line numbers.
    pub(crate) fn range(&self, start: usize, end: usize) -> impl Iterator<Item = (u8, &[u8])> {
        self.lines.get(start..end).unwrap_or_default().iter().map(|l| (l.letter, self.value(*l)))
    }

    /// Letter and value of every line.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u8, &[u8])> {
        self.range(0, self.lines.len())
    }

    /// Appends a line whose value is the parts in a row.
    pub(crate) fn push(&mut self, letter: u8, parts: &[&[u8]]) {
        let start = self.text.len();
        parts.iter().for_each(|part| self.text.extend_from_slice(part));
        let range =
            |at: usize| u32::try_from(at).expect("a description is a few times MAX_BODY_BYTES at most");
        self.lines.push(Line { letter, start: range(start), end: range(self.text.len()) });
    }

    fn starts(&self) -> impl Iterator<Item = usize> {
        self.lines.iter().enumerate().filter(|(_, l)| l.letter == b'm').map(|(at, _)| at)
    }

    fn value(&self, line: Line) -> &[u8] {
        self.text.get(line.start as usize..line.end as usize).unwrap_or_default()
    }
}

impl PartialEq for Session {
    fn eq(&self, other: &Self) -> bool {
        self.all().eq(other.all())
    }
}

impl Eq for Session {}

/// The address in `IN IP4 192.0.2.1/127`. A host name is not resolved here and gives none.
pub(crate) fn connection(value: &[u8]) -> Option<IpAddr> {
    let address = field(value, 2)?;
    let host = address.split(|&b| b == b'/').next()?;
    std::str::from_utf8(host).ok()?.parse().ok()
}

fn trim(mut line: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | 0, rest @ ..] | [rest @ .., b' ' | b'\t' | 0] = line {
        line = rest;
    }
    line
}
