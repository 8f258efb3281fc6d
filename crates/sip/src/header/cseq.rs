//! CSeq: a sequence number and a method (RFC 3261 20.16).

use crate::lex::{is_space, is_token, number, trim};

/// RFC 3261 8.1.1.5: the number is less than 2^31.
const BOUND: u64 = 1 << 31;

/// A CSeq value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CSeq<'a> {
    /// The sequence number, below 2^31.
    pub number: u32,
    /// The method as written.
    pub method: &'a [u8],
}

impl<'a> CSeq<'a> {
    /// Reads a value; the error is fit for a reason phrase.
    pub fn parse(value: &'a [u8]) -> Result<Self, &'static str> {
        let value = trim(value);
        let end = value.iter().position(|b| is_space(*b)).ok_or("no method")?;
        let (digits, method) = value.split_at(end);
        let method = trim(method);
        let number = number(digits).filter(|n| *n < BOUND).and_then(|n| u32::try_from(n).ok());
        let number = number.ok_or("malformed or excessive number")?;
        if method.is_empty() || !method.iter().all(|b| is_token(*b)) {
            return Err("malformed method");
        }
        Ok(Self { number, method })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_31_bits() {
        assert_eq!(CSeq::parse(b"0009  INVITE"), Ok(CSeq { number: 9, method: b"INVITE" }));
        assert_eq!(CSeq::parse(b"2147483647 X").map(|c| c.number), Ok(2_147_483_647));
        for text in ["2147483648 X", "36893488147419103232 REGISTER", "1", "INVITE", "1 A B", "-1 X"] {
            assert!(CSeq::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
