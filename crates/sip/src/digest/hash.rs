//! The two hash functions and the secret they start from.

use std::fmt;

use md5::{Digest, Md5};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The longest digest in hexadecimal characters.
const LONGEST_HEX: usize = 64;

/// A digest algorithm; stronger ones compare greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// RFC 3261's.
    Md5,
    /// RFC 8760's.
    Sha256,
}

impl Algorithm {
    /// The text of the `algorithm` directive.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// The algorithm of a directive's value.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        [Self::Md5, Self::Sha256].into_iter().find(|known| known.as_str().eq_ignore_ascii_case(text))
    }

    /// Characters of a digest in hexadecimal.
    #[must_use]
    pub const fn hex_length(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::Sha256 => 64,
        }
    }

    /// The hexadecimal digest of the parts with colons between them.
    pub(super) fn digest(self, parts: &[&[u8]]) -> Hex {
        match self {
            Self::Md5 => Hex::of(&joined::<Md5>(parts)),
            Self::Sha256 => Hex::of(&joined::<Sha256>(parts)),
        }
    }
}

fn joined<D: Digest>(parts: &[&[u8]]) -> impl AsRef<[u8]> + use<D> {
    let mut hasher = D::new();
    for (position, part) in parts.iter().enumerate() {
        if position > 0 {
            hasher.update(b":");
        }
        hasher.update(part);
    }
    hasher.finalize()
}

/// A digest in lower-case hexadecimal, on the stack.
#[derive(Clone, Copy)]
pub(super) struct Hex {
    text: [u8; LONGEST_HEX],
    length: usize,
}

impl Hex {
    fn of(digest: &impl AsRef<[u8]>) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; LONGEST_HEX];
        let mut length = 0;
        for (pair, byte) in text.chunks_exact_mut(2).zip(digest.as_ref()) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
            length += 2;
        }
        Self { text, length }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.text[..self.length]
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or("")
    }

    /// Equality in time that does not depend on where the texts differ. Case of the other text is ignored.
    pub(super) fn matches(&self, other: &str) -> bool {
        if other.len() != self.length {
            return false;
        }
        let mut lower = [0; LONGEST_HEX];
        for (place, byte) in lower.iter_mut().zip(other.bytes()) {
            *place = byte.to_ascii_lowercase();
        }
        bool::from(self.text.ct_eq(&lower))
    }
}

/// `H(user:realm:password)`: as secret as the password within its realm.
#[derive(Clone, Copy)]
pub struct Ha1 {
    pub(super) algorithm: Algorithm,
    pub(super) hex: Hex,
}

impl Ha1 {
    /// Computes it.
    #[must_use]
    pub fn of(algorithm: Algorithm, user: &str, realm: &str, password: &str) -> Self {
        let hex = algorithm.digest(&[user.as_bytes(), realm.as_bytes(), password.as_bytes()]);
        Self { algorithm, hex }
    }

    /// Reads one from hexadecimal; none where the length or a digit is wrong.
    #[must_use]
    pub fn from_hex(algorithm: Algorithm, text: &str) -> Option<Self> {
        if text.len() != algorithm.hex_length() || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let mut hex = Hex { text: [0; LONGEST_HEX], length: text.len() };
        for (place, byte) in hex.text.iter_mut().zip(text.bytes()) {
            *place = byte.to_ascii_lowercase();
        }
        Some(Self { algorithm, hex })
    }

    /// Its algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// It in lower-case hexadecimal. Every caller is a place to review.
    #[must_use]
    pub fn expose_hex(&self) -> &str {
        self.hex.as_str()
    }
}

impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ha1({}, ***)", self.algorithm.as_str())
    }
}
