//! The network between the switch and one peer: datagrams are lost, late, overtaken and repeated. Each direction
//! of each link has a character of its own.

use crate::dice::Dice;

/// How one link treats datagrams.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// Lost, in thousandths.
    pub loss: u64,
    /// Delivered twice, in thousandths.
    pub repeat: u64,
    /// Delayed by up to a second more, in thousandths.
    pub late: u64,
    /// The shortest way, in milliseconds.
    pub least_ms: u64,
    /// The usual longest, in milliseconds. Anything between is drawn, so datagrams overtake each other.
    pub most_ms: u64,
}

impl Link {
    /// Neither loss nor repetition, one fixed delay.
    #[must_use]
    pub const fn perfect(ms: u64) -> Self {
        Self { loss: 0, repeat: 0, late: 0, least_ms: ms, most_ms: ms }
    }

    /// A link of a run that is as bad as `badness` (0 to 3) allows.
    pub fn drawn(dice: &mut Dice, badness: u64) -> Self {
        let least_ms = dice.between(1, 40);
        if badness == 0 {
            return Self::perfect(least_ms);
        }
        Self {
            loss: dice.between(0, 60 * badness),
            repeat: dice.between(0, 40 * badness),
            late: dice.between(0, 20 * badness),
            least_ms,
            most_ms: least_ms + dice.between(0, 60 * badness),
        }
    }

    /// When copies of a datagram that leaves now arrive, in microseconds from now; none: it is lost.
    pub fn copies(&self, dice: &mut Dice) -> Vec<u64> {
        let mut copies = Vec::with_capacity(2);
        if !dice.chance(self.loss) {
            copies.push(self.delay(dice));
        }
        if dice.chance(self.repeat) {
            copies.push(self.delay(dice));
        }
        copies
    }

    fn delay(&self, dice: &mut Dice) -> u64 {
        let usual = dice.between(self.least_ms * 1000, self.most_ms * 1000);
        if dice.chance(self.late) { usual + dice.between(0, 1_000_000) } else { usual }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_link_loses_and_repeats_and_a_perfect_one_does_not() {
        let mut dice = Dice::new(1);
        let bad = Link { loss: 200, repeat: 100, late: 50, least_ms: 1, most_ms: 50 };
        let counts: Vec<usize> = (0..1000).map(|_| bad.copies(&mut dice).len()).collect();
        assert!(counts.contains(&0) && counts.contains(&1) && counts.contains(&2));
        for _ in 0..100 {
            assert_eq!(Link::perfect(5).copies(&mut dice), [5000]);
        }
    }
}
