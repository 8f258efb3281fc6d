//! `addcallbacknumber`: a number from which the account may trigger callbacks.

use super::cli;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;

params! {
    /// The number, as trunks present it.
    num ["anum"]: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "addcallbacknumber",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Write,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Adds a number from which the account may trigger callbacks by a call to callbackaccessnumber.",
    spec: "server-api: User commands",
    example: "num=36301234567",
    reply: "OK: 36301234567 added",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    cli::add(&call, "num", &params.num, true).await
}
