//! `pricelistdel`: a price list and its lines go.

use crate::commands::prices;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// The list, by name or id.
    list: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "pricelistdel",
    aliases: &[],
    group: Group::Ours,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Removes a price list with its lines, unless accounts or packets use it.",
    spec: "Strowger",
    example: "list=Retail",
    reply: "OK: removed lines:<n>",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let list = prices::find(&call, &params.list).await?;
    let lines = call.store().price_list_delete(call.scope, list.id).await.map_err(|wrong| match wrong {
        strowger_store::UserError::Denied { .. } => {
            Failure::denied(format!("price list {} is assigned, assign another one first", list.name))
        }
        other => other.into(),
    })?;
    Ok(Reply::ok(format!("removed lines:{lines}")).with("id", list.id).with("lines", lines))
}
