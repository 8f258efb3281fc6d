//! `keepalive`: the connection stays open.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "keepalive",
    aliases: &[],
    group: Group::Various,
    access: Access::Open,
    effect: Effect::Session,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Keeps the connection alive.",
    spec: "server-api: Various operations",
    example: "",
    reply: "OK: alive",
    run: RUN,
};

async fn run(_: Call, _: Params) -> Outcome {
    Ok(Reply::ok("alive"))
}
