//! Numbers of headers: seconds, q-values.

use crate::lex::{number, trim};

/// Delta-seconds up to 2^32-1. A number beyond is malformed (RFC 4475 3.1.2.4), trailing text after
/// white space or a comment, semicolon included, is not looked at by the caller.
pub(crate) fn seconds(value: &[u8]) -> Option<u32> {
    number(value).and_then(|n| u32::try_from(n).ok())
}

/// A q-value in thousandths: `1`, `0.5`, `0.333`.
pub(crate) fn q_value(text: &str) -> Option<u16> {
    let text = std::str::from_utf8(trim(text.as_bytes())).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let whole: u16 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let scale = [1000, 100, 10, 1].get(fraction.len())?;
    let fraction: u16 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let thousandths = whole.checked_mul(1000)?.checked_add(fraction * scale)?;
    (thousandths <= 1000).then_some(thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q_values_are_thousandths() {
        for (text, q) in [
            ("1", Some(1000)),
            ("1.000", Some(1000)),
            ("0.5", Some(500)),
            (".25", Some(250)),
            ("0", Some(0)),
            ("1.1", None),
            ("0.1234", None),
            ("x", None),
            ("99999", None),
        ] {
            assert_eq!(q_value(text), q, "{text}");
        }
    }

    #[test]
    fn seconds_have_32_bits() {
        assert_eq!(seconds(b"4294967295"), Some(u32::MAX));
        assert_eq!(seconds(b"4294967296"), None);
        assert_eq!(seconds(b"0068"), Some(68));
    }
}
