//! `apikeylist`: the named API keys, without the keys.

use crate::commands::text::date;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "apikeylist",
    aliases: &[],
    group: Group::Ours,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Named API keys: scopes, account, addresses, end, last use. A key itself is never shown again.",
    spec: "Strowger: API keys",
    example: "",
    reply: "OK: 2 and a table",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let snapshot = call.switch().snapshot();
    let rows = call
        .dispatcher
        .keys()
        .sorted()
        .into_iter()
        .map(|key| {
            let account = key.row.account.map(|id| {
                snapshot.account(id).map_or_else(|| id.to_string(), |account| account.username.to_string())
            });
            vec![
                key.row.name.as_str().into(),
                key.row.scopes.as_str().into(),
                account.into(),
                key.row.addresses.as_str().into(),
                key.row.expires.map(date).into(),
                date(key.row.created).into(),
                key.last_used().map(date).into(),
                key.row.enabled.into(),
            ]
        })
        .collect();
    let columns = ["name", "scopes", "account", "addresses", "expires", "created", "lastused", "enabled"];
    Ok(Reply::rows(&columns, rows))
}
