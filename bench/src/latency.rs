//! How long units took, as a bounded sample: percentiles are values that were measured.

use std::collections::HashMap;
use std::time::Instant;

/// Values that are kept; of more, each new one takes the place of the oldest.
const MOST_KEPT: usize = 100_000;
/// Units that are waited for at a time; what never comes must not fill the memory.
const MOST_BEGUN: usize = 16_384;

/// The times of one measurement.
#[derive(Debug, Default)]
pub struct Latency {
    begun: HashMap<u64, Instant>,
    took_ms: Vec<f32>,
    next: usize,
}

/// The times that half, 95 and 99 percent of the units did not exceed, in milliseconds.
pub type Percentiles = [f32; 3];

impl Latency {
    /// A unit begins.
    pub fn begin(&mut self, unit: u64) {
        if self.begun.len() >= MOST_BEGUN {
            self.begun.clear();
        }
        self.begun.insert(unit, Instant::now());
    }

    /// A unit that began is done.
    pub fn end(&mut self, unit: u64) {
        if let Some(began) = self.begun.remove(&unit) {
            self.took(began);
        }
    }

    /// Something that began then is done.
    pub fn took(&mut self, began: Instant) {
        let ms = began.elapsed().as_secs_f32() * 1_000.0;
        if self.took_ms.len() < MOST_KEPT {
            self.took_ms.push(ms);
        } else {
            self.took_ms[self.next] = ms;
            self.next = (self.next + 1) % MOST_KEPT;
        }
    }

    /// Forgets what was measured; what began goes on.
    pub fn clear(&mut self) {
        self.took_ms.clear();
        self.next = 0;
    }

    /// None where nothing was done.
    pub fn percentiles(&self) -> Option<Percentiles> {
        let mut sorted = self.took_ms.clone();
        sorted.sort_by(f32::total_cmp);
        let at = |percent: usize| {
            let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
            sorted.get(index).copied()
        };
        Some([at(50)?, at(95)?, at(99)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let mut latency = Latency::default();
        assert_eq!(latency.percentiles(), None);
        latency.took_ms = (1..=200_u8).rev().map(f32::from).collect();
        assert_eq!(latency.percentiles(), Some([100.0, 190.0, 198.0]));
        latency.clear();
        assert_eq!(latency.percentiles(), None);
    }

    #[test]
    fn only_what_began_ends_and_the_memory_is_bounded() {
        let mut latency = Latency::default();
        latency.end(1);
        assert_eq!(latency.percentiles(), None);
        for unit in 0..u64::try_from(MOST_KEPT + 10).unwrap() {
            latency.begin(unit);
            latency.end(unit);
        }
        assert_eq!(latency.took_ms.len(), MOST_KEPT);
        (0..u64::try_from(2 * MOST_BEGUN).unwrap()).for_each(|unit| latency.begin(unit));
        assert!(latency.begun.len() <= MOST_BEGUN);
    }
}
