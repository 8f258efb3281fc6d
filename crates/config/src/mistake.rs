//! What can be wrong with a configuration, said so that the next edit is the right one.

use std::fmt;

use thiserror::Error;

use crate::layers::Source;

/// One mistake, where it was made and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where.
    pub place: Place,
    /// The key as it was written; empty for a syntax error.
    pub key: String,
    /// What.
    pub why: Why,
}

impl std::error::Error for Mistake {}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::File { line } => write!(f, "line {line}: ")?,
            Place::Layer(Source::Set) => f.write_str("--set: ")?,
            Place::Layer(Source::Database) => f.write_str("database: ")?,
            Place::Layer(_) => {}
        }
        if !self.key.is_empty() {
            let key: String = self.key.chars().filter(|c| !c.is_control()).take(64).collect();
            write!(f, "{key}: ")?;
        }
        self.why.fmt(f)
    }
}

/// Where a mistake was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the start-up file.
    File {
        /// Counted from 1.
        line: usize,
    },
    /// In another source of values.
    Layer(Source),
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Why {
    /// No key has this name.
    #[error("unknown key{}", .nearest.map(|n| format!("; did you mean {n}?")).unwrap_or_default())]
    Unknown {
        /// What may have been meant.
        nearest: Option<&'static str>,
    },
    /// The value does not fit.
    #[error(transparent)]
    Bad(#[from] BadValue),
    /// The same key was given before, perhaps under another spelling.
    #[error("given twice; first in line {first}")]
    Twice {
        /// The line of the first one, counted from 1.
        first: usize,
    },
    /// The key is read at the start only, from the file or the command line.
    #[error("can only be set in the start-up file or with --set")]
    StartupOnly,
    /// The file is not TOML.
    #[error("{0}")]
    Syntax(String),
    /// Two keys contradict each other.
    #[error("{0}")]
    Together(&'static str),
}

/// Why a text is no value of its key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadValue {
    /// Not a truth value.
    #[error("'{text}' is neither true nor false")]
    NotBool {
        /// What was given.
        text: String,
    },
    /// Not a whole number.
    #[error("'{text}' is not a whole number")]
    NotNumber {
        /// What was given.
        text: String,
    },
    /// A number outside its range.
    #[error("{number} is out of range: {min} to {max}{}{unit}", if .unit.is_empty() { "" } else { " " })]
    OutOfRange {
        /// What was given.
        number: i64,
        /// The lowest.
        min: i64,
        /// The highest.
        max: i64,
        /// The unit, or empty.
        unit: &'static str,
    },
    /// None of the possible texts.
    #[error("'{text}' is not one of {}", .choices.join(", "))]
    NotChoice {
        /// What was given.
        text: String,
        /// What is possible.
        choices: &'static [&'static str],
    },
    /// Not an IP address, block or range.
    #[error(
        "'{text}' is not an IP address (192.0.2.1), or in lists a block (10.0.0.0/8) or range (192.0.2.4-192.0.2.9)"
    )]
    NotAddress {
        /// What was given.
        text: String,
    },
    /// Not a decimal number.
    #[error("'{text}' is not a decimal number such as 0.25, with at most six digits after the point")]
    NotDecimal {
        /// What was given.
        text: String,
    },
    /// Longer than any value may be.
    #[error("longer than {max} bytes")]
    TooLong {
        /// The limit in bytes.
        max: usize,
    },
    /// A line end or another control character.
    #[error("contains a control character")]
    ControlCharacter,
    /// A TOML value of the wrong kind, such as a table or a date.
    #[error("is a {found}; {wanted} is needed")]
    WrongKind {
        /// What was given.
        found: &'static str,
        /// What is right.
        wanted: &'static str,
    },
}
