//! `locks`: reserved credit and pending locks.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Reply};

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "locks",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Credit that running calls have reserved and locks of the database that are waited for, with age in seconds and owner; and writes that wait.",
    spec: "server-api: Diagnostics",
    example: "",
    reply: "OK: <n>, a table and the number of writes that wait",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let locks = call.store().locks().await?;
    let (snapshot, now) = (call.switch().snapshot(), call.now().wall);
    let name = |id| snapshot.account(id).map_or("", |account| &*account.username);
    let mut rows: Vec<Vec<Data>> = Vec::new();
    for waiting in locks.waiting {
        rows.push(vec![
            "database".into(),
            waiting.owner.into(),
            Data::Null,
            Data::Null,
            Data::Null,
            (waiting.age_ms / 1_000).into(),
            waiting.what.into(),
        ]);
    }
    rows.extend(locks.held.into_iter().map(|held| {
        vec![
            "credit".into(),
            name(held.account).into(),
            held.amount.into(),
            held.unit.into(),
            held.node.into(),
            ((now.0 - held.since.0).max(0) / 1_000).into(),
            held.leg.into(),
        ]
    }));
    let columns = ["kind", "owner", "amount", "unit", "node", "age", "what"];
    Ok(Reply::rows(&columns, rows).with_summary(vec![("queuedwrites".into(), locks.queued.into())]))
}
