//! How much must be held so that a final charge never exceeds it: bounds that are linear in the
//! seconds covered, so that every further quantum costs the same.

use strowger_model::money::Unit;
use strowger_model::payment::PayerHold;
use strowger_model::{Amount, Wall};

use crate::chain::Chain;
use crate::exchange::{amount, div_half_up};
use crate::rating::Rating;

/// No hold step is longer, whatever a price list says.
const MAX_QUANTUM_S: u64 = 86_400;

/// The seconds that one step of a hold covers: the longest billing step of those who pay.
pub(crate) fn quantum_s(chain: &Chain) -> u64 {
    let steps = chain.payers.iter().filter(|r| !r.is_free()).map(Rating::step);
    steps.max().unwrap_or(1).min(MAX_QUANTUM_S)
}

/// What is asked for, for one payer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask {
    /// Seconds that must be covered whatever happens.
    pub(crate) covered_s: u64,
    /// Seconds that one more step covers.
    pub(crate) quantum_s: u64,
    /// The span in which the middle of the call may come to lie.
    pub(crate) from: Wall,
    /// Its end.
    pub(crate) to: Wall,
    /// What the payer holds already.
    pub(crate) held: Amount,
}

/// The hold of one payer in money.
pub(crate) fn money(rating: &Rating, ask: &Ask) -> PayerHold {
    let price = rating.dearest(ask.from, ask.to);
    let need = needed(rating, price, ask.covered_s, ask.quantum_s);
    let ended = rating.free_after_s != 0 && ask.covered_s >= rating.billed_s(u64::MAX);
    let step = if ended { Amount::ZERO } else { seconds_at(price, ask.quantum_s) };
    PayerHold {
        account: rating.account,
        unit: rating.unit,
        least: (need - ask.held).max(Amount::ZERO),
        step,
        floor: rating.floor,
    }
}

/// The hold of the enduser in free seconds.
pub(crate) fn seconds(rating: &Rating, least_s: u64, quantum_s: u64) -> PayerHold {
    PayerHold {
        account: rating.account,
        unit: Unit::Seconds,
        least: whole_seconds(least_s),
        step: whole_seconds(quantum_s),
        floor: Some(Amount::ZERO),
    }
}

/// So many seconds as an amount of [`Unit::Seconds`].
pub(crate) fn whole_seconds(seconds: u64) -> Amount {
    Amount::units(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// Not less than the charge of any call that lasts at most `covered_s`: connection fee, minimum and
/// the time, rounded up. A payer whose step does not divide the quantum may round up once more than it.
fn needed(rating: &Rating, price: Amount, covered_s: u64, quantum_s: u64) -> Amount {
    let slack = if quantum_s.is_multiple_of(rating.step()) { 0 } else { rating.step() };
    let most = if rating.free_after_s == 0 { u64::MAX } else { rating.billed_s(u64::MAX) };
    let seconds = covered_s.saturating_add(slack).min(most);
    let time = seconds_at(price, seconds) + rating.minimum.max(Amount::ZERO);
    let time = time - rating.free_amount.max(Amount::ZERO);
    rating.connect_fee.max(Amount::ZERO) + time.max(Amount::ZERO)
}

/// The price of so many seconds, rounded up.
fn seconds_at(price: Amount, seconds: u64) -> Amount {
    let sixtieths = i128::from(price.0) * i128::from(seconds);
    let rounded = div_half_up(sixtieths, 60);
    amount(if rounded * 60 < sixtieths { rounded + 1 } else { rounded })
}
