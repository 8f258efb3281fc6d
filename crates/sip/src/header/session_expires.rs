//! Session-Expires: the session timer (RFC 4028).

use super::number::seconds;
use super::params::Params;

/// Who refreshes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresher {
    /// The client of the request that the value stands in.
    Uac,
    /// The server.
    Uas,
}

/// A Session-Expires value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionExpires {
    /// The interval in seconds.
    pub seconds: u32,
    /// Who refreshes, where it is said.
    pub refresher: Option<Refresher>,
}

impl SessionExpires {
    /// Reads a value.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let end = value.iter().position(|b| *b == b';').unwrap_or(value.len());
        let (interval, params) = value.split_at(end);
        let refresher = match Params::new(params).get("refresher") {
            Some(who) if who.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
            Some(who) if who.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
            _ => None,
        };
        Some(Self { seconds: seconds(interval)?, refresher })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interval_and_refresher_are_read() {
        let expected = SessionExpires { seconds: 1800, refresher: Some(Refresher::Uas) };
        assert_eq!(SessionExpires::parse(b"1800;refresher=UAS"), Some(expected));
        assert_eq!(SessionExpires::parse(b"90").map(|s| s.refresher), Some(None));
        assert_eq!(SessionExpires::parse(b"x;refresher=uac"), None);
    }
}
