//! `wsload`: how loaded the WebSocket gateway is.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

/// The highest level.
const FULL: u64 = 7;
/// What the gateway is: SIP over WebSocket (RFC 7118).
const TYPE_SIP: i64 = 1;

params! {
    /// Accepted; all brands share one gateway.
    brandid: String = "",
    /// The same.
    brandname: String = "",
    /// The same.
    companyname: String = "",
    /// The same.
    upperserver: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "wsload",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Load of the WebSocket gateway, 0 idle to 7 full, by connections and calls, for balancing in the client.",
    spec: "server-api: User commands",
    example: "",
    reply: "OK: ws load: 0 type: 1",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let brands = [&params.brandid, &params.brandname, &params.companyname, &params.upperserver];
    tracing::trace!(?brands, "all brands share one gateway");
    let config = call.config();
    let info = call.switch().info().await;
    let flows = u64::try_from(call.switch().flows()).unwrap_or(u64::MAX);
    let load = level(flows, config.maxconnections.into()).max(level(info.calls, config.maxcalls.into()));
    let load = if info.draining { FULL } else { load };
    Ok(Reply::ok(format!("ws load: {load} type: {TYPE_SIP}"))
        .with("load", load)
        .with("type", TYPE_SIP)
        .with("sessions", call.memory().web_clients.len() as u64))
}

/// What part of the room is taken, rounded up.
fn level(used: u64, room: u64) -> u64 {
    (used.saturating_mul(FULL)).div_ceil(room.max(1)).min(FULL)
}
