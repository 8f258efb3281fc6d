//! Tables as they leave the store, and dates as text.

use std::fmt;

use crate::db::{Answer, Value};

/// One value of a table. Decimals are exact text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// NULL.
    Null,
    /// A whole number.
    Int(i64),
    /// A decimal number, trailing zeros trimmed.
    Decimal(String),
    /// Text; dates are `YYYY-MM-DD HH:MM:SS` in UTC.
    Text(String),
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Int(n) => n.fmt(f),
            Self::Decimal(text) | Self::Text(text) => f.write_str(text),
        }
    }
}

impl From<Value> for Cell {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Int(n) => Self::Int(n),
            Value::Real(_) | Value::Decimal(_) => Self::Decimal(value.text()),
            Value::Text(text) => Self::Text(text),
            Value::Blob(_) => Self::Text(value.text()),
        }
    }
}

/// Columns by their database names, and rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// The names.
    pub columns: Vec<String>,
    /// The rows; each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
}

impl From<Answer> for Table {
    fn from(answer: Answer) -> Self {
        let rows = answer.rows.into_iter().map(|row| row.0.into_iter().map(Cell::from).collect()).collect();
        Self { columns: answer.columns, rows }
    }
}

/// Some rows of a longer table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The rows.
    pub table: Table,
    /// What to ask the next page with; none: this was the last.
    pub cursor: Option<i64>,
}

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Milliseconds since 1970 as `YYYY-MM-DD HH:MM:SS` in UTC (Howard Hinnant's civil-from-days arithmetic).
pub(crate) fn date_text(ms: i64) -> String {
    let (days, in_day) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS) / 1000);
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (in_day / 3600, in_day / 60 % 60, in_day % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// `YYYY-MM-DD`, optionally with ` HH:MM`, `:SS` and a fraction (`T` may stand for the space), as milliseconds
/// since 1970 in UTC.
pub(crate) fn date_ms(text: &str) -> Option<i64> {
    let text = text.trim();
    let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, "00:00:00"));
    let mut parts = date.splitn(3, '-').map(|p| p.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let time = time.trim_end_matches('Z').split('.').next()?;
    let mut parts = time.splitn(3, ':').map(|p| p.parse::<i64>().ok());
    let (hour, minute) = (parts.next()??, parts.next().unwrap_or(Some(0))?);
    let second = parts.next().unwrap_or(Some(0))?;
    if !(0..=24).contains(&hour) || !(0..60).contains(&minute) || !(0..61).contains(&second) {
        return None;
    }
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + of_era - 719_468;
    Some(days * DAY_MS + (hour * 3600 + minute * 60 + second) * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_milliseconds_agree() {
        for (text, ms) in [
            ("1970-01-01 00:00:00", 0),
            ("2000-02-29 12:34:56", 951_827_696_000),
            ("1969-12-31 23:59:59", -1000),
            ("2026-11-22 00:00:00", 1_795_305_600_000),
        ] {
            assert_eq!(date_text(ms), text);
            assert_eq!(date_ms(text), Some(ms));
        }
        assert_eq!(date_ms("2000-02-29"), Some(951_782_400_000));
        for bad in ["", "x", "2000-13-01", "2000-01-01 25:00", "12-31"] {
            assert_eq!(date_ms(bad), None, "{bad}");
        }
    }
}
