//! Exact rates between units and the one rounding of the house: half-up at six digits.

use serde::{Deserialize, Serialize};
use strowger_model::Amount;

/// Digits after the point that [`ExchangeRate::parse`] takes; more are refused rather than rounded.
const RATE_DIGITS: usize = 9;

/// `numerator / denominator`, rounded half-up (halves away from zero). A denominator of zero counts as one.
#[must_use]
pub const fn div_half_up(numerator: i128, denominator: i128) -> i128 {
    let denominator = if denominator == 0 { 1 } else { denominator };
    let (n, d) = (numerator.unsigned_abs(), denominator.unsigned_abs());
    let whole = n / d;
    let rest = n % d;
    let rounded = if rest >= d - rest { whole + 1 } else { whole };
    let rounded = rounded.cast_signed();
    if (numerator < 0) == (denominator < 0) { rounded } else { -rounded }
}

/// The amount of so many micros, at the nearest end of the range where it does not fit.
#[must_use]
pub(crate) fn amount(micros: i128) -> Amount {
    let least = i128::from(i64::MIN);
    let most = i128::from(i64::MAX);
    Amount(i64::try_from(micros.clamp(least, most)).unwrap_or(i64::MAX))
}

/// An exact rate: an amount in the first unit times `num / den` is the amount in the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeRate {
    num: i64,
    den: i64,
}

impl Default for ExchangeRate {
    fn default() -> Self {
        Self::ONE
    }
}

impl ExchangeRate {
    /// No change.
    pub const ONE: Self = Self { num: 1, den: 1 };

    /// A rate in lowest terms; none unless both numbers are positive.
    #[must_use]
    pub const fn new(num: i64, den: i64) -> Option<Self> {
        if num <= 0 || den <= 0 {
            return None;
        }
        let divisor = gcd(num, den);
        Some(Self { num: num / divisor, den: den / divisor })
    }

    /// The rate of a positive decimal number such as `1.0825`, with at most nine digits after the point.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
        let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        let fraction = fraction.trim_end_matches('0');
        if !digits(whole) || !digits(fraction) || fraction.len() > RATE_DIGITS {
            return None;
        }
        let den = 10_i64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        Self::new(format!("{whole}{fraction}").parse().ok()?, den)
    }

    /// The way back.
    #[must_use]
    pub const fn inverse(self) -> Self {
        Self { num: self.den, den: self.num }
    }

    /// This rate and then the other. Exact unless the result has more than eighteen digits, which are cut to
    /// what fits; none where nothing is left of it.
    #[must_use]
    pub fn then(self, next: Self) -> Option<Self> {
        let (a, b) = (gcd(self.num, next.den), gcd(next.num, self.den));
        let mut num = i128::from(self.num / a) * i128::from(next.num / b);
        let mut den = i128::from(self.den / b) * i128::from(next.den / a);
        while num > i128::from(i64::MAX) || den > i128::from(i64::MAX) {
            (num, den) = (num / 2, den / 2);
        }
        Self::new(i64::try_from(num).ok()?, i64::try_from(den).ok()?)
    }

    /// The amount in the other unit, rounded half-up.
    #[must_use]
    pub fn convert(self, from: Amount) -> Amount {
        amount(div_half_up(i128::from(from.0) * i128::from(self.num), i128::from(self.den)))
    }
}

const fn gcd(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_round_away_from_zero() {
        for (n, d, expected) in [
            (0, 60, 0),
            (29, 60, 0),
            (30, 60, 1),
            (31, 60, 1),
            (89, 60, 1),
            (90, 60, 2),
            (-30, 60, -1),
            (7, 0, 7),
        ] {
            assert_eq!(div_half_up(n, d), expected, "{n}/{d}");
        }
    }

    #[test]
    fn rates_are_exact() {
        let rate = ExchangeRate::parse("1.0825").unwrap();
        assert_eq!(rate.convert(Amount::units(200)), Amount(216_500_000));
        assert_eq!(rate.inverse().convert(Amount(216_500_000)), Amount::units(200));
        assert_eq!(rate.then(rate.inverse()), Some(ExchangeRate::ONE));
        let forint = ExchangeRate::parse("380.123456789").unwrap();
        let yen = ExchangeRate::parse("151.987654321").unwrap();
        let cross = forint.then(yen.inverse()).unwrap();
        assert_eq!(cross.convert(Amount::units(1)), Amount(2_501_015));
        let third = ExchangeRate::new(1, 3).unwrap();
        assert_eq!(third.convert(Amount(2)), Amount(1));
        assert_eq!(third.convert(Amount(1)), Amount(0));
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in ["", "0", "-1", "1e3", "1.0000000001", "a", "1.2.3", "0.0"] {
            assert_eq!(ExchangeRate::parse(text), None, "{text}");
        }
        assert_eq!(ExchangeRate::parse("1.500"), ExchangeRate::new(3, 2));
    }
}
