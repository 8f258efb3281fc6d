//! The rate limit: GCRA, one number per subject.

use strowger_model::Mono;

const SECOND_US: u64 = 1_000_000;
/// Requests that may come at once, in seconds' worth of the rate.
const BURST_S: u64 = 1;

/// One subject: the theoretical arrival time of its next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bucket(Mono);

impl Bucket {
    /// Nothing has come yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mono(0))
    }

    /// Lets one request pass. A rate of zero is no limit.
    ///
    /// # Errors
    /// How many milliseconds it is early.
    pub fn pass(&mut self, now: Mono, per_second: u32) -> Result<(), u64> {
        self.early(now, per_second)?;
        if per_second != 0 {
            self.0 = self.0.max(now) + SECOND_US / u64::from(per_second);
        }
        Ok(())
    }

    /// The same without counting the request.
    pub(crate) fn early(self, now: Mono, per_second: u32) -> Result<(), u64> {
        if per_second == 0 {
            return Ok(());
        }
        let interval = SECOND_US / u64::from(per_second);
        // One interval less than the burst: the request itself fills the last place.
        let tolerance = (BURST_S * SECOND_US).saturating_sub(interval);
        let ahead = self.0 - now;
        if ahead <= tolerance { Ok(()) } else { Err((ahead - tolerance).div_ceil(1000)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_what_the_rate_says() {
        let mut bucket = Bucket::default();
        let start = Mono::from_ms(5000);
        let passed = |bucket: &mut Bucket, now| (0..100).filter(|_| bucket.pass(now, 10).is_ok()).count();
        assert_eq!(passed(&mut bucket, start), 10);
        assert_eq!(bucket.pass(start, 10), Err(100));
        assert_eq!(passed(&mut bucket, start.plus_ms(99)), 0);
        assert_eq!(passed(&mut bucket, start.plus_ms(100)), 1);
        assert_eq!(passed(&mut bucket, start.plus_ms(10_000)), 10);
        assert_eq!(passed(&mut bucket, start.plus_ms(10_000)), 0);
        assert!((0..10_000).all(|_| bucket.pass(start, 0).is_ok()));
    }

    #[test]
    fn one_a_second_is_one_a_second() {
        let mut bucket = Bucket::default();
        assert_eq!(bucket.pass(Mono(0), 1), Ok(()));
        assert_eq!(bucket.pass(Mono(0), 1), Err(1000));
        assert_eq!(bucket.pass(Mono::from_ms(1000), 1), Ok(()));
    }
}
