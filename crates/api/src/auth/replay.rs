//! The replay rule: an `authmd5` with its salt that was seen from one address is refused from another for
//! a day by commands that spend credit or open a way to do so.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use strowger_model::Mono;

use super::Digest;

/// How long a digest stays bound to its address, in milliseconds.
const KEPT_MS: u64 = 24 * 60 * 60 * 1_000;
/// Digests that are remembered; the oldest go first.
const MAX_KEPT: usize = 200_000;

/// Which digest came from where first.
#[derive(Default)]
pub struct Replays {
    seen: HashMap<[u8; 16], (IpAddr, Mono)>,
    order: VecDeque<([u8; 16], Mono)>,
}

impl Replays {
    /// Remembers a digest that was right.
    pub fn remember(&mut self, now: Mono, digest: &Digest, address: IpAddr) {
        while let Some((oldest, at)) = self.order.front().copied() {
            if self.order.len() < MAX_KEPT && now.ms_since(at) < KEPT_MS {
                break;
            }
            self.order.pop_front();
            self.seen.remove(&oldest);
        }
        self.seen.entry(digest.value).or_insert_with(|| {
            self.order.push_back((digest.value, now));
            (address, now)
        });
    }

    /// The digest belongs to another address.
    pub fn is_foreign(&self, now: Mono, digest: &Digest, address: IpAddr) -> bool {
        self.seen
            .get(&digest.value)
            .is_some_and(|(first, at)| *first != address && now.ms_since(*at) < KEPT_MS)
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
        replays.remember(Mono(0), &digest, here);
        replays.remember(Mono(0), &digest, there);
        assert!(!replays.is_foreign(Mono(0), &digest, here));
        assert!(replays.is_foreign(Mono(0), &digest, there));
        assert!(!replays.is_foreign(Mono::from_ms(KEPT_MS), &digest, there));
    }
}
