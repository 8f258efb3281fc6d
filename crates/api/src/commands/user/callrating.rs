//! `callrating`: what a running call costs, and how long the credit lasts.

use strowger_billing::{affordable_s, charge};
use strowger_model::Amount;
use strowger_store::ReadError;
use strowger_switch::{CallRating, CallRef};

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// The account that pays; administrators and resellers may name one of theirs.
    username: String = "",
    /// The call: its SIP Call-ID, or its id in `call` and `p2p`.
    callid: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "callrating",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Read,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "For a running call: the credit that is left, the longest duration in seconds, the price per minute and the destination.",
    spec: "server-api: User commands",
    example: "callid=a84b4c76e66710@pc33.example.com",
    reply: "OK: credit: 9.8 USD, maxduration: 2940, rating: 0.2 USD/min, destination: Testland",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let unknown = || Failure::not_found(format!("running call {}", params.callid));
    let payer = match params.username.as_str() {
        "" => None,
        name => Some(call.find(name, "username")?.id),
    };
    let which: CallRef = params.callid.trim().parse().unwrap_or(CallRef::All);
    if which == CallRef::All {
        return Err(Failure::invalid("callid must be a SIP Call-ID or the id of a call"));
    }
    let running = call.switch().call_rating(call.scope, which).await?.ok_or_else(unknown)?;
    let pays = running.payer.filter(|id| payer.is_none_or(|named| named == *id)).ok_or_else(unknown)?;
    // Whoever takes part in a call that somebody else pays for does not see that account's credit.
    let credit = match call.store().credit(call.scope, pays).await {
        Err(ReadError::NotFound) => return Err(unknown()),
        read => read?,
    };
    let cost = cost_so_far(&running);
    let left = credit.settled - cost;
    let max_s = longest_s(&running, credit.settled - credit.held + running.held, call.now().wall);
    let (price, unit, destination) = match &running.rating {
        Some(rating) => (rating.price_at(call.now().wall), rating.unit, rating.direction.clone()),
        None => (Amount::ZERO, credit.currency, running.dialled.clone()),
    };
    let text = format!(
        "credit: {left} {}, maxduration: {max_s}, rating: {price} {unit}/min, destination: {destination}",
        credit.currency
    );
    Ok(Reply::ok(text)
        .with("credit", left)
        .with("currency", credit.currency)
        .with("maxduration", max_s)
        .with("price", price)
        .with("destination", destination)
        .with("duration", running.talked_ms / 1000)
        .with("cost", cost))
}

fn cost_so_far(running: &CallRating) -> Amount {
    match (&running.rating, running.answered) {
        (Some(rating), Some(answered)) => {
            let paid_ms = running.talked_ms.saturating_sub(running.free_s.saturating_mul(1000));
            if paid_ms == 0 { Amount::ZERO } else { charge(rating, paid_ms, answered).amount }
        }
        _ => Amount::ZERO,
    }
}

/// Free seconds first, then what the money buys at the present price; postpaid accounts talk as long as anybody may.
fn longest_s(running: &CallRating, money: Amount, now: strowger_model::Wall) -> u64 {
    let most_s = running.max_ms / 1000;
    match &running.rating {
        Some(rating) => match rating.floor {
            Some(floor) => {
                let bought_s = affordable_s(rating, money - floor, now, most_s);
                bought_s.saturating_add(running.free_s).min(most_s)
            }
            None => most_s,
        },
        None => most_s,
    }
}
