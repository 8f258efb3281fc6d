//! `webhooklist`: the webhooks and how far they are.

use super::webhooks::scope;
use crate::commands::text::date;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "webhooklist",
    aliases: &[],
    group: Group::Ours,
    access: Access::User,
    effect: Effect::Read,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Lists webhooks: where they stand in the stream of this node, and since when and why they fail.",
    spec: "Strowger",
    example: "",
    reply: "OK: <n>, a header line and one line per webhook",
    run: RUN,
};

/// The columns.
const COLUMNS: [&str; 10] =
    ["id", "userid", "url", "types", "enabled", "cursor", "failures", "failingsince", "status", "problem"];

async fn run(call: Call, _: Params) -> Outcome {
    let all = call.store().webhooks(scope(&call)).await?;
    let rows = all.into_iter().map(|webhook| {
        vec![
            webhook.id.into(),
            webhook.owner.map(|owner| owner.0).into(),
            webhook.url.into(),
            webhook.types.into(),
            webhook.enabled.into(),
            webhook.cursor.into(),
            webhook.failures.into(),
            webhook.failing_since.map(date).into(),
            u32::from(webhook.status).into(),
            webhook.error.into(),
        ]
    });
    Ok(Reply::rows(&COLUMNS, rows.collect()))
}
