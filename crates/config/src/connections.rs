//! How many connections an address may have open.

use std::net::IpAddr;

use crate::Config;

impl Config {
    /// The most TCP connections at the same time from `address`. One that stands for many callers has no limit of its
    /// own, only that of all together: this machine (exactly 127.0.0.1 and ::1, where reverse proxies connect from), a
    /// trusted address, a reverse proxy.
    #[must_use]
    pub fn connections_from(&self, address: IpAddr) -> u32 {
        let address = address.to_canonical();
        let local = match address {
            IpAddr::V4(v4) => v4 == std::net::Ipv4Addr::LOCALHOST,
            IpAddr::V6(v6) => v6 == std::net::Ipv6Addr::LOCALHOST,
        };
        if local || self.trustediplist.contains(address) || self.proxylist.contains(address) {
            self.maxconnections
        } else {
            self.maxconnectionsperip
        }
    }
}
