//! Where a request came from, and how far its address is believed.

use std::net::IpAddr;

use strowger_config::Config;

use crate::request::{Origin, Transport};

/// What the configuration says about an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Exactly 127.0.0.1 and ::1.
    Loopback,
    /// Named in `trustediplist`.
    Trusted,
    /// A private address.
    Lan,
    /// Anywhere else.
    Foreign,
}

/// A source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// The address, an IPv4 one if it is an IPv4 one in IPv6 dress.
    pub address: IpAddr,
    /// Where that is.
    pub place: Place,
    /// It counts as trusted: the configuration says so, and the transport proves the address.
    pub trusted: bool,
    /// It is in `apiv2ipauth`.
    pub listed: bool,
    /// It is in `httpapiallowedip2`.
    pub allowed_money: bool,
    /// Only the address speaks for it, and a browser may have been led to send it: the address alone may not
    /// replace credentials.
    pub borrowed: bool,
    /// A datagram, or a header of a SIP request.
    pub unproven: bool,
    /// TLS, or a socket in the data directory.
    pub secure: bool,
    /// The console or its socket.
    pub console: bool,
}

/// `allowtrustedip` from which private addresses may be trusted.
const ALLOW_PRIVATE: u32 = 2;

/// Looks at where a request came from.
pub fn look(origin: &Origin, config: &Config) -> Source {
    let address = origin.peer.ip().to_canonical();
    let place = place(address, config);
    let unproven = !origin.transport.proves_address();
    let trusted = match place {
        Place::Loopback | Place::Trusted => config.allowtrustedip > 0,
        Place::Lan => config.trustlanip && config.allowtrustedip >= ALLOW_PRIVATE,
        Place::Foreign => false,
    };
    let proven = |yes: bool| yes && !unproven;
    Source {
        address,
        place,
        trusted: proven(trusted),
        listed: proven(config.apiv2ipauth.contains(address)),
        allowed_money: proven(config.httpapiallowedip2.contains(address)),
        borrowed: is_borrowed(origin, config),
        unproven,
        secure: origin.transport.is_secure(),
        console: origin.transport == Transport::Console,
    }
}

fn place(address: IpAddr, config: &Config) -> Place {
    let localhost = match address {
        IpAddr::V4(v4) => v4 == std::net::Ipv4Addr::LOCALHOST,
        IpAddr::V6(v6) => v6 == std::net::Ipv6Addr::LOCALHOST,
    };
    let lan = match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    };
    match (localhost, config.trustediplist.contains(address), lan) {
        (true, ..) => Place::Loopback,
        (_, true, _) => Place::Trusted,
        (.., true) => Place::Lan,
        _ => Place::Foreign,
    }
}

/// A page of a foreign origin, or a name that DNS made to point here, has a browser send requests with the
/// address of its user: DNS rebinding and cross-site requests.
fn is_borrowed(origin: &Origin, config: &Config) -> bool {
    let Some(host) = &origin.host else { return false };
    if !is_own_name(bare_host(host), config) {
        return true;
    }
    let Some(web_origin) = &origin.web_origin else { return false };
    let allowed = config.corsorigins.iter().any(|o| o.eq_ignore_ascii_case(web_origin));
    let same =
        web_origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host));
    !allowed && !same
}

/// The host without its port.
fn bare_host(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    host.bytes().rposition(|byte| byte == b':').map_or(host, |at| &host[..at])
}

/// An address, `localhost`, or a name that the configuration gives to this server.
fn is_own_name(host: &str, config: &Config) -> bool {
    let named = |name: &str| !name.is_empty() && name.eq_ignore_ascii_case(host);
    host.parse::<IpAddr>().is_ok()
        || host.eq_ignore_ascii_case("localhost")
        || named(&config.realm)
        || config.domain.iter().any(|name| named(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str, transport: Transport, host: Option<&str>, web_origin: Option<&str>) -> Origin {
        let local = "127.0.0.1:80".parse().unwrap();
        let mut origin = Origin::new(format!("{address}:4000").parse().unwrap(), local, transport);
        origin.host = host.map(Into::into);
        origin.web_origin = web_origin.map(Into::into);
        origin
    }

    #[test]
    fn places_and_trust_follow_the_configuration() {
        let open: &[(&str, &str)] =
            &[("trustlanip", "true"), ("allowtrustedip", "3"), ("trustediplist", "192.0.2.1")];
        for (address, settings, transport, place, trusted) in [
            ("127.0.0.1", &[] as &[_], Transport::Http, Place::Loopback, true),
            ("[::1]", &[], Transport::Tcp, Place::Loopback, true),
            ("[::ffff:127.0.0.1]", &[], Transport::Tcp, Place::Loopback, true),
            ("127.0.0.1", &[], Transport::Udp, Place::Loopback, false),
            ("127.0.0.1", &[("allowtrustedip", "0")], Transport::Http, Place::Loopback, false),
            ("127.0.0.2", &[], Transport::Http, Place::Foreign, false),
            ("10.0.0.9", &[], Transport::Http, Place::Lan, false),
            ("10.0.0.9", open, Transport::Http, Place::Lan, true),
            ("192.0.2.1", open, Transport::Http, Place::Trusted, true),
            ("192.0.2.1", open, Transport::Udp, Place::Trusted, false),
            ("192.0.2.2", open, Transport::Http, Place::Foreign, false),
        ] {
            let source = look(&from(address, transport, None, None), &Config::with(settings));
            assert_eq!(
                (source.place, source.trusted),
                (place, trusted),
                "{address} {settings:?} {transport:?}"
            );
        }
    }

    #[test]
    fn an_address_does_not_speak_for_a_browser_that_was_led_here() {
        let settings = &[("domain", "sip.example"), ("corsorigins", "https://shop.example")];
        for (host, web_origin, borrowed) in [
            (None, None, false),
            (Some("127.0.0.1:8080"), None, false),
            (Some("localhost:8080"), Some("http://localhost:8080"), false),
            (Some("[::1]:8080"), None, false),
            (Some("sip.example"), None, false),
            (Some("evil.example:8080"), None, true),
            (Some("127.0.0.1:8080"), Some("http://evil.example"), true),
            (Some("127.0.0.1:8080"), Some("null"), true),
            (Some("sip.example"), Some("https://shop.example"), false),
        ] {
            let source = look(&from("127.0.0.1", Transport::Http, host, web_origin), &Config::with(settings));
            assert_eq!(source.borrowed, borrowed, "{host:?} {web_origin:?}");
        }
    }
}
