//! `threadlist`: the threads of the process.

use super::process::{COLUMNS, rows};
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "threadlist",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Threads of the process with name, processor time in milliseconds and state.",
    spec: "server-api: Diagnostics",
    example: "",
    reply: "OK: <n> and a table",
    run: RUN,
};

async fn run(_: Call, _: Params) -> Outcome {
    Ok(Reply::rows(&COLUMNS, rows().await?))
}
