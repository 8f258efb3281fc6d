//! `dailyreport`: the report of the day before.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::maintenance::{self, Period};

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "dailyreport",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Makes the report of yesterday's traffic now, once a day: queued for adminemail, else a file below reports.",
    spec: "server-api: Various operations",
    example: "",
    reply: "OK: done for 2026-11-22: …",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    maintenance::run(call.switch(), Period::Report).await
}
