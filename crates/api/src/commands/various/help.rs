//! `help`: every command, or one, from the declarations that the parser works with.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::docs;
use crate::reply::{Failure, Reply};

params! {
    /// One command.
    command ["txt"]: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "help",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Lists the commands, or explains one.",
    spec: "server-api: Various operations",
    example: "command=balance",
    reply: "OK: <n> and the lines",
    run: RUN,
};

async fn run(_: Call, params: Params) -> Outcome {
    let name = params.command.trim();
    if name.is_empty() {
        return Ok(Reply::lines(docs::help_text().lines().map(str::to_owned).collect()));
    }
    let command = crate::dispatch::find(name).ok_or_else(|| Failure::not_found(format!("command {name}")))?;
    Ok(Reply::lines(docs::help_of(command)))
}
