//! `charge`: redeems a recharge code exactly once.

use strowger_model::Secret;
use strowger_store::RedeemError;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

params! {
    /// The recharge code.
    pin ["anum"]: Secret,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "charge",
    aliases: &["recharge"],
    group: Group::User,
    access: Access::User,
    effect: Effect::Spend,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Redeems a recharge PIN exactly once; wrong ones count as failed logins.",
    spec: "server-api: User commands",
    example: "anum=1234567890",
    reply: "OK: credit is 15",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    redeem(&call, &params.pin, call.account()?.id).await
}

/// Adds a code's value to an account.
pub(super) async fn redeem(call: &Call, code: &Secret, account: strowger_model::AccountId) -> Outcome {
    match call.store().redeem(call.scope, account, code, call.request_key()).await {
        Ok(credit) => Ok(Reply::ok(format!("credit is {}", credit.settled))
            .with("credit", credit.settled)
            .with("currency", credit.currency)),
        Err(wrong) => {
            if wrong == RedeemError::UnknownCode {
                call.count_failure();
            }
            Err(wrong.into())
        }
    }
}
