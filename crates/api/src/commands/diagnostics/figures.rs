//! Quotients that several statistics show.

use crate::reply::Data;

/// A share in percent, with one digit; nothing where there is no whole.
pub fn percent(part: i64, whole: i64) -> Data {
    tenths(part.saturating_mul(1_000), whole)
}

/// A mean, with one digit; nothing where nothing is counted.
pub fn quotient(sum: i64, count: i64) -> Data {
    tenths(sum.saturating_mul(10), count)
}

/// Tenths, rounded half up. Neither may be negative.
fn tenths(dividend: i64, divisor: i64) -> Data {
    if divisor <= 0 {
        return Data::Null;
    }
    let tenths = dividend.saturating_add(divisor / 2) / divisor;
    Data::Decimal(format!("{}.{}", tenths / 10, tenths % 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_have_one_digit_and_never_divide_by_nothing() {
        for (made, wanted) in [
            (percent(2, 3), "66.7"),
            (percent(0, 3), "0.0"),
            (percent(3, 3), "100.0"),
            (quotient(241, 2), "120.5"),
            (percent(0, 0), ""),
        ] {
            assert_eq!(made.to_line(), wanted);
        }
    }
}
