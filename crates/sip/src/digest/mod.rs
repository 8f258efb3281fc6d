//! Digest authentication (RFC 3261 22, RFC 7616, RFC 8760) in both roles.
//!
//! Algorithms: MD5 and SHA-256, qop `auth` and none. The `-sess` variants and `auth-int` are refused.
//! Nonces are minted and checked elsewhere, and so are realms: here they are only text.

mod answer;
mod challenge;
mod credentials;
mod hash;

pub use answer::{Asked, best_challenge};
pub use challenge::Challenge;
pub use credentials::{Credentials, Verified, credentials};
pub use hash::{Algorithm, Ha1};

use crate::lex::{closing_quote, is_space, trim};

/// Why credentials or a challenge are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// There is no Digest challenge at all.
    #[error("no Digest challenge")]
    NoChallenge,
    /// A directive is missing or malformed.
    #[error("directive {0} is missing or malformed")]
    Malformed(&'static str),
    /// Neither MD5 nor SHA-256.
    #[error("the digest algorithm is not known")]
    UnknownAlgorithm,
    /// Neither `auth` nor none.
    #[error("the quality of protection is not known")]
    UnknownQop,
    /// The digest was computed with another algorithm than the given HA1.
    #[error("the digest algorithm is another one")]
    OtherAlgorithm,
    /// The response does not match.
    #[error("the digest does not match")]
    Mismatch,
}

/// The directives after the word `Digest`: names and values, quotes kept.
#[derive(Debug, Clone)]
struct Directives<'a>(&'a [u8]);

impl<'a> Directives<'a> {
    /// None where the value belongs to another scheme.
    fn of(value: &'a [u8]) -> Option<Self> {
        let value = trim(value);
        let end = value.iter().position(|b| is_space(*b)).unwrap_or(value.len());
        let (scheme, rest) = value.split_at(end);
        scheme.eq_ignore_ascii_case(b"Digest").then_some(Self(rest))
    }
}

impl<'a> Iterator for Directives<'a> {
    type Item = (&'a [u8], &'a [u8]);
    fn next(&mut self) -> Option<Self::Item> {
        let text = trim(self.0);
        if text.is_empty() {
            return None;
        }
        let end = end_of_directive(text);
        let directive = &text[..end];
        self.0 = text.get(end + 1..).unwrap_or(b"");
        let equals = directive.iter().position(|b| *b == b'=').unwrap_or(directive.len());
        let value = directive.get(equals + 1..).unwrap_or(b"");
        Some((trim(&directive[..equals]), trim(value)))
    }
}

/// Position of the comma that ends the first directive. Angle brackets mean nothing here: nonces are free text.
fn end_of_directive(text: &[u8]) -> usize {
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b',' => return at,
            b'"' => match closing_quote(text, at) {
                Some(close) => at = close,
                None => return text.len(),
            },
            _ => {}
        }
        at += 1;
    }
    text.len()
}
