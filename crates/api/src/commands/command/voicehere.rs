//! `voicehere`: listens to a live call by its id.

use strowger_switch::CallRef;

use crate::commands::errors::not_audible;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::listening::let_in;
use crate::reply::Failure;

/// Why no phone is rung.
pub const NO_PHONE: &str = "a phone cannot be rung as a listener in this version, which does not mix sound; open the WebSocket address";

params! {
    /// The call, as the first column of call has it, or its SIP Call-ID.
    dbcallid ["dbcallsid", "callid"]: String,
    /// A phone to be rung as a silent listener: not part of this version, which answers so.
    phone: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "voicehere",
    aliases: &[],
    group: Group::Command,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Live listening to one call: answers with a WebSocket address that is good once and for listentime seconds and sends both sides' sound; PCMU and PCMA only; audited. Ringing a phone as a silent listener is not part of this version.",
    spec: "server-api: Commands",
    example: "dbcallid=0.0.1.7",
    reply: "OK: ws://<host>/mvlisten/<token>",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    if !params.phone.trim().is_empty() {
        return Err(Failure::unavailable(NO_PHONE));
    }
    let id = params.dbcallid.trim();
    let which: CallRef = match id.parse() {
        Ok(CallRef::All) => return Err(Failure::invalid("dbcallid must be one call")),
        Ok(which) => which,
        Err(never) => match never {},
    };
    let audible = call.switch().audible(call.scope, which).await;
    let_in(&call, &audible.map_err(|why| not_audible(why, &format!("call {id}")))?)
}
