//! The few lexical rules that all headers share: white space, tokens, quotes, lists, escapes.
//! Nothing here allocates but the functions that return an owned or borrowed-or-owned text.

use std::borrow::Cow;
use std::fmt::Write as _;

use memchr::{memchr, memchr2, memchr3};

/// A space or tab. CR and LF never stand inside a value: parsing has unfolded them.
pub(crate) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// A set of bytes, one load per look-up: the parser asks for every byte of every name and URI.
pub(crate) struct ByteSet([bool; 256]);

impl ByteSet {
    /// Letters, digits and the given others.
    pub(crate) const fn alphanumeric_and(others: &[u8]) -> Self {
        let mut set = [false; 256];
        let mut byte = 0;
        while byte < 128 {
            set[byte] = (byte as u8).is_ascii_alphanumeric();
            byte += 1;
        }
        let mut at = 0;
        while at < others.len() {
            set[others[at] as usize] = true;
            at += 1;
        }
        Self(set)
    }

    pub(crate) const fn contains(&self, byte: u8) -> bool {
        self.0[byte as usize]
    }
}

static TOKEN: ByteSet = ByteSet::alphanumeric_and(b"-.!%*_+`'~");

/// A token character of RFC 3261 25.1.
pub(crate) fn is_token(byte: u8) -> bool {
    TOKEN.contains(byte)
}

/// The bytes without surrounding spaces and tabs.
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes
        && is_space(*first)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && is_space(*last)
    {
        bytes = rest;
    }
    bytes
}

/// Position of the closing quote of a quoted string that opens at `start`.
pub(crate) fn closing_quote(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        let found = at + memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[found] == b'"' {
            return Some(found);
        }
        at = found + 2;
    }
}

/// Position of the first `separator` outside quotes and angle brackets.
///
/// An unbalanced quote or bracket reaches to the end.
pub(crate) fn find_separator(bytes: &[u8], separator: u8) -> Option<usize> {
    let mut at = 0;
    loop {
        let found = at + memchr3(b'"', b'<', separator, bytes.get(at..)?)?;
        at = 1 + match bytes[found] {
            b'"' => closing_quote(bytes, found)?,
            b'<' => found + memchr(b'>', &bytes[found..])?,
            _ => return Some(found),
        };
    }
}

/// The elements of a comma-separated value, trimmed. Empty elements are kept: they are errors to some.
#[derive(Debug, Clone)]
pub(crate) struct List<'a>(Option<&'a [u8]>);

impl<'a> List<'a> {
    pub(crate) const fn new(value: &'a [u8]) -> Self {
        Self(Some(value))
    }
}

impl<'a> Iterator for List<'a> {
    type Item = &'a [u8];
    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.0?;
        let Some(at) = find_separator(rest, b',') else {
            self.0 = None;
            return Some(trim(rest));
        };
        self.0 = Some(&rest[at + 1..]);
        Some(trim(&rest[..at]))
    }
}

/// The inside of a quoted string, or the value itself.
pub(crate) fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inside @ .., b'"'] => inside,
        _ => value,
    }
}

/// A decimal number, leading zeros allowed, spaces around it ignored. None where it is none or too large.
pub(crate) fn number(text: &[u8]) -> Option<u64> {
    let digits = trim(text);
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

/// The text of bytes that are UTF-8, else Latin-1. No byte is lost.
#[must_use]
pub fn decode_text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()),
    }
}

/// Resolves the backslashes of a quoted string's inside.
pub(crate) fn unescape_quoted(inside: &[u8]) -> Cow<'_, str> {
    if !inside.contains(&b'\\') {
        return decode_text(inside);
    }
    let mut plain = Vec::with_capacity(inside.len());
    let mut bytes = inside.iter();
    while let Some(byte) = bytes.next() {
        let literal = if *byte == b'\\' { bytes.next().unwrap_or(byte) } else { byte };
        plain.push(*literal);
    }
    Cow::Owned(decode_text(&plain).into_owned())
}

/// Resolves `%XX`; what is no valid escape stays as it is.
pub(crate) fn unescape_percent(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%').then(|| hex_pair(bytes.get(at + 1..at + 3)?)).flatten();
        plain.push(escaped.unwrap_or(bytes[at]));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    Cow::Owned(decode_text(&plain).into_owned())
}

fn hex_pair(digits: &[u8]) -> Option<u8> {
    let [high, low] = digits else { return None };
    let value = char::from(*high).to_digit(16)? * 16 + char::from(*low).to_digit(16)?;
    u8::try_from(value).ok()
}

/// The text as a quoted string: `"` and `\` escaped, control characters replaced by spaces.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(if c.is_control() { ' ' } else { c });
    }
    quoted.push('"');
    quoted
}

/// The text as the user part of a SIP URI: what RFC 3261 25.1 does not allow there is %-encoded.
///
/// `#` is encoded as the grammar wants; `*` is allowed.
#[must_use]
pub fn escape_user(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_respect_quotes_and_brackets() {
        let value = br#""a, \"b" <sip:x@y;p=1,2>;q=1 , <sip:z>,"#;
        let elements: Vec<_> = List::new(value).collect();
        assert_eq!(elements.len(), 3);
        assert_eq!(elements[1], b"<sip:z>");
        assert_eq!(elements[2], b"");
    }

    #[test]
    fn numbers_are_decimal_and_bounded() {
        for (text, value) in [
            ("0009", Some(9)),
            (" 7 ", Some(7)),
            ("", None),
            ("-1", None),
            ("1a", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(number(text.as_bytes()), value, "{text}");
        }
    }

    #[test]
    fn escapes_go_both_ways() {
        assert_eq!(unescape_percent("a%40b%4"), "a@b%4");
        assert_eq!(escape_user("*21#x@y"), "*21%23x%40y");
        assert_eq!(quote("a\"\\\r\n"), "\"a\\\"\\\\  \"");
        assert_eq!(unescape_quoted(br#"a\"b"#), "a\"b");
        assert_eq!(decode_text(b"J\xf6rg"), "Jörg");
    }
}
