//! `dailymaint`: the maintenance of this day.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::maintenance::{self, Period};

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "dailymaint",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Does today's maintenance now, once a day: sums up the days before, removes what is older than keepcdrdays, keepauditdays, keeplinestatedays, keeplogdays.",
    spec: "server-api: Various operations",
    example: "",
    reply: "OK: done for 2026-11-22: …",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    maintenance::run(call.switch(), Period::Day).await
}
