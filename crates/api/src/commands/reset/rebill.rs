//! `rebill`: call records, priced again.

use crate::commands::day_of;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Failure, Reply};
use std::collections::BTreeMap;
use strowger_billing::charge;
use strowger_model::{Amount, Scope, Unit, Wall};
use strowger_route::Snapshot;
use strowger_store::{NewPrice, PricedCall, Repriced};
use strowger_switch::Zone;

params! {
    /// How many days back; fromdate and todate win.
    days: u32 = "31",
    /// The first day, such as 2026-11-01.
    fromdate: String = "",
    /// The last day.
    todate: String = "",
    /// Only calls of accounts of this tb_users.type.
    usertype: String = "",
    /// Only calls of accounts below this one.
    parent: String = "",
    /// Show the differences and change nothing.
    checkwarnings: bool = "no",
    /// Move the differences through the ledger too.
    credit: bool = "no",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "rebill",
    aliases: &[],
    group: Group::Reset,
    access: Access::Sensitive,
    effect: Effect::Money,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Prices the answered calls of a time again with present tariffs and writes the endusers' costs into the records; the same again changes nothing. Credit moves only with credit=yes, through the ledger; checkwarnings shows the differences and changes nothing.",
    spec: "server-api: Reset; Rebill",
    example: "days=31&checkwarnings=1",
    reply: "OK: 120 records looked at, 3 changed, 0 postings, difference -0.4 USD",
    run: RUN,
};

/// Records of one transaction.
const BATCH: usize = 200;
/// Differences that are shown.
const MAX_SHOWN: usize = 1_000;
const DAY_MS: i64 = 86_400_000;

/// What pricing again came to.
#[derive(Default)]
struct Sums {
    looked_at: u64,
    without_price: u64,
    done: Repriced,
    differences: BTreeMap<Unit, Amount>,
    shown: Vec<Vec<Data>>,
}

async fn run(call: Call, params: Params) -> Outcome {
    let time = time(&call, &params)?;
    let kind = (!params.usertype.trim().is_empty())
        .then(|| params.usertype.trim().parse::<i64>())
        .transpose()
        .map_err(|_| Failure::invalid("usertype must be a number of tb_users.type"))?;
    let parent = match params.parent.trim() {
        "" => None,
        name => Some(call.find(name, "parent")?.id),
    };
    let mut sums = Sums::default();
    let mut after = 0;
    loop {
        let calls = call.store().priced_calls(Scope::All, time, after, BATCH).await?;
        let Some(last) = calls.last() else { break };
        after = last.id;
        let snapshot = call.switch().snapshot();
        let wanted = |priced: &PricedCall| {
            let Some(account) = snapshot.account(priced.payer) else { return false };
            kind.is_none_or(|kind| i64::from(account.kind.number()) == kind)
                && parent.is_none_or(|parent| snapshot.is_below(priced.payer, parent))
        };
        let prices: Vec<NewPrice> = calls
            .into_iter()
            .filter(wanted)
            .filter_map(|priced| {
                sums.looked_at += 1;
                let price = price(&snapshot, priced);
                sums.without_price += u64::from(price.is_none());
                price
            })
            .filter(|price| {
                price.cost != price.call.cost || (params.credit && price.cost != price.call.charged)
            })
            .collect();
        for price in &prices {
            sums.note(price);
        }
        if !params.checkwarnings {
            let done = call.store().reprice(Scope::All, prices, params.credit).await?;
            sums.done.changed += done.changed;
            sums.done.credited += done.credited;
            sums.done.short += done.short;
        }
    }
    Ok(if params.checkwarnings { sums.table() } else { sums.reply() })
}

/// From when to when: days of the server's time zone, or so many days back from now.
fn time(call: &Call, params: &Params) -> Result<(Wall, Wall), Failure> {
    let now = call.now().wall;
    let at = |text: &str, name: &str| {
        let wrong = || Failure::invalid(format!("{name} must be a date such as 2026-11-22"));
        day_of(text).map(|day| day.0.div_euclid(DAY_MS)).ok_or_else(wrong)
    };
    let zone = Zone::named(&call.config().timezone);
    let to = if params.todate.trim().is_empty() {
        Wall(now.0 + 1)
    } else {
        // The whole of that day.
        zone.day_start(at(&params.todate, "todate")? + 1)
    };
    let from = if params.fromdate.trim().is_empty() {
        Wall(now.0 - i64::from(params.days) * DAY_MS)
    } else {
        zone.day_start(at(&params.fromdate, "fromdate")?)
    };
    if from >= to {
        return Err(Failure::invalid("fromdate must be before todate"));
    }
    Ok((from, to))
}

/// What a call costs by present tariffs; none where the number has no price any more, or another currency's.
fn price(snapshot: &Snapshot, priced: PricedCall) -> Option<NewPrice> {
    let answered = Wall(priced.end.0 - i64::try_from(priced.duration_ms).ok()?);
    let rating = snapshot.price_for(priced.payer, &priced.dialled, answered)?;
    if rating.unit != priced.currency {
        return None;
    }
    let charged = charge(&rating, priced.duration_ms, answered);
    Some(NewPrice {
        cost: charged.amount,
        unit_price: charged.unit_price,
        billing_step: rating.step_s,
        price_entry: rating.entry,
        call: priced,
    })
}

impl Sums {
    fn note(&mut self, price: &NewPrice) {
        let call = &price.call;
        *self.differences.entry(call.currency).or_default() += price.cost - call.cost;
        if self.shown.len() < MAX_SHOWN {
            self.shown.push(vec![
                call.id.into(),
                call.payer.0.into(),
                call.dialled.as_str().into(),
                call.cost.into(),
                price.cost.into(),
                (price.cost - call.cost).into(),
                call.currency.into(),
            ]);
        }
    }

    fn table(self) -> Reply {
        let columns = ["id", "payer", "callednumber", "old", "new", "difference", "currency"];
        let sums = vec![
            ("records".to_owned(), Data::from(self.looked_at)),
            ("withoutprice".to_owned(), self.without_price.into()),
        ];
        Reply::rows(&columns, self.shown).with_summary(sums)
    }

    fn reply(self) -> Reply {
        let mut text = format!(
            "{} records looked at, {} changed, {} postings",
            self.looked_at, self.done.changed, self.done.credited
        );
        for (unit, difference) in &self.differences {
            text.push_str(&format!(", difference {difference} {unit}"));
        }
        if self.without_price > 0 {
            text.push_str(&format!(", {} without a price left alone", self.without_price));
        }
        if self.done.short > 0 {
            text.push_str(&format!(", {} could not be paid in full", self.done.short));
        }
        Reply::ok(text)
            .with("records", self.looked_at)
            .with("changed", self.done.changed)
            .with("postings", self.done.credited)
            .with("withoutprice", self.without_price)
            .with("short", self.done.short)
    }
}
