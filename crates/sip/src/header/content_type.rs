//! Content-Type and the media ranges of Accept.

use super::params::Params;
use crate::lex::{is_token, trim};

/// `application/sdp;charset=utf-8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaType<'a> {
    /// `application`
    pub main: &'a str,
    /// `sdp`
    pub sub: &'a str,
    /// The parameters.
    pub params: Params<'a>,
}

impl<'a> MediaType<'a> {
    /// Reads a value.
    #[must_use]
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let value = trim(value);
        let end = value.iter().position(|b| *b == b';').unwrap_or(value.len());
        let (kind, params) = value.split_at(end);
        let (main, sub) = std::str::from_utf8(kind).ok()?.split_once('/')?;
        let (main, sub) = (main.trim(), sub.trim());
        let sound = |text: &str| !text.is_empty() && text.bytes().all(is_token);
        (sound(main) && sound(sub)).then_some(Self { main, sub, params: Params::new(params) })
    }

    /// It is this type, without regard to case.
    #[must_use]
    pub fn is(&self, main: &str, sub: &str) -> bool {
        self.main.eq_ignore_ascii_case(main) && self.sub.eq_ignore_ascii_case(sub)
    }

    /// Read as a media range of Accept, it covers that type.
    #[must_use]
    pub fn covers(&self, main: &str, sub: &str) -> bool {
        (self.main == "*" || self.main.eq_ignore_ascii_case(main))
            && (self.sub == "*" || self.sub.eq_ignore_ascii_case(sub))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_ranges_are_read() {
        let media = MediaType::parse(b"Application/SDP ; charset=utf-8").unwrap();
        assert!(media.is("application", "sdp"));
        assert_eq!(media.params.get("charset"), Some("utf-8"));
        assert!(MediaType::parse(b"text/*").unwrap().covers("text", "plain"));
        assert!(!MediaType::parse(b"text/*").unwrap().covers("application", "sdp"));
        assert!(MediaType::parse(b"sdp").is_none());
    }
}
