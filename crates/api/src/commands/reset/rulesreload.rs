//! `rulesreload`: the routing rules again.

use crate::commands::reset::reread;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "rulesreload",
    aliases: &[],
    group: Group::Reset,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Reads the routing rules, the blocked and the ported numbers again, in force together; says how many there are and what changed since the last time.",
    spec: "server-api: Reset",
    example: "",
    reply: "OK: <n> and a table: table, rows, added, changed, removed",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    reread(&call, &["tb_routing", "tb_blacklist", "tb_portednumbers"]).await
}
