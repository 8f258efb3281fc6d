//! The replay rule: an `authmd5` with its salt that was seen from one address is refused from another for
//! a day by commands that spend credit or open a way to do so.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use foldhash::quality::RandomState;
use strowger_model::Wall;
use strowger_store::ReplayRow;

use super::Digest;

/// How long a digest stays bound to its address, in milliseconds.
pub const KEPT_MS: i64 = 24 * 60 * 60 * 1_000;
/// Digests that are remembered; the oldest go first.
pub const MAX_REPLAYS: usize = 200_000;

/// Which digest came from where first.
#[derive(Default)]
pub struct Replays {
    seen: HashMap<[u8; 16], (IpAddr, Wall), RandomState>,
    order: VecDeque<([u8; 16], Wall)>,
}

impl Replays {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Remembers a digest that was right; false where it was known.
    pub fn remember(&mut self, now: Wall, digest: &Digest, address: IpAddr) -> bool {
        self.forget(now);
        self.insert(digest.value, address, now)
    }

    /// A digest that an earlier run saw.
    pub fn recall(&mut self, row: &ReplayRow) {
        if let Some(digest) = Digest::parse(&row.digest) {
            self.insert(digest.value, row.address, row.at);
        }
    }

    /// The digest belongs to another address.
    pub fn is_foreign(&self, now: Wall, digest: &Digest, address: IpAddr) -> bool {
        self.seen.get(&digest.value).is_some_and(|(first, at)| *first != address && now.0 - at.0 < KEPT_MS)
    }

    fn insert(&mut self, digest: [u8; 16], address: IpAddr, at: Wall) -> bool {
        if self.seen.contains_key(&digest) {
            return false;
        }
        self.seen.insert(digest, (address, at));
        self.order.push_back((digest, at));
        true
    }

    fn forget(&mut self, now: Wall) {
        while let Some((oldest, at)) = self.order.front().copied() {
            if self.order.len() < MAX_REPLAYS && now.0 - at.0 < KEPT_MS {
                break;
            }
            self.order.pop_front();
            self.seen.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_bound_to_the_address_that_showed_it_first_for_a_day() {
        let (here, there) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let digest = Digest { value: [1; 16], v3: false };
        let mut replays = Replays::default();
        assert!(replays.remember(Wall(0), &digest, here));
        assert!(!replays.remember(Wall(0), &digest, there));
        assert!(!replays.is_foreign(Wall(0), &digest, here));
        assert!(replays.is_foreign(Wall(0), &digest, there));
        assert!(!replays.is_foreign(Wall(KEPT_MS), &digest, there));
        assert!(replays.remember(Wall(KEPT_MS), &digest, there), "it is forgotten");
    }

    #[test]
    fn a_digest_of_an_earlier_run_stays_bound() {
        let (here, there) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let mut replays = Replays::default();
        replays.recall(&ReplayRow { digest: "ab".repeat(16), address: here, at: Wall(5) });
        let digest = Digest::parse(&"AB".repeat(16)).unwrap();
        assert!(replays.is_foreign(Wall(6), &digest, there) && !replays.is_foreign(Wall(6), &digest, here));
    }
}
