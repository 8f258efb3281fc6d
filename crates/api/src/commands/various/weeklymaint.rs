//! `weeklymaint`: the maintenance of this week.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::maintenance::{self, Period};

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "weeklymaint",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Does this week's maintenance now, once a week: renews the database's statistics, adds up the books.",
    spec: "server-api: Various operations",
    example: "",
    reply: "OK: done for 2026-11-22: …",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    maintenance::run(call.switch(), Period::Week).await
}
