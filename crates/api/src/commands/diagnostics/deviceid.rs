//! `deviceid`: the stable id of this installation and node.

use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::folder::{Folder, FolderError, on_disk};
use crate::reply::Reply;

/// Where the id is kept in the data folder.
const FILE: &str = "deviceid";
/// What the file may hold.
const MAX_BYTES: u64 = 128;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "deviceid",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "The stable id of this installation and node.",
    spec: "server-api: Diagnostics",
    example: "",
    reply: "OK: 9f86d081884c7d659a2feaa0c55ad015-1",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let data = call.switch().data_folder().to_owned();
    let id = on_disk(move || installation(&data)).await?;
    let node = call.config().nodeid;
    Ok(Reply::ok(format!("{id}-{node}")).with("deviceid", format!("{id}-{node}")).with("node", node))
}

/// The id in the data folder, made at the first question.
fn installation(data: &Path) -> Result<String, FolderError> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _held = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = Folder::open_existing(data)?;
    match folder.read(FILE, MAX_BYTES) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).trim().to_owned()),
        Err(FolderError::NotFound) => {
            let mut random = [0_u8; 16];
            getrandom::fill(&mut random).map_err(|error| FolderError::Io(error.into()))?;
            let id: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
            folder.write_with(FILE, |file| writeln!(file, "{id}"))?;
            Ok(id)
        }
        Err(other) => Err(other),
    }
}
