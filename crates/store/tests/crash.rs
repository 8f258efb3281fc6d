//! What a crash, a full disk and a lost connection leave behind, on both engines.
#![allow(clippy::unwrap_used, reason = "a helper of tests may panic like a test")]

mod common;

use common::*;
use strowger_model::payment::{MoneyEvent, MoneyOrder, Refusal};
use strowger_model::{AccountId, Amount, Scope};
use strowger_store::{FaultKind, OpenError, SqlAnswer, SqlLimits, Store};

fn count(store: &Store, text: &str) -> String {
    match wait(store.sql(Scope::All, text, SqlLimits::default())) {
        Ok(SqlAnswer::Rows(table, _)) => table.rows[0][0].to_string(),
        other => panic!("{other:?}"),
    }
}

/// A call in four steps; stops at the first that gets no answer. Returns how many were acknowledged.
fn call(store: &Store, leg: &mut Leg) -> usize {
    let orders: [fn(&mut Leg) -> MoneyOrder; 4] =
        [|l| l.hold(5), |l| l.extend(5, 4_000), |l| l.extend(0, 8_000), |l| l.settle(9, "0.3")];
    orders.iter().take_while(|order| try_money(store, order(leg)).is_some()).count()
}

#[test]
fn killed_at_every_write_the_books_balance_and_each_leg_has_one_record() {
    for bench in engines() {
        let store = bench.open();
        let alice = user(&store, "alice", "5");
        let mut mint_now = mint(&store);
        let before = bench.faults.writes();
        assert_eq!(call(&store, &mut Leg::new(&mut mint_now, alice, "0.1", "0.05")), 4);
        let writes = u32::try_from(bench.faults.writes() - before).unwrap();
        store.close();
        let mut credit = amount("4.7");
        for nth in 1..=writes {
            let store = bench.open();
            let mut mint_now = mint(&store);
            bench.faults.arm(nth, FaultKind::Kill);
            let mut leg = Leg::new(&mut mint_now, alice, "0.1", "0.05");
            let acknowledged = call(&store, &mut leg);
            bench.faults.disarm();
            store.close();
            drop(store);

            let store = bench.open();
            let recovery = store.server().recover(now()).unwrap();
            // An acknowledged hold has its record after recovery; one that was never made has none.
            let leg_name = leg.leg.to_string();
            let records =
                count(&store, &format!("select count(*) from tb_cdrs where dbcallsid = '{leg_name}'"));
            let expected = if acknowledged >= 1 { "1" } else { "0" };
            assert_eq!(records, expected, "{} write {nth}", bench.name);
            let again = store.server().recover(now()).unwrap();
            assert_eq!(again.calls, [], "{} write {nth}", bench.name);
            assert_eq!(recovery.calls.len(), usize::from((1..4).contains(&acknowledged)));
            if let Some(recovered) = recovery.calls.first() {
                assert_eq!(recovered.legs.len(), 1);
                assert_eq!(recovered.cdr.reason, "recovered");
            }
            if acknowledged == 4 {
                credit -= amount("0.3");
            }
            assert_eq!((settled(&store, alice), held(&store, alice)), (credit, Amount::ZERO));
            assert_eq!(count(&store, "select count(*) from hold"), "0");
            assert_eq!(count(&store, "select count(*) from journal"), "0");
            check_books(&store);
            store.close();
        }
    }
}

#[test]
fn killed_during_recovery_a_second_one_ends_the_work() {
    for bench in engines() {
        let store = bench.open();
        let alice = user(&store, "alice", "5");
        let mut mint_now = mint(&store);
        for _ in 0..3 {
            let mut leg = Leg::new(&mut mint_now, alice, "0.1", "0.05");
            assert!(matches!(money(&store, leg.hold(2)), MoneyEvent::Held { .. }));
            assert!(matches!(money(&store, leg.extend(2, 7_000)), MoneyEvent::Held { .. }));
        }
        store.close();
        let mut found = 0;
        for nth in 1..40 {
            let store = bench.open();
            bench.faults.arm(nth, FaultKind::Kill);
            let recovery = store.server().recover(now());
            bench.faults.disarm();
            store.close();
            if let Ok(recovery) = recovery {
                found = recovery.calls.len();
                break;
            }
        }
        assert_eq!(found, 3, "{}", bench.name);
        let store = bench.open();
        assert_eq!(store.server().recover(now()).unwrap().calls, []);
        assert_eq!(count(&store, "select count(*) from tb_cdrs where discreason = 'recovered'"), "3");
        assert_eq!(count(&store, "select sum(realduration) from tb_cdrs"), "21");
        assert_eq!(held(&store, alice), Amount::ZERO);
        check_books(&store);
        store.close();
    }
}

#[test]
fn a_commit_whose_answer_is_lost_counts_once() {
    for bench in engines().into_iter().filter(|b| !b.is_sqlite()) {
        let store = bench.open();
        let alice = user(&store, "alice", "5");
        bench.faults.arm(1, FaultKind::LostAfterCommit);
        let credit = wait(store.add_credit(Scope::All, alice, amount("1"), None, "", None)).unwrap();
        assert_eq!(credit.settled, amount("6"));
        assert_eq!(settled(&store, alice), amount("6"));
        check_books(&store);
        store.close();
    }
}

#[test]
fn a_full_disk_refuses_new_calls_and_keeps_settlements() {
    for bench in engines() {
        let store = bench.open();
        let alice = user(&store, "alice", "5");
        let mut mint_now = mint(&store);
        let mut leg = Leg::new(&mut mint_now, alice, "0.1", "0.05");
        assert!(matches!(money(&store, leg.hold(5)), MoneyEvent::Held { .. }));
        bench.faults.arm(1, FaultKind::DiskFull);
        let mut new = Leg::new(&mut mint_now, alice, "0.1", "0.05");
        let event = money(&store, new.hold(5));
        assert_eq!(event, MoneyEvent::Refused { step: new.first(), why: Refusal::StoreUnwell });
        assert!(wait(store.add_credit(Scope::All, alice, amount("1"), None, "", None)).is_err());
        // Reading goes on, and the settlement is answered when the disk has room again.
        assert_eq!(settled(&store, alice), amount("5"), "{}", bench.name);
        assert!(!wait(store.health()).ok);
        let (sender, answer) = std::sync::mpsc::channel();
        store.money(leg.settle(9, "0.3"), Box::new(move |event| sender.send(event).unwrap()));
        assert!(wait(store.add_credit(Scope::All, alice, amount("1"), None, "", None)).is_err());
        assert!(std::fs::read_to_string(bench.path().join("emergency.jsonl")).unwrap().contains("Settle"));
        bench.faults.disarm();
        let event = answer.recv_timeout(std::time::Duration::from_secs(20)).unwrap();
        assert!(matches!(event, MoneyEvent::Settled { .. }));
        assert_eq!(settled(&store, alice), amount("4.7"));
        assert!(wait(store.health()).ok);
        check_books(&store);
        store.close();
    }
}

#[test]
fn a_failed_flush_is_for_good_and_the_emergency_file_settles_at_the_next_start() {
    for bench in engines() {
        let store = bench.open();
        let alice = user(&store, "alice", "5");
        let mut mint_now = mint(&store);
        let mut leg = Leg::new(&mut mint_now, alice, "0.1", "0.05");
        assert!(matches!(money(&store, leg.hold(5)), MoneyEvent::Held { .. }));
        bench.faults.arm(1, FaultKind::FlushFailed);
        let order = leg.settle(9, "0.3");
        store.money(order, Box::new(|_| {}));
        assert!(wait(store.add_credit(Scope::All, alice, amount("1"), None, "", None)).is_err());
        bench.faults.disarm();
        assert!(
            wait(store.add_credit(Scope::All, alice, amount("1"), None, "", None)).is_err(),
            "{}",
            bench.name
        );
        store.close();
        let store = bench.open();
        assert_eq!(settled(&store, alice), amount("4.7"), "{}", bench.name);
        assert_eq!(store.server().recover(now()).unwrap().calls, []);
        assert!(!bench.path().join("emergency.jsonl").exists());
        check_books(&store);
        store.close();
    }
}

#[test]
fn a_second_process_is_refused() {
    for bench in engines().into_iter().filter(strowger_is_sqlite) {
        let store = bench.open();
        assert!(matches!(Store::open(bench.options()), Err(OpenError::Locked { .. })));
        store.close();
        Store::open(bench.options()).unwrap().close();
    }
}

fn strowger_is_sqlite(bench: &Bench) -> bool {
    bench.is_sqlite()
}

#[test]
fn a_process_whose_node_was_taken_over_writes_nothing() {
    for bench in engines().into_iter().filter(|b| !b.is_sqlite()) {
        let old = bench.open();
        let alice = user(&old, "alice", "5");
        let mut mint_old = mint(&old);
        let mut leg = Leg::new(&mut mint_old, alice, "0.1", "0.05");
        assert!(matches!(money(&old, leg.hold(5)), MoneyEvent::Held { .. }));
        let new = bench.open();
        assert_eq!(new.server().recover(now()).unwrap().calls.len(), 1);
        let order = leg.settle(9, "0.3");
        assert_eq!(money(&old, order.clone()), MoneyEvent::Fenced { step: order.step() });
        assert!(wait(old.add_credit(Scope::All, alice, amount("1"), None, "", None)).is_err());
        assert_eq!(settled(&new, alice), amount("5"));
        check_books(&new);
        old.close();
        new.close();
    }
}

#[test]
fn a_real_full_disk_loses_nothing() {
    let mount = tempfile::tempdir().unwrap();
    let target = mount.path().to_str().unwrap().to_owned();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=3m", "tmpfs", &target])
        .output()
        .is_ok_and(|o| o.status.success());
    if !mounted {
        println!("SKIPPED: a tmpfs cannot be mounted here");
        return;
    }
    let result = std::panic::catch_unwind(|| fill_disk(mount.path()));
    std::process::Command::new("umount").args(["-l", &target]).output().unwrap();
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}

fn fill_disk(dir: &std::path::Path) {
    let mut bench = engines().remove(0);
    bench.database = strowger_store::Database::Sqlite(dir.join("strowger.db"));
    let store = bench.open();
    let alice = user(&store, "alice", "5");
    let mut mint_now = mint(&store);
    let mut leg = Leg::new(&mut mint_now, alice, "0.1", "0.05");
    assert!(matches!(money(&store, leg.hold(5)), MoneyEvent::Held { .. }));
    let filler = dir.join("filler");
    std::fs::write(&filler, vec![0u8; 200]).unwrap();
    let mut file = std::fs::OpenOptions::new().append(true).open(&filler).unwrap();
    while std::io::Write::write_all(&mut file, &[0u8; 4096]).is_ok() {}
    // The log still has room for a while; sooner or later a write finds none.
    let mut refused = false;
    for _ in 0..2_000 {
        let mut more = Leg::new(&mut mint_now, alice, "0", "0");
        if matches!(money(&store, more.hold(0)), MoneyEvent::Refused { why: Refusal::StoreUnwell, .. }) {
            refused = true;
            break;
        }
    }
    assert!(refused);
    let (sender, answer) = std::sync::mpsc::channel();
    store.money(leg.settle(9, "0.3"), Box::new(move |event| sender.send(event).unwrap()));
    drop(file);
    std::fs::remove_file(&filler).unwrap();
    let event = answer.recv_timeout(std::time::Duration::from_secs(20)).unwrap();
    assert!(matches!(event, MoneyEvent::Settled { .. }));
    assert_eq!(settled(&store, AccountId(alice.0)), amount("4.7"));
    check_books(&store);
    store.close();
}
