//! `priceimport`: a price list from a table, compared with what is there.

use strowger_store::{PriceChange, PriceImport};

use crate::commands::prices;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Failure, Reply};

/// Lines that a preview shows.
const MAX_SHOWN: usize = 1_000;

params! {
    /// The list, by name or id.
    list: String,
    /// The table with its header, as a parameter, a multipart file or a body of type text/csv.
    csv: String,
    /// Show what would change, and change nothing.
    preview: bool = "no",
    /// Merge keeps lines that the table does not have, replace removes them.
    mode: String = "merge",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "priceimport",
    aliases: &[],
    group: Group::Ours,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Brings a price list up to a CSV table, all or nothing; preview=yes shows what would change.",
    spec: "Strowger",
    example: "list=Retail&csv=prefix,direction,price&preview=yes",
    reply: "OK: added:<n> changed:<n> removed:<n> unchanged:<n>",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let replace = match params.mode.trim().to_ascii_lowercase().as_str() {
        "merge" => false,
        "replace" => true,
        _ => return Err(Failure::invalid("mode must be merge or replace")),
    };
    let list = prices::find(&call, &params.list).await?;
    let lines = prices::read(&params.csv)?;
    let done = call.store().price_import(call.scope, list.id, lines, (replace, params.preview)).await?;
    let counts = counts(&done);
    if params.preview {
        return Ok(preview(&done).with_summary(counts));
    }
    let text: Vec<String> =
        counts.iter().map(|(name, value)| format!("{name}:{}", value.to_line())).collect();
    let reply = Reply::ok(text.join(" "));
    Ok(counts.into_iter().fold(reply, |reply, (name, value)| reply.with(name, value)))
}

fn counts(done: &PriceImport) -> Vec<(String, Data)> {
    let count = |wanted: fn(&PriceChange) -> bool| {
        i64::try_from(done.changes.iter().filter(|change| wanted(change)).count()).unwrap_or(i64::MAX)
    };
    vec![
        ("added".into(), count(|change| matches!(change, PriceChange::Added(_))).into()),
        ("changed".into(), count(|change| matches!(change, PriceChange::Changed { .. })).into()),
        ("removed".into(), count(|change| matches!(change, PriceChange::Removed(_))).into()),
        ("unchanged".into(), done.unchanged.into()),
    ]
}

fn preview(done: &PriceImport) -> Reply {
    let mut columns = vec!["change", "oldprice"];
    columns.extend(prices::COLUMNS);
    let rows = done.changes.iter().take(MAX_SHOWN).map(|change| {
        let (what, old, line) = match change {
            PriceChange::Added(new) => ("added", Data::Null, new),
            PriceChange::Changed { old, new } => ("changed", old.price.into(), new),
            PriceChange::Removed(old) => ("removed", old.price.into(), old),
        };
        let mut row = vec![what.into(), old];
        row.extend(prices::values(line));
        row
    });
    Reply::rows(&columns, rows.collect())
}
