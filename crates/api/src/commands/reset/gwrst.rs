//! `gwrst`: the trunks anew.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;
use crate::service::failed;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "gwrst",
    aliases: &[],
    group: Group::Reset,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Forgets which trunks did not answer and registers at every server anew; answers when they answered or had five seconds.",
    spec: "server-api: Reset",
    example: "",
    reply: "OK: 1 addresses released, 2 registrations in force, 0 failed",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let done = call.switch().restart_trunks().await.map_err(|stopped| failed(stopped.into()))?;
    let text = format!(
        "{} addresses released, {} registrations in force, {} failed",
        done.released, done.registered, done.failed
    );
    Ok(Reply::ok(text)
        .with("released", done.released)
        .with("registered", done.registered)
        .with("failed", done.failed))
}
