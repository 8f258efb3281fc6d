//! How often statements may compare passwords: whoever may ask for it may guess, so all of them together are slowed.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Comparing statements a second, of all callers together; as many may come at once.
pub const COMPARISONS_PER_S: u32 = 20;

/// When the next statement is due by the rate (GCRA).
#[derive(Debug, Default)]
pub struct Pace(Mutex<Option<Instant>>);

impl Pace {
    /// Lets one statement pass.
    ///
    /// # Errors
    /// How much too early it comes.
    pub fn pass(&self, now: Instant) -> Result<(), Duration> {
        let interval = Duration::from_secs(1) / COMPARISONS_PER_S;
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = next.unwrap_or(now).max(now);
        let early = (due - now).saturating_sub(Duration::from_secs(1) - interval);
        if !early.is_zero() {
            return Err(early);
        }
        *next = Some(due + interval);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_what_the_rate_says() {
        let (pace, start) = (Pace::default(), Instant::now());
        let passed = |now: Instant| (0..1_000).filter(|_| pace.pass(now).is_ok()).count();
        assert_eq!(passed(start), 20);
        assert_eq!(pace.pass(start), Err(Duration::from_millis(50)));
        assert_eq!(passed(start + Duration::from_millis(49)), 0);
        assert_eq!(passed(start + Duration::from_millis(50)), 1);
        assert_eq!(passed(start + Duration::from_secs(100)), 20);
    }
}
