//! Via: where a request came from and where its response goes (RFC 3261 20.42, RFC 3581).

use std::net::{IpAddr, SocketAddr};

use super::HeaderError;
use super::host::{Host, split_host_port};
use super::id::HeaderId;
use super::params::Params;
use crate::lex::{is_space, is_token, number, trim};

/// The port of a sent-by without one.
const DEFAULT_PORT: u16 = 5060;

/// One Via value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Via<'a> {
    /// `UDP`, `TCP`, `TLS`, `WS`, … as written.
    pub transport: &'a str,
    /// The host of sent-by, IPv6 with brackets.
    pub host: &'a str,
    /// The port of sent-by.
    pub port: Option<u16>,
    /// The parameters.
    pub params: Params<'a>,
    /// The whole value.
    pub text: &'a [u8],
}

impl<'a> Via<'a> {
    /// Reads one value; spaces are allowed around every part.
    pub fn parse(value: &'a [u8]) -> Result<Self, HeaderError> {
        let text = trim(value);
        let via = Self::parse_loosely(text).map_err(|why| HeaderError::new(HeaderId::Via, why))?;
        let version =
            literal(text, b"SIP").and_then(slash).and_then(|rest| literal(rest, b"2.0")).and_then(slash);
        if version.is_none() {
            return Err(HeaderError::new(HeaderId::Via, "version is not 2.0"));
        }
        if !via.params.are_sound() {
            return Err(HeaderError::new(HeaderId::Via, "malformed parameters"));
        }
        Ok(via)
    }

    /// As [`Via::parse`] without a look at version and parameters: enough to send an answer, a 505 too.
    pub(crate) fn parse_loosely(text: &'a [u8]) -> Result<Self, &'static str> {
        let rest = literal(text, b"SIP").and_then(slash).ok_or("protocol is not SIP")?;
        let version = rest.iter().position(|b| !b.is_ascii_digit() && *b != b'.').unwrap_or(rest.len());
        let rest = slash(trim(&rest[version..])).filter(|_| version > 0).ok_or("no version")?;
        let end = rest.iter().position(|b| !is_token(*b)).ok_or("no sent-by")?;
        let (transport, rest) = rest.split_at(end);
        if transport.is_empty() || !rest.first().is_some_and(|b| is_space(*b)) {
            return Err("malformed transport");
        }
        let transport = std::str::from_utf8(transport).map_err(|_| "malformed transport")?;
        let end = rest.iter().position(|b| *b == b';').unwrap_or(rest.len());
        let (sent_by, params) = rest.split_at(end);
        let (host, port) = split_host_port(sent_by)?;
        Ok(Self { transport, host, port, params: Params::new(params), text })
    }

    /// The `branch` parameter.
    #[must_use]
    pub fn branch(&self) -> Option<&'a str> {
        self.params.get("branch")
    }

    /// The `received` parameter, with or without brackets around IPv6.
    #[must_use]
    pub fn received(&self) -> Option<IpAddr> {
        Host(self.params.get("received")?).ip()
    }

    /// The `rport` parameter: asked for, and filled in where a server did.
    #[must_use]
    pub fn rport(&self) -> Option<Option<u16>> {
        let value = self.params.get_bytes("rport")?;
        Some(number(value).and_then(|port| u16::try_from(port).ok()))
    }

    /// The `maddr` parameter, where it is an address.
    #[must_use]
    pub fn maddr(&self) -> Option<IpAddr> {
        Host(self.params.get("maddr")?).ip()
    }

    /// The address of sent-by, where it is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        Host(self.host).ip()
    }

    /// Where a response to a request from `source` goes over UDP (RFC 3261 18.2.2, RFC 3581 4).
    ///
    /// `maddr` is deliberately not followed: it would let a stranger aim our answers at a third party.
    #[must_use]
    pub fn response_target(&self, source: SocketAddr) -> SocketAddr {
        if self.rport().is_some() {
            return source;
        }
        SocketAddr::new(source.ip(), self.port.unwrap_or(DEFAULT_PORT))
    }
}

fn literal<'a>(text: &'a [u8], expected: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = text.split_at_checked(expected.len())?;
    head.eq_ignore_ascii_case(expected).then(|| trim(rest))
}

fn slash(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(b"/").map(trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_with_odd_spacing_parse() {
        for (text, transport, host, port, branch) in [
            (
                "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK1;rport",
                "UDP",
                "192.0.2.2",
                Some(5060),
                Some("z9hG4bK1"),
            ),
            (
                "SIP  / 2.0  / TCP     spindle.example.com   ;  branch  =   z9x  ",
                "TCP",
                "spindle.example.com",
                None,
                Some("z9x"),
            ),
            ("sip/2.0/TLS [2001:db8::1]:5061 ;x", "TLS", "[2001:db8::1]", Some(5061), None),
            ("SIP/2.0/UNKNOWN a_b.c", "UNKNOWN", "a_b.c", None, None),
        ] {
            let via = Via::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(
                (via.transport, via.host, via.port, via.branch()),
                (transport, host, port, branch),
                "{text}"
            );
        }
    }

    #[test]
    fn malformed_values_are_refused() {
        for text in [
            "",
            "SIP/2.0/UDP",
            "SIP/3.0/UDP a",
            "HTTP/2.0/UDP a",
            "SIP/2.0/UDP 192.0.2.15;;",
            "SIP/2.0/UDP ;branch=x",
        ] {
            assert!(Via::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn responses_go_to_the_source_and_its_port_where_asked() {
        let source: SocketAddr = "198.51.100.7:1025".parse().unwrap();
        for (text, target) in [
            ("SIP/2.0/UDP 10.0.0.1:5070;rport;branch=x", "198.51.100.7:1025"),
            ("SIP/2.0/UDP 10.0.0.1:5070;branch=x", "198.51.100.7:5070"),
            ("SIP/2.0/UDP 10.0.0.1;branch=x;maddr=203.0.113.9", "198.51.100.7:5060"),
        ] {
            let via = Via::parse(text.as_bytes()).unwrap();
            assert_eq!(via.response_target(source), target.parse().unwrap(), "{text}");
        }
        let filled = Via::parse(b"SIP/2.0/UDP a;received=[2001:db8::1];rport=9").unwrap();
        assert_eq!((filled.received(), filled.rport()), ("2001:db8::1".parse().ok(), Some(Some(9))));
    }
}
