//! `reload`: the configuration again.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Failure, Reply};
use crate::service::ServiceOrder;
use strowger_config::{Applies, Key};
use strowger_switch::ReloadError;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "reload",
    aliases: &[],
    group: Group::Reset,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Reads the configuration again: validated as a whole, in force at once; a wrong value changes nothing and is named. Says which keys changed, and which of them wait for a restart.",
    spec: "server-api: Reset",
    example: "",
    reply: "OK: 2 keys changed: bantime, sipport (at the next start)",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let old = call.config();
    call.switch().reload().await.map_err(|error| match error {
        ReloadError::Config(mistakes) => Failure::failed(mistakes.lines().collect::<Vec<_>>().join("; ")),
        ReloadError::Stopped => Failure::unavailable("the server is ending"),
    })?;
    // Without a program around there is no log to follow the new level.
    let _ = call.dispatcher.order(ServiceOrder::Configured);
    let new = call.config();
    let changes = old.changes(&new);
    let later = |key: &Key| key.applies == Applies::Restart;
    let names: Vec<String> = changes
        .iter()
        .map(|key| format!("{}{}", key.name, if later(key) { " (at the next start)" } else { "" }))
        .collect();
    let count = i64::try_from(names.len()).unwrap_or(i64::MAX);
    let list = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
    let data = changes.iter().map(|key| key.name.into()).collect::<Vec<Data>>();
    Ok(Reply::ok(format!("{count} keys changed{list}")).with("changed", data))
}
