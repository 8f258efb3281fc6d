//! `numberassign`: a number for an account.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// A number of the pool.
    number: String,
    /// The account that gets it.
    account: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "numberassign",
    aliases: &[],
    group: Group::Ours,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Gives a number of the pool to an account, which is reached by it from the next call on.",
    spec: "Strowger",
    example: "number=36301000&account=alice",
    reply: "OK: assigned",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let account = call.find(&params.account, "account")?;
    call.not_above(&account)?;
    call.store().number_assign(call.scope, &params.number, Some(account.id)).await.map_err(|wrong| {
        match wrong {
            strowger_store::UserError::NotFound => {
                Failure::not_found(format!("number {}", params.number.trim()))
            }
            strowger_store::UserError::Taken => {
                Failure::invalid("number belongs to another account, release it first")
            }
            other => other.into(),
        }
    })?;
    Ok(Reply::ok("assigned").with("number", params.number.trim()).with("userid", account.id.0))
}
