//! `lockphonenumber`: takes a free number of the pool for the account.

use strowger_store::UserError;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

params! {
    /// The number.
    num ["anum", "bnum", "number"]: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "lockphonenumber",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Write,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Takes a free number of the pool: exactly one caller gets it, and calls to it reach the account.",
    spec: "server-api: User commands; API examples",
    example: "num=3456",
    reply: "OK: 3456 is yours",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let account = call.account()?;
    call.not_above(account)?;
    let now = call.now().wall;
    let days = i64::from(call.config().numberlocktime);
    let until = (days > 0).then(|| now.plus_ms(days * DAY_MS));
    let number = params.num.trim();
    match call.store().lock_number(call.scope, number, account.id, until, now).await {
        Ok(()) => {}
        Err(UserError::NotFound) => {
            return Err(Failure::not_found(format!("num {number} is not free, see getphonenumber")));
        }
        Err(wrong) => return Err(wrong.into()),
    }
    Ok(Reply::ok(format!("{number} is yours")).with("number", number).with("days", days))
}
