//! `regstat`: statistics of registrations.

use strowger_switch::{RATE_WINDOW_S, REFRESH_BOUNDS_S};

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Reply};

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "regstat",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Statistics of registrations since the start: bindings by transport, failures by reason, refreshes by interval, and the rate per second of the last ten.",
    spec: "server-api: Diagnostics",
    example: "",
    reply: "OK: <n> and name=value lines",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let seen = call.switch().register_statistics().await?;
    let mut fields: Vec<(String, Data)> = Vec::new();
    let mut put = |name: &str, count: u64| fields.push((name.to_owned(), count.into()));
    put("bindings", seen.transports.values().sum());
    for (transport, count) in &seen.transports {
        put(&format!("bindings_{transport}"), *count);
    }
    put("succeeded", seen.succeeded);
    put("added", seen.registrar.added);
    put("refreshed", seen.registrar.refreshed);
    put("removed", seen.registrar.removed);
    put("expired", seen.registrar.expired);
    put("challenged", seen.challenged);
    put("stale", seen.stale);
    put("failed_credentials", seen.wrong_credentials);
    put("failed_otheraccount", seen.other_account);
    put("failed_toobrief", seen.too_brief);
    put("failed_refused", seen.refused);
    put("failed_bad", seen.bad);
    put("failed_limited", seen.limited);
    for (at, count) in seen.registrar.intervals.iter().enumerate() {
        match REFRESH_BOUNDS_S.get(at) {
            Some(bound) => put(&format!("refresh_upto_{bound}s"), *count),
            None => put("refresh_later", *count),
        }
    }
    let tenths = seen.succeeded_lately * 10 / RATE_WINDOW_S;
    fields.push(("rate".to_owned(), Data::Decimal(format!("{}.{}", tenths / 10, tenths % 10))));
    Ok(Reply::fields(fields))
}
