//! `getini`: one configuration key.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};
use crate::settings_files as settings;

params! {
    /// Any: a key is told by its name.
    section: String = "main",
    /// The key, by any of its spellings.
    key: String = "loglevel",
    /// A settings file; empty: the value in force.
    file: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "getini",
    aliases: &[],
    group: Group::Various,
    access: Access::Sensitive,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "The value of one configuration key: the one in force, or with file that of a settings file; secrets are masked.",
    spec: "server-api: Various operations",
    example: "section=limits&key=bantime",
    reply: "OK: 600",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    tracing::trace!(section = params.section, "keys are told by their names");
    let key = settings::key(&params.key)?;
    if !params.file.trim().is_empty() {
        let name = settings::file_name(&params.file)?;
        let pairs = settings::read(&call, name, None).await?;
        let value = pairs.into_iter().find(|(name, _)| *name == key.name).map(|(_, value)| value);
        let value = value.ok_or_else(|| Failure::not_found(format!("{} in the file", key.name)))?;
        return Ok(Reply::ok(value.clone()).with("value", value).with("source", "settings file"));
    }
    let config = call.config();
    let row = config.rows().into_iter().find(|row| row.key.name == key.name);
    let row = row.ok_or_else(|| Failure::not_found(format!("key {}", key.name)))?;
    Ok(Reply::ok(row.value.clone()).with("value", row.value).with("source", row.source.word()))
}
