//! `saveinifiles`: the database's settings into a file for each chapter.

use crate::commands::means_nothing;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Reply};
use crate::settings_files as settings;
use strowger_config::Group as Chapter;

params! {
    /// A chapter such as limits; empty or all: everything.
    module: String = "all",
    /// Nothing: each chapter has its own file.
    file: String = "all",
    /// Also what nobody set, as comments.
    notsaved: bool = "no",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "saveinifiles",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Writes the settings of the database to one file for each chapter below DATA/settings, from which loadinifiles takes them back; secrets are left out.",
    spec: "server-api: Various operations",
    example: "",
    reply: "OK: 12 settings in 4 files",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    means_nothing("file", &params.file)?;
    let wanted = settings::section(&params.module, "module")?;
    let (mut count, mut files) = (0, Vec::new());
    for group in Chapter::ALL.into_iter().filter(|group| wanted.is_none_or(|wanted| wanted == *group)) {
        let stored = settings::stored(&call, Some(group)).await?;
        if stored.is_empty() && !params.notsaved {
            continue;
        }
        let name = format!("{}.ini", settings::chapter(group));
        count += settings::write(&call, name.clone(), stored, Some(group), params.notsaved).await?;
        files.push(name);
    }
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let names = files.iter().map(|name| Data::from(name.as_str())).collect::<Vec<Data>>();
    Ok(Reply::ok(format!("{count} settings in {} files", files.len()))
        .with("settings", count)
        .with("files", names))
}
