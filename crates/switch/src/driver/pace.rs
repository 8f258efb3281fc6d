//! When to wait for a wake-up and when to sleep through a batch: waking per datagram is the largest cost at
//! telephone rates, and half a millisecond is invisible in a call.

use std::time::Duration;

use strowger_model::Mono;

/// Above this many inputs per second a thread sleeps instead of waiting for the next one.
const BUSY_PER_S: u64 = 8_000;
/// How long it sleeps.
pub const NAP: Duration = Duration::from_micros(500);
/// Over which time the rate is measured, in microseconds.
const WINDOW_US: u64 = 50_000;

/// The recent rate of inputs.
#[derive(Debug, Default)]
pub struct Pace {
    since: Mono,
    inputs: u64,
    busy: bool,
}

impl Pace {
    /// So many inputs were performed.
    pub fn add(&mut self, now: Mono, inputs: usize) {
        self.inputs += u64::try_from(inputs).unwrap_or(0);
        let elapsed_us = now - self.since;
        if elapsed_us >= WINDOW_US {
            self.busy = self.inputs.saturating_mul(1_000_000) / elapsed_us >= BUSY_PER_S;
            self.inputs = 0;
            self.since = now;
        }
    }

    /// Sleep [`NAP`] instead of waiting.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        self.busy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn naps_begin_and_end_with_the_rate() {
        let mut pace = Pace::default();
        let mut at = 0;
        let mut run = |pace: &mut Pace, per_ms: usize| {
            for _ in 0..200 {
                at += 1_000;
                pace.add(Mono(at), per_ms);
            }
            pace.is_busy()
        };
        assert!(!run(&mut pace, 7));
        assert!(run(&mut pace, 9));
        assert!(!run(&mut pace, 1));
    }
}
