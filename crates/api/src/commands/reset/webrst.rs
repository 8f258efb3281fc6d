//! `webrst`: the web service anew.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "webrst",
    aliases: &[],
    group: Group::Reset,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Binds the TCP and TLS listeners of the API, the web and the console anew on the same ports; connections go on.",
    spec: "server-api: Reset",
    example: "",
    reply: "OK: 2 listeners bound anew",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let doors = i64::try_from(call.dispatcher.reopen_doors().await?).unwrap_or(i64::MAX);
    Ok(Reply::ok(format!("{doors} listeners bound anew")).with("listeners", doors))
}
