//! `cmd`: a program of the operator's list.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::host;
use crate::reply::{Failure, Reply};

params! {
    /// A name of hostcommands, and its arguments where the entry takes some; double quotes keep words together.
    txt ["command"]: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "cmd",
    aliases: &[],
    group: Group::Command,
    access: Access::Host,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Runs a program of the start-up file's hostcommands: no shell, bounded in time and output, audited.",
    spec: "server-api: API",
    example: "txt=diskfree",
    reply: "OK: <n> and the lines that it wrote",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let ran = host::run_listed(call.switch(), &call.on_behalf(), &params.txt).await?;
    let lines: Vec<String> = ran.output.lines().map(str::to_owned).collect();
    if !ran.succeeded() {
        let last = lines.last().map(|line| format!(": {line}")).unwrap_or_default();
        return Err(Failure::failed(format!("{}{last}", ran.ending())));
    }
    Ok(Reply::lines(lines).with("output", ran.output).with("cut", ran.cut))
}
