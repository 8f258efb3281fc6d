//! `quickstat`: one line of numbers.

use strowger_model::Wall;
use strowger_store::{CdrBy, CdrQuery};

use super::figures::{percent, quotient};
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Reply};

/// ASR and ACD are those of so long, in milliseconds.
const WINDOW_MS: i64 = 3_600_000;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "quickstat",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Calls, calls per second, registered accounts, ASR in percent and ACD in seconds of the last hour, queue depth.",
    spec: "server-api: Diagnostics",
    example: "",
    reply: "OK: calls=3 cps=0.1 registered=12 asr=66.7 acd=120.5 queue=0",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let info = call.switch().info().await;
    let from = Wall(call.now().wall.0 - WINDOW_MS);
    let query = CdrQuery { from: Some(from), summary: true, by: CdrBy::All, max: 1, ..CdrQuery::default() };
    let sums = call.store().cdrs(call.scope, query).await?.summary.unwrap_or_default();
    let fields: Vec<(&str, Data)> = vec![
        ("calls", info.calls.into()),
        ("cps", Data::Decimal(format!("{:.1}", info.calls_per_second))),
        ("registered", info.registered_accounts.into()),
        ("asr", percent(sums.connected, sums.calls)),
        ("acd", quotient(sums.duration_s, sums.connected)),
        ("queue", i64::try_from(call.switch().queued()).unwrap_or(i64::MAX).into()),
    ];
    let text: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name}={}", value.to_line())).collect();
    let reply = Reply::ok(text.join(" "));
    Ok(fields.into_iter().fold(reply, |reply, (name, value)| reply.with(name, value)))
}
