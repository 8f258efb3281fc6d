//! `oop`: any console command as text, under that command's own access rule.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;

params! {
    /// A line of the console: `cdr targetuser=alice days=3`, `bannedlist`.
    txt: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "oop",
    aliases: &[],
    group: Group::Various,
    access: Access::Sensitive,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Runs a console command that is passed as text, under its own access rule and with the same credentials.",
    spec: "server-api: API",
    example: "txt=bannedlist",
    reply: "the answer of that command",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    call.run_line(&params.txt).await
}
