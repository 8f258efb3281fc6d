//! Where a request may go: a URL taken apart, and the addresses that are nobody's business from outside.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hyper::Uri;
use strowger_config::Addresses;
use thiserror::Error;

/// Why a URL is not followed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum TargetError {
    /// It is none, or of another kind.
    #[error("not an http or https URL")]
    Form,
    /// The name has no address.
    #[error("{0} has no address")]
    Unknown(String),
    /// Every address is private or reserved.
    #[error("{0} is at a private address, which webhookprivate does not list")]
    Private(String),
}

/// A URL in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// TLS.
    pub(crate) secure: bool,
    /// Without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Host and port as they stand in the URL.
    pub(crate) authority: String,
    /// Path and query.
    pub(crate) path: String,
}

impl Target {
    /// Takes a URL apart.
    pub(crate) fn parse(url: &str) -> Result<Self, TargetError> {
        let uri: Uri = url.parse().map_err(|_| TargetError::Form)?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(TargetError::Form),
        };
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'));
        let authority = authority.ok_or(TargetError::Form)?;
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        if host.is_empty() {
            return Err(TargetError::Form);
        }
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Self { secure, host, port, authority: authority.to_string(), path })
    }

    /// The first address that may be reached. It is resolved here and nowhere else, so that the address that was
    /// judged is the one that is connected to.
    pub(crate) async fn resolve(&self, private: &Addresses) -> Result<SocketAddr, TargetError> {
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let addresses: Vec<SocketAddr> = found.map(Iterator::collect).unwrap_or_default();
        if addresses.is_empty() {
            return Err(TargetError::Unknown(self.host.clone()));
        }
        let allowed = addresses.into_iter().find(|a| is_public(a.ip()) || private.contains(a.ip()));
        allowed.ok_or_else(|| TargetError::Private(self.host.clone()))
    }
}

/// An address of the internet, by the registries of special addresses (RFC 6890).
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19)))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    match segments {
        // NAT64 and 6to4 carry an IPv4 address, which is what is reached.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Documentation, benchmarking, Teredo and the rest of 2001:0000::/23.
        [0x2001, 0x0db8, ..] | [0x2001, 0..0x0200, ..] => false,
        // Only 2000::/3 is given out.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        for (address, public) in [
            ("8.8.8.8", true),
            ("2600::1", true),
            ("127.0.0.1", false),
            ("127.9.9.9", false),
            ("0.0.0.0", false),
            ("10.0.0.1", false),
            ("172.16.0.1", false),
            ("172.32.0.1", true),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("192.0.0.8", false),
            ("192.0.2.1", false),
            ("198.18.0.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::ffff:10.0.0.1", false),
            ("::ffff:8.8.8.8", true),
            ("fc00::1", false),
            ("fe80::1", false),
            ("ff02::1", false),
            ("2001:db8::1", false),
            ("2001::1", false),
            ("64:ff9b::7f00:1", false),
            ("64:ff9b::808:808", true),
            ("2002:7f00:1::", false),
            ("2002:808:808::", true),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }

    #[test]
    fn urls_are_taken_apart_and_others_refused() {
        let target = Target::parse("https://example.com/a?b=c").unwrap();
        assert_eq!(
            (target.secure, target.port, &*target.host, &*target.path),
            (true, 443, "example.com", "/a?b=c")
        );
        let target = Target::parse("http://[::1]:8080").unwrap();
        assert_eq!((target.secure, target.port, &*target.host, &*target.path), (false, 8080, "::1", "/"));
        for url in [
            "ftp://example.com/",
            "example.com",
            "http://",
            "http://u:p@example.com/",
            "file:///etc/passwd",
            "",
        ] {
            assert_eq!(Target::parse(url), Err(TargetError::Form), "{url}");
        }
    }

    #[tokio::test]
    async fn a_private_target_needs_to_be_listed() {
        for url in ["http://127.0.0.1:1/", "http://localhost/", "http://0177.0.0.1/", "http://2130706433/"] {
            let target = Target::parse(url).unwrap();
            assert!(target.resolve(&Addresses::default()).await.is_err(), "{url}");
        }
    }
}
