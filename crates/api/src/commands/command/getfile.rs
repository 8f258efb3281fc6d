//! `getfile`: loads a file that putfile saved.

use super::files::{FILES, MAX_SENT, content};
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::folder::{Folder, on_disk};

params! {
    /// The name below the folder `files` of the data folder.
    filename: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "getfile",
    aliases: &[],
    group: Group::Command,
    access: Access::Sensitive,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Loads a file from the server's files folder, in base64.",
    spec: "server-api: Commands",
    example: "filename=lists/a.txt",
    reply: "OK: aGVsbG8=",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let root = call.switch().data_folder().join(FILES);
    let name = params.filename.trim().to_owned();
    let shown = name.clone();
    let bytes = on_disk(move || Folder::open(&root)?.read(&name, MAX_SENT)).await?;
    Ok(content(&shown, &bytes))
}
