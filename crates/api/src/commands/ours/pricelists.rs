//! `pricelists`: every price list and what uses it.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "pricelists",
    aliases: &[],
    group: Group::Ours,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Lists the price lists with their currency, their lines, and how many accounts and packets use them.",
    spec: "Strowger",
    example: "",
    reply: "OK: <n> and a table",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let lists = call.store().price_lists(call.scope).await?;
    let rows = lists.into_iter().map(|(list, used)| {
        vec![
            list.id.into(),
            list.name.into(),
            list.currency
                .unwrap_or(call.config().defcurrency.parse().unwrap_or(strowger_model::Unit::USD))
                .into(),
            list.reseller.map_or(0, |id| id.0).into(),
            i64::from(list.is_default).into(),
            used.entries.into(),
            used.accounts.into(),
            used.packets.into(),
        ]
    });
    let columns = ["id", "name", "currency", "resellerid", "isdefault", "lines", "accounts", "packets"];
    Ok(Reply::rows(&columns, rows.collect()))
}
