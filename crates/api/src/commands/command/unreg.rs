//! `unreg`: ends registrations.

use std::net::IpAddr;

use strowger_switch::{BindingFilter, UnregMode};

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// The user, or all.
    username ["user"]: String,
    /// Only devices at this address.
    ip: Option<IpAddr> = "",
    /// 0 unregisters, 1 removes the binding silently.
    mode: u32 = "0",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "unreg",
    aliases: &[],
    group: Group::Command,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Unregisters a user's devices, or all; mode=1 removes the bindings silently.",
    spec: "server-api: Unreg example",
    example: "username=alice&mode=1",
    reply: "OK: 1 unregistered",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let mode = match params.mode {
        0 => UnregMode::Unregister,
        1 => UnregMode::Remove,
        _ => return Err(Failure::invalid("mode must be 0 or 1")),
    };
    let named = call.find(&params.username, "username");
    let all = params.username.trim().eq_ignore_ascii_case("all") && named.is_err();
    let account = if all { None } else { Some(named?.id) };
    let filter = BindingFilter { account, ip: params.ip, ..BindingFilter::default() };
    let count = call.switch().unregister(call.scope, filter, mode).await?;
    Ok(Reply::ok(format!("{count} unregistered")).with("unregistered", count))
}
