//! `changepwd`: a new password, valid at once for SIP, API and portal.

use strowger_model::Secret;

use crate::auth::same_text;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

/// The longest password, in bytes.
const MAX_PASSWORD: usize = 128;

params! {
    /// The new password.
    newpassword: Secret,
    /// The present one; administrators may leave it out.
    oldpassword: Option<Secret> = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "changepwd",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Spend,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Changes the password after checking the old one; it acts at once.",
    spec: "server-api: User commands",
    example: "newpassword=fresh-1&oldpassword=stale-1",
    reply: "OK: password changed",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let account = call.account()?;
    match &params.oldpassword {
        Some(old) if !same_text(old.expose(), account.password.expose()) => {
            call.count_failure();
            return Err(Failure::invalid("oldpassword is wrong"));
        }
        None if !call.is_admin() => return Err(Failure::missing("oldpassword")),
        _ => {}
    }
    let new = params.newpassword.expose();
    if new.len() > MAX_PASSWORD || new.chars().any(char::is_control) {
        return Err(Failure::invalid(format!(
            "newpassword must be at most {MAX_PASSWORD} bytes without control characters"
        )));
    }
    call.store().set_password(call.scope, account.id, params.newpassword).await?;
    Ok(Reply::ok("password changed"))
}
