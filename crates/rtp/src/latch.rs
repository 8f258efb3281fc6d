//! The rule by which a peer's real address is learnt from its packets. A telephone behind NAT describes an
//! address that nobody can reach; a stranger who sends first must not take its place.
//!
//! A source ranks by how well it fits the description: exactly, by host, not at all. The best rank that the
//! mode allows is taken; within the first packets a better one replaces it; after these, and at once for
//! an exact fit, only the learnt address is heard.

use std::net::SocketAddr;

use strowger_model::Mono;
use strowger_model::media::Latch;

/// Packets after the first within which a better fit replaces what was learnt.
pub const LEARN_PACKETS: u32 = 50;
/// Milliseconds after the first packet within which a better fit replaces what was learnt.
pub const LEARN_MS: u64 = 5_000;

/// The learning of one peer's address.
#[derive(Debug, Clone)]
pub struct Latcher {
    mode: Latch,
    described: Option<SocketAddr>,
    learnt: Option<Learnt>,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// From the peer.
    Accept,
    /// From the peer, whose address was learnt just now.
    Learnt,
    /// From a stranger.
    Drop,
}

#[derive(Debug, Clone, Copy)]
struct Learnt {
    from: SocketAddr,
    fit: Fit,
    since: Mono,
    packets: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Stranger,
    Host,
    Exact,
}

impl Latcher {
    /// A latch for a peer that described itself so, or not yet.
    #[must_use]
    pub const fn new(mode: Latch, described: Option<SocketAddr>) -> Self {
        Self { mode, described, learnt: None }
    }

    /// The peer described itself again. A changed address begins the learning anew; the same keeps it.
    pub fn describe(&mut self, mode: Latch, described: Option<SocketAddr>) {
        if described != self.described {
            self.learnt = None;
        }
        self.mode = mode;
        self.described = described;
    }

    /// Judges a packet by its source.
    pub fn handle_packet(&mut self, now: Mono, from: SocketAddr) -> Verdict {
        if let Some(learnt) = &mut self.learnt {
            if learnt.from == from {
                learnt.packets = learnt.packets.saturating_add(1);
                return Verdict::Accept;
            }
            if learnt.packets >= LEARN_PACKETS || now.ms_since(learnt.since) >= LEARN_MS {
                return Verdict::Drop;
            }
        }
        let fit = self.fit(from);
        let least = match self.mode {
            Latch::Never => Fit::Exact,
            Latch::SameHost => Fit::Host,
            Latch::Learn => Fit::Stranger,
        };
        if fit < least || self.learnt.is_some_and(|l| fit <= l.fit) {
            return Verdict::Drop;
        }
        let since = self.learnt.map_or(now, |l| l.since);
        let packets = self.learnt.map_or(1, |l| l.packets + 1);
        self.learnt = Some(Learnt { from, fit, since, packets });
        Verdict::Learnt
    }

    /// Where to send: the learnt address, else the described one.
    #[must_use]
    pub fn target(&self) -> Option<SocketAddr> {
        self.learnt.map(|l| l.from).or(self.described)
    }

    fn fit(&self, from: SocketAddr) -> Fit {
        match self.described {
            Some(described) if described == from => Fit::Exact,
            Some(described) if described.ip() == from.ip() => Fit::Host,
            _ => Fit::Stranger,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    /// Each step: milliseconds, source, verdict.
    fn check(mode: Latch, described: Option<&str>, steps: &[(u64, &str, Verdict)], target: Option<&str>) {
        let mut latch = Latcher::new(mode, described.map(address));
        for &(ms, from, wanted) in steps {
            assert_eq!(latch.handle_packet(Mono::from_ms(ms), address(from)), wanted, "{from} at {ms} ms");
        }
        assert_eq!(latch.target(), target.map(address));
    }

    #[test]
    fn each_mode_hears_whom_it_should() {
        use Verdict::{Accept, Drop, Learnt};
        let (home, moved, other) = ("192.0.2.1:4000", "192.0.2.1:4100", "203.0.113.5:9");
        check(Latch::Never, Some(home), &[(0, moved, Drop), (0, other, Drop), (9, home, Learnt)], Some(home));
        check(Latch::Never, None, &[(0, home, Drop)], None);
        check(
            Latch::SameHost,
            Some(home),
            &[(0, other, Drop), (9, moved, Learnt), (9, moved, Accept)],
            Some(moved),
        );
        check(Latch::SameHost, None, &[(0, home, Drop)], None);
        check(Latch::Learn, Some(home), &[(60_000, other, Learnt), (60_020, other, Accept)], Some(other));
        check(Latch::Learn, None, &[(0, other, Learnt), (20, home, Drop)], Some(other));
        check(
            Latch::Learn,
            Some(home),
            &[
                (0, other, Learnt),
                (20, moved, Learnt),
                (40, home, Learnt),
                (60, other, Drop),
                (60, moved, Drop),
            ],
            Some(home),
        );
        check(Latch::Learn, Some(home), &[(0, other, Learnt), (LEARN_MS, home, Drop)], Some(other));
    }

    #[test]
    fn after_the_first_packets_it_is_strict() {
        let mut latch = Latcher::new(Latch::Learn, Some(address("192.0.2.1:4000")));
        let nat = address("203.0.113.5:9");
        for at in 0..u64::from(LEARN_PACKETS) {
            assert_ne!(latch.handle_packet(Mono::from_ms(at), nat), Verdict::Drop);
        }
        assert_eq!(latch.handle_packet(Mono::from_ms(100), address("192.0.2.1:4000")), Verdict::Drop);
    }

    #[test]
    fn a_changed_description_begins_anew_and_the_same_does_not() {
        let (home, nat) = (address("192.0.2.1:4000"), address("203.0.113.5:9"));
        let mut latch = Latcher::new(Latch::Learn, Some(home));
        latch.handle_packet(Mono(0), nat);
        latch.describe(Latch::Learn, Some(home));
        assert_eq!(latch.target(), Some(nat));
        let new = address("192.0.2.1:5000");
        latch.describe(Latch::Learn, Some(new));
        assert_eq!(latch.target(), Some(new));
        assert_eq!(latch.handle_packet(Mono(1), nat), Verdict::Learnt);
    }
}
