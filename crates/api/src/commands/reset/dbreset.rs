//! `dbreset`: the database connections anew.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "dbreset",
    aliases: &[],
    group: Group::Reset,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Fresh connections to the database for the writer and the readers; what runs is finished on the old ones. Answers when the database was written and read.",
    spec: "server-api: Reset",
    example: "",
    reply: "OK: 3 connections",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let connections = i64::try_from(call.dispatcher.reconnect().await?).unwrap_or(i64::MAX);
    Ok(Reply::ok(format!("{connections} connections")).with("connections", connections))
}
