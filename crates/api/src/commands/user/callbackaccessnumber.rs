//! `callbackaccessnumber`: the number whose callers are called back.

use std::sync::Arc;

use strowger_model::{Account, AccountKind};

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "callbackaccessnumber",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Read,
    reach: Reach::Account,
    params: PARAMS,
    summary: "The access number that declines a known caller's call and calls it back.",
    spec: "server-api: User commands",
    example: "",
    reply: "OK: 361555",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let account = call.account()?.clone();
    let snapshot = call.switch().snapshot();
    let above: Vec<_> = snapshot.ancestors(account.id).map(|account| account.id).collect();
    // The nearest reseller's number, else the operator's own.
    let distance = |number: &Arc<Account>| match number.parent {
        Some(parent) => above.iter().position(|id| *id == parent),
        None => Some(above.len()),
    };
    let numbers = snapshot
        .accounts()
        .filter(|account| account.kind == AccountKind::AccessNumber && account.is_callback && account.active);
    let nearest =
        numbers.filter_map(|number| Some((distance(number)?, number.id, number))).min_by_key(|n| (n.0, n.1));
    let (_, _, found) = nearest.ok_or_else(|| {
        Failure::not_found("a callback access number: an account of type 10 with iscallback=1 makes one")
    })?;
    let number = if found.phone.is_empty() { &found.username } else { &found.phone };
    Ok(Reply::ok(number.to_string()).with("number", number.to_string()))
}
