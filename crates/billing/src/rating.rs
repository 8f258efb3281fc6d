//! What one payer pays for one leg: a price entry fixed when the leg is made, and the charge that a
//! duration comes to.

use serde::{Deserialize, Serialize};
use strowger_model::money::{Amount, Unit};
use strowger_model::payment::ChargeKind;
use strowger_model::{AccountId, Wall};

use crate::calendar::{self, BillingTime, Calendar};
use crate::exchange::{ExchangeRate, amount, div_half_up};
use crate::prices::PriceEntry;

/// Seconds in a minute: prices are per minute.
const MINUTE_S: i128 = 60;

/// Who pays at one level of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payer {
    /// The account.
    pub account: AccountId,
    /// As what.
    pub kind: ChargeKind,
    /// 0 for the enduser, 1 and up for resellers.
    pub level: u8,
    /// The account's currency.
    pub unit: Unit,
    /// What its balance minus its holds may not go below; none: postpaid.
    pub floor: Option<Amount>,
}

/// Where a rating comes from.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The entry that matched.
    pub entry: &'a PriceEntry,
    /// Its billing times.
    pub times: &'a [BillingTime],
    /// The days and hours they refer to.
    pub calendar: &'a Calendar,
    /// From the entry's currency to the payer's.
    pub rate: ExchangeRate,
}

/// The fixed price of one payer level for one leg, in the payer's unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rating {
    /// Who pays (for the provider level: the trunk, which is paid).
    pub account: AccountId,
    /// As what.
    pub kind: ChargeKind,
    /// 0 for the enduser, 1 and up for resellers.
    pub level: u8,
    /// In what.
    pub unit: Unit,
    /// The price entry; none where the price comes from the configuration.
    pub entry: Option<i64>,
    /// The destination's name.
    pub direction: String,
    /// Per minute, where no billing time says otherwise.
    pub price: Amount,
    /// For an answered call.
    pub connect_fee: Amount,
    /// In seconds; zero counts as one.
    pub step_s: u32,
    /// What the time costs at least.
    pub minimum: Amount,
    /// What is taken off the time's cost.
    pub free_amount: Amount,
    /// Seconds after which the call costs no more; zero: never.
    pub free_after_s: u32,
    /// Other prices at certain times.
    pub times: Vec<BillingTime>,
    /// The days and hours they refer to.
    pub calendar: Calendar,
    /// What settled minus held may not go below; none: postpaid.
    pub floor: Option<Amount>,
}

impl Rating {
    /// A price per minute billed by the second, prepaid.
    #[must_use]
    pub fn flat(account: AccountId, kind: ChargeKind, unit: Unit, price: Amount) -> Self {
        Self {
            account,
            kind,
            level: 0,
            unit,
            entry: None,
            direction: String::new(),
            price,
            connect_fee: Amount::ZERO,
            step_s: 1,
            minimum: Amount::ZERO,
            free_amount: Amount::ZERO,
            free_after_s: 0,
            times: Vec::new(),
            calendar: Calendar::default(),
            floor: Some(Amount::ZERO),
        }
    }

    /// The price of an entry for a payer, converted to the payer's currency.
    #[must_use]
    pub fn from_entry(payer: Payer, source: Source) -> Self {
        let Source { entry, times, calendar, rate } = source;
        let times: Vec<_> =
            times.iter().map(|t| BillingTime { price: rate.convert(t.price), ..t.clone() }).collect();
        // Without billing times the calendar is never asked; leaving it out keeps journals small.
        let calendar = if times.is_empty() { Calendar::default() } else { calendar.clone() };
        Self {
            account: payer.account,
            kind: payer.kind,
            level: payer.level,
            unit: payer.unit,
            entry: Some(entry.id),
            direction: entry.direction.to_string(),
            price: rate.convert(entry.price),
            connect_fee: rate.convert(entry.connect_fee),
            step_s: entry.step_s,
            minimum: rate.convert(entry.minimum),
            free_amount: rate.convert(entry.free_amount),
            free_after_s: entry.free_after_s,
            times,
            calendar,
            floor: payer.floor,
        }
    }

    /// The price per minute at a moment.
    #[must_use]
    pub fn price_at(&self, at: Wall) -> Amount {
        calendar::price_at(self.price, &self.times, &self.calendar, at)
    }

    /// The highest price per minute in a span, ends included.
    #[must_use]
    pub fn dearest(&self, from: Wall, to: Wall) -> Amount {
        calendar::dearest(self.price, &self.times, &self.calendar, from, to)
    }

    /// No call of any duration at any time costs anything.
    #[must_use]
    pub fn is_free(&self) -> bool {
        let zero = |a: Amount| a <= Amount::ZERO;
        let no_time_costs = self.times.iter().all(|t| zero(t.price));
        zero(self.price) && zero(self.connect_fee) && zero(self.minimum) && no_time_costs
    }

    /// The billing step in seconds, at least one.
    #[must_use]
    pub fn step(&self) -> u64 {
        u64::from(self.step_s.max(1))
    }

    /// What so many whole billed seconds cost at a price per minute, fees, minimum and free amount included.
    #[must_use]
    pub(crate) fn cost(&self, billed_s: u64, price: Amount) -> Amount {
        let price = i128::from(price.0.max(0));
        let time = amount(div_half_up(price * i128::from(billed_s), MINUTE_S));
        let time = time.max(self.minimum) - self.free_amount.max(Amount::ZERO);
        self.connect_fee.max(Amount::ZERO) + time.max(Amount::ZERO)
    }

    /// Seconds that are billed for a duration: whole steps, up to the end of what is charged at all.
    #[must_use]
    pub fn billed_s(&self, duration_ms: u64) -> u64 {
        let charged_ms = match self.free_after_s {
            0 => duration_ms,
            s => duration_ms.min(u64::from(s) * 1000),
        };
        charged_ms.div_ceil(self.step() * 1000).saturating_mul(self.step())
    }
}

/// What a call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Charged {
    /// The whole charge.
    pub amount: Amount,
    /// The price per minute that held.
    pub unit_price: Amount,
    /// The seconds that were billed.
    pub billed_s: u64,
}

/// The charge of an answered call: the price of its middle, whole steps, the minimum, the free amount,
/// nothing after the free-after time, plus the connection fee.
#[must_use]
pub fn charge(rating: &Rating, duration_ms: u64, answered: Wall) -> Charged {
    charge_at(rating, duration_ms, middle(answered, duration_ms))
}

/// As [`charge`], with the moment whose price holds.
#[must_use]
pub fn charge_at(rating: &Rating, duration_ms: u64, at: Wall) -> Charged {
    let unit_price = rating.price_at(at);
    let billed_s = rating.billed_s(duration_ms);
    Charged { amount: rating.cost(billed_s, unit_price), unit_price, billed_s }
}

/// The middle of a call.
pub(crate) fn middle(answered: Wall, duration_ms: u64) -> Wall {
    answered.plus_ms(i64::try_from(duration_ms / 2).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charges_follow_step_minimum_free_amount_and_free_after() {
        // Price, connection fee, step, minimum, free amount, free after, duration in ms, expected micros.
        let charges = [
            (600_000, 0, 1, 0, 0, 0, 60_000, 600_000),
            (600_000, 0, 1, 0, 0, 0, 1, 10_000),
            (600_000, 0, 60, 0, 0, 0, 1, 600_000),
            (600_000, 0, 60, 0, 0, 0, 60_001, 1_200_000),
            (600_000, 50_000, 0, 0, 0, 0, 1_500, 70_000),
            (600_000, 50_000, 1, 0, 0, 0, 0, 50_000),
            (600_000, 0, 1, 300_000, 0, 0, 1_000, 300_000),
            (600_000, 0, 1, 300_000, 100_000, 0, 1_000, 200_000),
            (600_000, 50_000, 1, 0, 900_000, 0, 60_000, 50_000),
            (600_000, 0, 1, 0, 0, 90, 3_600_000, 900_000),
            (600_000, 0, 60, 0, 0, 90, 3_600_000, 1_200_000),
            (1, 0, 1, 0, 0, 0, 29_000, 0),
            (1, 0, 1, 0, 0, 0, 30_000, 1),
        ];
        for (price, fee, step, minimum, free, after, ms, expected) in charges {
            let rating = Rating {
                connect_fee: Amount(fee),
                step_s: step,
                minimum: Amount(minimum),
                free_amount: Amount(free),
                free_after_s: after,
                ..Rating::flat(AccountId(1), ChargeKind::Enduser, Unit::USD, Amount(price))
            };
            assert_eq!(charge(&rating, ms, Wall(0)).amount, Amount(expected), "{rating:?} {ms} ms");
        }
    }

    #[test]
    fn nobody_earns_by_calling() {
        let mut rating = Rating::flat(AccountId(1), ChargeKind::Enduser, Unit::USD, Amount(-5));
        (rating.connect_fee, rating.minimum, rating.free_amount) = (Amount(-7), Amount(-9), Amount(-11));
        assert!(rating.is_free());
        assert_eq!(charge(&rating, 60_000, Wall(0)), Charged { billed_s: 60, ..Charged::default() });
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let rating = Rating::flat(AccountId(1), ChargeKind::Enduser, Unit::USD, Amount::MAX);
        assert_eq!(charge(&rating, u64::MAX, Wall(i64::MAX)).amount, Amount::MAX);
    }
}
