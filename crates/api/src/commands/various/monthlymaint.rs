//! `monthlymaint`: the maintenance of this month.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::maintenance::{self, Period};

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "monthlymaint",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Does this month's maintenance now, once a month: brings the free minutes and messages of accounts with a packet to what it gives, through the ledger.",
    spec: "server-api: Various operations",
    example: "",
    reply: "OK: done for 2026-11-22: …",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    maintenance::run(call.switch(), Period::Month).await
}
