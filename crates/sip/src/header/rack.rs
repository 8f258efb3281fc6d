//! `RAck`: which reliable provisional response a PRACK acknowledges (RFC 3262 7.2).

use super::cseq::CSeq;
use crate::lex::{is_space, number, trim};
use crate::method::Method;

/// A `RAck` value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RAck {
    /// The `RSeq` of the response.
    pub rseq: u32,
    /// Its CSeq number.
    pub cseq: u32,
    /// Its method.
    pub method: Method,
}

impl RAck {
    /// Reads a value.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let value = trim(value);
        let end = value.iter().position(|b| is_space(*b))?;
        let (digits, rest) = value.split_at(end);
        let rseq = number(digits).and_then(|n| u32::try_from(n).ok())?;
        let cseq = CSeq::parse(rest).ok()?;
        Some(Self { rseq, cseq: cseq.number, method: Method::from_bytes(cseq.method) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_parts_are_read() {
        let expected = RAck { rseq: 776_656, cseq: 1, method: Method::Invite };
        assert_eq!(RAck::parse(b"776656 1 INVITE"), Some(expected));
        for text in ["", "1", "1 2", "x 1 INVITE"] {
            assert_eq!(RAck::parse(text.as_bytes()), None, "{text}");
        }
    }
}
