//! URIs: `sip:`, `sips:` and `tel:` taken apart, any other scheme kept as text.
//!
//! Embedded headers (`?name=value`) are kept as text and never applied to a message.

use std::borrow::Cow;
use std::net::IpAddr;

use super::host::{Host, split_host_port};
use super::params::Params;
use crate::lex::{trim, unescape_percent};

/// Ports that a URI without one means.
const DEFAULT_PORT: u16 = 5060;
/// The same with `sips:` or `transport=tls`.
const DEFAULT_SECURE_PORT: u16 = 5061;

/// The scheme of a URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:` (RFC 3966).
    Tel,
    /// Any other.
    Other,
}

/// The text is no URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed URI: {0}")]
pub struct UriError(pub &'static str);

/// A URI; every part borrows from the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uri<'a> {
    /// The scheme.
    pub scheme: Scheme,
    /// The scheme as written.
    pub scheme_text: &'a str,
    /// The user part, escapes kept; the number of a `tel:` URI.
    pub user: Option<&'a str>,
    /// The password of `user:password@`.
    pub password: Option<&'a str>,
    /// The host, an IPv6 one with its brackets; empty where the scheme has none.
    pub host: &'a str,
    /// The port, where one is written.
    pub port: Option<u16>,
    /// The parameters.
    pub params: Params<'a>,
    /// What follows the question mark.
    pub headers: &'a str,
    /// The whole URI.
    pub text: &'a str,
}

impl<'a> Uri<'a> {
    /// Reads a URI without angle brackets. White space around it is ignored.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, UriError> {
        let text = std::str::from_utf8(trim(bytes)).map_err(|_| UriError("not UTF-8"))?;
        Self::parse_str(text)
    }

    /// As [`Uri::parse`].
    pub fn parse_str(text: &'a str) -> Result<Self, UriError> {
        if text.bytes().any(|b| b <= b' ' || matches!(b, b'<' | b'>' | b'"' | 0x7f)) {
            return Err(UriError("space, quote, bracket or control character"));
        }
        let (scheme_text, rest) = text.split_once(':').ok_or(UriError("no scheme"))?;
        let scheme = scheme_of(scheme_text)?;
        if rest.is_empty() {
            return Err(UriError("nothing after the scheme"));
        }
        let empty = Self {
            scheme,
            scheme_text,
            user: None,
            password: None,
            host: "",
            port: None,
            params: Params::default(),
            headers: "",
            text,
        };
        match scheme {
            Scheme::Sip | Scheme::Sips => parse_sip(empty, rest),
            Scheme::Tel => {
                let end = rest.find(';').unwrap_or(rest.len());
                let (number, params) = rest.split_at(end);
                Ok(Self { user: Some(number), params: Params::new(params.as_bytes()), ..empty })
            }
            Scheme::Other => Ok(empty),
        }
    }

    /// The user with its `%XX` escapes resolved; empty if there is none.
    #[must_use]
    pub fn user_decoded(&self) -> Cow<'a, str> {
        unescape_percent(self.user.unwrap_or(""))
    }

    /// The host's address, where it is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        Host(self.host).ip()
    }

    /// The port, or the one that its absence means.
    #[must_use]
    pub fn port_or_default(&self) -> u16 {
        let secure = self.is_secure() || self.transport().is_some_and(|t| t.eq_ignore_ascii_case("tls"));
        self.port.unwrap_or(if secure { DEFAULT_SECURE_PORT } else { DEFAULT_PORT })
    }

    /// `sips:`
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.scheme == Scheme::Sips
    }

    /// The `transport` parameter.
    #[must_use]
    pub fn transport(&self) -> Option<&'a str> {
        self.params.get("transport")
    }

    /// The `lr` parameter: a loose router (RFC 3261 19.1.1).
    #[must_use]
    pub fn is_lr(&self) -> bool {
        self.params.has("lr")
    }

    /// Equivalence by RFC 3261 19.1.4.
    #[must_use]
    pub fn same_as(&self, other: &Uri<'_>) -> bool {
        if self.scheme != other.scheme || !self.scheme_text.eq_ignore_ascii_case(other.scheme_text) {
            return false;
        }
        if self.scheme == Scheme::Other {
            return self.text == other.text;
        }
        self.user.is_some() == other.user.is_some()
            && self.user_decoded() == other.user_decoded()
            && self.password == other.password
            && self.host.eq_ignore_ascii_case(other.host)
            && self.port == other.port
            && same_params(self.params, other.params)
            && self.headers.eq_ignore_ascii_case(other.headers)
    }
}

/// RFC 3261 19.1.4: these parameters never match their absence; others are ignored where one side lacks them.
const SIGNIFICANT: [&str; 5] = ["transport", "user", "ttl", "method", "maddr"];

/// Parameters that are compared, at most: the comparison is quadratic. URIs with more are equal as texts only.
const MAX_COMPARED_PARAMS: usize = 64;

fn same_params(ours: Params<'_>, theirs: Params<'_>) -> bool {
    if ours.iter().chain(theirs.iter()).nth(MAX_COMPARED_PARAMS).is_some() {
        return ours == theirs;
    }
    let significant = SIGNIFICANT.iter().all(|name| ours.has(name) == theirs.has(name));
    significant
        && ours.iter().all(|(name, _)| {
            let Ok(name) = std::str::from_utf8(name) else { return true };
            // The first of each name counts, on both sides.
            match (ours.get_bytes(name), theirs.get_bytes(name)) {
                (Some(our), Some(their)) => our.eq_ignore_ascii_case(their),
                _ => true,
            }
        })
}

fn scheme_of(text: &str) -> Result<Scheme, UriError> {
    let mut bytes = text.bytes();
    let sound = bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    if !sound {
        return Err(UriError("malformed scheme"));
    }
    Ok(match text.len() {
        3 if text.eq_ignore_ascii_case("sip") => Scheme::Sip,
        4 if text.eq_ignore_ascii_case("sips") => Scheme::Sips,
        3 if text.eq_ignore_ascii_case("tel") => Scheme::Tel,
        _ => Scheme::Other,
    })
}

/// The part after `sip:`. The user part may hold `;` and `?`, so the `@` is looked for first.
fn parse_sip<'a>(empty: Uri<'a>, rest: &'a str) -> Result<Uri<'a>, UriError> {
    let (user, password, rest) = match rest.split_once('@') {
        Some((userinfo, rest)) => {
            let (user, password) =
                userinfo.split_once(':').map_or((userinfo, None), |(user, password)| (user, Some(password)));
            if user.is_empty() {
                return Err(UriError("empty user"));
            }
            (Some(user), password, rest)
        }
        None => (None, None, rest),
    };
    let (rest, headers) = rest.split_once('?').unwrap_or((rest, ""));
    let end = rest.find(';').unwrap_or(rest.len());
    let (host_port, params) = rest.split_at(end);
    let (host, port) = split_host_port(host_port.as_bytes()).map_err(UriError)?;
    Ok(Uri { user, password, host, port, params: Params::new(params.as_bytes()), headers, ..empty })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, user: Option<&str>, host: &str, port: Option<u16>) {
        let uri = Uri::parse_str(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!((uri.user, uri.host, uri.port), (user, host, port), "{text}");
    }

    #[test]
    fn users_hosts_and_ports_are_taken_apart() {
        check("sip:alice@example.com", Some("alice"), "example.com", None);
        check("sip:*21#@10.0.0.1:5080", Some("*21#"), "10.0.0.1", Some(5080));
        check("sip:#31#0123@x", Some("#31#0123"), "x", None);
        check(
            "sip:user;par=u%40example.net@example.com",
            Some("user;par=u%40example.net"),
            "example.com",
            None,
        );
        check("sip:a?b/c;;*:pw&x@h.example", Some("a?b/c;;*"), "h.example", None);
        check("sips:[2001:db8::10]:5070;transport=tcp", None, "[2001:db8::10]", Some(5070));
        check("sip:bob@host?Replaces=x@y", Some("bob"), "host", None);
        check("tel:+36-1-234;phone-context=example.com", Some("+36-1-234"), "", None);
        check("TEL:911", Some("911"), "", None);
        check("urn:service:sos", None, "", None);
    }

    #[test]
    fn what_is_no_uri_is_refused() {
        for text in [
            "",
            "alice",
            "sip:",
            "sip:@host",
            "sip:2001:db8::10",
            "<sip:a@b>",
            "sip:a b@c",
            "sip:a@",
            "1x:y",
            "sip:a@h:99999",
            "sip:[::1",
            "sip:a@b\u{7f}",
        ] {
            assert!(Uri::parse_str(text).is_err(), "{text}");
        }
    }

    #[test]
    fn equivalence_follows_the_rules_of_the_rfc() {
        for (ours, theirs, same) in [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp", true),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true),
            ("sip:carol@chicago.com;newparam=5;x=1", "sip:carol@chicago.com;x=2", false),
            ("SIP:ALICE@AtLanTa.CoM", "sip:alice@atlanta.com", false),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false),
            ("sip:bob@a", "sips:bob@a", false),
            ("sip:bob@a;x=1;x=2", "sip:bob@a;x=1", true),
        ] {
            let (a, b) = (Uri::parse_str(ours).unwrap(), Uri::parse_str(theirs).unwrap());
            assert_eq!(a.same_as(&b), same, "{ours} {theirs}");
            assert_eq!(b.same_as(&a), same, "{theirs} {ours}");
        }
    }
}
