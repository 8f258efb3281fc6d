//! `listusers`: the accounts, never a password.

use strowger_model::AccountKind;
use strowger_store::UserFilter;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

/// Accounts of one answer at most.
const MAX_COUNT: u32 = 10_000;

params! {
    /// Only accounts of this type.
    u_type: Option<u32> = "",
    /// How many at most.
    u_maxcount: u32 = "100",
    /// Adds contact and billing columns.
    u_extended: bool = "no",
    /// The column to sort by.
    u_order: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "listusers",
    aliases: &[],
    group: Group::Command,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Lists accounts, with a cursor for the next page; never passwords.",
    spec: "server-api: Commands",
    example: "u_type=0&u_maxcount=20",
    reply: "OK: <n> and a table",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let kind = params.u_type.and_then(|number| i32::try_from(number).ok()).map(AccountKind::from_number);
    let filter = UserFilter {
        kind,
        max: usize::try_from(params.u_maxcount.min(MAX_COUNT)).unwrap_or_default(),
        extended: params.u_extended,
        order: params.u_order.trim().to_ascii_lowercase(),
    };
    let page = call.store().list_users(call.scope, filter, call.cursor).await?;
    Ok(Reply::table(page.table).with_cursor(page.cursor))
}
