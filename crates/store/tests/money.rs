//! Holds, extensions, settlements, releases: what running calls do to money, on both engines.
#![allow(clippy::unwrap_used, reason = "a helper of tests may panic like a test")]

mod common;

use common::*;
use strowger_model::payment::{MoneyEvent, MoneyOrder, Refusal, StepId};
use strowger_model::{Amount, Mint, Scope, ShardId};

#[test]
fn a_call_holds_extends_settles_and_leaves_the_books_balanced() {
    for bench in engines() {
        let store = bench.open();
        let alice = user(&store, "alice", "1");
        let mut mint = mint(&store);
        let mut leg = Leg::new(&mut mint, alice, "0.1", "0.01");
        // Alone, the first slice may take all; it asks for 20 steps.
        let MoneyEvent::Held { steps, left, .. } = money(&store, leg.hold(20)) else { panic!() };
        assert_eq!((steps, left), (20, Some(amount("0.7"))), "{}", bench.name);
        let MoneyEvent::Held { steps, left, .. } = money(&store, leg.extend(10, 5_000)) else { panic!() };
        assert_eq!((steps, left), (10, Some(amount("0.6"))));
        assert_eq!(held(&store, alice), amount("0.4"));
        assert!(matches!(money(&store, leg.settle(30, "0.25")), MoneyEvent::Settled { .. }));
        assert_eq!((settled(&store, alice), held(&store, alice)), (amount("0.75"), Amount::ZERO));
        check_books(&store);
        store.close();
    }
}

#[test]
fn the_first_slice_is_a_fair_share_but_never_below_the_least() {
    for bench in engines() {
        let store = bench.open();
        let alice = user(&store, "alice", "1");
        let mut mint = mint(&store);
        let mut granted = Vec::new();
        for _ in 0..4 {
            let mut leg = Leg::new(&mut mint, alice, "0.1", "0.1");
            granted.push(match money(&store, leg.hold(5)) {
                MoneyEvent::Held { steps, .. } => Ok(steps),
                MoneyEvent::Refused { why, .. } => Err(why),
                other => panic!("{other:?}"),
            });
        }
        // 1.0 -> 0.1+5*0.1; then 0.4/2 -> 0.1+1*0.1; then 0.2/3 -> the least; then the last 0.1.
        assert_eq!(granted, [Ok(5), Ok(1), Ok(0), Ok(0)], "{}", bench.name);
        let mut leg = Leg::new(&mut mint, alice, "0.1", "0.1");
        let no_credit = Refusal::NoCredit { account: alice, unit: EUR };
        let event = money(&store, leg.hold(5));
        assert_eq!(event, MoneyEvent::Refused { step: leg.first(), why: no_credit });
        check_books(&store);
        store.close();
    }
}

#[test]
fn all_payers_or_none() {
    for bench in engines() {
        let store = bench.open();
        let (rich, poor) = (user(&store, "rich", "10"), user(&store, "poor", "0.05"));
        let mut mint = mint(&store);
        let mut leg = Leg::new(&mut mint, rich, "0.1", "0.01");
        let second = Leg::new(&mut mint, poor, "0.1", "0.01").payers[0];
        leg.payers.push(second);
        let why = Refusal::NoCredit { account: poor, unit: EUR };
        assert_eq!(money(&store, leg.hold(9)), MoneyEvent::Refused { step: leg.first(), why });
        assert_eq!((held(&store, rich), held(&store, poor)), (Amount::ZERO, Amount::ZERO), "{}", bench.name);
        check_books(&store);
        store.close();
    }
}

#[test]
fn postpaid_has_no_floor_and_a_disabled_account_no_call() {
    for bench in engines() {
        let store = bench.open();
        let id = user(&store, "company", "0");
        let fields = vec![("postpaid".to_owned(), "1".to_owned())];
        wait(store.set_fields(Scope::All, id, fields)).unwrap();
        let mut mint = mint(&store);
        let mut leg = Leg::new(&mut mint, id, "1", "1");
        leg.payers[0].floor = None;
        let MoneyEvent::Held { steps, .. } = money(&store, leg.hold(60)) else { panic!() };
        assert_eq!(steps, 60);
        wait(store.set_fields(Scope::All, id, vec![("enabled".to_owned(), "0".to_owned())])).unwrap();
        let why = Refusal::NoAccount { account: id };
        let event = money(&store, leg.extend(60, 1_000));
        assert_eq!(event, MoneyEvent::Refused { step: StepId { sequence: 1, ..leg.first() }, why });
        assert!(matches!(money(&store, leg.settle(60, "61")), MoneyEvent::Settled { .. }));
        assert_eq!(settled(&store, id), amount("-61"), "{}", bench.name);
        check_books(&store);
        store.close();
    }
}

#[test]
fn settling_takes_prepaid_to_its_floor_and_writes_off_the_rest() {
    for bench in engines() {
        let store = bench.open();
        let alice = user(&store, "alice", "1");
        let mut mint = mint(&store);
        let mut other = Leg::new(&mut mint, alice, "0.3", "0.1");
        assert!(matches!(money(&store, other.hold(0)), MoneyEvent::Held { .. }));
        let mut leg = Leg::new(&mut mint, alice, "0.5", "0.1");
        assert!(matches!(money(&store, leg.hold(0)), MoneyEvent::Held { .. }));
        assert!(matches!(money(&store, leg.settle(90, "5")), MoneyEvent::Settled { .. }));
        // What the other call holds stays its own.
        assert_eq!(
            (settled(&store, alice), held(&store, alice)),
            (amount("0.3"), amount("0.3")),
            "{}",
            bench.name
        );
        assert!(matches!(money(&store, other.settle(3, "0.3")), MoneyEvent::Settled { .. }));
        assert_eq!(settled(&store, alice), Amount::ZERO);
        check_books(&store);
        store.close();
    }
}

#[test]
fn a_replay_answers_the_same_and_other_content_is_a_conflict() {
    for bench in engines() {
        let store = bench.open();
        let alice = user(&store, "alice", "1");
        let mut mint = mint(&store);
        let mut leg = Leg::new(&mut mint, alice, "0.1", "0.01");
        let orders = [leg.hold(10), leg.extend(10, 1_000), leg.settle(20, "0.2")];
        let answers: Vec<MoneyEvent> = orders.iter().map(|o| money(&store, o.clone())).collect();
        let after = settled(&store, alice);
        for (order, answer) in orders.iter().zip(&answers) {
            assert_eq!(money(&store, order.clone()), *answer, "{}", bench.name);
        }
        assert_eq!((settled(&store, alice), held(&store, alice)), (after, Amount::ZERO));
        let MoneyOrder::Settle { step, hold, charges, cdr, costs } = orders[2].clone() else { panic!() };
        let mut changed = charges.clone();
        changed[0].amount = amount("0.9");
        let order =
            MoneyOrder::Settle { step, hold, charges: changed, cdr: cdr.clone(), costs: costs.clone() };
        assert_eq!(money(&store, order), MoneyEvent::Refused { step, why: Refusal::Conflict });
        // A second settlement of the leg under another step is one too.
        let step = StepId { sequence: 77, ..step };
        let order = MoneyOrder::Settle { step, hold, charges, cdr, costs };
        assert_eq!(money(&store, order), MoneyEvent::Refused { step, why: Refusal::Conflict });
        assert_eq!(settled(&store, alice), after);
        check_books(&store);
        store.close();
    }
}

#[test]
fn a_release_gives_back_and_a_new_hold_may_follow() {
    for bench in engines() {
        let store = bench.open();
        let alice = user(&store, "alice", "1");
        let mut mint = mint(&store);
        let mut leg = Leg::new(&mut mint, alice, "0.5", "0.1");
        assert!(matches!(money(&store, leg.hold(0)), MoneyEvent::Held { .. }));
        assert!(matches!(money(&store, leg.release()), MoneyEvent::Settled { .. }));
        assert_eq!(held(&store, alice), Amount::ZERO, "{}", bench.name);
        leg.payers[0].least = amount("0.9");
        assert!(matches!(money(&store, leg.hold(0)), MoneyEvent::Held { .. }));
        assert!(matches!(money(&store, leg.settle(1, "0.9")), MoneyEvent::Settled { .. }));
        assert_eq!(settled(&store, alice), amount("0.1"));
        check_books(&store);
        store.close();
    }
}

#[test]
fn twenty_overlapping_calls_never_take_a_small_balance_below_zero() {
    for bench in engines() {
        let store = bench.open();
        let alice = user(&store, "alice", "0.5");
        let epoch = store.server().recover(now()).unwrap().epoch;
        std::thread::scope(|scope| {
            for shard in 0..20u8 {
                let store = store.clone();
                scope.spawn(move || {
                    let mut mint = Mint::new(1, ShardId(shard), epoch);
                    for round in 0..5u64 {
                        let mut leg = Leg::new(&mut mint, alice, "0.02", "0.01");
                        let mut granted = match money(&store, leg.hold(6)) {
                            MoneyEvent::Held { steps, .. } => {
                                amount("0.02") + amount("0.01").times(i64::from(steps))
                            }
                            _ => continue,
                        };
                        if let MoneyEvent::Held { steps, .. } = money(&store, leg.extend(3, 1_000)) {
                            granted += amount("0.01").times(i64::from(steps));
                        }
                        // Some calls cost what they hold, some less, some were cut too late.
                        let cost = match (u64::from(shard) + round) % 3 {
                            0 => granted,
                            1 => amount("0.01"),
                            _ => granted + amount("0.05"),
                        };
                        let settled = money(&store, leg.settle(9, &cost.to_string()));
                        assert!(matches!(settled, MoneyEvent::Settled { .. }));
                    }
                });
            }
        });
        assert!(settled(&store, alice) >= Amount::ZERO, "{}", bench.name);
        assert_eq!(held(&store, alice), Amount::ZERO);
        check_books(&store);
        store.close();
    }
}

#[test]
fn a_stale_epoch_is_fenced() {
    for bench in engines() {
        let store = bench.open();
        let alice = user(&store, "alice", "1");
        let mut old = mint(&store);
        let mut leg = Leg::new(&mut old, alice, "0.1", "0.1");
        assert!(matches!(money(&store, leg.hold(1)), MoneyEvent::Held { .. }));
        let recovery = store.server().recover(now()).unwrap();
        assert_eq!(recovery.calls.len(), 1, "{}", bench.name);
        let order = leg.settle(5, "0.1");
        assert_eq!(money(&store, order.clone()), MoneyEvent::Fenced { step: order.step() });
        assert_eq!(settled(&store, alice), amount("1"));
        check_books(&store);
        store.close();
    }
}
