//! `putfile`: saves a file under the server's files folder.

use super::files::{FILES, decode, megabytes, size_of};
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::folder::{Folder, on_disk};
use crate::reply::Reply;

params! {
    /// The name below the folder `files` of the data folder.
    filename: String,
    /// The content in base64.
    filedata: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "putfile",
    aliases: &[],
    group: Group::Command,
    access: Access::Sensitive,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Saves base64 data under the server's files folder, whole or not at all.",
    spec: "server-api: Commands",
    example: "filename=lists/a.txt&filedata=aGVsbG8=",
    reply: "OK: 5 bytes",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let bytes = decode("filedata", &params.filedata)?;
    let root = call.switch().data_folder().join(FILES);
    let (name, quota) = (params.filename.trim().to_owned(), megabytes(call.config().filesquota));
    let size = bytes.len();
    let shown = name.clone();
    on_disk(move || Folder::open(&root)?.write(&name, &bytes, quota)).await?;
    Ok(Reply::ok(format!("{size} bytes")).with("filename", shown).with("size", size_of(size)))
}
