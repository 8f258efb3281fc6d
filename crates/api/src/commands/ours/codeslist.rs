//! `codeslist`: recharge codes.

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
    name: "codeslist",
    aliases: &[],
    group: Group::Ours,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Lists recharge codes with value, currency, use and expiry; all but the last four characters are hidden.",
    spec: "Strowger",
    example: "max=100",
    reply: "OK: <n> and a table",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let max = usize::try_from(params.max).unwrap_or(usize::MAX);
    let page = call.store().pool_page(call.scope, PoolTable::Codes, max, call.cursor).await?;
    Ok(Reply::table(page.table).with_cursor(page.cursor))
}
