//! `delbanned`: lifts one ban, or all.

use std::net::IpAddr;

use strowger_guard::{Guard, Subject};

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// An address, a network, an account, or all.
    ip ["all"]: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "delbanned",
    aliases: &[],
    group: Group::Command,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Lifts the ban of an address or account, or all bans.",
    spec: "server-api: Commands",
    example: "ip=192.0.2.1",
    reply: "OK: 1 lifted",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let text = params.ip.trim();
    if text.is_empty() && call.args.named("all").is_none() {
        return Err(Failure::missing("ip"));
    }
    // `all=1` means all bans, whatever stands behind it.
    let all = text.eq_ignore_ascii_case("all")
        || (call.args.named("all").is_some() && call.args.named("ip").is_none());
    let lifted = if all {
        call.switch().guard(Guard::lift_all)
    } else if let Ok(address) = text.parse::<IpAddr>() {
        call.switch().guard(|guard| guard.lift_address(address))
    } else {
        let subject: Subject = text
            .parse()
            .map_err(|_| Failure::invalid("ip must be an address, a network, an account or all"))?;
        usize::from(call.switch().guard(|guard| guard.lift(&subject)))
    };
    if lifted == 0 && !all {
        return Err(Failure::not_found(format!("ban of {text}")));
    }
    let count = i64::try_from(lifted).unwrap_or(i64::MAX);
    Ok(Reply::ok(format!("{count} lifted")).with("lifted", count))
}
