//! `routelist`: the routing table.

use strowger_store::PoolTable;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

params! {
    /// Rows of one answer, at most 1000.
    max: u32 = "100",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "routelist",
    aliases: &[],
    group: Group::Ours,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Lists the routes: prefix, caller, server, priority, weight, time, and whether each is switched on.",
    spec: "Strowger",
    example: "max=100",
    reply: "OK: <n> and a table",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let max = usize::try_from(params.max).unwrap_or(usize::MAX);
    let page = call.store().pool_page(call.scope, PoolTable::Routes, max, call.cursor).await?;
    Ok(Reply::table(page.table).with_cursor(page.cursor))
}
