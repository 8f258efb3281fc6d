//! `endpoints`: every SIP endpoint, asked by OPTIONS.

use strowger_model::AccountId;
use strowger_switch::LiveCall;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Reply};

/// Phones of one answer, and servers.
const PAGE: usize = 500;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "endpoints",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Every SIP server and registered phone with its address: asked by OPTIONS now, whether and how fast it answers within two seconds, and its calls.",
    spec: "server-api: Diagnostics",
    example: "",
    reply: "OK: <n> and a table",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let after = call.cursor.map(AccountId);
    let found = call.switch().probe(call.scope, after, PAGE).await?;
    let phones = found.iter().filter(|endpoint| !endpoint.server);
    let next =
        phones.clone().next_back().filter(|_| phones.clone().count() >= PAGE).map(|last| last.account.0);
    let calls = call.switch().live_calls(call.scope).await?;
    let snapshot = call.switch().snapshot();
    let rows = found
        .iter()
        .map(|endpoint| {
            let id = Some(endpoint.account);
            let part = |running: &&LiveCall| [running.caller, running.called, running.server].contains(&id);
            let busy = u64::try_from(calls.iter().filter(part).count()).unwrap_or(u64::MAX);
            let ms = endpoint.latency_us.map(|us| Data::Decimal(format!("{}.{:03}", us / 1_000, us % 1_000)));
            vec![
                endpoint.account.0.into(),
                snapshot.account(endpoint.account).map_or("", |account| &account.username).into(),
                if endpoint.server { "server" } else { "phone" }.into(),
                endpoint.address.to_string().into(),
                endpoint.transport.into(),
                (endpoint.status > 0).into(),
                i64::from(endpoint.status).into(),
                ms.unwrap_or(Data::Null),
                busy.into(),
            ]
        })
        .collect();
    let columns = ["id", "username", "type", "address", "transport", "reachable", "status", "ms", "calls"];
    Ok(Reply::rows(&columns, rows).with_cursor(next))
}
