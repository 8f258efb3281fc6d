//! `dbbackup`: a backup of the database, now or regularly.

use crate::backups;
use crate::commands::means_nothing;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Failure;
use crate::settings_files;

params! {
    /// Nothing: sequences are part of every backup.
    reseed: String = "",
    /// The file's name below the backups folder; empty: one with the moment.
    path: String = "",
    /// Hours between backups that are made by themselves from now on, 0 for none.
    ival: Option<u32> = "",
    /// full, or incremental: what is other than in the newest full one of the folder (SQLite).
    type_: String = "full",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "dbbackup",
    aliases: &[],
    group: Group::Reset,
    access: Access::Sensitive,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Copies the database while it is in use into the backups folder and proves the copy by restoring it into a scratch database and counting; type=incremental keeps only what changed since the newest full one; with ival every so many hours by itself.",
    spec: "server-api: Reset",
    example: "path=before-upgrade.backup",
    reply: "OK: before-upgrade.backup: 73728 bytes, 4 accounts, 0 CDRs, …",
    run: RUN,
};

/// The most hours between two backups.
const MAX_HOURS: u32 = 8_760;

async fn run(call: Call, params: Params) -> Outcome {
    means_nothing("reseed", &params.reseed)?;
    let incremental = match params.type_.trim().to_ascii_lowercase().as_str() {
        "" | "full" | "0" => false,
        "incremental" | "1" => true,
        _ => return Err(Failure::invalid("type must be full or incremental")),
    };
    if let Some(hours) = params.ival {
        if incremental {
            return Err(Failure::invalid("ival is for full backups: leave it out with type=incremental"));
        }
        if hours > MAX_HOURS {
            return Err(Failure::invalid(format!("ival must be at most {MAX_HOURS} hours, 0 for none")));
        }
        settings_files::put(&call, &[("backupinterval", Some(hours.to_string()))]).await?;
    }
    backups::command(&call, backups::own_folder(call.switch()), &params.path, incremental).await
}
