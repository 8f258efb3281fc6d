//! `vsiprst`: the SIP service anew, with its calls.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;
use crate::service::failed;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "vsiprst",
    aliases: &[],
    group: Group::Reset,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Binds the sockets of SIP and of the main UDP port anew on the same ports; calls, registrations and connections go on. Answers when an OPTIONS is answered.",
    spec: "server-api: Reset",
    example: "",
    reply: "OK: 3 sockets bound anew, 1 calls go on",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let done = call.switch().restart_sip(false).await.map_err(failed)?;
    Ok(Reply::ok(format!("{} sockets bound anew, {} calls go on", done.sockets, done.kept))
        .with("sockets", done.sockets)
        .with("calls", done.kept))
}
