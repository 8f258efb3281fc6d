//! `sipreset`: the SIP service anew, without what is not answered yet.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;
use crate::service::failed;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "sipreset",
    aliases: &[],
    group: Group::Reset,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "As vsiprst, and ends the attempts that nobody answered yet, forgets routes and registers at the servers anew; answered calls go on.",
    spec: "server-api: Reset",
    example: "",
    reply: "OK: 3 sockets bound anew, 1 attempts ended, 1 calls go on",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let done = call.switch().restart_sip(true).await.map_err(failed)?;
    let text = format!(
        "{} sockets bound anew, {} attempts ended, {} calls go on",
        done.sockets, done.ended, done.kept
    );
    Ok(Reply::ok(text).with("sockets", done.sockets).with("ended", done.ended).with("calls", done.kept))
}
