//! Counters of registrations: what came of REGISTER requests, how fast they come, how often phones refresh.

use std::collections::BTreeMap;

use strowger_location::RegistrarCounters;
use strowger_model::Mono;

/// The rate is that of so many seconds.
pub const RATE_WINDOW_S: u64 = 10;

/// What came of REGISTER requests since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegisterStatistics {
    /// Answered with 200.
    pub succeeded: u64,
    /// Of those, in the last [`RATE_WINDOW_S`] seconds.
    pub succeeded_lately: u64,
    /// Without credentials: the usual first request of a phone, no failure.
    pub challenged: u64,
    /// With a nonce that was too old.
    pub stale: u64,
    /// With credentials that are not right.
    pub wrong_credentials: u64,
    /// For another account than the one that proved itself.
    pub other_account: u64,
    /// For a shorter time than allowed (423).
    pub too_brief: u64,
    /// Refused by the registrar for another reason.
    pub refused: u64,
    /// Not to be understood (400).
    pub bad: u64,
    /// Over the rate limits (503).
    pub limited: u64,
    /// What the registrar did.
    pub registrar: RegistrarCounters,
    /// Bindings by transport.
    pub transports: BTreeMap<&'static str, u64>,
}

impl RegisterStatistics {
    /// Adds another shard's.
    pub fn add(&mut self, other: &Self) {
        self.succeeded += other.succeeded;
        self.succeeded_lately += other.succeeded_lately;
        self.challenged += other.challenged;
        self.stale += other.stale;
        self.wrong_credentials += other.wrong_credentials;
        self.other_account += other.other_account;
        self.too_brief += other.too_brief;
        self.refused += other.refused;
        self.bad += other.bad;
        self.limited += other.limited;
        self.registrar.add(&other.registrar);
        for (transport, count) in &other.transports {
            *self.transports.entry(transport).or_default() += count;
        }
    }
}

/// Events of the last seconds, one counter a second.
#[derive(Debug, Clone, Default)]
pub struct Rate([(u64, u64); RATE_WINDOW_S as usize]);

impl Rate {
    /// One more.
    pub fn count(&mut self, now: Mono) {
        let second = now.0 / 1_000_000;
        let slot = &mut self.0[usize::try_from(second % RATE_WINDOW_S).unwrap_or(0)];
        if slot.0 != second {
            *slot = (second, 0);
        }
        slot.1 += 1;
    }

    /// How many in the window.
    #[must_use]
    pub fn sum(&self, now: Mono) -> u64 {
        let second = now.0 / 1_000_000;
        self.0.iter().filter(|(at, _)| at + RATE_WINDOW_S > second).map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_forgets_what_is_older_than_the_window() {
        let mut rate = Rate::default();
        for ms in [0, 500, 1_000, 9_999] {
            rate.count(Mono::from_ms(ms));
        }
        assert_eq!(rate.sum(Mono::from_ms(9_999)), 4);
        assert_eq!(rate.sum(Mono::from_ms(10_000)), 2);
        rate.count(Mono::from_ms(20_000));
        assert_eq!(rate.sum(Mono::from_ms(20_000)), 1);
    }
}
