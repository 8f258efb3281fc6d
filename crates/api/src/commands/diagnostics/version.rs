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
    summary: "Name, version, system, the commit it was built from and what was built in.",
    spec: "server-api: Diagnostics",
    example: "",
    reply: "OK: strowger 0.1.0 (linux x86_64), commit 5f1e0c2a9b7d, features sqlite postgresql tls acme release",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let crate::dispatch::Build { version, commit, features } = call.build();
    let (system, machine, features) = (std::env::consts::OS, std::env::consts::ARCH, features.join(" "));
    let text = format!("strowger {version} ({system} {machine}), commit {commit}, features {features}");
    Ok(Reply::ok(text)
        .with("name", "strowger")
        .with("version", version)
        .with("commit", commit)
        .with("features", features)
        .with("system", system)
        .with("machine", machine))
}
