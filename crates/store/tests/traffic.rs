//! Sums over calls, pricing again, names of destinations, and what is held and waited for, alike on both engines.
#![allow(clippy::unwrap_used, reason = "a helper of tests may panic like a test")]

mod common;

use std::time::{Duration, Instant};

use common::*;
use strowger_model::payment::{MoneyEvent, MoneyOrder};
use strowger_model::{AccountId, Scope, Wall};
use strowger_store::{NewPrice, Offsets, Repriced, Store, TrafficBy};

const DAY_MS: i64 = 86_400_000;

/// Calls over a trunk: 30 s, 61.4 s and an unanswered one on the first day, 10 s on the next.
fn fill(store: &Store, payer: AccountId, gate: AccountId) {
    let mut mint = mint(store);
    let calls = [
        (30_000, "0.3", 0, Some(437)),
        (61_400, "0.614", 0, Some(400)),
        (0, "0", 0, None),
        (10_000, "0.1", 1, Some(437)),
    ];
    for (ms, cost, day, mos) in calls {
        let mut leg = Leg::new(&mut mint, payer, "0", "0");
        let MoneyOrder::Settle { step, hold, charges, mut cdr, costs } = leg.settle(0, cost) else {
            panic!("a settlement")
        };
        cdr.start = START.plus_ms(day * DAY_MS);
        cdr.end = cdr.start.plus_ms(i64::try_from(ms).unwrap() + 2_500);
        (cdr.duration_ms, cdr.total_ms) = (ms, ms + 2_500);
        cdr.mos = mos;
        (cdr.server, cdr.cost_provider) = (Some(gate), amount("0.05"));
        if ms == 0 {
            cdr.status = 486;
            cdr.direction = String::new();
        }
        let order = MoneyOrder::Settle { step, hold, charges, cdr, costs };
        assert!(matches!(money(store, order), MoneyEvent::Settled { .. }));
    }
}

fn table(store: &Store, scope: Scope, by: TrafficBy) -> (String, Vec<String>) {
    let table =
        wait(store.traffic(scope, by, (START, START.plus_ms(2 * DAY_MS)), Offsets::default())).unwrap();
    let line =
        |row: &Vec<strowger_store::Cell>| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    (table.columns.join(" "), table.rows.iter().map(line).collect())
}

#[test]
fn traffic_is_summed_alike_by_day_destination_account_and_trunk() {
    for bench in engines() {
        let store = bench.open();
        let (alice, gate) = (user(&store, "alice", "5"), user(&store, "gate", "0"));
        fill(&store, alice, gate);
        let (columns, days) = table(&store, Scope::All, TrafficBy::Day);
        let sums = "calls connected asr acd pdd mos realduration costenduser costprovider profit currency";
        assert_eq!(columns, format!("day {sums}"), "{}", bench.name);
        let wanted = [
            "2026-11-22 3 2 66.6 45.7 2 4.18 92 0.914 0.15 0.764 EUR",
            "2026-11-23 1 1 100 10 2 4.37 10 0.1 0.05 0.05 EUR",
        ];
        assert_eq!(days, wanted, "{}", bench.name);
        let all = "4 3 75 33.8 2 4.24 102 1.014 0.2 0.814 EUR";
        let (_, rows) = table(&store, Scope::All, TrafficBy::Account);
        assert_eq!(rows, [format!("{alice} alice {all}")], "{}", bench.name);
        let (_, rows) = table(&store, Scope::All, TrafficBy::Trunk);
        assert_eq!(rows, [format!("{gate} gate {all}")], "{}", bench.name);
        let (_, rows) = table(&store, Scope::All, TrafficBy::Destination);
        let of_germany = "Germany 3 3 100 33.8 2 4.24 102 1.014 0.15 0.864 EUR";
        assert_eq!(rows, [" 1 0 0    0 0 0.05 -0.05 EUR", of_germany], "{}", bench.name);
        let zone = Offsets::new(-120, vec![(START.plus_ms(DAY_MS), 0)]);
        let time = (START, START.plus_ms(2 * DAY_MS));
        let moved = wait(store.traffic(Scope::All, TrafficBy::Day, time, zone)).unwrap().rows;
        let days: Vec<_> = moved.iter().map(|row| row[0].to_string()).collect();
        assert_eq!(days, ["2026-11-21", "2026-11-23"], "{}: days of the zone", bench.name);
        assert!(table(&store, Scope::Own(gate), TrafficBy::Day).1.is_empty(), "{}", bench.name);
        assert_eq!(table(&store, Scope::Own(alice), TrafficBy::Day).1, wanted);
        store.close();
    }
}

#[test]
fn a_destination_without_a_name_gets_one_once() {
    for bench in engines() {
        let store = bench.open();
        let (alice, gate) = (user(&store, "alice", "5"), user(&store, "gate", "0"));
        fill(&store, alice, gate);
        let found = wait(store.nameless(START, 0)).unwrap();
        let [nameless] = &found[..] else { panic!("{}: {found:?}", bench.name) };
        assert_eq!((nameless.payer, nameless.dialled.as_str(), nameless.start), (alice, "4930123", START));
        let name = |name: &str| wait(store.name_destinations(vec![(nameless.id, name.to_owned())]));
        assert_eq!((name("Berlin"), name("Hamburg")), (Ok(1), Ok(0)), "{}", bench.name);
        assert!(wait(store.nameless(START, 0)).unwrap().is_empty());
        let last = wait(store.last_record()).unwrap();
        let records = wait(store.settled_records(last - 2)).unwrap();
        let told: Vec<_> = records.iter().map(|r| (r.id, r.status, r.duration_ms, r.cost)).collect();
        let wanted = [(last - 1, 486, 0, amount("0")), (last, 200, 10_000, amount("0.1"))];
        assert_eq!(told, wanted, "{}", bench.name);
        store.close();
    }
}

#[test]
fn a_new_price_moves_the_difference_once_and_never_below_zero() {
    for bench in engines() {
        let store = bench.open();
        let (alice, gate) = (user(&store, "alice", "2"), user(&store, "gate", "0"));
        fill(&store, alice, gate);
        assert_eq!(settled(&store, alice), amount("0.986"));
        let calls = |after| {
            let time = (START, START.plus_ms(DAY_MS));
            wait(store.priced_calls(Scope::All, time, after, 10)).unwrap()
        };
        let found = calls(0);
        assert_eq!(found.len(), 2, "{}: only answered ones of that day", bench.name);
        assert_eq!((found[0].duration_ms, found[0].charged), (30_000, amount("0.3")));
        assert_eq!(calls(found[0].id), found[1..], "{}", bench.name);
        let reprice = |costs: [&str; 2], credit| {
            let prices = calls(0).into_iter().zip(costs).map(|(call, cost)| NewPrice {
                call,
                cost: amount(cost),
                unit_price: amount("1.2"),
                billing_step: 60,
                price_entry: Some(3),
            });
            wait(store.reprice(Scope::All, prices.collect(), credit)).unwrap()
        };
        let done = |changed, credited, short| Repriced { changed, credited, short };
        assert_eq!(reprice(["0.2", "0.614"], false), done(1, 0, 0), "{}", bench.name);
        assert_eq!(settled(&store, alice), amount("0.986"), "the credit stays unless asked");
        assert_eq!(reprice(["0.2", "0.614"], true), done(0, 1, 0), "{}", bench.name);
        assert_eq!(reprice(["0.2", "0.614"], true), done(0, 0, 0), "{}", bench.name);
        assert_eq!(settled(&store, alice), amount("1.086"));
        assert_eq!(reprice(["5", "0.614"], true), done(1, 1, 1), "{}: it has less than that", bench.name);
        assert_eq!(settled(&store, alice), amount("0"), "{}", bench.name);
        assert_eq!(calls(0)[0].charged, amount("1.286"), "{}", bench.name);
        assert!(wait(store.priced_calls(Scope::Own(alice), (START, START), 0, 1)).is_err());
        check_books(&store);
        store.close();
    }
}

#[test]
fn held_credit_and_the_ledger_of_an_account_are_told() {
    for bench in engines() {
        let store = bench.open();
        let alice = user(&store, "alice", "5");
        let mut mint = mint(&store);
        let mut leg = Leg::new(&mut mint, alice, "0.1", "0.01");
        money(&store, leg.hold(10));
        let locks = wait(store.locks()).unwrap();
        let [hold] = &locks.held[..] else { panic!("{}: {locks:?}", bench.name) };
        let told = (hold.leg.clone(), hold.account, hold.unit.as_str(), hold.amount, hold.node);
        assert_eq!(told, (leg.leg.to_string(), alice, "EUR", amount("0.2"), 1), "{}", bench.name);
        money(&store, leg.settle(30, "0.15"));
        assert!(wait(store.locks()).unwrap().held.is_empty(), "{}", bench.name);
        let ever = (Wall(0), Wall(9_000_000_000_000));
        let rows = wait(store.ledger_rows(Scope::All, vec![alice], ever.0, ever.1)).unwrap();
        let told: Vec<_> = rows.iter().map(|row| (row.account, row.amount, row.unit)).collect();
        assert_eq!(told, [(alice, amount("5"), EUR), (alice, amount("-0.15"), EUR)], "{}", bench.name);
        assert!(wait(store.ledger_rows(Scope::Own(alice), vec![alice], ever.0, ever.1)).is_err());
        store.close();
    }
}

#[test]
fn a_statement_that_waits_for_somebody_elses_lock_is_shown() {
    // Other databases of the server have locks of their own, which are nobody's business here.
    for bench in engines().iter().filter(|bench| !bench.is_sqlite()) {
        let store = bench.open();
        let alice = user(&store, "alice", "5");
        let (mut other, mut third) = (bench.client(), bench.client());
        other.batch_execute("BEGIN; LOCK TABLE tb_settings IN ACCESS EXCLUSIVE MODE").unwrap();
        let blocked = std::thread::spawn(move || third.batch_execute("DELETE FROM tb_settings"));
        let end = Instant::now() + Duration::from_secs(30);
        let waiting = loop {
            let waiting = wait(store.locks()).unwrap().waiting;
            if !waiting.is_empty() || Instant::now() > end {
                break waiting;
            }
            std::thread::yield_now();
        };
        let [only] = &waiting[..] else { panic!("{waiting:?}") };
        assert!(only.what.contains("on tb_settings") && only.age_ms >= 0, "{only:?}");
        other.batch_execute("ROLLBACK").unwrap();
        blocked.join().unwrap().unwrap();
        assert_eq!(settled(&store, alice), amount("5"));
        store.close();
    }
}
