//! `routedel`: a route goes.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// The route, by its id in routelist.
    id: i64,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "routedel",
    aliases: &[],
    group: Group::Ours,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Removes a route.",
    spec: "Strowger",
    example: "id=1",
    reply: "OK: removed",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    call.store().route_delete(call.scope, params.id).await.map_err(|wrong| match wrong {
        strowger_store::UserError::NotFound => Failure::not_found(format!("route {}", params.id)),
        other => other.into(),
    })?;
    Ok(Reply::ok("removed").with("id", params.id))
}
