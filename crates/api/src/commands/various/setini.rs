//! `setini`: one configuration key.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Kind, Reply};
use crate::settings_files as settings;
use std::collections::BTreeMap;
use strowger_config::check_value;

params! {
    /// Any: a key is told by its name.
    section: String = "main",
    /// The key, by any of its spellings.
    key: String,
    /// The new value; it may be empty.
    value: String = "",
    /// A settings file; empty: the database.
    file: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "setini",
    aliases: &[],
    group: Group::Various,
    access: Access::Sensitive,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Sets one configuration key, validated by its declaration: in the database and in force at once where that is possible, or with file in a settings file. Keys of the start-up file are refused.",
    spec: "server-api: Various operations",
    example: "section=limits&key=bantime&value=600",
    reply: "OK: bantime: in force",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    tracing::trace!(section = params.section, "keys are told by their names");
    let key = settings::key(&params.key)?;
    if !call.args.is_given(PARAMS, "value") {
        return Err(Failure::missing("value"));
    }
    check_value(key.name, &params.value).map_err(|mistake| Failure::invalid(mistake.to_string()))?;
    if !params.file.trim().is_empty() {
        if key.secret {
            return Err(Failure::denied("secrets are not written into settings files"));
        }
        let name = settings::file_name(&params.file)?;
        let mut pairs: BTreeMap<&'static str, String> = match settings::read(&call, name.clone(), None).await
        {
            Ok(pairs) => pairs.into_iter().collect(),
            Err(failure) if failure.kind == Kind::NotFound => BTreeMap::new(),
            Err(failure) => return Err(failure),
        };
        pairs.insert(key.name, params.value);
        settings::write(&call, name.clone(), pairs, None, false).await?;
        return Ok(Reply::ok(format!("{}: written to {name}", key.name)).with("file", name));
    }
    settings::put(&call, &[(key.name, Some(params.value))]).await?;
    let standing = settings::standing(&call, key);
    Ok(Reply::ok(format!("{}: {standing}", key.name)).with("key", key.name).with("standing", standing))
}
