//! `lists`: the tables in memory.

use std::net::IpAddr;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Reply};

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "lists",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Entries of every table in memory and what they take at least: their fixed parts, without texts and indexes.",
    spec: "server-api: Diagnostics",
    example: "",
    reply: "OK: <n> and a table",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let mut rows: Vec<(String, usize, usize)> = Vec::new();
    let mut put = |name: &str, count: usize, each: usize| {
        rows.push((name.to_owned(), count, count.saturating_mul(each)));
    };
    for (name, count, each) in call.switch().snapshot().sizes() {
        put(name, count, each);
    }
    for (name, count, each) in call.switch().sizes().await? {
        put(name, count, each);
    }
    for (name, count) in call.switch().guard(|guard| guard.sizes()) {
        put(name, count, size_of::<IpAddr>() + size_of::<u64>() * 2);
    }
    {
        let memory = call.memory();
        put("api nonces", memory.nonces.len(), size_of::<String>() * 2);
        put("api replays", memory.replays.len(), size_of::<([u8; 16], IpAddr)>());
        put("api sessions", memory.sessions.len(), size_of::<u64>() * 2);
    }
    for (name, count, each) in call.dispatcher.mmq().queues().sizes() {
        put(name, count, each);
    }
    let count = |n: usize| Data::from(u64::try_from(n).unwrap_or(u64::MAX));
    let rows = rows
        .into_iter()
        .map(|(name, entries, bytes)| vec![name.into(), count(entries), count(bytes)])
        .collect();
    Ok(Reply::rows(&["name", "entries", "leastbytes"], rows))
}
