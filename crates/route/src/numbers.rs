//! Number normalisation: what was dialled becomes an international number without a prefix, one traced
//! step at a time. Names and feature codes pass unchanged.

use std::collections::BTreeMap;

use crate::countries::dialling;
use crate::trace::{Stage, TraceStep, note};

/// Characters that people write between digits (RFC 3966 section 5.1.1 visual separators, and a slash).
const SEPARATORS: [char; 6] = [' ', '-', '.', '(', ')', '/'];

/// How numbers are dialled within one country.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NationalRule {
    /// What is dialled before a national number: `0` in most countries, empty in some.
    pub trunk_prefix: Box<str>,
    /// The country's code: `36`.
    pub country_code: Box<str>,
}

impl NationalRule {
    fn parts(&self) -> (&str, &str) {
        (&self.trunk_prefix, &self.country_code)
    }
}

/// The rules of normalisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbering {
    /// What is dialled before an international number.
    pub international_prefix: Box<str>,
    /// For accounts without a country, or with an unknown one.
    pub default: Option<NationalRule>,
    /// By the account's `country`, in lower case; before what is usual in that country.
    pub national: BTreeMap<Box<str>, NationalRule>,
}

impl Default for Numbering {
    fn default() -> Self {
        Self { international_prefix: "00".into(), default: None, national: BTreeMap::new() }
    }
}

impl Numbering {
    /// National prefix and country code: as configured for the country, as usual there, or the default.
    fn rule(&self, country: &str) -> Option<(&str, &str)> {
        let country = country.trim().to_lowercase();
        let configured = self.national.get(country.as_str()).map(NationalRule::parts);
        let usual = || dialling(&country).map(|(code, prefix)| (prefix, code));
        configured.or_else(usual).or_else(|| self.default.as_ref().map(NationalRule::parts))
    }
}

/// The normalised number.
#[must_use]
pub fn normalise(numbering: &Numbering, country: &str, number: &str) -> String {
    normalise_traced(numbering, country, number, &mut Vec::new())
}

/// As [`normalise`], with a line per step that changed something.
pub fn normalise_traced(
    numbering: &Numbering,
    country: &str,
    number: &str,
    trace: &mut Vec<TraceStep>,
) -> String {
    let mut step = |rule: &str, from: &str, to: &str| {
        note(trace, Stage::Normalisation, format!("{rule}: {from} -> {to}"));
        to.to_owned()
    };
    let bare: String = number.trim().chars().filter(|c| !SEPARATORS.contains(c)).collect();
    if !is_dialable(&bare) {
        return number.trim().to_owned();
    }
    let mut current = number.to_owned();
    if bare != current {
        current = step("separators removed", &current, &bare);
    }
    if current.contains(['*', '#']) {
        note(trace, Stage::Normalisation, format!("feature code kept: {current}"));
        return current;
    }
    if let Some(rest) = current.strip_prefix('+') {
        return step("plus removed", &current, rest);
    }
    let international = &*numbering.international_prefix;
    if let Some(rest) =
        current.strip_prefix(international).filter(|r| !international.is_empty() && !r.is_empty())
    {
        return step("international prefix removed", &current, rest);
    }
    let Some((trunk_prefix, country_code)) = numbering.rule(country) else { return current };
    if let Some(rest) =
        current.strip_prefix(trunk_prefix).filter(|r| !trunk_prefix.is_empty() && !r.is_empty())
    {
        return step("national prefix replaced", &current, &format!("{country_code}{rest}"));
    }
    current
}

/// A number as a key: without separators and plus. A name stays as it is.
pub(crate) fn plain(number: &str) -> String {
    let bare: String = number.chars().filter(|c| !SEPARATORS.contains(c)).collect();
    if is_dialable(&bare) { bare.trim_start_matches('+').to_owned() } else { number.to_owned() }
}

/// Digits, `*` and `#`, perhaps after a plus.
pub(crate) fn is_dialable(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or(number);
    !digits.is_empty() && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'*' | b'#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_international() {
        let hungary = NationalRule { trunk_prefix: "06".into(), country_code: "36".into() };
        let britain = NationalRule { trunk_prefix: "0".into(), country_code: "44".into() };
        let numbering = Numbering {
            default: Some(britain),
            national: [("hungary".into(), hungary)].into(),
            ..Numbering::default()
        };
        for (country, dialled, expected) in [
            ("", "+36 1 234-5678", "3612345678"),
            ("", "003612345678", "3612345678"),
            ("", "020 7946 0000", "442079460000"),
            ("Hungary", "06 (1) 234.56/78", "3612345678"),
            ("hungary", "3612345678", "3612345678"),
            ("HU", "06 1 234 5678", "3612345678"),
            ("Germany", "030 1234", "49301234"),
            ("US", "1 212 555 0100", "12125550100"),
            ("Atlantis", "020 7946 0000", "442079460000"),
            ("", "*21#0207946#", "*21#0207946#"),
            ("", "alice", "alice"),
            ("", "alice smith", "alice smith"),
            ("", "00", "440"),
            ("", "0", "0"),
            ("", "+", "+"),
            ("", "", ""),
        ] {
            assert_eq!(normalise(&numbering, country, dialled), expected, "{country} {dialled}");
        }
        assert_eq!(normalise(&Numbering::default(), "", "0201"), "0201");
    }

    #[test]
    fn every_change_is_traced() {
        let mut trace = Vec::new();
        normalise_traced(&Numbering::default(), "", "00 36-1", &mut trace);
        let texts: Vec<_> = trace.iter().map(|t| t.text.as_str()).collect();
        assert_eq!(
            texts,
            ["separators removed: 00 36-1 -> 00361", "international prefix removed: 00361 -> 361"]
        );
    }
}
