//! `apitest`: the connection and the configured authentication work.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "apitest",
    aliases: &[],
    group: Group::Public,
    access: Access::Public,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Connectivity test that runs the configured authentication: key, and credentials where some are sent.",
    spec: "server-api: Examples",
    example: "",
    reply: "OK: api is working (127.0.0.1)",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let address = call.source.address;
    Ok(Reply::ok(format!("api is working ({address})"))
        .with("ip", address.to_string())
        .with("user", call.caller_name()))
}
