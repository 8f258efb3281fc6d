//! `newuserevent`: a new account, announced.

use crate::commands::various::newusersevent::announce;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;

params! {
    /// Ids of the accounts, separated by commas; empty: what memory does not have yet.
    userid: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "newuserevent",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Announces accounts that outside SQL made: they are in force in memory when this answers, and watchers are told; without userid all that are new.",
    spec: "server-api: Various operations",
    example: "userid=5",
    reply: "OK: 1 accounts announced",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    announce(&call, &params.userid).await
}
