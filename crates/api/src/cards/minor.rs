//! Amounts as providers take them: whole numbers of a currency's smallest unit, by Stripe's list of currencies, which
//! differs from ISO 4217 in a few. Nothing is ever rounded: an amount that does not fit is refused.

use strowger_model::{Amount, Unit};

/// How a currency's amounts are written: decimals of its smallest unit, and what the number must be a multiple of.
const RULES: [(&[&str], u32, i64); 3] = [
    // Without decimals.
    (
        &[
            "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF",
            "XPF",
        ],
        0,
        1,
    ),
    // Three decimals, of which card networks take two.
    (&["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3, 10),
    // Written with two decimals that are always 00.
    (&["ISK"], 2, 100),
];

/// Stripe lists it without decimals and asks for two: a mistake would be a hundredfold.
const AMBIGUOUS: &str = "UGX";

/// The number that a provider is sent for an amount.
///
/// # Errors
/// What is wrong with the amount or the currency.
pub(crate) fn minor_units(amount: Amount, currency: Unit) -> Result<i64, String> {
    let code = currency.code();
    if !matches!(currency, Unit::Currency(_)) || code == AMBIGUOUS {
        return Err(format!("card payments in {code} are not possible"));
    }
    let rule = RULES.iter().find(|(codes, ..)| codes.contains(&code));
    let (decimals, multiple) = rule.map_or((2, 1), |(_, decimals, multiple)| (*decimals, *multiple));
    let micros_each = 10_i64.pow(6 - decimals) * multiple;
    if amount <= Amount::ZERO || amount.0 % micros_each != 0 {
        return Err(format!("the amount must be a multiple of {} {code}", Amount(micros_each)));
    }
    Ok(amount.0 / micros_each * multiple)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_become_whole_numbers_or_are_refused() {
        for (amount, currency, expected) in [
            ("10", "USD", Ok(1000)),
            ("0.01", "EUR", Ok(1)),
            ("12.5", "HUF", Ok(1250)),
            ("500", "JPY", Ok(500)),
            ("5000", "KRW", Ok(5000)),
            ("5.12", "KWD", Ok(5120)),
            ("1", "BHD", Ok(1000)),
            ("5", "ISK", Ok(500)),
            ("9000000000", "USD", Ok(900_000_000_000)),
            ("10.001", "USD", Err("the amount must be a multiple of 0.01 USD")),
            ("0.5", "JPY", Err("the amount must be a multiple of 1 JPY")),
            ("5.124", "KWD", Err("the amount must be a multiple of 0.01 KWD")),
            ("5.5", "ISK", Err("the amount must be a multiple of 1 ISK")),
            ("0", "USD", Err("the amount must be a multiple of 0.01 USD")),
            ("-5", "USD", Err("the amount must be a multiple of 0.01 USD")),
            ("5", "UGX", Err("card payments in UGX are not possible")),
            ("5", "sec", Err("card payments in sec are not possible")),
        ] {
            let made = minor_units(amount.parse().unwrap(), currency.parse().unwrap());
            assert_eq!(made, expected.map_err(str::to_owned), "{amount} {currency}");
        }
    }
}
