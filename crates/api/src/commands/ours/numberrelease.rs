//! `numberrelease`: a number comes back.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// A number of the pool.
    number: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "numberrelease",
    aliases: &[],
    group: Group::Ours,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Takes a number from its account and gives it back to the pool.",
    spec: "Strowger",
    example: "number=36301000",
    reply: "OK: released",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    call.store().number_assign(call.scope, &params.number, None).await.map_err(|wrong| match wrong {
        strowger_store::UserError::NotFound => Failure::not_found(format!("number {}", params.number.trim())),
        strowger_store::UserError::Taken => {
            Failure::invalid("number belongs to another account, release it first")
        }
        other => other.into(),
    })?;
    Ok(Reply::ok("released").with("number", params.number.trim()))
}
