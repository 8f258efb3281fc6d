//! `apitest1`: the connection works; no authentication at all.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "apitest1",
    aliases: &[],
    group: Group::Public,
    access: Access::Open,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Connectivity test without any authentication.",
    spec: "server-api: Examples",
    example: "",
    reply: "OK: api is working (127.0.0.1)",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let address = call.source.address;
    Ok(Reply::ok(format!("api is working ({address})")).with("ip", address.to_string()))
}
