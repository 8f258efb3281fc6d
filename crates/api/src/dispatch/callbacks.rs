//! Callbacks per account in the last hour.

use std::collections::{BTreeMap, VecDeque};

use strowger_model::{AccountId, Mono};

/// The window, in milliseconds.
const WINDOW_MS: u64 = 60 * 60 * 1_000;
/// Accounts that are remembered; beyond them those whose hour is over are forgotten.
const MAX_ACCOUNTS: usize = 50_000;

/// Who was called back when.
#[derive(Default)]
pub struct Callbacks(BTreeMap<AccountId, VecDeque<Mono>>);

impl Callbacks {
    /// Counts one more, or refuses when the account had `limit` within the hour; 0 is no limit.
    pub fn admit(&mut self, now: Mono, account: AccountId, limit: u32) -> bool {
        if limit == 0 {
            return true;
        }
        if self.0.len() >= MAX_ACCOUNTS {
            self.0.retain(|_, times| times.back().is_some_and(|at| now.ms_since(*at) < WINDOW_MS));
        }
        let times = self.0.entry(account).or_default();
        while times.front().is_some_and(|at| now.ms_since(*at) >= WINDOW_MS) {
            times.pop_front();
        }
        if times.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
            return false;
        }
        times.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_its_number_of_callbacks_an_hour() {
        let mut callbacks = Callbacks::default();
        let (alice, bob) = (AccountId(1), AccountId(2));
        assert!((0..3).all(|n| callbacks.admit(Mono::from_ms(n), alice, 3)));
        assert!(!callbacks.admit(Mono::from_ms(4), alice, 3));
        assert!(callbacks.admit(Mono::from_ms(4), bob, 3));
        assert!(callbacks.admit(Mono::from_ms(WINDOW_MS), alice, 3), "the first is an hour old");
        assert!(!callbacks.admit(Mono::from_ms(WINDOW_MS), alice, 3));
        assert!(callbacks.admit(Mono::from_ms(WINDOW_MS), alice, 0), "0 is no limit");
    }
}
