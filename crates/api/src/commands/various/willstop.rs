//! `willstop`: no new calls from now on.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;
use crate::service::failed;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "willstop",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Drain mode: new calls are refused with 503 until a restart, running ones go on; answers with what is still running.",
    spec: "server-api: Various operations",
    example: "",
    reply: "OK: draining, 2 calls and 1 registrations of ours are still running",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    call.switch().drain();
    let info = call.switch().info().await;
    let outbound = call.switch().outbound_registrations().await.map_err(|stopped| failed(stopped.into()))?;
    let text = format!(
        "draining, {} calls and {} registrations of ours are still running",
        info.calls,
        outbound.len()
    );
    Ok(Reply::ok(text)
        .with("draining", true)
        .with("calls", info.calls)
        .with("registered", info.registered)
        .with("outbound", i64::try_from(outbound.len()).unwrap_or(i64::MAX)))
}
