//! `voicehere2`: listens to the live call of a user.

use strowger_switch::CallRef;

use super::voicehere::NO_PHONE;
use crate::commands::errors::not_audible;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::listening::let_in;
use crate::reply::Failure;

params! {
    /// Whose call: username, id or number. Of several calls the youngest that can be listened to.
    username ["user"]: String,
    /// A phone to be rung as a silent listener: not part of this version, which answers so.
    phone: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "voicehere2",
    aliases: &[],
    group: Group::Command,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "As voicehere, by user: the youngest call that the user takes part in or pays for.",
    spec: "server-api: Commands",
    example: "username=alice",
    reply: "OK: ws://<host>/mvlisten/<token>",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    if !params.phone.trim().is_empty() {
        return Err(Failure::unavailable(NO_PHONE));
    }
    let user = call.find(params.username.trim(), "username")?;
    let audible = call.switch().audible(call.scope, CallRef::Account(user.id)).await;
    let_in(&call, &audible.map_err(|why| not_audible(why, &format!("a live call of {}", user.username)))?)
}
