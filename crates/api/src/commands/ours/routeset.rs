//! `routeset`: a route changes.

use crate::commands::routes;
use crate::declare::Value as _;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// The route, by its id in routelist.
    id: i64,
    /// The field: server, prefix, caller, priority, weight, timetype, name or enabled.
    field: String,
    /// Its new value.
    value: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "routeset",
    aliases: &[],
    group: Group::Ours,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Changes one field of a route, checked before it is kept; the next call follows it.",
    spec: "Strowger",
    example: "id=1&field=enabled&value=no",
    reply: "OK: changed",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let missing = || Failure::not_found(format!("route {}", params.id));
    let route = call.store().route(call.scope, params.id).await;
    let mut route = route.map_err(|wrong| match wrong {
        strowger_store::UserError::NotFound => missing(),
        other => other.into(),
    })?;
    let value = params.value.trim();
    let number = |least, most| {
        let parsed = value.parse().map_err(|_| Failure::invalid("value must be a whole number"))?;
        routes::number("value", parsed, least, most)
    };
    match params.field.trim().to_ascii_lowercase().as_str() {
        "server" => route.server = routes::server(&call, value)?,
        "prefix" => route.prefix = value.to_owned(),
        "caller" => route.caller = value.to_owned(),
        "name" => route.name = value.to_owned(),
        "priority" => route.priority = number(0, 10_000)?,
        "weight" => route.weight = number(1, 10_000)?,
        "timetype" => route.time_type = number(0, 11)?,
        "enabled" => {
            route.enabled = bool::parse(value).ok_or_else(|| Failure::invalid("value must be yes or no"))?;
        }
        _ => {
            let most = "field must be server, prefix, caller, priority, weight, timetype, name or enabled";
            return Err(Failure::invalid(most));
        }
    }
    call.store().route_put(call.scope, routes::checked(route)?).await?;
    Ok(Reply::ok("changed").with("id", params.id))
}
