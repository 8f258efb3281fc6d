//! How many connections are open, in all and per address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The open connections of all doors together.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: u32,
    by_address: HashMap<IpAddr, u32>,
}

/// Why a connection is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// Too many in all.
    Total,
    /// Too many from this address.
    Address,
}

/// One open connection; dropping it makes room.
#[derive(Debug)]
pub(crate) struct Permit {
    connections: Arc<Connections>,
    address: IpAddr,
}

impl Connections {
    /// Lets a connection in. The map has at most `total` entries: an address leaves it with its last connection.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr, total: u32, each: u32) -> Result<Permit, Full> {
        let address = address.to_canonical();
        let mut guard = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let open = &mut *guard;
        if open.all >= total {
            return Err(Full::Total);
        }
        let count = open.by_address.entry(address).or_default();
        if *count >= each {
            return Err(Full::Address);
        }
        *count += 1;
        open.all += 1;
        drop(guard);
        Ok(Permit { connections: Arc::clone(self), address })
    }

    /// How many are open.
    pub(crate) fn count(&self) -> u64 {
        u64::from(self.open.lock().unwrap_or_else(PoisonError::into_inner).all)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all = open.all.saturating_sub(1);
        if let Some(count) = open.by_address.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_the_whole_are_bounded_and_room_comes_back() {
        let connections = Arc::new(Connections::default());
        let (a, b): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let first = connections.admit(a, 3, 2).unwrap();
        let _second = connections.admit("::ffff:192.0.2.1".parse().unwrap(), 3, 2).unwrap();
        assert_eq!(connections.admit(a, 3, 2).unwrap_err(), Full::Address);
        let _third = connections.admit(b, 3, 2).unwrap();
        assert_eq!(connections.admit(b, 3, 2).unwrap_err(), Full::Total);
        drop(first);
        assert_eq!(connections.count(), 2);
        assert!(connections.admit(a, 3, 2).is_ok());
    }
}
