//! What a declaration says about one key, and how keys are found by name.

use crate::layers::Source;
use crate::mistake::{BadValue, Mistake, Place, Why};
use crate::table::KEYS;

/// One configuration key.
#[derive(Debug)]
pub struct Key {
    /// The name under which it is shown.
    pub name: &'static str,
    /// Other spellings that are accepted.
    pub aliases: &'static [&'static str],
    /// The chapter of the reference page.
    pub group: Group,
    /// The form of its value.
    pub kind: Kind,
    /// The default, as text.
    pub default: &'static str,
    /// The default under `compatibility = "documented"`, where it differs.
    pub documented: Option<&'static str>,
    /// The unit of a number, empty where it has none.
    pub unit: &'static str,
    /// The lowest number.
    pub min: i64,
    /// The highest number.
    pub max: i64,
    /// The only texts that are accepted; empty: any.
    pub choices: &'static [&'static str],
    /// When a new value acts.
    pub applies: Applies,
    /// Only from the start-up file and the command line: never from the database, never by the API.
    pub startup: bool,
    /// Never shown, never logged above TRACE.
    pub secret: bool,
    /// Accepted because the documents name it, and read by nobody in this version.
    pub without_effect: bool,
    /// One or two sentences.
    pub doc: &'static str,
    pub(crate) check: fn(&str, &Self) -> Result<(), BadValue>,
}

impl Key {
    /// A key with the most common properties; the table overrides what differs.
    pub(crate) const fn new(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        doc: &'static str,
        check: fn(&str, &Self) -> Result<(), BadValue>,
    ) -> Self {
        let (min, max) = kind.bounds();
        Self {
            name,
            aliases: &[],
            group: Group::Ports,
            kind,
            default,
            documented: None,
            unit: "",
            min,
            max,
            choices: &[],
            applies: Applies::Reload,
            startup: false,
            secret: false,
            without_effect: false,
            doc,
            check,
        }
    }

    /// The name or one of the aliases, without regard to case.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name) || self.aliases.iter().any(|a| a.eq_ignore_ascii_case(name))
    }

    /// Whether `text` is a value of this key.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, text: &str) -> Result<(), BadValue> {
        (self.check)(text, self)
    }
}

/// The form of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`; `1`, `0`, `yes`, `no`, `on`, `off` are accepted.
    Bool,
    /// A whole number from 0 to 65535.
    U16,
    /// A whole number from 0 to 4294967295.
    U32,
    /// A whole number.
    I64,
    /// Text.
    Text,
    /// An IP address; some keys may be empty.
    Address,
    /// Comma-separated addresses, blocks and ranges.
    Addresses,
    /// Comma-separated words.
    List,
    /// A decimal number; some keys may be empty.
    Decimal,
}

impl Kind {
    const fn bounds(self) -> (i64, i64) {
        match self {
            Self::U16 => (0, u16::MAX as i64),
            Self::U32 => (0, u32::MAX as i64),
            _ => (i64::MIN, i64::MAX),
        }
    }

    /// The word of the reference page.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::U16 | Self::U32 | Self::I64 => "number",
            Self::Text => "text",
            Self::Address => "address",
            Self::Addresses => "addresses",
            Self::List => "list",
            Self::Decimal => "decimal",
        }
    }
}

/// When a new value acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applies {
    /// At a reload (SIGHUP, `apireload`).
    Reload,
    /// At the next start.
    Restart,
}

/// The chapters of the reference page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Ports and addresses.
    Ports,
    /// Files and the process.
    Process,
    /// Access to the API.
    Api,
    /// Limits and bans.
    Limits,
    /// SIP and media.
    Sip,
    /// Numbers and services.
    Numbers,
    /// Money.
    Money,
    /// Events and webhooks.
    Events,
}

impl Group {
    /// All of them, in the order of the reference page.
    pub const ALL: [Self; 8] = [
        Self::Ports,
        Self::Process,
        Self::Api,
        Self::Limits,
        Self::Sip,
        Self::Numbers,
        Self::Money,
        Self::Events,
    ];

    /// The chapter's title.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Ports => "Ports and addresses",
            Self::Process => "Files and the process",
            Self::Api => "Access to the API",
            Self::Limits => "Limits and bans",
            Self::Sip => "SIP and media",
            Self::Numbers => "Numbers and services",
            Self::Money => "Money",
            Self::Events => "Events, webhooks, console",
        }
    }
}

/// The key of a name or alias, without regard to case.
#[must_use]
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.is_called(name))
}

/// The spelling nearest to a name that is no key, if one is near enough to be meant.
#[must_use]
pub fn nearest(name: &str) -> Option<&'static str> {
    /// Longer names are not compared: nobody mistypes a key into this.
    const LONGEST_NAME: usize = 64;
    if name.len() > LONGEST_NAME {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let spellings = KEYS.iter().flat_map(|key| std::iter::once(&key.name).chain(key.aliases));
    let (distance, best) = spellings.map(|s| (edits(&name, s), *s)).min()?;
    (distance <= 1 + name.len() / 4).then_some(best)
}

/// Checks one value as `setini` and the `db` command write it: a start-up key is refused.
///
/// # Errors
/// The mistake, with its place given as the database.
pub fn check_value(name: &str, value: &str) -> Result<&'static Key, Mistake> {
    let mistake = |why| Mistake { place: Place::Layer(Source::Database), key: name.to_owned(), why };
    let Some(key) = find(name) else {
        return Err(mistake(Why::Unknown { nearest: nearest(name) }));
    };
    if key.startup {
        return Err(mistake(Why::StartupOnly));
    }
    key.check(value).map_err(|bad| mistake(Why::Bad(bad)))?;
    Ok(key)
}

/// Edit distance: insertions, removals and replacements of bytes.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_are_unique_and_lower_case() {
        let mut spellings: Vec<_> = KEYS
            .iter()
            .flat_map(|key| std::iter::once(key.name).chain(key.aliases.iter().copied()))
            .collect();
        let count = spellings.len();
        spellings.sort_unstable();
        spellings.dedup();
        assert_eq!(spellings.len(), count);
        assert!(spellings.iter().all(|s| s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())));
    }

    #[test]
    fn every_default_is_a_value_of_its_key() {
        for key in KEYS {
            for text in std::iter::once(key.default).chain(key.documented) {
                assert_eq!(key.check(text), Ok(()), "{}", key.name);
            }
        }
    }

    #[test]
    fn declarations_are_documented() {
        for key in KEYS {
            assert!(key.doc.ends_with('.') && key.doc.len() > 20, "{}: {}", key.name, key.doc);
            assert!(!key.startup || key.applies == Applies::Restart, "{}", key.name);
            assert!(key.documented != Some(key.default), "{}", key.name);
        }
    }

    #[test]
    fn a_mistyped_name_finds_what_was_meant() {
        for (typed, meant) in [
            ("mainaprt", Some("mainaport")),
            ("HTTPSERVRE", Some("httpserver")),
            ("trustip", None),
            ("zzzzzzzz", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed), meant, "{typed}");
        }
    }

    #[test]
    fn edits_are_counted() {
        for (a, b, distance) in [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2)] {
            assert_eq!(edits(a, b), distance, "{a} {b}");
        }
    }

    #[test]
    fn startup_keys_are_refused_from_outside_the_startup_file() {
        assert!(matches!(check_value("keyfile", "/x"), Err(Mistake { why: Why::StartupOnly, .. })));
        assert_eq!(check_value("HttpServer", "8080").map(|key| key.name), Ok("mainaport"));
        assert!(matches!(check_value("mainaport", "eighty"), Err(Mistake { why: Why::Bad(_), .. })));
    }
}
