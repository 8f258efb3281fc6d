//! The types of values and how their texts are read. Reading is liberal in spelling, never in range.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Deref;

use crate::key::{Key, Kind};
use crate::mistake::BadValue;

/// The longest value of any key, in bytes.
const LONGEST_VALUE: usize = 64 * 1024;

/// A type that a key may have.
pub(crate) trait Value: Sized {
    const KIND: Kind;
    fn read(text: &str, key: &Key) -> Result<Self, BadValue>;
}

impl Value for bool {
    const KIND: Kind = Kind::Bool;
    fn read(text: &str, _: &Key) -> Result<Self, BadValue> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(BadValue::NotBool { text: shown(text) }),
        }
    }
}

/// A number within the range of its key.
fn number(text: &str, key: &Key) -> Result<i64, BadValue> {
    let number: i64 = text.trim().parse().map_err(|_| BadValue::NotNumber { text: shown(text) })?;
    if number < key.min || number > key.max {
        return Err(BadValue::OutOfRange { number, min: key.min, max: key.max, unit: key.unit });
    }
    Ok(number)
}

macro_rules! numbers {
    ($($type:ty => $kind:expr),*) => {$(
        impl Value for $type {
            const KIND: Kind = $kind;
            fn read(text: &str, key: &Key) -> Result<Self, BadValue> {
                let number = number(text, key)?;
                Self::try_from(number).map_err(|_| BadValue::OutOfRange {
                    number, min: key.min, max: key.max, unit: key.unit,
                })
            }
        }
    )*};
}
numbers!(u16 => Kind::U16, u32 => Kind::U32, i64 => Kind::I64);

impl Value for String {
    const KIND: Kind = Kind::Text;
    fn read(text: &str, key: &Key) -> Result<Self, BadValue> {
        plain(text)?;
        if !key.choices.is_empty() {
            let choice = key.choices.iter().find(|c| c.eq_ignore_ascii_case(text.trim()));
            return choice
                .map(|c| (*c).to_owned())
                .ok_or_else(|| BadValue::NotChoice { text: shown(text), choices: key.choices });
        }
        Ok(text.to_owned())
    }
}

impl Value for IpAddr {
    const KIND: Kind = Kind::Address;
    fn read(text: &str, _: &Key) -> Result<Self, BadValue> {
        address(text.trim())
    }
}

impl Value for Option<IpAddr> {
    const KIND: Kind = Kind::Address;
    fn read(text: &str, _: &Key) -> Result<Self, BadValue> {
        let text = text.trim();
        if text.is_empty() { Ok(None) } else { address(text).map(Some) }
    }
}

impl Value for List {
    const KIND: Kind = Kind::List;
    fn read(text: &str, _: &Key) -> Result<Self, BadValue> {
        plain(text)?;
        Ok(Self(items(text).map(str::to_owned).collect()))
    }
}

impl Value for Addresses {
    const KIND: Kind = Kind::Addresses;
    fn read(text: &str, _: &Key) -> Result<Self, BadValue> {
        plain(text)?;
        items(text).map(block).collect::<Result<_, _>>().map(Self)
    }
}

impl Value for Decimal {
    const KIND: Kind = Kind::Decimal;
    fn read(text: &str, _: &Key) -> Result<Self, BadValue> {
        decimal(text.trim()).ok_or_else(|| BadValue::NotDecimal { text: shown(text) })
    }
}

impl Value for Option<Decimal> {
    const KIND: Kind = Kind::Decimal;
    fn read(text: &str, key: &Key) -> Result<Self, BadValue> {
        if text.trim().is_empty() { Ok(None) } else { Decimal::read(text, key).map(Some) }
    }
}

/// Micro-units of a currency: `0.25` is 250,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Decimal(pub i64);

/// Comma-separated words, trimmed, without empty ones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct List(Vec<String>);

impl Deref for List {
    type Target = [String];
    fn deref(&self) -> &[String] {
        &self.0
    }
}

/// Addresses, blocks (`10.0.0.0/8`) and ranges (`192.0.2.4-192.0.2.9`), each as first and last address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Addresses(Vec<(IpAddr, IpAddr)>);

impl Addresses {
    /// The address lies in one of the blocks. An IPv4 address mapped into IPv6 counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|(first, last)| {
            first.is_ipv4() == address.is_ipv4() && *first <= address && address <= *last
        })
    }

    /// A list as configuration keys have it; none where a part is no address, block or range.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        plain(text).ok()?;
        items(text).map(block).collect::<Result<_, _>>().ok().map(Self)
    }

    /// Nothing is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// First and last address of each block.
    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, IpAddr)> + '_ {
        self.0.iter().copied()
    }
}

/// A wrong value as it is quoted in a message: bounded, without control characters.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

/// Text that fits into a line and into memory.
fn plain(text: &str) -> Result<(), BadValue> {
    if text.len() > LONGEST_VALUE {
        return Err(BadValue::TooLong { max: LONGEST_VALUE });
    }
    if text.chars().any(char::is_control) { Err(BadValue::ControlCharacter) } else { Ok(()) }
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ';']).map(str::trim).filter(|item| !item.is_empty())
}

fn address(text: &str) -> Result<IpAddr, BadValue> {
    text.parse::<IpAddr>().map(|a| a.to_canonical()).map_err(|_| BadValue::NotAddress { text: shown(text) })
}

/// One address, block or range.
fn block(text: &str) -> Result<(IpAddr, IpAddr), BadValue> {
    let bad = || BadValue::NotAddress { text: shown(text) };
    if let Some((base, bits)) = text.split_once('/') {
        return masked(address(base.trim())?, bits.trim().parse().map_err(|_| bad())?).ok_or_else(bad);
    }
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (address(first.trim())?, address(last.trim())?),
        None => (address(text)?, address(text)?),
    };
    if first.is_ipv4() != last.is_ipv4() || first > last { Err(bad()) } else { Ok((first, last)) }
}

/// First and last address of `base/bits`.
fn masked(base: IpAddr, bits: u32) -> Option<(IpAddr, IpAddr)> {
    match base {
        IpAddr::V4(base) => {
            let host = u32::MAX.checked_shr(bits).unwrap_or(0);
            let first = u32::from(base) & !host;
            (bits <= 32).then(|| (Ipv4Addr::from(first).into(), Ipv4Addr::from(first | host).into()))
        }
        IpAddr::V6(base) => {
            let host = u128::MAX.checked_shr(bits).unwrap_or(0);
            let first = u128::from(base) & !host;
            (bits <= 128).then(|| (Ipv6Addr::from(first).into(), Ipv6Addr::from(first | host).into()))
        }
    }
}

/// `12`, `0.25`, `.5`: not negative, at most six digits after the point.
fn decimal(text: &str) -> Option<Decimal> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) || fraction.len() > 6
    {
        return None;
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction: i64 = format!("{fraction:0<6}").parse().ok()?;
    whole.checked_mul(1_000_000)?.checked_add(fraction).map(Decimal)
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / 1_000_000, self.0 % 1_000_000);
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        write!(f, "{whole}.{}", format!("{fraction:06}").trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_lists_contain_what_they_say() {
        let list = "192.0.2.1, 10.0.0.0/8; 198.51.100.4-198.51.100.9, 2001:db8::/32";
        let list: Addresses = Addresses(items(list).map(|i| block(i).unwrap()).collect());
        for (address, inside) in [
            ("192.0.2.1", true),
            ("192.0.2.2", false),
            ("10.255.255.255", true),
            ("11.0.0.0", false),
            ("198.51.100.9", true),
            ("198.51.100.10", false),
            ("2001:db8::1", true),
            ("2001:db9::1", false),
            ("::ffff:10.1.2.3", true),
        ] {
            assert_eq!(list.contains(address.parse().unwrap()), inside, "{address}");
        }
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for text in
            ["", "10.0.0.0/33", "10.0.0.0/x", "10.0.0.9-10.0.0.1", "10.0.0.1-::1", "host", "::/129", "1.2.3"]
        {
            assert!(block(text).is_err(), "{text}");
        }
        assert_eq!(block("0.0.0.0/0").unwrap().1.to_string(), "255.255.255.255");
        assert_eq!(block("::/0").unwrap().0.to_string(), "::");
    }

    #[test]
    fn decimals_are_exact() {
        for (text, micros) in
            [("0.25", Some(250_000)), (".5", Some(500_000)), ("3", Some(3_000_000)), ("0", Some(0))]
        {
            assert_eq!(decimal(text).map(|d| d.0), micros, "{text}");
        }
        for text in ["", ".", "-1", "1e3", "0.0000001", "99999999999999", "1,5"] {
            assert_eq!(decimal(text), None, "{text}");
        }
        assert_eq!(Decimal(250_000).to_string(), "0.25");
    }
}
