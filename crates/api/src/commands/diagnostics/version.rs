//! `version`: what is running.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "version",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Name, version and system.",
    spec: "server-api: Diagnostics",
    example: "",
    reply: "OK: strowger 0.1.0 (linux x86_64)",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let (version, system, machine) = (call.version(), std::env::consts::OS, std::env::consts::ARCH);
    Ok(Reply::ok(format!("strowger {version} ({system} {machine})"))
        .with("name", "strowger")
        .with("version", version)
        .with("system", system)
        .with("machine", machine))
}
