//! `togw`: a message to a gateway or server.

use std::net::IpAddr;

use super::toclient::send;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Failure;

params! {
    /// The server's name or address.
    clientip ["username"]: String,
    /// The text, at most 4000 bytes.
    message: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "togw",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Sends a SIP MESSAGE to a SIP server or gateway.",
    spec: "server-api: Various operations",
    example: "username=carrier&message=hello",
    reply: "OK: 1 delivered",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let named = params.clientip.trim();
    let unknown = || Failure::not_found(format!("server {named}"));
    let server = match named.parse::<IpAddr>() {
        Ok(ip) => call.switch().snapshot().trunks_at(ip).first().copied().ok_or_else(unknown)?,
        Err(_) => call.find(named, "server")?.id,
    };
    let server = call.find_id(server.0, "server")?;
    if server.server.is_none() {
        return Err(unknown());
    }
    send(&call, &[server.id], named, params.message).await
}
