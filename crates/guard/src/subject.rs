//! Who is counted: an address, its network, an account at one address, an account everywhere.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Bytes of an account's name that are kept; longer ones are attacks.
const MAX_NAME: usize = 64;

/// Something that has a reputation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// One address. Mapped IPv4 addresses are written as IPv4.
    Address(IpAddr),
    /// A /24 (IPv4) or /64 (IPv6), by its first address.
    Network(IpAddr),
    /// A username in lower case, whether or not it exists.
    Account(Box<str>),
    /// The same at one address.
    AccountAt(Box<str>, IpAddr),
}

impl Subject {
    /// An address.
    #[must_use]
    pub const fn address(source: IpAddr) -> Self {
        Self::Address(source.to_canonical())
    }

    /// The network of an address; none inside 127/8 and for ::1, where neighbours are this machine.
    #[must_use]
    pub fn network(source: IpAddr) -> Option<Self> {
        let source = source.to_canonical();
        (!source.is_loopback()).then(|| Self::Network(masked(source)))
    }

    /// An account by its username as it was sent.
    #[must_use]
    pub fn account(name: &str) -> Self {
        Self::Account(folded(name))
    }

    /// An account as it is used from one address.
    #[must_use]
    pub fn account_at(name: &str, source: IpAddr) -> Self {
        Self::AccountAt(folded(name), source.to_canonical())
    }
}

/// A username as it is counted: cut, in lower case.
fn folded(name: &str) -> Box<str> {
    let mut name = name.trim().to_lowercase();
    let mut end = name.len().min(MAX_NAME);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.truncate(end);
    name.into()
}

fn masked(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            Ipv4Addr::new(a, b, c, 0).into()
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(ip) => ip.fmt(f),
            Self::Network(ip) => write!(f, "{ip}/{}", if ip.is_ipv4() { 24 } else { 64 }),
            Self::Account(name) => f.write_str(name),
            Self::AccountAt(name, ip) => write!(f, "{name}@{ip}"),
        }
    }
}

/// The text is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither an address nor a network nor a username")]
pub struct NotASubject;

impl FromStr for Subject {
    type Err = NotASubject;
    /// `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/64`, `alice@192.0.2.1`; everything else that is not empty is a
    /// username.
    fn from_str(text: &str) -> Result<Self, NotASubject> {
        let text = text.trim();
        if text.is_empty() {
            return Err(NotASubject);
        }
        if let Ok(ip) = text.parse() {
            return Ok(Self::address(ip));
        }
        if let Some((ip, bits)) = text.split_once('/')
            && let Ok(ip) = ip.parse::<IpAddr>()
            && bits == if ip.is_ipv4() { "24" } else { "64" }
        {
            return Ok(Self::Network(masked(ip)));
        }
        if let Some((name, ip)) = text.rsplit_once('@')
            && let Ok(ip) = ip.parse()
            && !name.trim().is_empty()
        {
            return Ok(Self::account_at(name, ip));
        }
        Ok(Self::account(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_survive_their_text_form() {
        for text in [
            "192.0.2.1",
            "192.0.2.0/24",
            "2001:db8::1",
            "2001:db8::/64",
            "alice",
            "alice@192.0.2.1",
            "a@b@2001:db8::1",
        ] {
            assert_eq!(text.parse::<Subject>().map(|s| s.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("::ffff:192.0.2.1".parse(), Ok(Subject::Address([192, 0, 2, 1].into())));
        assert_eq!(" Alice".parse(), Ok(Subject::Account("alice".into())));
        assert_eq!("".parse::<Subject>(), Err(NotASubject));
        assert_eq!(Subject::account(&"ü".repeat(1000)).to_string().len(), MAX_NAME);
    }

    #[test]
    fn this_machine_has_no_network() {
        assert_eq!(Subject::network([127, 0, 0, 9].into()), None);
        assert_eq!(Subject::network([192, 0, 2, 9].into()), Some(Subject::Network([192, 0, 2, 0].into())));
    }
}
