//! `transfercredit`: one account gives credit to another.

use strowger_model::{Amount, Scope};

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// Who receives.
    username ["tousername"]: String,
    /// How much, above zero.
    credit ["ammount", "amount"]: Amount,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "transfercredit",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Money,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Moves credit to another account in one step; never below zero for prepaid accounts.",
    spec: "server-api: User commands",
    example: "username=bob&credit=2.5",
    reply: "OK: credit is 7.3",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let from = call.account()?;
    if params.credit <= Amount::ZERO {
        return Err(Failure::invalid("credit must be above zero"));
    }
    // The receiver is anybody: the giver's scope is checked by the store.
    let receiver = call.find_in(Scope::All, &params.username, "username")?;
    if receiver.id == from.id {
        return Err(Failure::invalid("username must be another account"));
    }
    let credit =
        call.store().transfer(call.scope, from.id, receiver.id, params.credit, call.request_key()).await?;
    Ok(Reply::ok(format!("credit is {}", credit.settled))
        .with("credit", credit.settled)
        .with("currency", credit.currency))
}
