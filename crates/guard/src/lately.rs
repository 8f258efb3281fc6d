//! Who was right a moment ago: most requests come from those, and for them there is nothing to do.

use std::net::IpAddr;

use strowger_model::Mono;

/// Places; who has the same place as another one displaces it.
const PLACES: usize = 1_024;
/// How long somebody stays, in microseconds.
const STAY_US: u64 = 1_000_000;

/// The last who were right, each in the place that its name and address give.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lately {
    places: Vec<Option<Seen>>,
    /// Whoever was seen in an earlier one counts no more.
    generation: u64,
}

#[derive(Debug, Clone)]
struct Seen {
    user: Box<str>,
    source: IpAddr,
    until: Mono,
    generation: u64,
}

impl Lately {
    pub(crate) const fn new() -> Self {
        Self { places: Vec::new(), generation: 0 }
    }

    /// They were right from this address a moment ago. Else they are now.
    pub(crate) fn again(&mut self, now: Mono, source: IpAddr, user: &str) -> bool {
        if self.places.is_empty() {
            self.places.resize(PLACES, None);
        }
        let (place, generation) = (&mut self.places[place(source, user)], self.generation);
        let fresh = |seen: &Seen| seen.generation == generation && now < seen.until;
        if place.as_ref().is_some_and(|seen| fresh(seen) && seen.source == source && *seen.user == *user) {
            return true;
        }
        *place = Some(Seen { user: user.into(), source, until: Mono(now.0 + STAY_US), generation });
        false
    }

    /// Nobody was.
    pub(crate) const fn forget(&mut self) {
        self.generation += 1;
    }
}

/// FNV-1a: a stranger who finds two names for one place gains nothing but that they displace each other.
fn place(source: IpAddr, user: &str) -> usize {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = user.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, mix);
    let hash = match source {
        IpAddr::V4(address) => address.octets().iter().fold(hash, mix),
        IpAddr::V6(address) => address.octets().iter().fold(hash, mix),
    };
    usize::try_from((hash ^ (hash >> 32)) % PLACES as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_right_is_known_for_a_moment_from_the_same_address_only() {
        let (here, there) = ("192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap());
        let mut lately = Lately::new();
        assert!(!lately.again(Mono(5), here, "alice"));
        assert!(lately.again(Mono(6), here, "alice"));
        assert!(!lately.again(Mono(6), there, "alice"));
        assert!(!lately.again(Mono(6), here, "bob"));
        assert!(!lately.again(Mono(5 + STAY_US), here, "alice"));
        assert!(lately.again(Mono(6 + STAY_US), here, "alice"));
        lately.forget();
        assert!(!lately.again(Mono(6 + STAY_US), here, "alice"));
    }
}
