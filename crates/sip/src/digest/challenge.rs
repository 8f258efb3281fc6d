//! What a server asks with 401 or 407.

use std::fmt;

use super::Algorithm;
use crate::lex::quote;

/// One challenge; `Display` is the header value. With several algorithms write one field each, the
/// preferred one first (RFC 8760 2.4).
#[derive(Debug, Clone, Copy)]
pub struct Challenge<'a> {
    /// The realm.
    pub realm: &'a str,
    /// The nonce.
    pub nonce: &'a str,
    /// Returned by the client unchanged; empty for none.
    pub opaque: &'a str,
    /// The credentials were right but their nonce is too old.
    pub stale: bool,
    /// The algorithm.
    pub algorithm: Algorithm,
}

impl fmt::Display for Challenge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest realm={}, nonce={}", quote(self.realm), quote(self.nonce))?;
        if !self.opaque.is_empty() {
            write!(f, ", opaque={}", quote(self.opaque))?;
        }
        if self.stale {
            f.write_str(", stale=true")?;
        }
        write!(f, ", algorithm={}, qop=\"auth\"", self.algorithm.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_one_header_value() {
        let challenge =
            Challenge { realm: "a\"b", nonce: "n", opaque: "o", stale: true, algorithm: Algorithm::Sha256 };
        assert_eq!(
            challenge.to_string(),
            r#"Digest realm="a\"b", nonce="n", opaque="o", stale=true, algorithm=SHA-256, qop="auth""#
        );
        let plain = Challenge { opaque: "", stale: false, algorithm: Algorithm::Md5, ..challenge };
        assert_eq!(plain.to_string(), r#"Digest realm="a\"b", nonce="n", algorithm=MD5, qop="auth""#);
    }
}
