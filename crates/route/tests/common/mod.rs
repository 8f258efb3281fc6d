//! Small snapshots to decide over.

#![allow(dead_code, missing_docs, clippy::unwrap_used, reason = "helpers of tests; each binary uses a part")]

use std::collections::BTreeMap;

use strowger_billing::{PriceEntry, PriceList, TimeType};
use strowger_model::account::{IpRange, Server, Transport};
use strowger_model::{Account, AccountId, AccountKind, Amount, NeedAuth, Secret, Unit, Wall};
use strowger_route::{Change, Decision, Origin, Query, RoutingRule, Settings, Snapshot, TargetKind, decide};

/// 2026-11-23 12:00 UTC, a Monday.
pub const NOON: Wall = Wall(1_795_435_200_000);

pub fn account(id: i64, kind: AccountKind, username: &str) -> Account {
    Account { password: Secret::new("secret"), ..Account::new(AccountId(id), kind, username) }
}

pub fn user(id: i64, username: &str) -> Account {
    account(id, AccountKind::Enduser, username)
}

pub fn trunk(id: i64, username: &str, last: u8) -> Account {
    let ip = [192, 0, 2, last].into();
    let server = Server {
        ip: Some(ip),
        port: 5060,
        transport: Transport::Udp,
        sends_traffic: true,
        ..Server::default()
    };
    Account {
        need_auth: NeedAuth::Ip,
        auth_ip: [IpRange { first: ip, last: ip }].into(),
        server: Some(Box::new(server)),
        ..account(id, AccountKind::SipServer, username)
    }
}

pub fn list(id: i64, reseller: Option<i64>, is_default: bool) -> Change {
    let reseller = reseller.map(AccountId);
    Change::PriceList(PriceList { id, name: "".into(), reseller, currency: Unit::USD, is_default })
}

pub fn price(id: i64, list: i64, prefix: &str, micros: i64) -> Change {
    Change::Entry(PriceEntry::flat(id, list, prefix, "Somewhere", Amount(micros)))
}

pub fn rule(id: i64, prefix: &str, server: i64, priority: i32, weight: u32) -> RoutingRule {
    RoutingRule {
        id,
        name: format!("r{id}").into(),
        prefix: prefix.into(),
        caller: "".into(),
        server: AccountId(server),
        priority,
        weight,
        time: TimeType::Off,
        enabled: true,
    }
}

/// alice (1), bob (2), carol (3); trunks east (11), west (12), north (13) for all numbers, in this order;
/// a default price list (1) for 36 and 44.
pub fn snapshot() -> Snapshot {
    let mut snapshot = Snapshot::new(Settings::default());
    for (id, name) in [(1, "alice"), (2, "bob"), (3, "carol")] {
        snapshot.apply(Change::Account(Box::new(user(id, name))));
    }
    for (id, name, last, priority) in [(11, "east", 1, 1), (12, "west", 2, 2), (13, "north", 3, 3)] {
        snapshot.apply(Change::Account(Box::new(trunk(id, name, last))));
        snapshot.apply(Change::Rule(rule(id, "", id, priority, 1)));
    }
    snapshot.apply(list(1, None, true));
    snapshot.apply(price(1, 1, "36", 200_000));
    snapshot.apply(price(2, 1, "44", 300_000));
    snapshot
}

pub fn change(snapshot: &mut Snapshot, id: i64, edit: impl FnOnce(&mut Account)) {
    let mut account = Account::clone(snapshot.account(AccountId(id)).unwrap());
    edit(&mut account);
    snapshot.apply(Change::Account(Box::new(account)));
}

pub fn ask(snapshot: &Snapshot, caller: i64, called: &str, origin: Origin) -> Decision {
    ask_with(snapshot, caller, called, origin, 0, &BTreeMap::new())
}

pub fn ask_with(
    snapshot: &Snapshot,
    caller: i64,
    called: &str,
    origin: Origin,
    seed: u64,
    down: &BTreeMap<AccountId, Wall>,
) -> Decision {
    let caller = Some(AccountId(caller));
    decide(snapshot, &Query { caller, called, presented: "+3615", now: NOON, origin, seed, down, lines: 0 })
}

/// The targets by name, in order, or the refusal.
pub fn way(snapshot: &Snapshot, decision: &Decision) -> String {
    let plan = match &decision.plan {
        Ok(plan) => plan,
        Err(refuse) => return format!("{} {}", refuse.status, refuse.reason),
    };
    let name = |id: AccountId| snapshot.account(id).map_or("?", |a| &a.username);
    let targets = plan.steps.iter().flat_map(|s| &s.targets).map(|t| match t.to {
        TargetKind::Account(id) | TargetKind::Trunk(id) => name(id).to_owned(),
        TargetKind::Service(service) => format!("{service:?}"),
    });
    targets.collect::<Vec<_>>().join(" ")
}
