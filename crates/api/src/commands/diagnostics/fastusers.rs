//! `fastusers`: the accounts in memory.

use strowger_model::AccountId;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

/// Accounts of one answer.
const PAGE: usize = 1_000;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "fastusers",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "The accounts in memory: how many seconds ago each was read from the database, and how often SIP requests proved to be its own since the start.",
    spec: "server-api: Diagnostics",
    example: "",
    reply: "OK: <n> and a table",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let after = call.cursor.map(AccountId);
    let snapshot = call.switch().snapshot();
    let mut accounts: Vec<_> = snapshot
        .accounts()
        .filter(|account| after.is_none_or(|after| account.id > after))
        .filter(|account| call.find_id(account.id.0, "account").is_ok())
        .collect();
    accounts.sort_by_key(|account| account.id);
    let more = accounts.len() > PAGE;
    accounts.truncate(PAGE);
    let next = accounts.last().filter(|_| more).map(|last| last.id.0);
    let ids: Vec<AccountId> = accounts.iter().map(|account| account.id).collect();
    let hits = call.switch().sip_hits(&ids).await?;
    let now = call.now().wall;
    let rows = accounts
        .into_iter()
        .zip(hits)
        .map(|(account, hits)| {
            let loaded = call.switch().loaded(account.id);
            vec![
                account.id.0.into(),
                (&*account.username).into(),
                account.kind.number().into(),
                account.active.into(),
                loaded.map(|at| (now.0 - at.0).max(0) / 1_000).into(),
                hits.into(),
            ]
        })
        .collect();
    Ok(Reply::rows(&["id", "username", "type", "enabled", "age", "siphits"], rows).with_cursor(next))
}
