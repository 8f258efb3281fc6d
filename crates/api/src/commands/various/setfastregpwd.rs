//! `setfastregpwd`: the password of an account, for its phone too.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};
use strowger_model::Secret;

params! {
    /// Whose: username, id, name or number.
    username ["usr"]: String,
    /// The new password.
    password: Secret,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "setfastregpwd",
    aliases: &[],
    group: Group::Various,
    access: Access::Sensitive,
    effect: Effect::Write,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Sets the password in the database and in the registrar's memory together: the next REGISTER is checked against it.",
    spec: "server-api: Various operations",
    example: "username=alice&password=fresh-1",
    reply: "OK: password changed",
    run: RUN,
};

/// The longest password, in bytes.
const MAX_PASSWORD: usize = 128;

async fn run(call: Call, params: Params) -> Outcome {
    let account = call.find(&params.username, "username")?;
    call.not_above(&account)?;
    let new = params.password.expose();
    if new.trim().is_empty() {
        return Err(Failure::missing("password"));
    }
    if new.len() > MAX_PASSWORD || new.chars().any(char::is_control) {
        let right = format!("password must be at most {MAX_PASSWORD} bytes without control characters");
        return Err(Failure::invalid(right));
    }
    call.store().set_password(call.scope, account.id, params.password.clone()).await?;
    call.switch().refresh().await;
    let known = call.switch().account(account.id);
    if known.is_none_or(|known| known.password.expose() != params.password.expose()) {
        return Err(Failure::failed("the password is stored, but not in the registrar's memory yet"));
    }
    Ok(Reply::ok("password changed").with("userid", account.id.0))
}
