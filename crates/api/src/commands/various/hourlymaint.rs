//! `hourlymaint`: the maintenance of this hour.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::maintenance::{self, Period};

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "hourlymaint",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Does this hour's maintenance now, once an hour: lapsed credit (creditelapsedt), the zone's offset.",
    spec: "server-api: Various operations",
    example: "",
    reply: "OK: done for 2026-11-22: …",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    maintenance::run(call.switch(), Period::Hour).await
}
