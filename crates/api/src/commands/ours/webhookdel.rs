//! `webhookdel`: nothing is posted there any more.

use super::webhooks::scope;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// Its id, of webhooklist.
    id ["webhookid"]: i64,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "webhookdel",
    aliases: &[],
    group: Group::Ours,
    access: Access::User,
    effect: Effect::Write,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Removes a webhook.",
    spec: "Strowger",
    example: "id=1",
    reply: "OK: deleted",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let deleted = call.store().delete_webhook(scope(&call), params.id).await;
    deleted.map_err(|error| match error {
        strowger_store::UserError::NotFound => Failure::not_found(format!("webhookid {}", params.id)),
        other => other.into(),
    })?;
    call.dispatcher.webhooks().tell();
    Ok(Reply::ok("deleted"))
}
