//! `webhookreplay`: a webhook gets events again.

use super::webhooks::scope;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// Its id, of webhooklist.
    id ["webhookid"]: i64,
    /// Events after this number; empty: what it has not got yet.
    since: Option<u64> = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "webhookreplay",
    aliases: &[],
    group: Group::Ours,
    access: Access::User,
    effect: Effect::Write,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Posts events to a webhook again from a number on; switches it on again if it was given up.",
    spec: "Strowger",
    example: "id=1&since=120",
    reply: "OK: cursor:<number>",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let webhook = super::webhooks::webhook(&call, params.id).await?;
    let (hub, _) = call.events()?;
    let cursor = params.since.unwrap_or(webhook.cursor);
    if cursor > hub.newest() {
        return Err(Failure::invalid(format!("since must be at most {}, the newest event", hub.newest())));
    }
    call.store().replay_webhook(scope(&call), params.id, cursor).await?;
    call.dispatcher.webhooks().tell();
    Ok(Reply::ok(format!("cursor:{cursor}")).with("cursor", cursor))
}
