//! `login`: checks the credentials and opens a session.

use strowger_model::Wall;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "login",
    aliases: &[],
    group: Group::Public,
    access: Access::User,
    effect: Effect::Session,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Checks the credentials, records the login and answers a session token that serves as a bearer token.",
    spec: "server-api: Implementing a webportal based on the API",
    example: "",
    reply: "OK: userid:<id> type:0 token:<token>",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    // A session is always the caller's own: acting for somebody else needs the caller's rights each time.
    let account = call.caller.clone().ok_or_else(Failure::wrong_user)?;
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|_| Failure::failed("no randomness"))?;
    let lifetime_s = call.config().apitokenlifetime;
    let expires = Wall(call.now().wall.0 + i64::from(lifetime_s) * 1_000);
    let key = call.api_key.as_ref().map(|key| key.row.id);
    let (token, row) = call.memory().sessions.open(&account, call.source.address, expires, random, key);
    // The token outlives a restart from the moment that it is answered.
    call.store().session_add(row).await?;
    let (id, kind) = (account.id, account.kind.number());
    Ok(Reply::ok(format!("userid:{id} type:{kind} token:{token}"))
        .with("userid", id.0)
        .with("type", kind)
        .with("token", token)
        .with("expires", lifetime_s))
}
