//! `dbrsttgs`: the listener to the database's changes anew.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;
use crate::service::failed;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "dbrsttgs",
    aliases: &[],
    group: Group::Reset,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Starts the follower of the database's change triggers anew; answers when everything that is committed is in force.",
    spec: "server-api: Reset",
    example: "",
    reply: "OK: up to change 17",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let change = call.switch().restart_follower().await.map_err(failed)?;
    Ok(Reply::ok(format!("up to change {change}")).with("change", change))
}
