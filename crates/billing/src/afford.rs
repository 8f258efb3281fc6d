//! How long a credit lasts.

use strowger_model::{Amount, Wall};

use crate::rating::{Rating, charge_at};

/// The longest conversation, in whole seconds and at most `most_s`, that costs no more than `budget` at the price of `at`.
#[must_use]
pub fn affordable_s(rating: &Rating, budget: Amount, at: Wall, most_s: u64) -> u64 {
    let fits = |seconds: u64| charge_at(rating, seconds.saturating_mul(1000), at).amount <= budget;
    if fits(most_s) {
        return most_s;
    }
    // A longer call never costs less, so the last second that fits is found by halving.
    let (mut enough, mut too_long) = (0, most_s);
    while too_long - enough > 1 {
        let middle = enough + (too_long - enough) / 2;
        if fits(middle) {
            enough = middle;
        } else {
            too_long = middle;
        }
    }
    enough
}

#[cfg(test)]
mod tests {
    use super::*;
    use strowger_model::payment::ChargeKind;
    use strowger_model::{AccountId, Unit};

    fn check(change: impl Fn(&mut Rating), budget: &str, expected_s: u64) {
        let price = "0.6".parse().unwrap();
        let mut rating = Rating::flat(AccountId(1), ChargeKind::Enduser, Unit::USD, price);
        change(&mut rating);
        assert_eq!(affordable_s(&rating, budget.parse().unwrap(), Wall(0), 3600), expected_s, "{budget}");
    }

    #[test]
    fn credit_lasts_as_long_as_its_charge_fits() {
        check(|_| {}, "1", 100);
        check(|_| {}, "0", 0);
        check(|_| {}, "1000", 3600);
        check(|rating| rating.step_s = 60, "1", 60);
        check(|rating| rating.connect_fee = "0.5".parse().unwrap(), "1", 50);
        check(|rating| rating.minimum = "2".parse().unwrap(), "1", 0);
        check(|rating| rating.free_after_s = 30, "1", 3600);
    }
}
