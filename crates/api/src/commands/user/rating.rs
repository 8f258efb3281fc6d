//! `rating`: what a number costs this account, or its whole price table.

use strowger_model::Account;
use strowger_route::Snapshot;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

/// Rows of one page of the price table.
const PAGE: usize = 500;

params! {
    /// A number or prefix; without one the account's price table is answered.
    bnum ["anum", "callednumber", "prefix"]: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "rating",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Read,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Price per minute of a number or prefix for this account; the price table without a number.",
    spec: "server-api: User commands",
    example: "bnum=38970",
    reply: "0.2 EUR/min, Destination: Macedonia-cellular",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let account = call.account()?.clone();
    let (snapshot, now) = (call.switch().snapshot(), call.now().wall);
    if params.bnum.is_empty() {
        return table(&call, &snapshot, &account);
    }
    let number: String = params.bnum.chars().filter(|c| !c.is_whitespace()).collect();
    let Some(rating) = snapshot.price_for(account.id, &number, now) else {
        return Err(match snapshot.missing_rate(account.id, &number, now) {
            Some((from, to)) => Failure::failed(format!(
                "{number} has a price, but there is no exchange rate from {from} to {to} (tb_currencies)"
            )),
            None => Failure::not_found(format!("price for {number}")),
        });
    };
    let (price, unit, direction) = (rating.price_at(now), rating.unit, &rating.direction);
    Ok(Reply::bare(format!("{price} {unit}/min, Destination: {direction}"))
        .with("price", price)
        .with("currency", unit)
        .with("destination", direction.as_str())
        .with("connectfee", rating.connect_fee)
        .with("billingstep", rating.step_s))
}

fn table(call: &Call, snapshot: &Snapshot, account: &Account) -> Outcome {
    let prices = snapshot.prices();
    let of_chain = || {
        snapshot.ancestors(account.id).find_map(|above| prices.reseller_list(above.id).map(|list| list.id))
    };
    let list = account.price_list.or_else(of_chain).or_else(|| prices.default_list().map(|list| list.id));
    let Some(list) = list.and_then(|id| prices.list(id)) else {
        return Err(Failure::not_found("price list"));
    };
    let from = call.cursor.and_then(|cursor| usize::try_from(cursor).ok()).unwrap_or(0);
    let mut entries = prices.entries(list.id).skip(from);
    let rows: Vec<_> = entries
        .by_ref()
        .take(PAGE)
        .map(|entry| {
            let currency = entry.currency.unwrap_or(list.currency);
            vec![
                (&*entry.prefix).into(),
                (&*entry.direction).into(),
                entry.price.into(),
                currency.into(),
                entry.connect_fee.into(),
                entry.step_s.into(),
            ]
        })
        .collect();
    let next = entries.next().and_then(|_| i64::try_from(from + rows.len()).ok());
    Ok(Reply::rows(&["prefix", "direction", "price", "currency", "connectfee", "billingstep"], rows)
        .with_cursor(next))
}
