//! What a command answers, before it is written in one of the formats. Handlers make it, encoders read it.

mod encode;
mod failure;
mod html;
mod json;
mod xml;

pub use encode::{
    Answer, Format, UDP_MAX_BYTES, UDP_UNPROVEN_BYTES, UDP_UNPROVEN_FACTOR, Wanted, encode, is_callback,
};
pub use failure::{Failure, Kind};
pub(crate) use xml::escape as escape_xml;

use std::borrow::Cow;

use strowger_model::{Amount, Unit};
use strowger_store::{Cell, Table};

/// A value of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// Nothing.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// An exact decimal, as text.
    Decimal(String),
    /// An amount, an exact decimal too.
    Amount(Amount),
    /// What an amount counts.
    Unit(Unit),
    /// A text.
    Text(String),
    /// Several.
    List(Vec<Data>),
    /// Named ones, in order.
    Map(Vec<(String, Data)>),
}

impl Data {
    /// One line of a table cell or a `name=value` line: line ends and tabs are escaped.
    #[must_use]
    pub fn to_line(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(value) => u8::from(*value).to_string(),
            Self::Int(value) => value.to_string(),
            Self::Decimal(text) => text.clone(),
            Self::Amount(amount) => amount.to_string(),
            Self::Unit(unit) => unit.code().to_owned(),
            Self::Text(text) => escape_line(text),
            Self::List(items) => items.iter().map(Self::to_line).collect::<Vec<_>>().join(","),
            Self::Map(items) => items
                .iter()
                .map(|(name, value)| format!("{name}={}", value.to_line()))
                .collect::<Vec<_>>()
                .join(","),
        }
    }
}

/// Tabs and line ends would break the line structure of a table.
fn escape_line(text: &str) -> String {
    if !text.contains(['\t', '\r', '\n', '\\']) {
        return text.into();
    }
    text.replace('\\', "\\\\").replace('\t', "\\t").replace('\r', "\\r").replace('\n', "\\n")
}

/// An answer that is one line stays one: what a request or a row brought along must not look like the next answer of
/// a stream.
fn one_line(text: String) -> String {
    if !text.bytes().any(|byte| byte <= b'\r' && matches!(byte, b'\r' | b'\n' | 0)) {
        return text;
    }
    text.replace('\r', "\\r").replace('\n', "\\n").replace('\0', "\u{fffd}")
}

macro_rules! data_from {
    ($($type:ty => $value:ident $made:expr),* $(,)?) => {
        $(impl From<$type> for Data { fn from($value: $type) -> Self { $made } })*
    };
}
data_from! {
    String => text Self::Text(text),
    &str => text Self::Text(text.into()),
    bool => value Self::Bool(value),
    i64 => value Self::Int(value),
    i32 => value Self::Int(value.into()),
    u32 => value Self::Int(value.into()),
    u64 => value i64::try_from(value).map_or_else(|_| Self::Decimal(value.to_string()), Self::Int),
    Amount => value Self::Amount(value),
    Unit => unit Self::Unit(unit),
    Vec<Data> => items Self::List(items),
}

impl<T: Into<Data>> From<Option<T>> for Data {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<Cell> for Data {
    fn from(cell: Cell) -> Self {
        match cell {
            Cell::Null => Self::Null,
            Cell::Int(value) => Self::Int(value),
            Cell::Decimal(text) => Self::Decimal(text),
            Cell::Text(text) => Self::Text(text),
        }
    }
}

/// How the text form of an answer looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// `OK: …`
    Ok(String),
    /// The text alone, as balance and rating answer.
    Bare(String),
    /// `OK: <n>` and n lines.
    Lines(Vec<String>),
    /// `OK: <n>`, a header line and n − 1 rows.
    Rows {
        /// Database names.
        columns: Vec<String>,
        /// One value per column.
        rows: Vec<Vec<Data>>,
    },
}

/// A success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The text form.
    pub shape: Shape,
    /// The structured form; rows make their own.
    pub data: Vec<(Cow<'static, str>, Data)>,
    /// Where the next page begins.
    pub cursor: Option<String>,
    /// The stream is closed after this answer.
    pub close: bool,
    /// Sums over the rows: `name=value` on one line below them, and `summary` beside `data`.
    pub summary: Vec<(String, Data)>,
    /// The text form is sent as it is, with this HTTP Content-Type, whatever format was asked for.
    pub content_type: Option<&'static str>,
}

impl Reply {
    /// `OK: text`.
    #[must_use]
    pub fn ok(text: impl Into<String>) -> Self {
        Self::shaped(Shape::Ok(text.into()))
    }

    /// The text without prefix.
    #[must_use]
    pub fn bare(text: impl Into<String>) -> Self {
        Self::shaped(Shape::Bare(text.into()))
    }

    /// `OK: <n>` and the lines.
    #[must_use]
    pub fn lines(lines: Vec<String>) -> Self {
        Self::shaped(Shape::Lines(lines))
    }

    /// `OK: <n>` and `name=value` lines, the same as data.
    #[must_use]
    pub fn fields(fields: Vec<(String, Data)>) -> Self {
        let lines = fields.iter().map(|(name, value)| format!("{name}={}", value.to_line())).collect();
        let data = fields.into_iter().map(|(name, value)| (name.into(), value)).collect();
        Self { data, ..Self::lines(lines) }
    }

    /// A table.
    #[must_use]
    pub fn rows(columns: &[&str], rows: Vec<Vec<Data>>) -> Self {
        Self::shaped(Shape::Rows { columns: columns.iter().map(|c| (*c).into()).collect(), rows })
    }

    /// A table as the store made it.
    #[must_use]
    pub fn table(table: Table) -> Self {
        let rows = table.rows.into_iter().map(|row| row.into_iter().map(Data::from).collect()).collect();
        Self::shaped(Shape::Rows { columns: table.columns, rows })
    }

    /// One more value of the structured form.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Data>) -> Self {
        self.data.push((name.into(), value.into()));
        self
    }

    /// The values of the structured form.
    #[must_use]
    pub fn with_values<const N: usize>(self, values: [(&'static str, Data); N]) -> Self {
        Self { data: values.map(|(name, value)| (name.into(), value)).into(), ..self }
    }

    /// Where the next page begins.
    #[must_use]
    pub fn with_cursor(mut self, cursor: Option<i64>) -> Self {
        self.cursor = cursor.map(|c| c.to_string());
        self
    }

    /// Sent as it is, with this HTTP Content-Type.
    #[must_use]
    pub fn with_content_type(mut self, content_type: &'static str) -> Self {
        self.content_type = Some(content_type);
        self
    }

    /// Sums over the rows.
    #[must_use]
    pub fn with_summary(mut self, sums: Vec<(String, Data)>) -> Self {
        self.summary = sums;
        self
    }

    const fn shaped(shape: Shape) -> Self {
        Self { shape, data: Vec::new(), cursor: None, close: false, summary: Vec::new(), content_type: None }
    }

    /// The text form.
    #[must_use]
    pub fn text(&self) -> String {
        let cursor = self.cursor.as_ref().map(|c| format!(" cursor:{c}")).unwrap_or_default();
        match &self.shape {
            Shape::Ok(text) => one_line(format!("OK: {text}")),
            Shape::Bare(text) => one_line(text.clone()),
            Shape::Lines(lines) => {
                let mut text = format!("OK: {}{cursor}", lines.len());
                for line in lines {
                    text.push('\n');
                    text.push_str(line);
                }
                text
            }
            Shape::Rows { columns, rows } => {
                let count = rows.len() + 1 + usize::from(!self.summary.is_empty());
                let mut text = format!("OK: {count}{cursor}\n{}", columns.join("\t"));
                for row in rows {
                    let line = row.iter().map(Data::to_line).collect::<Vec<_>>().join("\t");
                    text.push('\n');
                    text.push_str(&line);
                }
                if !self.summary.is_empty() {
                    let sums = self.summary.iter().map(|(name, value)| format!("{name}={}", value.to_line()));
                    text.push('\n');
                    text.push_str(&sums.collect::<Vec<_>>().join("\t"));
                }
                text
            }
        }
    }

    /// The text form; a single line is not there any more afterwards.
    pub fn take_text(&mut self) -> String {
        match &mut self.shape {
            Shape::Bare(text) => one_line(std::mem::take(text)),
            _ => self.text(),
        }
    }

    /// The first line of the text form: what stands in the `text` field of structured formats.
    #[must_use]
    pub fn headline(&self) -> String {
        match &self.shape {
            Shape::Ok(_) | Shape::Bare(_) => self.text(),
            Shape::Lines(lines) => format!("OK: {}", lines.len()),
            Shape::Rows { rows, .. } => {
                format!("OK: {}", rows.len() + 1 + usize::from(!self.summary.is_empty()))
            }
        }
    }

    /// The structured form.
    #[must_use]
    pub fn to_data(&self) -> Data {
        match &self.shape {
            Shape::Rows { columns, rows } => Data::List(
                rows.iter()
                    .map(|row| Data::Map(columns.iter().cloned().zip(row.iter().cloned()).collect()))
                    .collect(),
            ),
            Shape::Lines(lines) if self.data.is_empty() => {
                Data::List(lines.iter().map(|line| Data::Text(line.clone())).collect())
            }
            _ => {
                let named =
                    |(name, value): &(Cow<'static, str>, Data)| (name.clone().into_owned(), value.clone());
                Data::Map(self.data.iter().map(named).collect())
            }
        }
    }

    /// Drops the last row of a table; false where there is none. The cursor then points at the last row
    /// that is left, if the table has an id to point with.
    pub fn drop_row(&mut self) -> bool {
        let Shape::Rows { columns, rows } = &mut self.shape else { return false };
        if rows.pop().is_none() {
            return false;
        }
        let id = columns.iter().position(|c| c == "id");
        self.cursor = id.and_then(|at| rows.last().map(|row| row[at].to_line()));
        true
    }
}

/// The sentence of `balance`: `Your credit is $9.8`, `Your credit is 9.8 EUR`, `Postpaid $9.8`.
#[must_use]
pub fn credit_text(amount: Amount, unit: Unit, postpaid: bool) -> String {
    let mut text = String::with_capacity(48);
    text.push_str(if postpaid { "Postpaid " } else { "Your credit is " });
    if unit == Unit::USD {
        text.push('$');
        amount.append_to(&mut text);
    } else {
        amount.append_to(&mut text);
        text.push(' ');
        text.push_str(unit.code());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_is_written_as_clients_know_it() {
        let eur = Unit::Currency(*b"EUR");
        for (micros, unit, postpaid, wanted) in [
            (9_800_000, Unit::USD, false, "Your credit is $9.8"),
            (9_800_000, eur, false, "Your credit is 9.8 EUR"),
            (-1_200_000, Unit::USD, false, "Your credit is $-1.2"),
            (9_800_000, Unit::USD, true, "Postpaid $9.8"),
            (0, eur, true, "Postpaid 0 EUR"),
        ] {
            assert_eq!(credit_text(Amount(micros), unit, postpaid), wanted);
        }
    }

    #[test]
    fn what_a_value_brings_along_does_not_begin_another_line() {
        assert_eq!(Reply::ok("a\r\nOK: b\0").text(), "OK: a\\r\\nOK: b\u{fffd}");
        assert_eq!(Reply::bare("a\nb").headline(), "a\\nb");
    }

    #[test]
    fn a_table_counts_its_header_and_escapes_what_would_break_a_line() {
        let reply = Reply::rows(&["id", "name"], vec![vec![1_i64.into(), "a\tb\nc".into()]]);
        assert_eq!(reply.text(), "OK: 2\nid\tname\n1\ta\\tb\\nc");
        assert_eq!(Reply::lines(vec![]).text(), "OK: 0");
    }
}
