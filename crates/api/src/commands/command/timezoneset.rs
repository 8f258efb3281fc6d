//! `timezoneset`: the server's time zone.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};
use crate::settings_files as settings;

params! {
    /// Such as Europe/Budapest or UTC; empty: only look.
    timezone: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "timezoneset",
    aliases: &[],
    group: Group::Command,
    access: Access::Sensitive,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Sets the time zone of tariffs, days, reports and the dates of call records by its IANA name; storage stays in UTC. Without a name, the one in force.",
    spec: "server-api: API",
    example: "timezone=Europe/Budapest",
    reply: "OK: Europe/Budapest, 60 minutes east of UTC",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let name = params.timezone.trim();
    if !name.is_empty() {
        if !strowger_switch::is_time_zone(name) {
            let right = "timezone must be a name of the time zone database, such as Europe/Budapest";
            return Err(Failure::invalid(right));
        }
        settings::put(&call, &[("timezone", Some(name.to_owned()))]).await?;
    }
    let zone = call.config().timezone.clone();
    if !name.is_empty() && zone != name {
        return Err(Failure::failed("stored; the start-up file's zone is in force"));
    }
    let offset = call.switch().snapshot().settings().calendar.utc_offset_min;
    let shown = if zone.is_empty() { "the machine's zone" } else { &zone };
    Ok(Reply::ok(format!("{shown}, {offset} minutes east of UTC"))
        .with("timezone", shown)
        .with("offset", offset))
}
