//! `loadinifiles`: settings files into the database.

use crate::commands::means_nothing;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};
use crate::settings_files as settings;

params! {
    /// A chapter such as limits; empty or all: everything.
    module: String = "all",
    /// The file below the settings folder; all: every one.
    file: String = "all",
    /// Nothing.
    notsaved: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "loadinifiles",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Takes the settings of a file below DATA/settings, or of all, into the database: every value is checked first, and all are taken or none; in force at once where that is possible.",
    spec: "server-api: Various operations",
    example: "",
    reply: "OK: 12 settings of 1 files, 12 in force",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    means_nothing("notsaved", &params.notsaved)?;
    let group = settings::section(&params.module, "module")?;
    let file = params.file.trim();
    let names = if file.is_empty() || file.eq_ignore_ascii_case("all") {
        settings::files(&call).await?
    } else {
        vec![settings::file_name(file)?]
    };
    if names.is_empty() {
        return Err(Failure::not_found("a settings file: savesettings writes one"));
    }
    let mut all = Vec::new();
    for name in &names {
        all.extend(settings::read(&call, name.clone(), group).await?);
    }
    let pairs: Vec<_> = all.into_iter().map(|(name, value)| (name, Some(value))).collect();
    settings::put(&call, &pairs).await?;
    let acts = |name: &str| settings::key(name).is_ok_and(|key| settings::standing(&call, key) == "in force");
    let acting = i64::try_from(pairs.iter().filter(|(name, _)| acts(name)).count()).unwrap_or(i64::MAX);
    let count = i64::try_from(pairs.len()).unwrap_or(i64::MAX);
    Ok(Reply::ok(format!("{count} settings of {} files, {acting} in force", names.len()))
        .with("settings", count)
        .with("inforce", acting))
}
