//! `file`: sends a file of the server: logs, CDR files, recordings.

use crate::commands::command::files::{MAX_SENT, content};
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::folder::{Folder, on_disk};
use crate::reply::Failure;

/// The folders below the data folder that may be read.
const FOLDERS: [&str; 5] = ["logs", "cdr", "files", "recordings", "reports"];

params! {
    /// The name below the data folder: logs/…, cdr/…, files/…, recordings/… or reports/….
    filename: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "file",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Sensitive,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Sends a file of the server (logs, CDR files, reports), in base64.",
    spec: "server-api: Diagnostics",
    example: "filename=cdr/2026-11-21.csv.gz",
    reply: "OK: aGVsbG8=",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let name = params.filename.trim().to_owned();
    let (first, rest) = name.split_once('/').unwrap_or((&name, ""));
    if !FOLDERS.contains(&first) || rest.is_empty() {
        return Err(Failure::denied(format!("filename must begin with one of {}/", FOLDERS.join("/, "))));
    }
    let root = call.folder_of(first);
    let (inner, shown) = (rest.to_owned(), name.clone());
    let bytes = on_disk(move || Folder::open_existing(&root)?.read(&inner, MAX_SENT)).await?;
    Ok(content(&shown, &bytes))
}
