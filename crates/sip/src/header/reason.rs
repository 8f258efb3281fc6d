//! Reason: why a request was sent (RFC 3326).

use std::borrow::Cow;

use super::params::Params;
use crate::lex::{trim, unescape_quoted, unquoted};

/// One Reason value: `Q.850;cause=16;text="Normal call clearing"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonValue<'a> {
    /// `SIP`, `Q.850`, …
    pub protocol: &'a str,
    /// The cause number.
    pub cause: Option<u16>,
    /// The text, unquoted.
    pub text: Option<Cow<'a, str>>,
}

impl<'a> ReasonValue<'a> {
    /// Reads one value; none where its protocol is not readable.
    #[must_use]
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let value = trim(value);
        let end = value.iter().position(|b| *b == b';').unwrap_or(value.len());
        let (protocol, params) = value.split_at(end);
        let protocol = std::str::from_utf8(trim(protocol)).ok().filter(|text| !text.is_empty())?;
        let params = Params::new(params);
        Some(Self {
            protocol,
            cause: params.get("cause").and_then(|cause| cause.parse().ok()),
            text: params.get_bytes("text").map(|text| unescape_quoted(unquoted(text))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cause_and_text_are_read() {
        let reason = ReasonValue::parse(br#"SIP ;cause=200 ;text="Call \"completed\" elsewhere""#).unwrap();
        assert_eq!((reason.protocol, reason.cause), ("SIP", Some(200)));
        assert_eq!(reason.text.as_deref(), Some("Call \"completed\" elsewhere"));
        assert_eq!(ReasonValue::parse(b"Q.850;cause=x").unwrap().cause, None);
        assert_eq!(ReasonValue::parse(b";cause=1"), None);
    }
}
