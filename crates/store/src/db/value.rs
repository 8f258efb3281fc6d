//! A database value and a row of them, the same for both engines.

use strowger_model::{AccountId, Amount, Unit};

/// One value, as a parameter or in a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// NULL.
    Null,
    /// Every integer type, and booleans.
    Int(i64),
    /// Binary floating point; only what the documented decimal columns are on SQLite.
    Real(f64),
    /// An exact decimal as text: PostgreSQL's NUMERIC.
    Decimal(String),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Value {
    /// The value as text; NULL is empty. Decimals lose trailing zeros.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Int(n) => n.to_string(),
            Self::Real(x) => format!("{x}"),
            Self::Decimal(text) => trim_decimal(text).to_owned(),
            Self::Text(text) => text.clone(),
            Self::Blob(bytes) => bytes.iter().map(|b| format!("{b:02x}")).collect(),
        }
    }
}

/// A decimal without trailing zeros after its point.
fn trim_decimal(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}

impl From<u32> for Value {
    fn from(n: u32) -> Self {
        Self::Int(i64::from(n))
    }
}

impl From<i32> for Value {
    fn from(n: i32) -> Self {
        Self::Int(i64::from(n))
    }
}

impl From<u64> for Value {
    fn from(n: u64) -> Self {
        Self::Int(i64::try_from(n).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::Int(i64::from(b))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Amount> for Value {
    fn from(amount: Amount) -> Self {
        Self::Int(amount.0)
    }
}

impl From<AccountId> for Value {
    fn from(id: AccountId) -> Self {
        Self::Int(id.0)
    }
}

impl From<Unit> for Value {
    fn from(unit: Unit) -> Self {
        Self::Text(unit.code().to_owned())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The parameters of a statement, in order.
macro_rules! values {
    ($($value:expr),* $(,)?) => { [$($crate::db::Value::from($value)),*] };
}
pub(crate) use values;

/// One row of a result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row(pub(crate) Vec<Value>);

impl Row {
    /// The integer in a column; NULL and text that is no number count as 0.
    pub(crate) fn int(&self, column: usize) -> i64 {
        self.opt_int(column).unwrap_or(0)
    }

    /// The integer in a column; none for NULL.
    pub(crate) fn opt_int(&self, column: usize) -> Option<i64> {
        match self.0.get(column)? {
            Value::Int(n) => Some(*n),
            Value::Null | Value::Blob(_) => None,
            #[expect(
                clippy::cast_possible_truncation,
                reason = "saturates; only hand-made rows hold reals here"
            )]
            Value::Real(x) => Some(*x as i64),
            Value::Decimal(text) | Value::Text(text) => {
                text.split_once('.').map_or(text.as_str(), |(whole, _)| whole).parse().ok()
            }
        }
    }

    /// The text of a column; NULL is empty.
    pub(crate) fn text(&self, column: usize) -> String {
        match self.0.get(column) {
            Some(Value::Text(text)) => text.clone(),
            Some(value) => value.text(),
            None => String::new(),
        }
    }

    /// The column as micro-units in an integer column.
    pub(crate) fn micros(&self, column: usize) -> Amount {
        Amount(self.int(column))
    }

    /// The column as an account's id; none for NULL and 0.
    pub(crate) fn account(&self, column: usize) -> Option<AccountId> {
        self.opt_int(column).filter(|id| *id != 0).map(AccountId)
    }

    /// Not NULL and not zero.
    pub(crate) fn flag(&self, column: usize) -> bool {
        self.int(column) != 0
    }
}
