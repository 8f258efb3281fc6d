//! Hosts and ports as they stand in URIs and Via.

use std::net::{IpAddr, Ipv6Addr};

use crate::lex::{number, trim};

/// A host: a name, an IPv4 address or a bracketed IPv6 reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host<'a>(pub &'a str);

impl Host<'_> {
    /// The address, where the host is one. Brackets are optional, because `received` has them or not (RFC 5118 4.5).
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        if let Ok(address) = self.0.parse() {
            return Some(IpAddr::V4(address));
        }
        let inside = self.0.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(self.0);
        ipv6(inside).map(IpAddr::V6)
    }
}

/// An IPv6 address; one colon too many before an IPv4 tail is forgiven (RFC 5118 4.10: the grammar of
/// RFC 3261 itself produced such texts).
fn ipv6(text: &str) -> Option<Ipv6Addr> {
    text.parse().ok().or_else(|| text.contains(":::").then(|| text.replacen(":::", "::", 1).parse().ok())?)
}

/// Splits `host[:port]`. Spaces around the colon are allowed, as in Via.
pub(crate) fn split_host_port(text: &[u8]) -> Result<(&str, Option<u16>), &'static str> {
    let text = std::str::from_utf8(trim(text)).map_err(|_| "host is not UTF-8")?;
    let (host, rest) = if text.starts_with('[') {
        let close = text.find(']').ok_or("IPv6 reference without a closing bracket")?;
        let (host, rest) = text.split_at(close + 1);
        ipv6(&host[1..close]).ok_or("malformed IPv6 reference")?;
        (host, rest.trim_matches([' ', '\t']))
    } else {
        let end = text.find(':').unwrap_or(text.len());
        let host = text[..end].trim_end_matches([' ', '\t']);
        if host.is_empty() || !host.bytes().all(is_host_byte) {
            return Err("malformed host");
        }
        (host, &text[end..])
    };
    if rest.is_empty() {
        return Ok((host, None));
    }
    let port = rest.strip_prefix(':').ok_or("malformed host")?;
    let port = number(port.as_bytes()).and_then(|n| u16::try_from(n).ok()).ok_or("malformed port")?;
    Ok((host, Some(port)))
}

/// Letters, digits, dots and hyphens; underscores are wrong but common.
const fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_split() {
        for (text, expected) in [
            ("a.example", Ok(("a.example", None))),
            ("192.0.2.1:5060", Ok(("192.0.2.1", Some(5060)))),
            ("[2001:db8::1]:5070", Ok(("[2001:db8::1]", Some(5070)))),
            ("host : 5061 ", Ok(("host", Some(5061)))),
            ("2001:db8::1", Err("malformed port")),
            ("host:70000", Err("malformed port")),
            ("host:", Err("malformed port")),
            ("[2001:db8::1", Err("IPv6 reference without a closing bracket")),
            ("[zz]", Err("malformed IPv6 reference")),
            ("", Err("malformed host")),
            ("a b", Err("malformed host")),
        ] {
            assert_eq!(split_host_port(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn addresses_are_read_with_and_without_brackets() {
        assert!(Host("[2001:db8::9:255]").ip().is_some());
        assert!(Host("2001:db8::9:255").ip().is_some());
        assert!(Host("[2001:db8:::192.0.2.1]").ip().is_some());
        assert!(Host("192.0.2.1").ip().is_some());
        assert!(Host("example.com").ip().is_none());
    }
}
