//! `gencdr`: files of call records.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use strowger_model::{Scope, Wall};
use strowger_store::{CdrFields, CdrQuery, Cell};

use crate::commands::text::date;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, Value, one_of, params};
use crate::dispatch::Call;
use crate::folder::{Folder, on_disk};
use crate::reply::{Data, Failure, Reply};

/// The folder of the files below the data folder.
const FOLDER: &str = "cdr";
/// A day, in milliseconds.
const DAY_MS: i64 = 86_400_000;
/// The longest period, in days.
const MAX_DAYS: u32 = 366;
/// Records that are read at a time.
const PAGE: usize = 10_000;
/// The longest packed file, in bytes.
const MAX_FILE_BYTES: usize = 256 * 1_024 * 1_024;

/// What the lines of a file are.
#[derive(Debug, Clone, Copy)]
enum Form {
    Csv,
    Lines,
}

#[derive(Debug)]
struct Shape(Form);

impl Value for Shape {
    const KIND: &'static str = "csv or jsonl";
    fn parse(text: &str) -> Option<Self> {
        let (csv, lines) = (Form::Csv, Form::Lines);
        let files = [("csv", csv), ("1", csv), ("jsonl", lines), ("json", lines), ("2", lines)];
        // `format` names the answer's format as well, and where there is no such file it means that alone.
        let answers = ["text", "txt", "cleartext", "html", "xml", "soap", "jsonp"].map(|name| (name, csv));
        one_of(text, &files).or_else(|| one_of(text, &answers)).map(Self)
    }
}

params! {
    /// The last so many days and today.
    days: u32 = "1",
    /// The first day instead, such as 2026-11-21.
    fromdate: String = "",
    /// The last day.
    todate: String = "",
    /// csv or jsonl.
    format: Shape = "csv",
    /// Only of accounts below this one.
    parent: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "gencdr",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Writes files of call records, one per day in UTC, packed with gzip, below the folder cdr of the data folder; a day that is written again replaces its file.",
    spec: "server-api: Diagnostics",
    example: "days=7",
    reply: "OK: <n> and a table of files and numbers of records",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let now = call.now().wall;
    let (from, to) = period(&params, now)?;
    let scope = match params.parent.trim() {
        "" => call.scope,
        name => {
            let parent = call.find(name, "parent")?;
            Scope::Children(parent.id)
        }
    };
    let mut rows: Vec<Vec<Data>> = Vec::new();
    let mut day = from.0.div_euclid(DAY_MS);
    while day * DAY_MS < to.0 {
        // Of a day that is not over, what is there: the next run writes it again.
        let (begin, end) = (Wall(day * DAY_MS), Wall(((day + 1) * DAY_MS).min(to.0)));
        let (name, count) = write_day(&call, scope, params.format.0, begin, end).await?;
        rows.push(vec![format!("cdr/{name}").into(), count.into()]);
        day += 1;
    }
    Ok(Reply::rows(&["file", "records"], rows))
}

/// Whole days in UTC, from the first moment of the first to the last moment of the last, or now.
fn period(params: &Params, now: Wall) -> Result<(Wall, Wall), Failure> {
    let today = now.0.div_euclid(DAY_MS);
    let read = |name: &str, text: &str| match text.trim() {
        "" => Ok(None),
        text => match day_of(text) {
            Some(day) => Ok(Some(day)),
            None => Err(Failure::invalid(format!("{name} must be a day such as 2026-11-21"))),
        },
    };
    let first = read("fromdate", &params.fromdate)?.unwrap_or(today - i64::from(params.days));
    let last = read("todate", &params.todate)?.unwrap_or(today).min(today);
    if first > last || last - first >= i64::from(MAX_DAYS) {
        return Err(Failure::invalid(format!("fromdate must be before todate, at most {MAX_DAYS} days")));
    }
    Ok((Wall(first * DAY_MS), Wall(((last + 1) * DAY_MS).min(now.0))))
}

/// The number of a day since 1970, of its date.
fn day_of(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Days of the proleptic Gregorian calendar in years that begin in March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    date(Wall(days * DAY_MS)).starts_with(&format!("{year:04}-{month:02}-{day:02}")).then_some(days)
}

/// Writes the file of one day; answers its name and how many records it has.
async fn write_day(
    call: &Call,
    scope: Scope,
    form: Form,
    from: Wall,
    to: Wall,
) -> Result<(String, u64), Failure> {
    let whose = if let Scope::Children(parent) = scope { format!(".{parent}") } else { String::new() };
    let day = date(from).split(' ').next().unwrap_or_default().to_owned();
    let name = format!("{day}{whose}.{}.gz", form.ending());
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    let full = |_| Failure::failed("the records do not fit into memory");
    let (mut cursor, mut count) = (None, 0_u64);
    loop {
        let query = CdrQuery {
            from: Some(from),
            to: Some(to),
            fields: CdrFields::All,
            costs: true,
            max: PAGE,
            cursor,
            ..CdrQuery::default()
        };
        let page = call.store().cdrs(scope, query).await?;
        if count == 0 {
            packed.write_all(form.head(&page.table.columns).as_bytes()).map_err(full)?;
        }
        for row in &page.table.rows {
            packed.write_all(form.line(&page.table.columns, row).as_bytes()).map_err(full)?;
        }
        count += page.table.rows.len() as u64;
        if packed.get_ref().len() > MAX_FILE_BYTES {
            return Err(Failure::limit(format!("{name} would be longer than {MAX_FILE_BYTES} bytes")));
        }
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    let bytes = packed.finish().map_err(full)?;
    let (root, file) = (call.switch().data_folder().join(FOLDER), name.clone());
    on_disk(move || Folder::open(&root)?.write_with(&file, |file| file.write_all(&bytes))).await?;
    Ok((name, count))
}

impl Form {
    const fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Lines => "jsonl",
        }
    }

    /// What stands before the records.
    fn head(self, columns: &[String]) -> String {
        match self {
            Self::Csv => columns.join(",") + "\r\n",
            Self::Lines => String::new(),
        }
    }

    fn line(self, columns: &[String], row: &[Cell]) -> String {
        match self {
            // RFC 4180.
            Self::Csv => row.iter().map(quoted).collect::<Vec<_>>().join(",") + "\r\n",
            Self::Lines => {
                let values = row.iter().map(|cell| match cell {
                    Cell::Null => serde_json::Value::Null,
                    Cell::Int(value) => (*value).into(),
                    Cell::Decimal(text) | Cell::Text(text) => text.as_str().into(),
                });
                let object: serde_json::Map<_, _> = columns.iter().cloned().zip(values).collect();
                serde_json::Value::Object(object).to_string() + "\n"
            }
        }
    }
}

fn quoted(cell: &Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Int(value) => value.to_string(),
        Cell::Decimal(text) => text.clone(),
        Cell::Text(text) if text.contains(['"', ',', '\r', '\n']) => {
            format!("\"{}\"", text.replace('"', "\"\""))
        }
        Cell::Text(text) => text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (text, day) in [
            ("1970-01-01", Some(0)),
            ("2000-02-29", Some(11_016)),
            ("2026-11-21", Some(20_778)),
            ("2026-02-29", None),
            ("2026-13-01", None),
            ("2026-11", None),
            ("21.11.2026", None),
        ] {
            assert_eq!(day_of(text), day, "{text}");
        }
    }

    #[test]
    fn lines_keep_their_structure() {
        let columns = ["a".to_owned(), "b".to_owned()];
        let row = [Cell::Text("x, \"y\"\n".into()), Cell::Int(7)];
        assert_eq!(Form::Csv.head(&columns), "a,b\r\n");
        assert_eq!(Form::Csv.line(&columns, &row), "\"x, \"\"y\"\"\n\",7\r\n");
        assert_eq!(Form::Lines.line(&columns, &row), "{\"a\":\"x, \\\"y\\\"\\n\",\"b\":7}\n");
    }
}
