//! `shortinfo`: the status page in five lines.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "shortinfo",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "The state of the server in five lines.",
    spec: "server-api: Diagnostics",
    example: "",
    reply: "OK: 5 and the lines",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let (info, health) = (call.switch().info().await, call.store().health().await);
    let state = if info.draining { "draining" } else { "serving" };
    let database = if health.ok { "works" } else { "FAILS" };
    Ok(Reply::lines(vec![
        format!(
            "strowger {}, node {}, epoch {}, {state} for {} s",
            call.version(),
            call.config().nodeid,
            info.epoch,
            info.uptime_ms / 1_000
        ),
        format!(
            "{} accounts, {} registered with {} contacts",
            info.accounts, info.registered_accounts, info.registered
        ),
        format!(
            "{} calls, {:.1} per second, {} since the start, {} of them answered",
            info.calls, info.calls_per_second, info.calls_total, info.calls_answered_total
        ),
        format!("{} ms of processor time, {} kB of memory", info.cpu_ms, info.memory_kb),
        format!("{} {database}: {} in {} us", health.engine, health.detail, health.write_us),
    ]))
}
