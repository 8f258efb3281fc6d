//! Dates in rewritten statements. They are texts, `YYYY-MM-DD HH:MM:SS` in UTC, so their arithmetic is spelt out for
//! each engine here: DATEADD, DATEDIFF, DATEPART, and the styles of CONVERT. All functions give finished SQL.

use crate::db::Engine;

/// Seconds from 0001-01-01, a Monday, to 1970-01-01: what keeps divisions away from negative numbers.
const BEFORE_1970: &str = "62135596800";

/// Columns of the documented tables that hold dates.
const COLUMNS: [&str; 10] = [
    "datum",
    "callstartdate",
    "statusdate",
    "validfrom",
    "validto",
    "expires",
    "useddate",
    "reserveduntil",
    "created",
    "nextattempt",
];

/// A part of a date, by the names and abbreviations of T-SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Year,
    Quarter,
    Month,
    Week,
    Day,
    DayOfYear,
    Weekday,
    Hour,
    Minute,
    Second,
}

impl Part {
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "year" | "yyyy" | "yy" => Self::Year,
            "quarter" | "qq" | "q" => Self::Quarter,
            "month" | "mm" | "m" => Self::Month,
            "week" | "wk" | "ww" => Self::Week,
            "day" | "dd" | "d" => Self::Day,
            "dayofyear" | "dy" | "y" => Self::DayOfYear,
            "weekday" | "dw" | "w" => Self::Weekday,
            "hour" | "hh" => Self::Hour,
            "minute" | "mi" | "n" => Self::Minute,
            "second" | "ss" | "s" => Self::Second,
            _ => return None,
        })
    }
}

/// The column holds a date.
pub(super) fn is_column(name: &str) -> bool {
    COLUMNS.contains(&name)
}

/// The finished text is a date that [`added`] or `getdate()` made.
pub(super) fn is_made(text: &str) -> bool {
    ["datetime(", "strowger_text(", "to_char(CAST("].iter().any(|start| text.starts_with(start))
}

/// `date` moved by `number` parts. A month's end stays within its month.
pub(super) fn added(engine: Engine, part: Part, number: &str, date: &str) -> String {
    let (times, unit) = match part {
        Part::Year => (1, "year"),
        Part::Quarter => (3, "month"),
        Part::Month => (1, "month"),
        Part::Week => (7, "day"),
        Part::Day | Part::DayOfYear | Part::Weekday => (1, "day"),
        Part::Hour => (1, "hour"),
        Part::Minute => (1, "minute"),
        Part::Second => (1, "second"),
    };
    match engine {
        Engine::Sqlite => {
            let floor = if matches!(unit, "year" | "month") { ", 'floor'" } else { "" };
            format!("datetime({date}, (({number})*{times}) || ' {unit}s'{floor})")
        }
        Engine::Postgres => format!(
            "to_char(CAST({date} AS timestamp) + CAST({number} AS double precision)*{times} * interval '1 {unit}', \
             'YYYY-MM-DD HH24:MI:SS')"
        ),
    }
}

/// How many boundaries of the part lie between two dates.
pub(super) fn difference(engine: Engine, part: Part, from: &str, to: &str) -> String {
    let at = |date: &str| match part {
        Part::Year => year(date),
        Part::Quarter => format!("({}*4 + ({}+2)/3)", year(date), month(date)),
        Part::Month => format!("({}*12 + {})", year(date), month(date)),
        // Weeks begin on Sunday, the day before the Monday from which days are counted.
        Part::Week => format!("(({}+1)/7)", days(engine, date)),
        Part::Day | Part::DayOfYear | Part::Weekday => days(engine, date),
        Part::Hour => format!("({}/3600)", seconds(engine, date)),
        Part::Minute => format!("({}/60)", seconds(engine, date)),
        Part::Second => seconds(engine, date),
    };
    format!("({} - {})", at(to), at(from))
}

/// The part as a number; none: it is not known here.
pub(super) fn part_of(engine: Engine, part: Part, date: &str) -> Option<String> {
    Some(match part {
        Part::Year => year(date),
        Part::Quarter => format!("(({}+2)/3)", month(date)),
        Part::Month => month(date),
        Part::Day => field(date, 9),
        Part::Hour => field(date, 12),
        Part::Minute => field(date, 15),
        Part::Second => field(date, 18),
        Part::Weekday => format!("(({}+1) % 7 + 1)", days(engine, date)),
        Part::DayOfYear => {
            let first = format!("(substr(CAST({date} AS TEXT), 1, 4) || '-01-01')");
            format!("({} - {} + 1)", days(engine, date), days(engine, &first))
        }
        Part::Week => return None,
    })
}

/// `CONVERT(varchar, date, style)` for the styles that need no names of months; none: it is not known here.
pub(super) fn styled(date: &str, style: &str) -> Option<String> {
    let text = format!("CAST({date} AS TEXT)");
    let piece = |from: u32, length: u32| format!("substr({text}, {from}, {length})");
    let (year, month, day, time) = (piece(1, 4), piece(6, 2), piece(9, 2), piece(12, 8));
    Some(match style {
        "20" | "120" => piece(1, 19),
        "21" | "25" | "121" => format!("({} || '.000')", piece(1, 19)),
        "23" => piece(1, 10),
        "101" => format!("({month} || '/' || {day} || '/' || {year})"),
        "102" => format!("({year} || '.' || {month} || '.' || {day})"),
        "103" => format!("({day} || '/' || {month} || '/' || {year})"),
        "104" => format!("({day} || '.' || {month} || '.' || {year})"),
        "105" => format!("({day} || '-' || {month} || '-' || {year})"),
        "108" | "8" | "24" => time,
        "111" => format!("({year} || '/' || {month} || '/' || {day})"),
        "112" => format!("({year} || {month} || {day})"),
        "126" => format!("({} || 'T' || {time})", piece(1, 10)),
        _ => return None,
    })
}

fn year(date: &str) -> String {
    format!("CAST(substr(CAST({date} AS TEXT), 1, 4) AS BIGINT)")
}

fn month(date: &str) -> String {
    format!("CAST(substr(CAST({date} AS TEXT), 6, 2) AS BIGINT)")
}

/// Two digits of a date; a date without time has zeros there.
fn field(date: &str, from: u32) -> String {
    format!("CAST(coalesce(nullif(substr(CAST({date} AS TEXT), {from}, 2), ''), '0') AS BIGINT)")
}

/// Seconds since 0001-01-01.
fn seconds(engine: Engine, date: &str) -> String {
    match engine {
        Engine::Sqlite => format!("(CAST(strftime('%s', {date}) AS INTEGER) + {BEFORE_1970})"),
        Engine::Postgres => {
            format!("(CAST(floor(extract(epoch FROM CAST({date} AS timestamp))) AS BIGINT) + {BEFORE_1970})")
        }
    }
}

/// Days since 0001-01-01.
fn days(engine: Engine, date: &str) -> String {
    format!("({}/86400)", seconds(engine, date))
}
