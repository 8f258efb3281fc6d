//! `maintreset`: the maintenance schedule anew.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "maintreset",
    aliases: &[],
    group: Group::Reset,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Starts the task that looks for due maintenance anew; what is done stays done.",
    spec: "server-api: Reset",
    example: "",
    reply: "OK: the maintenance schedule runs",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    if !call.dispatcher.restart_maintenance() {
        return Err(Failure::unavailable("no maintenance schedule is running here"));
    }
    Ok(Reply::ok("the maintenance schedule runs"))
}
