//! `savesettings`: the database's settings into a file.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;
use crate::settings_files as settings;

params! {
    /// A chapter such as limits; empty or all: everything.
    module: String = "all",
    /// The file below the settings folder; all: the usual one.
    file: String = "all",
    /// Also what nobody set, as comments.
    notsaved: bool = "no",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "savesettings",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Writes the settings of the database to a file below DATA/settings, from which loadinifiles takes them back; secrets are left out.",
    spec: "server-api: Various operations",
    example: "",
    reply: "OK: 12 settings in strowger.ini",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let group = settings::section(&params.module, "module")?;
    let file = params.file.trim();
    let usual = file.is_empty() || file.eq_ignore_ascii_case("all");
    let name = if usual { settings::FILE.to_owned() } else { settings::file_name(file)? };
    let stored = settings::stored(&call, group).await?;
    let count = settings::write(&call, name.clone(), stored, group, params.notsaved).await?;
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    Ok(Reply::ok(format!("{count} settings in {name}")).with("settings", count).with("file", name))
}
