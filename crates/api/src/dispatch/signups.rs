//! Sign-ups per address and per device in the last hour.

use std::collections::{HashMap, VecDeque};

use strowger_model::Mono;

/// Sign-ups of one address or device in an hour.
const MAX_PER_HOUR: usize = 10;
/// The window, in milliseconds.
const WINDOW_MS: u64 = 60 * 60 * 1_000;
/// Sign-ups that are remembered; the oldest go first.
const MAX_KEPT: usize = 50_000;

/// Who signed up when.
#[derive(Default)]
pub struct Signups {
    order: VecDeque<(String, Mono)>,
    count: HashMap<String, usize>,
}

impl Signups {
    /// Counts one more for every subject, or refuses when one of them had enough.
    pub fn admit(&mut self, now: Mono, subjects: &[String]) -> bool {
        while let Some((oldest, at)) = self.order.front() {
            if self.order.len() < MAX_KEPT && now.ms_since(*at) < WINDOW_MS {
                break;
            }
            if let Some(count) = self.count.get_mut(oldest) {
                *count -= 1;
                if *count == 0 {
                    self.count.remove(oldest);
                }
            }
            self.order.pop_front();
        }
        if subjects.iter().any(|subject| self.count.get(subject).is_some_and(|n| *n >= MAX_PER_HOUR)) {
            return false;
        }
        for subject in subjects {
            *self.count.entry(subject.clone()).or_default() += 1;
            self.order.push_back((subject.clone(), now));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_in_an_hour_is_refused() {
        let mut signups = Signups::default();
        let device = |n: u64| vec!["192.0.2.1".to_owned(), format!("device{n}")];
        assert!((0..10).all(|n| signups.admit(Mono(n), &device(n))));
        assert!(!signups.admit(Mono(11), &device(11)));
        assert!(signups.admit(Mono(11), &["192.0.2.2".to_owned()]));
        assert!(signups.admit(Mono::from_ms(WINDOW_MS + 1), &device(12)));
    }
}
