//! `pputfile`: saves a file for an account's devices and web pages.

use crate::commands::command::files::{clean, decode, store_upload};
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

params! {
    /// The name; other characters than letters, digits, dot, dash and underscore become underscores.
    filename: String,
    /// The content in base64.
    filedata: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "pputfile",
    aliases: &[],
    group: Group::Various,
    access: Access::User,
    effect: Effect::Write,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Saves base64 data under mvweb/filestorage, from where it is served as a download.",
    spec: "server-api: Various",
    example: "filename=photo.png&filedata=aGVsbG8=",
    reply: "OK: /mvweb/filestorage/7/photo.png",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let bytes = decode("filedata", &params.filedata)?;
    let (name, owner) = (clean(&params.filename)?, call.account()?.id);
    let path = store_upload(&call, owner, &name, bytes).await?;
    Ok(Reply::ok(path.as_str()).with("filename", name).with("path", path))
}
