//! `close`: the connection is closed after the answer.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "close",
    aliases: &[],
    group: Group::Various,
    access: Access::Open,
    effect: Effect::Session,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Closes the connection, on transports that have one.",
    spec: "server-api: Various operations",
    example: "",
    reply: "OK: closing",
    run: RUN,
};

async fn run(_: Call, _: Params) -> Outcome {
    Ok(Reply { close: true, ..Reply::ok("closing") })
}
