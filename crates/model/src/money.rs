//! Money as integers: micro-units of one currency, or of free seconds and free messages, which are
//! money too. No binary floating point anywhere.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Micro-units in one unit.
pub const MICROS: i64 = 1_000_000;

/// What an amount counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// An ISO 4217 code in upper-case letters.
    Currency([u8; 3]),
    /// Free seconds of calls, from a packet.
    Seconds,
    /// Free messages, from a packet.
    Messages,
}

impl Unit {
    /// United States dollars, the default currency.
    pub const USD: Self = Self::Currency(*b"USD");

    /// The unit's name as it stands in the database: `USD`, `sec`, `msg`.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Currency(code) => std::str::from_utf8(code).unwrap_or("XXX"),
            Self::Seconds => "sec",
            Self::Messages => "msg",
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The text is neither three letters nor `sec` nor `msg`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAUnit;

impl fmt::Display for NotAUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a currency code of three letters")
    }
}

impl std::error::Error for NotAUnit {}

impl FromStr for Unit {
    type Err = NotAUnit;
    /// Accepts three letters in any case (a currency), and exactly `sec` and `msg`.
    fn from_str(text: &str) -> Result<Self, NotAUnit> {
        match text.as_bytes() {
            b"sec" => Ok(Self::Seconds),
            b"msg" => Ok(Self::Messages),
            &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_alphabetic) => {
                Ok(Self::Currency([a, b, c].map(|x| x.to_ascii_uppercase())))
            }
            _ => Err(NotAUnit),
        }
    }
}

impl Serialize for Unit {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Unit {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A number of micro-units; which unit stands beside it.
///
/// Addition and subtraction saturate: an amount of nine million millions never wraps to its opposite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Amount(pub i64);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount.
    pub const MAX: Self = Self(i64::MAX);

    /// Whole units.
    #[must_use]
    pub const fn units(units: i64) -> Self {
        Self(units.saturating_mul(MICROS))
    }

    /// The amount without its sign.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// `n` times the amount.
    #[must_use]
    pub const fn times(self, n: i64) -> Self {
        Self(self.0.saturating_mul(n))
    }

    /// Below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }
}

impl Add for Amount {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Amount {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl SubAssign for Amount {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Neg for Amount {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl Amount {
    /// Writes it behind a text, as it is displayed.
    pub fn append_to(self, text: &mut String) {
        text.push_str(self.written().as_str());
    }

    fn written(self) -> Backwards {
        let micros = self.0.unsigned_abs();
        let (whole, fraction) = (micros / MICROS.unsigned_abs(), micros % MICROS.unsigned_abs());
        let mut text = Backwards::default();
        if fraction != 0 {
            let (mut fraction, mut places) = (fraction, 6);
            while fraction % 10 == 0 {
                (fraction, places) = (fraction / 10, places - 1);
            }
            text.digits(fraction, places);
            text.push(b'.');
        }
        text.digits(whole, 1);
        if self.0 < 0 {
            text.push(b'-');
        }
        text
    }
}

impl fmt::Display for Amount {
    /// Decimal, trailing zeros trimmed, at least one digit before the point: `9.8`, `-1.2`, `0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.written().as_str())
    }
}

/// Characters of an amount at most: 19 digits of 64 bits, a sign and a point.
const AMOUNT_CHARS: usize = 21;

/// A text that is written from its end.
struct Backwards {
    bytes: [u8; AMOUNT_CHARS],
    start: usize,
}

impl Default for Backwards {
    fn default() -> Self {
        Self { bytes: [b'0'; AMOUNT_CHARS], start: AMOUNT_CHARS }
    }
}

impl Backwards {
    fn push(&mut self, byte: u8) {
        self.start -= 1;
        self.bytes[self.start] = byte;
    }

    /// At least so many digits.
    fn digits(&mut self, mut number: u64, least: u32) {
        let mut written = 0;
        while number != 0 || written < least {
            self.push(b'0' + (number % 10) as u8);
            (number, written) = (number / 10, written + 1);
        }
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[self.start..]).unwrap_or_default()
    }
}

/// The text is not a decimal number that an [`Amount`] can hold exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnAmount;

impl fmt::Display for NotAnAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a decimal number with at most six digits after the point")
    }
}

impl std::error::Error for NotAnAmount {}

impl FromStr for Amount {
    type Err = NotAnAmount;
    /// `12`, `-0.5`, `.25`, `3.`, with at most six digits after the point (further zeros are allowed).
    /// No exponent, no thousands separator, no currency sign.
    fn from_str(text: &str) -> Result<Self, NotAnAmount> {
        let (negative, digits) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(NotAnAmount);
        }
        if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(NotAnAmount);
        }
        let (kept, rest) = fraction.split_at(fraction.len().min(6));
        if rest.bytes().any(|b| b != b'0') {
            return Err(NotAnAmount);
        }
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| NotAnAmount)? };
        let fraction: i64 = format!("{kept:0<6}").parse().map_err(|_| NotAnAmount)?;
        let micros = whole.checked_mul(MICROS).and_then(|m| m.checked_add(fraction)).ok_or(NotAnAmount)?;
        Ok(Self(if negative { -micros } else { micros }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_print_and_parse_exactly() {
        for (text, micros) in
            [("9.8", 9_800_000), ("0", 0), ("-1.2", -1_200_000), ("0.000001", 1), ("123", 123_000_000)]
        {
            assert_eq!(Amount(micros).to_string(), text);
            assert_eq!(text.parse(), Ok(Amount(micros)));
        }
        assert_eq!(".5".parse(), Ok(Amount(500_000)));
        assert_eq!("3.".parse(), Ok(Amount::units(3)));
        assert_eq!("1.50000000".parse(), Ok(Amount(1_500_000)));
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in
            ["", ".", "-", "1,5", "1e3", "$5", "0.0000001", "9223372036854775807", "1.2.3", "--1", " 1"]
        {
            assert_eq!(text.parse::<Amount>(), Err(NotAnAmount), "{text}");
        }
    }

    #[test]
    fn units_have_one_name_each() {
        assert_eq!("eur".parse(), Ok(Unit::Currency(*b"EUR")));
        assert_eq!("sec".parse(), Ok(Unit::Seconds));
        assert_eq!("msg".parse(), Ok(Unit::Messages));
        assert_eq!("euro".parse::<Unit>(), Err(NotAUnit));
        assert_eq!(Unit::USD.to_string(), "USD");
    }
}
