//! `info`: the status page.

use crate::commands::text::date;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Reply};

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "info",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Uptime, version, listeners, registered users, calls, limits, queue, processor, memory, database.",
    spec: "server-api: Diagnostics",
    example: "",
    reply: "OK: <n> and name=value lines",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let info = call.switch().info().await;
    let health = call.store().health().await;
    let port = |port: Option<u16>| Data::from(port.map(i64::from));
    let fields: Vec<(&str, Data)> = vec![
        ("version", call.version().into()),
        ("started", date(info.started).into()),
        ("uptime", (info.uptime_ms / 1_000).into()),
        ("node", call.config().nodeid.into()),
        ("epoch", info.epoch.into()),
        ("draining", info.draining.into()),
        ("queue", i64::try_from(call.switch().queued()).unwrap_or(i64::MAX).into()),
        ("maxcalls", call.config().maxcalls.into()),
        ("maxconnections", call.config().maxconnections.into()),
        ("mainport", port(info.ports.main)),
        ("mainportudp", port(info.ports.main_udp)),
        ("sipport", port(info.ports.sip)),
        ("accounts", info.accounts.into()),
        ("registered", info.registered_accounts.into()),
        ("bindings", info.registered.into()),
        ("calls", info.calls.into()),
        ("callstotal", info.calls_total.into()),
        ("callsanswered", info.calls_answered_total.into()),
        ("cps", Data::Decimal(format!("{:.1}", info.calls_per_second))),
        ("sipreceived", info.sip_received.into()),
        ("sipsent", info.sip_sent.into()),
        ("cpums", info.cpu_ms.into()),
        ("memorykb", info.memory_kb.into()),
        ("database", health.engine.into()),
        ("databaseok", health.ok.into()),
        ("databasewriteus", health.write_us.into()),
        ("databasedetail", health.detail.into()),
    ];
    Ok(Reply::fields(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
}
