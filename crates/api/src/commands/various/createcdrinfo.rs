//! `createcdrinfo`: names the destinations of records that lack them.

use super::destinations::fill;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

params! {
    /// Of the last so many days.
    days: u32 = "31",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "createcdrinfo",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "As updcdrdir: reports then sum every call under its destination; sums are made from the records themselves when they are asked for.",
    spec: "server-api: Various",
    example: "days=7",
    reply: "OK: 3 of 5 records",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let (seen, filled) = fill(&call, params.days).await?;
    Ok(Reply::ok(format!("{filled} of {seen} records")).with("seen", seen).with("filled", filled))
}
