//! `deluser`: an account goes; its history stays.

use strowger_switch::{BindingFilter, CallRef, UnregMode};

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// The account, by id or by username.
    u_id ["u_username"]: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "deluser",
    aliases: &[],
    group: Group::Command,
    access: Access::Sensitive,
    effect: Effect::Write,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Deletes an account, keeping its history; drops its registrations and live calls.",
    spec: "server-api: Commands",
    example: "u_username=alice",
    reply: "OK: alice deleted",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let by_id: Option<i64> = call.args.named("u_id").and_then(|id| id.trim().parse().ok());
    let account = match by_id {
        Some(id) => call.find_id(id, "u_id")?,
        None => call.find(&params.u_id, "u_username")?,
    };
    if call.caller.as_ref().is_some_and(|caller| caller.id == account.id) {
        return Err(Failure::denied("nobody deletes the account that it logged in with"));
    }
    call.not_above(&account)?;
    call.store().delete_user(call.scope, account.id).await?;
    let filter = BindingFilter { account: Some(account.id), ..BindingFilter::default() };
    let devices = call.switch().unregister(call.scope, filter, UnregMode::Remove).await?;
    let calls = call.switch().disconnect(call.scope, CallRef::Account(account.id)).await?;
    Ok(Reply::ok(format!("{} deleted", account.username))
        .with("userid", account.id.0)
        .with("unregistered", devices)
        .with("disconnected", calls))
}
