//! `disccall`: hangs up a call.

use strowger_switch::CallRef;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// The call, as the first column of call has it, or its SIP Call-ID, or all.
    dbcallsid ["dbcallid", "callid"]: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "disccall",
    aliases: &[],
    group: Group::Command,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Hangs up a call; its CDR tells the reason.",
    spec: "server-api: Commands",
    example: "dbcallsid=0.0.1.7",
    reply: "OK: 1 disconnected",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let id = params.dbcallsid.trim();
    let which: CallRef = match id.parse() {
        Ok(which) => which,
        Err(never) => match never {},
    };
    let all = matches!(which, CallRef::All);
    let count = call.switch().disconnect(call.scope, which).await?;
    if count == 0 && !all {
        return Err(Failure::not_found(format!("call {id}")));
    }
    Ok(Reply::ok(format!("{count} disconnected")).with("disconnected", count))
}
