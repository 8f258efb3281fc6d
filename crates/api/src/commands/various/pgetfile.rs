//! `pgetfile`: loads a file that pputfile saved.

use crate::commands::command::files::{MAX_SENT, STORAGE, clean, content};
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::folder::{Folder, on_disk};

params! {
    /// The name as it was saved.
    filename: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "pgetfile",
    aliases: &[],
    group: Group::Various,
    access: Access::User,
    effect: Effect::Read,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Loads a file that the account saved with pputfile or uploaded, in base64.",
    spec: "server-api: Various",
    example: "filename=photo.png",
    reply: "OK: aGVsbG8=",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let (name, owner) = (clean(&params.filename)?, call.account()?.id);
    let root = call.web_root().join(STORAGE).join(owner.to_string());
    let shown = name.clone();
    let bytes = on_disk(move || Folder::open(&root)?.read(&name, MAX_SENT)).await?;
    Ok(content(&shown, &bytes))
}
