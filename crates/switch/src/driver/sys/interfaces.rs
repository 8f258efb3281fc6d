//! The addresses that this machine's interfaces have at this moment.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address of an interface and the bits of its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interface {
    /// The address.
    pub address: IpAddr,
    /// The length of the network's prefix.
    pub prefix: u8,
}

impl Interface {
    /// The other address is in the network of this one.
    #[must_use]
    pub fn is_near(&self, other: IpAddr) -> bool {
        let same = |mine: u128, theirs: u128, bits: u32| {
            let free = bits.saturating_sub(u32::from(self.prefix));
            mine.checked_shr(free).unwrap_or(0) == theirs.checked_shr(free).unwrap_or(0)
        };
        match (self.address, other) {
            (IpAddr::V4(mine), IpAddr::V4(other)) => {
                same(mine.to_bits().into(), other.to_bits().into(), Ipv4Addr::BITS)
            }
            (IpAddr::V6(mine), IpAddr::V6(other)) => same(mine.to_bits(), other.to_bits(), Ipv6Addr::BITS),
            _ => false,
        }
    }
}

/// Every address that an interface has now; loopback too.
///
/// # Errors
/// The kernel does not tell.
pub fn interfaces() -> io::Result<Vec<Interface>> {
    let mut first = std::ptr::null_mut();
    // SAFETY: the call writes one pointer, which lives here.
    if unsafe { libc::getifaddrs(&raw mut first) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut found = Vec::new();
    let mut next = first;
    while !next.is_null() {
        // SAFETY: the list is the kernel's answer, unchanged, and is freed only below.
        let entry = unsafe { &*next };
        let address = address_of(entry.ifa_addr);
        if let Some(address) = address {
            let mask = address_of(entry.ifa_netmask).unwrap_or(address);
            found.push(Interface { address, prefix: ones(mask) });
        }
        next = entry.ifa_next;
    }
    // SAFETY: `first` is what getifaddrs gave, and nothing of it is used any more.
    unsafe { libc::freeifaddrs(first) };
    Ok(found)
}

/// The leading ones of a mask.
fn ones(mask: IpAddr) -> u8 {
    let ones = match mask {
        IpAddr::V4(mask) => mask.to_bits().leading_ones(),
        IpAddr::V6(mask) => mask.to_bits().leading_ones(),
    };
    u8::try_from(ones).unwrap_or(u8::MAX)
}

fn address_of(name: *const libc::sockaddr) -> Option<IpAddr> {
    if name.is_null() {
        return None;
    }
    // SAFETY: it points at a socket address of the list; every one begins with its family.
    let family = unsafe { (*name).sa_family };
    match i32::from(family) {
        libc::AF_INET => {
            // SAFETY: an address of this family is a sockaddr_in.
            let v4 = unsafe { name.cast::<libc::sockaddr_in>().read_unaligned() };
            Some(IpAddr::V4(Ipv4Addr::from_bits(u32::from_be(v4.sin_addr.s_addr))))
        }
        libc::AF_INET6 => {
            // SAFETY: an address of this family is a sockaddr_in6.
            let v6 = unsafe { name.cast::<libc::sockaddr_in6>().read_unaligned() };
            Some(IpAddr::V6(Ipv6Addr::from(v6.sin6_addr.s6_addr)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_among_them_with_its_network() {
        let all = interfaces().unwrap();
        let loopback = all.iter().find(|one| one.address == Ipv4Addr::LOCALHOST).unwrap();
        assert_eq!(loopback.prefix, 8);
        assert!(all.iter().all(|one| one.is_near(one.address)));
    }

    #[test]
    fn a_network_ends_where_its_prefix_says() {
        for (address, prefix, other, near) in [
            ("192.0.2.2", 24, "192.0.2.255", true),
            ("192.0.2.2", 24, "192.0.3.1", false),
            ("192.0.2.2", 32, "192.0.2.2", true),
            ("192.0.2.2", 32, "192.0.2.3", false),
            ("192.0.2.2", 0, "198.51.100.1", true),
            ("2001:db8::1", 64, "2001:db8::ffff", true),
            ("2001:db8::1", 64, "2001:db8:0:1::1", false),
            ("2001:db8::1", 0, "::1", true),
            ("192.0.2.2", 0, "2001:db8::1", false),
        ] {
            let interface = Interface { address: address.parse().unwrap(), prefix };
            assert_eq!(interface.is_near(other.parse().unwrap()), near, "{address}/{prefix} {other}");
        }
    }
}
