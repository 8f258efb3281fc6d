//! `addcredit`: adds credit to an account, or takes it back; with a PIN as `charge`.

use std::sync::Arc;

use strowger_model::{Account, Amount, Secret, Unit};

use super::charge;
use crate::auth::Level;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// How much; below zero takes back.
    credit ["ammount", "amount"]: Option<Amount> = "",
    /// A recharge code instead of an amount.
    pin: Option<Secret> = "",
    /// The account, where targetuser does not name it.
    username ["u_username"]: String = "",
    /// The amount's currency; the account's own where none is given.
    currency ["u_currency"]: Option<Unit> = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "addcredit",
    aliases: &[],
    group: Group::User,
    access: Access::Sensitive,
    effect: Effect::Money,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Adds (or subtracts) credit of the named account, from trusted addresses; with pin as charge.",
    spec: "server-api: User commands; http-interface: addcredit",
    example: "targetuser=alice&credit=5.5",
    reply: "OK: credit is 15.3",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let account = beneficiary(&call, &params.username)?;
    match (params.credit, &params.pin) {
        (Some(amount), _) => {
            let note = format!("addcredit by {}", call.who());
            let credit = call
                .store()
                .add_credit(call.scope, account.id, amount, params.currency, &note, call.request_key())
                .await?;
            Ok(Reply::ok(format!("credit is {}", credit.settled))
                .with("credit", credit.settled)
                .with("currency", credit.currency)
                .with("userid", account.id.0))
        }
        (None, Some(pin)) => charge::redeem(&call, pin, account.id).await,
        (None, None) => Err(Failure::missing("credit")),
    }
}

/// `targetuser`, else `username`; else the user that was named without credentials, or that showed its own.
fn beneficiary(call: &Call, username: &str) -> Result<Arc<Account>, Failure> {
    if call.target_named {
        return call.account().cloned();
    }
    if !username.is_empty() {
        return call.find(username, "username");
    }
    if let Some(user) = call.unproven_user.as_deref().filter(|_| call.caller.is_none()) {
        return call.find(user, "usr");
    }
    let own = call.caller.as_ref().filter(|account| Level::of(account.kind, account.rights) < Level::Admin);
    own.cloned().ok_or_else(|| Failure::missing("targetuser"))
}
