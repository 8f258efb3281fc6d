//! How many connections an address may have open, at every door.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use strowger_config::Config;

/// The most TCP connections at the same time from `address`. One that stands for many callers has no limit of its own,
/// only that of all together: this machine (exactly 127.0.0.1 and `::1`, where reverse proxies connect from), a trusted
/// address, a reverse proxy.
#[must_use]
pub fn connections_from(config: &Config, address: IpAddr) -> u32 {
    let address = address.to_canonical();
    let local = address == Ipv4Addr::LOCALHOST || address == Ipv6Addr::LOCALHOST;
    if local || config.trustediplist.contains(address) || config.proxylist.contains(address) {
        config.maxconnections
    } else {
        config.maxconnectionsperip
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strowger_config::{Layers, resolve};

    #[test]
    fn an_address_that_stands_for_many_has_no_limit_of_its_own() {
        let file = "maxconnections = 100\nmaxconnectionsperip = 7\ntrustediplist = \"192.0.2.1\"\nproxylist = \"192.0.2.2\"";
        let config = resolve(&Layers { file: Some(file), ..Layers::default() }).unwrap().config;
        for (address, most) in [
            ("127.0.0.1", 100),
            ("::1", 100),
            ("::ffff:127.0.0.1", 100),
            ("192.0.2.1", 100),
            ("192.0.2.2", 100),
            ("127.0.0.2", 7),
            ("192.0.2.3", 7),
            ("2001:db8::1", 7),
        ] {
            assert_eq!(connections_from(&config, address.parse().unwrap()), most, "{address}");
        }
    }
}
