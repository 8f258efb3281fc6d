//! `status`: the state of the account's own line.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "status",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Read,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Own line state: 0 doesn't exist, 1 offline, 2 online, 3 calling, 4 speaking.",
    spec: "server-api: User commands",
    example: "",
    reply: "OK: 2",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let state = call.switch().line_state(call.account()?.id).await?;
    let number = i64::from(state.number());
    Ok(Reply::ok(number.to_string()).with("status", number))
}
