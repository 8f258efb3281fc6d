//! Who pays what: the enduser by its chain of price lists, each reseller above it by its own, and what
//! the trunk costs us.

use strowger_billing::{Chain, Payer, PriceEntry, Rating, Source};
use strowger_model::payment::ChargeKind;
use strowger_model::{Account, AccountKind, Amount, Unit, Wall};

use crate::plan::Refuse;
use crate::snapshot::Snapshot;
use crate::trace::{Stage, TraceStep, note};

/// Nobody set a price for the number.
pub(crate) const NO_PRICE: Refuse = Refuse { status: 403, reason: "no price" };

/// What an account pays for calls to a number.
pub(crate) fn enduser(
    snapshot: &Snapshot,
    account: &Account,
    number: &str,
    at: Wall,
    trace: &mut Vec<TraceStep>,
) -> Option<Rating> {
    level(snapshot, account, Place { number, at, level: 0 }, trace).or_else(|| {
        let price = snapshot.settings().default_price?;
        note(trace, Stage::Price, format!("default price of the configuration: {price}/min"));
        configured(snapshot, account, price)
    })
}

/// The exchange rate without which a number that has a price costs the account nothing that could be said.
pub(crate) fn missing_rate(
    snapshot: &Snapshot,
    account: &Account,
    number: &str,
    at: Wall,
) -> Option<(Unit, Unit)> {
    let settings = snapshot.settings();
    let listed = lists(snapshot, account).into_iter().filter_map(|(list, _)| {
        let entry = snapshot.prices().lookup(list, number, at)?;
        Some(currency_of(snapshot, entry))
    });
    let all = listed.chain(settings.default_price.map(|_| settings.currency));
    all.map(|from| (from, account.currency)).find(|(from, to)| snapshot.rate(*from, *to).is_none())
}

/// The payers of a call to an outside number. None: the number has no price.
pub(crate) fn payers(
    snapshot: &Snapshot,
    payer: &Account,
    number: &str,
    at: Wall,
    trace: &mut Vec<TraceStep>,
) -> Option<Chain> {
    let mut payers = vec![enduser(snapshot, payer, number, at, trace)?];
    for (above, distance) in snapshot.ancestors(payer.id).zip(1_u8..) {
        let bills = match above.kind {
            AccountKind::Reseller => true,
            // An owner is the house itself unless somebody bills it by a list of its own.
            AccountKind::Owner => above.price_list.is_some(),
            _ => false,
        };
        if !bills {
            continue;
        }
        match level(snapshot, above, Place { number, at, level: distance }, trace) {
            Some(rating) => payers.push(rating),
            None => note(trace, Stage::Price, format!("{}: no price at level {distance}", above.username)),
        }
    }
    Some(Chain { payers, provider: None, free_seconds: payer.packet.is_some() || payer.free_minutes })
}

/// What a trunk costs us, by its own list.
pub(crate) fn provider(snapshot: &Snapshot, trunk: &Account, number: &str, at: Wall) -> Option<Rating> {
    let entry = snapshot.prices().lookup(trunk.price_list?, number, at)?;
    rating(snapshot, trunk, ChargeKind::Provider, 0, entry)
}

/// A price of the configuration, per minute in the default currency, billed by the second.
pub(crate) fn configured(snapshot: &Snapshot, account: &Account, price: Amount) -> Option<Rating> {
    let rate = snapshot.rate(snapshot.settings().currency, account.currency)?;
    let flat = Rating::flat(account.id, ChargeKind::Enduser, account.currency, rate.convert(price));
    Some(Rating { floor: floor(account), ..flat })
}

/// What is being priced.
#[derive(Clone, Copy)]
struct Place<'a> {
    number: &'a str,
    at: Wall,
    /// Distance from the enduser.
    level: u8,
}

fn level(snapshot: &Snapshot, account: &Account, place: Place, trace: &mut Vec<TraceStep>) -> Option<Rating> {
    let kind = if place.level == 0 { ChargeKind::Enduser } else { ChargeKind::Reseller };
    for (list, whose) in lists(snapshot, account) {
        let name = &*account.username;
        let Some(entry) = snapshot.prices().lookup(list, place.number, place.at) else {
            note(trace, Stage::Price, format!("{name}: {whose} {list}: no prefix of {}", place.number));
            continue;
        };
        let Some(rating) = rating(snapshot, account, kind, place.level, entry) else {
            note(
                trace,
                Stage::Price,
                format!("{name}: {whose} {list}: no exchange rate to {}", account.currency),
            );
            continue;
        };
        let (price, unit) = (rating.price, rating.unit);
        let text = format!(
            "{name}: {whose} {list}: prefix {} {}: {price} {unit}/min",
            entry.prefix, entry.direction
        );
        note(trace, Stage::Price, text);
        return Some(rating);
    }
    None
}

/// The price lists that hold for an account, the first that knows the number wins.
fn lists(snapshot: &Snapshot, account: &Account) -> Vec<(i64, &'static str)> {
    let mut lists = Vec::with_capacity(4);
    // A server's own list is what it costs us, not what it pays.
    if account.kind != AccountKind::SipServer {
        lists.extend(account.price_list.map(|l| (l, "price list")));
    }
    lists.extend(account.packet.and_then(|p| snapshot.packet_list(p)).map(|l| (l, "packet's price list")));
    for reseller in snapshot.ancestors(account.id) {
        lists.extend(snapshot.prices().reseller_list(reseller.id).map(|l| (l.id, "reseller's price list")));
    }
    lists.extend(snapshot.prices().default_list().map(|l| (l.id, "default price list")));
    lists
}

fn rating(
    snapshot: &Snapshot,
    account: &Account,
    kind: ChargeKind,
    level: u8,
    entry: &PriceEntry,
) -> Option<Rating> {
    let prices = snapshot.prices();
    let rate = snapshot.rate(currency_of(snapshot, entry), account.currency)?;
    let floor = if kind == ChargeKind::Provider { None } else { floor(account) };
    let payer = Payer { account: account.id, kind, level, unit: account.currency, floor };
    let calendar = &snapshot.settings().calendar;
    Some(Rating::from_entry(payer, Source { entry, times: prices.times(entry.id), calendar, rate }))
}

/// The currency of an entry: its own, its list's, or the configuration's.
fn currency_of(snapshot: &Snapshot, entry: &PriceEntry) -> Unit {
    let of_list = snapshot.prices().list(entry.list).map(|list| list.currency);
    entry.currency.or(of_list).unwrap_or(snapshot.settings().currency)
}

const fn floor(account: &Account) -> Option<Amount> {
    if account.postpaid { None } else { Some(Amount::ZERO) }
}
