//! What was received and what was lost (RFC 3550 appendix A.1, A.3) and how unevenly it came (A.8).

use crate::header::Header;

/// A jump forward beyond this many packets is a new start, not loss.
const MAX_DROPOUT: u16 = 3000;
/// A step back beyond this many packets is a new start, not reordering.
const MAX_MISORDER: u16 = 100;

/// The reception of one peer's stream; a change of source counts on.
#[derive(Debug, Clone, Default)]
pub struct Reception {
    ssrc: Option<u32>,
    first: u32,
    highest: u32,
    received_here: u64,
    received: u64,
    lost_before: u64,
    transit: Option<u32>,
    /// Sixteen times the jitter.
    jitter_x16: u32,
}

impl Reception {
    /// Counts a packet. `arrival` is the time of arrival in units of the stream's clock, modulo 2^32.
    pub fn handle_packet(&mut self, header: &Header, arrival: u32) {
        self.received += 1;
        if self.ssrc == Some(header.ssrc) && self.extend(header.sequence) {
            self.received_here += 1;
        } else {
            self.restart(header);
        }
        let transit = arrival.wrapping_sub(header.timestamp);
        if let Some(last) = self.transit.replace(transit) {
            let difference = transit.wrapping_sub(last).cast_signed().unsigned_abs();
            // The sixteenth of the difference is added, of the old value taken away; both saturate.
            let less = self.jitter_x16.saturating_add(8) >> 4;
            self.jitter_x16 = self.jitter_x16.saturating_add(difference).saturating_sub(less);
        }
    }

    /// Packets received.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Packets missing by their numbers; duplicates count against it, never below zero.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost_before + self.lost_here()
    }

    /// Interarrival jitter in clock units.
    #[must_use]
    pub const fn jitter(&self) -> u32 {
        self.jitter_x16 >> 4
    }

    /// Takes the number in; false where it is too far from the last.
    fn extend(&mut self, sequence: u16) -> bool {
        let ahead = sequence.wrapping_sub(self.highest as u16);
        if ahead < MAX_DROPOUT {
            self.highest = self.highest.saturating_add(u32::from(ahead));
            return true;
        }
        ahead > u16::MAX - MAX_MISORDER
    }

    fn restart(&mut self, header: &Header) {
        self.lost_before += self.lost_here();
        self.ssrc = Some(header.ssrc);
        self.first = u32::from(header.sequence);
        self.highest = self.first;
        self.received_here = 1;
        self.transit = None;
    }

    fn lost_here(&self) -> u64 {
        let expected = u64::from(self.highest - self.first) + u64::from(self.ssrc.is_some());
        expected.saturating_sub(self.received_here)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sequences: &[u16], lost: u64) {
        let mut stats = Reception::default();
        for (at, &sequence) in (0..).zip(sequences) {
            stats.handle_packet(&Header { sequence, timestamp: at * 160, ..Header::default() }, at * 160);
        }
        assert_eq!((stats.received(), stats.lost()), (sequences.len() as u64, lost), "{sequences:?}");
        assert_eq!(stats.jitter(), 0, "evenly spaced");
    }

    #[test]
    fn loss_is_counted_over_wrap_reordering_and_restart() {
        check(&[1, 2, 3], 0);
        check(&[1, 4, 5], 2);
        check(&[65534, 65535, 0, 2], 1);
        check(&[1, 3, 2, 4], 0);
        check(&[1, 1, 2], 0);
        check(&[1, 3, 30000, 30001], 1);
        check(&[], 0);
    }

    #[test]
    fn jitter_follows_the_formula() {
        let mut stats = Reception::default();
        for (at, arrival) in [(0, 0), (1, 160), (2, 480), (3, 480)] {
            let header = Header { sequence: at, timestamp: u32::from(at) * 160, ..Header::default() };
            stats.handle_packet(&header, arrival);
        }
        // Differences 0, 160, 160: 160/16 = 10, then 10 + (160 − 10)/16 = 19.4.
        assert_eq!(stats.jitter(), 19);
    }
}
