//! `syncusers`: makes the accounts in memory those of the database.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};
use crate::service::failed;

params! {
    /// Nothing; kept for old clients.
    oop: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "syncusers",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Reads every account anew and reports what was different in memory.",
    spec: "server-api: Various",
    example: "",
    reply: "OK: 12 accounts, 0 added, 1 changed, 0 removed",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    if !params.oop.trim().is_empty() {
        return Err(Failure::invalid("oop must be empty: every account is compared"));
    }
    let changes = call.switch().reread(&["tb_users"]).await.map_err(failed)?;
    let sum = |count: fn(&strowger_switch::TableChange) -> usize| -> u64 {
        changes.iter().map(|change| u64::try_from(count(change)).unwrap_or(u64::MAX)).sum()
    };
    let (rows, added, changed, removed) =
        (sum(|c| c.rows), sum(|c| c.added), sum(|c| c.changed), sum(|c| c.removed));
    Ok(Reply::ok(format!("{rows} accounts, {added} added, {changed} changed, {removed} removed"))
        .with("accounts", rows)
        .with("added", added)
        .with("changed", changed)
        .with("removed", removed))
}
