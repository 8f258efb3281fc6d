//! How we appear to a peer: which local address and port a message leaves from, and which one is
//! written into Via, Contact and session descriptions.
//!
//! A listener number stands for one socket and one local address. Numbers 0 and 1 are the SIP port and the main port
//! with no particular address; others are given when a message arrives at an address for the first time. Even numbers
//! belong to the SIP port, odd ones to the main port, so that a number from before a restart still finds its socket.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use strowger_call::{Hop, Local};

use super::rules::Rules;

/// The SIP port.
pub const SIP: u8 = 0;
/// The main port.
pub const MAIN: u8 = 1;
/// Destinations whose local address is remembered.
const MAX_REMEMBERED: usize = 65_536;
/// Listener numbers that can be given.
const MAX_LISTENERS: usize = 250;

/// Finds the local address from which the system would send to another one.
pub type RouteLookup = Box<dyn Fn(IpAddr) -> IpAddr + Send>;

/// The listeners of a shard.
pub struct Addresses {
    ports: [u16; 2],
    /// Local addresses by listener number.
    locals: Vec<IpAddr>,
    lookup: RouteLookup,
    remembered: RefCell<BTreeMap<IpAddr, IpAddr>>,
}

impl Addresses {
    /// `ports`: of SIP and of the main port, 0 where there is none. `bind`: the address that both are bound to.
    #[must_use]
    pub fn new(ports: [u16; 2], bind: IpAddr, lookup: RouteLookup) -> Self {
        Self { ports, locals: vec![bind, bind], lookup, remembered: RefCell::default() }
    }

    /// The number of the socket `base` ([`SIP`] or [`MAIN`]) at the local address `local`.
    pub fn listener(&mut self, base: u8, local: IpAddr) -> u8 {
        let base = base & 1;
        if local.is_unspecified() || local == self.locals[usize::from(base)] {
            return base;
        }
        let fits =
            |(i, known): (usize, &IpAddr)| (i & 1 == usize::from(base) && *known == local).then_some(i);
        if let Some(i) = self.locals.iter().enumerate().find_map(fits) {
            return u8::try_from(i).unwrap_or(base);
        }
        if self.locals.len() + 2 > MAX_LISTENERS {
            return base;
        }
        self.locals.extend([local, local]);
        u8::try_from(self.locals.len() - 2 + usize::from(base)).unwrap_or(base)
    }

    /// There is such a socket.
    #[must_use]
    pub fn has(&self, base: u8) -> bool {
        self.ports[usize::from(base & 1)] != 0
    }

    /// The socket of a listener number, and the local address to send from; unspecified: the system chooses.
    #[must_use]
    pub fn socket(&self, listener: u8) -> (u8, IpAddr) {
        let local = self.locals.get(usize::from(listener)).copied();
        (listener & 1, local.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
    }

    /// How we appear to the peer behind `hop`.
    #[must_use]
    pub fn local(&self, hop: &Hop, rules: &Rules) -> Local {
        let (base, bound) = self.socket(hop.listener);
        let peer = hop.address.ip().to_canonical();
        let own = if bound.is_unspecified() { self.towards(peer) } else { bound };
        let public = |public: Option<IpAddr>| public.unwrap_or(own);
        let sip = public(if base == SIP { rules.public_sip } else { rules.public_main });
        let port = match self.ports[usize::from(base)] {
            0 => self.ports[usize::from(base ^ 1)],
            port => port,
        };
        Local {
            sip: std::net::SocketAddr::new(sip, port).to_string().into(),
            media_ip: public(rules.public_media),
        }
    }

    fn towards(&self, peer: IpAddr) -> IpAddr {
        let mut remembered = self.remembered.borrow_mut();
        if let Some(local) = remembered.get(&peer) {
            return *local;
        }
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        let local = (self.lookup)(peer);
        remembered.insert(peer, local);
        local
    }

    /// Forgets which local addresses lead where; interfaces come and go.
    pub fn forget_routes(&self) {
        self.remembered.borrow_mut().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strowger_call::Carrier;
    use strowger_config::Config;

    fn hop(address: &str, listener: u8) -> Hop {
        Hop { carrier: Carrier::Udp, address: address.parse().unwrap(), listener, flow: None }
    }

    fn addresses() -> Addresses {
        let lookup = |peer: IpAddr| if peer.is_loopback() { peer } else { "10.0.0.5".parse().unwrap() };
        Addresses::new([5060, 8080], "0.0.0.0".parse().unwrap(), Box::new(lookup))
    }

    fn check(pairs: &[(&str, &str)], peer: &str, base: u8, sip: &str, media: &str) {
        let rules = Rules::of(&Config::with(pairs));
        let local = addresses().local(&hop(peer, base), &rules);
        assert_eq!((&*local.sip, local.media_ip.to_string().as_str()), (sip, media), "{pairs:?} {peer}");
    }

    #[test]
    fn the_public_address_is_written_where_there_is_one() {
        check(&[], "192.0.2.1:5060", SIP, "10.0.0.5:5060", "10.0.0.5");
        check(&[], "127.0.0.1:5070", MAIN, "127.0.0.1:8080", "127.0.0.1");
        let one = [("advertiseip", "198.51.100.1")];
        check(&one, "192.0.2.1:5060", SIP, "198.51.100.1:5060", "198.51.100.1");
        check(&one, "127.0.0.1:5070", SIP, "198.51.100.1:5060", "198.51.100.1");
        let two = [("advertiseip", "198.51.100.1"), ("advertiseipmain", "198.51.100.2")];
        check(&two, "192.0.2.1:5060", MAIN, "198.51.100.2:8080", "198.51.100.1");
    }

    #[test]
    fn an_address_that_was_reached_is_the_one_that_answers() {
        let mut addresses = addresses();
        let second: IpAddr = "10.0.0.6".parse().unwrap();
        let listener = addresses.listener(MAIN, second);
        assert_eq!(addresses.listener(MAIN, second), listener);
        assert_ne!(addresses.listener(SIP, second), listener);
        assert_eq!(addresses.socket(listener), (MAIN, second));
        let local = addresses.local(&hop("192.0.2.1:5060", listener), &Rules::of(&Config::defaults()));
        assert_eq!(&*local.sip, "10.0.0.6:8080");
        for i in 0..400_u16 {
            let [high, low] = i.to_be_bytes();
            let listener = addresses.listener(SIP, IpAddr::V4(Ipv4Addr::new(10, 1, high, low)));
            assert_eq!(addresses.socket(listener).0, SIP, "never a listener of the other socket");
        }
    }
}
