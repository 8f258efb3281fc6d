//! Maintenance on both engines: once a period, free minutes and lapsed credit through the ledger, old rows gone.
#![allow(clippy::unwrap_used, reason = "a helper of tests may panic like a test")]

mod common;

use common::*;
use strowger_model::{Scope, Wall};
use strowger_store::{AuditEntry, Retention, SqlLimits, Turn};

fn sql(store: &strowger_store::Store, statement: &str) {
    wait(store.sql(Scope::All, statement, SqlLimits { rows: 10, allow_writes: true })).unwrap();
}

fn sound(store: &strowger_store::Store) {
    let check = store.server().check_ledger().unwrap();
    assert!(check.ok, "{:?}", check.problems);
}

#[test]
fn a_period_is_done_once_and_again_after_a_failure() {
    for bench in engines() {
        let store = bench.open();
        assert_eq!(wait(store.begin_maintenance("day", "2026-11-22")).unwrap(), Turn::Yours);
        assert_eq!(wait(store.begin_maintenance("day", "2026-11-22")).unwrap(), Turn::Running);
        wait(store.maintenance_done("day", "2026-11-22", None)).unwrap();
        assert_eq!(wait(store.begin_maintenance("day", "2026-11-22")).unwrap(), Turn::Yours);
        wait(store.maintenance_done("day", "2026-11-22", Some("all well".into()))).unwrap();
        let again = wait(store.begin_maintenance("day", "2026-11-22")).unwrap();
        assert!(matches!(again, Turn::Done(_, report) if report == "all well"), "{}", bench.name);
        assert_eq!(wait(store.begin_maintenance("day", "2026-11-23")).unwrap(), Turn::Yours);
        wait(store.optimise()).unwrap();
    }
}

#[test]
fn free_minutes_are_granted_once_a_month_and_what_is_left_lapses() {
    for bench in engines() {
        let store = bench.open();
        let alice = user(&store, "alice", "5");
        let bob = user(&store, "bob", "5");
        sql(&store, "insert into tb_packets (name, freeminutes, freesms) values ('flat', 100, 20)");
        sql(&store, "update tb_users set packetid = 1 where username = 'alice'");
        assert_eq!(wait(store.grant_packets("2026-11")).unwrap(), 1, "{}", bench.name);
        assert_eq!(wait(store.grant_packets("2026-11")).unwrap(), 0, "once a month");
        let credit = wait(store.credit(Scope::All, alice)).unwrap();
        assert_eq!((credit.seconds, credit.messages), (amount("6000"), amount("20")));
        sql(&store, "update tb_users set freeminutesleft = 40 where username = 'alice'");
        assert_eq!(wait(store.grant_packets("2026-12")).unwrap(), 1);
        assert_eq!(wait(store.credit(Scope::All, alice)).unwrap().seconds, amount("6000"));
        assert_eq!(wait(store.credit(Scope::All, bob)).unwrap().seconds, amount("0"));
        sound(&store);
    }
}

#[test]
fn credit_lapses_when_its_date_has_passed() {
    for bench in engines() {
        let store = bench.open();
        let (alice, bob) = (user(&store, "alice", "5"), user(&store, "bob", "7"));
        sql(&store, "update tb_users set creditelapsedt = '2026-11-01 00:00:00' where username = 'alice'");
        sql(&store, "update tb_users set creditelapsedt = '2099-01-01 00:00:00' where username = 'bob'");
        let lost = wait(store.expire_credits(START)).unwrap();
        assert_eq!(lost, [(alice, amount("5"))], "{}", bench.name);
        assert!(wait(store.expire_credits(START)).unwrap().is_empty());
        assert_eq!(wait(store.credit(Scope::All, alice)).unwrap().settled, amount("0"));
        assert_eq!(wait(store.credit(Scope::All, bob)).unwrap().settled, amount("7"));
        sound(&store);
    }
}

#[test]
fn what_is_older_than_its_age_goes_and_days_are_summed_up() {
    for bench in engines() {
        let store = bench.open();
        for at in [START.0 - 40 * 86_400_000, START.0] {
            store.audit(AuditEntry {
                at: Wall(at),
                account: None,
                source: "127.0.0.1".into(),
                command: "x".into(),
                object: String::new(),
                outcome: "OK".into(),
            });
        }
        let keep = Retention { audit: 30, ..Retention::default() };
        let pruned = wait(store.prune_old(keep, START)).unwrap();
        assert_eq!((pruned.audit, pruned.cdr, pruned.line_state), (1, 0, 0), "{}", bench.name);
        assert_eq!(wait(store.prune_old(keep, START)).unwrap().audit, 0);
        assert!(wait(store.sum_day("2026-11-21", (Wall(START.0 - 86_400_000), START))).unwrap().is_empty());
    }
}

/// PostgreSQL's programs do its backups; a machine may be without them.
fn can_back_up(bench: &Bench) -> bool {
    let there = bench.is_sqlite() || std::process::Command::new("pg_dump").arg("--version").output().is_ok();
    if !there {
        println!("SKIPPED on PostgreSQL: pg_dump is not installed");
    }
    there
}

#[test]
fn a_backup_is_proved_in_a_scratch_database_and_leaves_nothing_behind() {
    for bench in engines().iter().filter(|bench| can_back_up(bench)) {
        let store = bench.open();
        user(&store, "alice", "5");
        let folder = bench.path().join("backups");
        std::fs::create_dir(&folder).unwrap();
        let file = folder.join("one.backup");
        wait(store.backup(Scope::All, file.clone())).unwrap();
        let report = wait(store.try_backup(Scope::All, &file)).unwrap();
        assert_eq!((report.accounts, report.cdrs), (1, 0), "{}", bench.name);
        let left: Vec<_> =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["one.backup"], "{}", bench.name);
        let broken = folder.join("broken.backup");
        std::fs::write(&broken, "no backup").unwrap();
        assert!(wait(store.try_backup(Scope::All, &broken)).is_err(), "{}", bench.name);
    }
}
