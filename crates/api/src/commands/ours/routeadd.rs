//! `routeadd`: one more route.

use strowger_store::RouteRow;

use crate::commands::routes;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

params! {
    /// The server, by name or id.
    server: String,
    /// The beginning of the called number; every number where none is given.
    prefix: String = "",
    /// The beginning of the calling number, or an account; anybody where none is given.
    caller: String = "",
    /// A lower one is tried first.
    priority: i64 = "0",
    /// The share among routes of the same priority.
    weight: i64 = "1",
    /// When it holds: 1 to 11 as for prices; 10 is always.
    timetype: i64 = "10",
    /// Its name; the prefix where none is given.
    name: String = "",
    /// It is switched on.
    enabled: bool = "yes",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "routeadd",
    aliases: &[],
    group: Group::Ours,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Adds a route: which server takes which prefix, checked before it is kept; routingtest shows what it does.",
    spec: "Strowger",
    example: "server=carrier1&prefix=36&priority=1",
    reply: "OK: id:<id>",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let name = if params.name.trim().is_empty() { params.prefix.clone() } else { params.name };
    let route = RouteRow {
        id: 0,
        name,
        prefix: params.prefix,
        caller: params.caller,
        server: routes::server(&call, &params.server)?,
        priority: routes::number("priority", params.priority, 0, 10_000)?,
        weight: routes::number("weight", params.weight, 1, 10_000)?,
        time_type: routes::number("timetype", params.timetype, 0, 11)?,
        enabled: params.enabled,
    };
    let id = call.store().route_put(call.scope, routes::checked(route)?).await?;
    Ok(Reply::ok(format!("id:{id}")).with("id", id))
}
