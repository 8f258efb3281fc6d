//! The card of one payment: checked before anything leaves this machine, sent once, kept nowhere. Its texts stand in no
//! error, and it cannot be printed.

use crate::declare::CardData;
use crate::reply::Failure;

/// Digits of a card's number (ISO/IEC 7812).
const NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 12..=19;
/// Digits of the code on the card.
const CODE_DIGITS: std::ops::RangeInclusive<usize> = 3..=4;
/// Years ahead that an expiry may lie.
const MAX_YEARS_AHEAD: u32 = 30;

/// A card whose number, expiry and code may be right.
pub(crate) struct Card {
    number: String,
    year: u32,
    month: u32,
    code: String,
}

impl Card {
    /// Checks what was sent against the check digit and the calendar (`today`: year and month, UTC).
    ///
    /// # Errors
    /// The first thing that is wrong, without its value.
    pub(crate) fn read(
        number: &CardData,
        (year, month): (&CardData, &CardData),
        code: &CardData,
        today: (u32, u32),
    ) -> Result<Self, Failure> {
        let wrong = |text: &str| Err(Failure::invalid(text));
        let number: String = number.expose().chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        if !is_digits(&number) || !NUMBER_DIGITS.contains(&number.len()) {
            return wrong("cardnum must be 12 to 19 digits");
        }
        if !has_check_digit(&number) {
            return wrong("cardnum is mistyped: its check digit is wrong");
        }
        let month = month.expose();
        let month =
            month.parse().ok().filter(|m| is_digits(month) && month.len() <= 2 && (1..=12).contains(m));
        let Some(month) = month else { return wrong("expmonth must be 1 to 12") };
        let year = year.expose();
        let year = match (is_digits(year), year.len(), year.parse::<u32>()) {
            (true, 2, Ok(year)) => 2000 + year,
            (true, 4, Ok(year)) => year,
            _ => return wrong("expireyear must be a year of two or four digits"),
        };
        if (year, month) < today {
            return wrong("the card has expired, see expireyear and expmonth");
        }
        if year > today.0 + MAX_YEARS_AHEAD {
            return wrong("expireyear is too far ahead");
        }
        let code = code.expose().to_owned();
        if !is_digits(&code) || !CODE_DIGITS.contains(&code.len()) {
            return wrong("ccv2 must be the three or four digits on the card");
        }
        Ok(Self { number, year, month, code })
    }

    /// The fields of a payment method.
    pub(super) fn fields(&self) -> [(&'static str, String); 4] {
        [
            ("card[number]", self.number.clone()),
            ("card[exp_year]", self.year.to_string()),
            ("card[exp_month]", self.month.to_string()),
            ("card[cvc]", self.code.clone()),
        ]
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The formula of Luhn (ISO/IEC 7812-1, annex B).
fn has_check_digit(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0') << (place % 2);
            digit / 10 + digit % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declare::Value;

    fn read(number: &str, year: &str, month: &str, code: &str) -> Result<(), String> {
        let data = |text: &str| CardData::parse(text).unwrap();
        let card = Card::read(&data(number), (&data(year), &data(month)), &data(code), (2026, 11));
        card.map(drop).map_err(|failure| failure.text)
    }

    #[test]
    fn a_card_is_checked_before_it_is_sent() {
        const RIGHT: &str = "4242424242424242";
        for (number, year, month, code, wrong) in [
            (RIGHT, "2026", "11", "123", ""),
            ("4242 4242-4242 4242", "26", "11", "1234", ""),
            ("378282246310005", "2030", "01", "1234", ""),
            ("6304000000000000000", "2030", "1", "123", ""),
            ("4242424242424241", "2030", "1", "123", "cardnum is mistyped"),
            ("42424242424", "2030", "1", "123", "cardnum must be"),
            ("42424242424242424242", "2030", "1", "123", "cardnum must be"),
            ("4242x24242424242", "2030", "1", "123", "cardnum must be"),
            ("\u{664}242424242424242", "2030", "1", "123", "cardnum must be"),
            (RIGHT, "2026", "10", "123", "the card has expired"),
            (RIGHT, "25", "12", "123", "the card has expired"),
            (RIGHT, "2057", "12", "123", "expireyear is too far"),
            (RIGHT, "x", "12", "123", "expireyear must be"),
            (RIGHT, "+027", "12", "123", "expireyear must be"),
            (RIGHT, "2027", "13", "123", "expmonth must be"),
            (RIGHT, "2027", "0", "123", "expmonth must be"),
            (RIGHT, "2027", "+1", "123", "expmonth must be"),
            (RIGHT, "2027", "", "123", "expmonth must be"),
            (RIGHT, "2027", "1", "12", "ccv2 must be"),
            (RIGHT, "2027", "1", "12345", "ccv2 must be"),
            (RIGHT, "2027", "1", "12a", "ccv2 must be"),
        ] {
            let said = read(number, year, month, code).err().unwrap_or_default();
            assert!(said.starts_with(wrong) && said.is_empty() == wrong.is_empty(), "{number} {year} {said}");
            assert!(said.bytes().filter(u8::is_ascii_digit).count() <= 4, "no value is quoted: {said}");
        }
    }
}
