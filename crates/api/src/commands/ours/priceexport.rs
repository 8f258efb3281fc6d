//! `priceexport`: a price list as a table that priceimport reads.

use crate::commands::{csv, prices};
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

params! {
    /// The list, by name or id.
    list: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "priceexport",
    aliases: &[],
    group: Group::Ours,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "A price list as CSV; importing it again changes nothing.",
    spec: "Strowger",
    example: "list=Retail",
    reply: "OK: <n>, a header line and one line a price",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let list = prices::find(&call, &params.list).await?;
    let mut lines = vec![csv::line(prices::COLUMNS)];
    for price in call.store().prices_of(call.scope, list.id).await? {
        lines.push(csv::line(prices::fields(&price).iter().map(String::as_str)));
    }
    let text = lines.join("\n");
    Ok(Reply::lines(lines).with("list", list.name).with("csv", text))
}
