//! `backup`: a backup to the second place.

use crate::backups;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;

params! {
    /// The file's name below that folder; empty: one with the moment.
    path: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "backup",
    aliases: &[],
    group: Group::Command,
    access: Access::Sensitive,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Copies the database while it is in use to backuptarget, else the backups folder, and proves the copy by restoring it into a scratch database and counting.",
    spec: "server-api: API",
    example: "path=before-upgrade.backup",
    reply: "OK: before-upgrade.backup: 73728 bytes, 4 accounts, 0 CDRs, …",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let root = backups::target_folder(call.switch(), &call.config());
    backups::command(&call, root, &params.path, false).await
}
