//! `preauth`: a nonce for the caller's address.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "preauth",
    aliases: &[],
    group: Group::Public,
    access: Access::Public,
    effect: Effect::Session,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Issues a nonce, bound to the client's address, for the next requests' authmd5.",
    spec: "server-api: Using nonce for replay attack protection",
    example: "",
    reply: "OK: new nonce is:<nonce>EOF",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let nonce = call.dispatcher.issue_nonce(&call.source, &call.config())?;
    Ok(Reply::ok(format!("new nonce is:{nonce}EOF")).with("nonce", nonce))
}
