//! `gencdr`: files of call records.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use strowger_model::{Scope, Wall};
use strowger_store::{CdrFields, CdrQuery, Cell};
use strowger_switch::Zone;

use crate::commands::text::{date, day_of};
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
    summary: "Writes files of call records, one per day of the server's time zone, packed with gzip, below the folder cdr of the data folder; a day that is written again replaces its file.",
    spec: "server-api: Diagnostics",
    example: "days=7",
    reply: "OK: <n> and a table of files and numbers of records",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let (now, zone) = (call.now().wall, Zone::named(&call.config().timezone));
    let (first, last) = period(&params, zone.day(now))?;
    let scope = match params.parent.trim() {
        "" => call.scope,
        name => {
            let parent = call.find(name, "parent")?;
            Scope::Children(parent.id)
        }
    };
    let mut rows: Vec<Vec<Data>> = Vec::new();
    for day in first..=last {
        let (name, count) = write_day(&call, scope, params.format.0, day, &zone).await?;
        rows.push(vec![format!("cdr/{name}").into(), count.into()]);
    }
    Ok(Reply::rows(&["file", "records"], rows))
}

/// The numbers of the first and the last day.
fn period(params: &Params, today: i64) -> Result<(i64, i64), Failure> {
    let read = |name: &str, text: &str| match text.trim() {
        "" => Ok(None),
        text => match day_of(text).filter(|_| text.len() == 10) {
            Some(day) => Ok(Some(day.0.div_euclid(DAY_MS))),
            None => Err(Failure::invalid(format!("{name} must be a day such as 2026-11-21"))),
        },
    };
    let first = read("fromdate", &params.fromdate)?.unwrap_or(today - i64::from(params.days));
    let last = read("todate", &params.todate)?.unwrap_or(today).min(today);
    if first > last || last - first >= i64::from(MAX_DAYS) {
        return Err(Failure::invalid(format!("fromdate must be before todate, at most {MAX_DAYS} days")));
    }
    Ok((first, last))
}

/// Writes the file of one day; answers its name and how many records it has. Of a day that is not over it has what is
/// there: the next run writes it again.
async fn write_day(
    call: &Call,
    scope: Scope,
    form: Form,
    day: i64,
    zone: &Zone,
) -> Result<(String, u64), Failure> {
    let (from, to) = (zone.day_start(day), zone.day_start(day + 1).min(call.now().wall));
    let whose = if let Scope::Children(parent) = scope { format!(".{parent}") } else { String::new() };
    let day = date(Wall(day * DAY_MS)).split(' ').next().unwrap_or_default().to_owned();
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
            zone: zone.offsets(from, to),
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
    fn lines_keep_their_structure() {
        let columns = ["a".to_owned(), "b".to_owned()];
        let row = [Cell::Text("x, \"y\"\n".into()), Cell::Int(7)];
        assert_eq!(Form::Csv.head(&columns), "a,b\r\n");
        assert_eq!(Form::Csv.line(&columns, &row), "\"x, \"\"y\"\"\n\",7\r\n");
        assert_eq!(Form::Lines.line(&columns, &row), "{\"a\":\"x, \\\"y\\\"\\n\",\"b\":7}\n");
    }
}
