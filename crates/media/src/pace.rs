//! When to wait for a packet and when to let them gather: sleeping and waking for each costs more than the
//! relaying at telephone rates.

use std::time::Duration;

use strowger_model::Mono;

/// Measures the rate of packets over short windows.
#[derive(Debug)]
pub(crate) struct Pace {
    above_pps: u64,
    sleep: Duration,
    since: Mono,
    packets: u64,
    gathering: bool,
}

/// The window over which the rate is taken, milliseconds.
const WINDOW_MS: u64 = 50;

impl Pace {
    pub(crate) const fn new(above_pps: u32, sleep_us: u32) -> Self {
        let sleep = Duration::from_micros(sleep_us as u64);
        Self { above_pps: above_pps as u64, sleep, since: Mono(0), packets: 0, gathering: false }
    }

    /// Counts the packets of a round that began at `now`.
    pub(crate) const fn handle_round(&mut self, now: Mono, packets: u64) {
        self.packets += packets;
        let elapsed_ms = now.ms_since(self.since);
        if elapsed_ms >= WINDOW_MS {
            self.gathering = self.packets * 1000 / elapsed_ms > self.above_pps;
            self.packets = 0;
            self.since = now;
        }
    }

    /// The sleep between two rounds; none while waiting for each packet is cheaper.
    pub(crate) fn gather(&self) -> Option<Duration> {
        self.gathering.then_some(self.sleep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_gathered_only_while_they_come_fast() {
        let mut pace = Pace::new(8_000, 1_000);
        for (from_ms, per_ms, wanted) in [(0, 4, false), (200, 10, true), (400, 4, false), (5_000, 0, false)]
        {
            for ms in from_ms..from_ms + 150 {
                pace.handle_round(Mono::from_ms(ms), per_ms);
            }
            assert_eq!(pace.gather().is_some(), wanted, "{per_ms} packets a millisecond");
        }
    }
}
