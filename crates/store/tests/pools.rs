//! Number pool, recharge codes, routes and the numbers of accounts on both engines: whole, bounded, for the administrator.
#![allow(clippy::unwrap_used, reason = "a helper of tests may panic like a test")]

mod common;

use common::*;
use strowger_model::{AccountId, Scope, Secret};
use strowger_store::{PoolTable, RouteRow, Store, UserError, parse_date};

fn lines(store: &Store, table: PoolTable, columns: &[&str]) -> Vec<String> {
    let page = wait(store.pool_page(Scope::All, table, 100, None)).unwrap().table;
    let at = |name: &&str| page.columns.iter().position(|c| c == name).unwrap();
    let places: Vec<usize> = columns.iter().map(at).collect();
    let line = |row: &Vec<strowger_store::Cell>| {
        places.iter().map(|at| row[*at].to_string()).collect::<Vec<_>>().join(" ")
    };
    page.rows.iter().map(line).collect()
}

#[test]
fn numbers_come_once_and_belong_to_one_account() {
    for bench in engines() {
        let store = bench.open();
        let (alice, bob) = (user(&store, "alice", "0"), user(&store, "bob", "0"));
        let add = |numbers: &[&str]| {
            let numbers = numbers.iter().map(|n| (*n).to_owned()).collect();
            wait(store.numbers_add(Scope::All, numbers, " Budapest "))
        };
        assert_eq!(add(&["3611", "3612", "3613"]), Ok(3), "{}", bench.name);
        assert_eq!(add(&["3612", "3614"]), Ok(1), "{}", bench.name);
        let give = |number: &str, to| wait(store.number_assign(Scope::All, number, to));
        assert_eq!(give("3611", Some(alice)), Ok(()), "{}", bench.name);
        assert_eq!(give("3611", Some(bob)), Err(UserError::Taken));
        assert_eq!(give("3611", Some(alice)), Ok(()), "to whoever has it already");
        assert_eq!(give("9", Some(alice)), Err(UserError::NotFound));
        assert_eq!(give("3612", Some(AccountId(999))), Err(UserError::NotFound));
        let shown = lines(&store, PoolTable::Numbers, &["number", "free", "username", "location"]);
        assert_eq!(shown[..2], ["3611 0 alice Budapest", "3612 1  Budapest"], "{}", bench.name);
        assert_eq!(give("3611", None), Ok(()));
        assert_eq!(lines(&store, PoolTable::Numbers, &["number", "free", "userid"])[0], "3611 1 0");
        let page = wait(store.pool_page(Scope::All, PoolTable::Numbers, 3, None)).unwrap();
        assert_eq!((page.table.rows.len(), page.cursor.is_some()), (3, true), "{}", bench.name);
        let rest = wait(store.pool_page(Scope::All, PoolTable::Numbers, 3, page.cursor)).unwrap();
        assert_eq!((rest.table.rows.len(), rest.cursor), (1, None), "{}", bench.name);
        let numbers = store.server().numbers().unwrap();
        assert!(numbers.iter().all(|n| n.free && n.owner.is_none() && n.location == "Budapest"));
        let own = wait(store.numbers_add(Scope::Own(alice), vec!["1".into()], ""));
        assert!(matches!(own, Err(UserError::Denied { .. })));
        store.close();
    }
}

#[test]
fn codes_are_kept_as_a_whole_and_only_unused_ones_go() {
    for bench in engines() {
        let store = bench.open();
        let alice = user(&store, "alice", "0");
        let keep = |codes: &[&str]| {
            let codes = codes.iter().map(|c| (*c).to_owned()).collect();
            wait(store.codes_add(Scope::All, codes, (amount("2.5"), EUR), parse_date("2099-01-02")))
        };
        assert_eq!(keep(&["AA-1111", "AA-2222", "BB-3333", "CC-4444"]), Ok(()), "{}", bench.name);
        assert_eq!(keep(&["DD-5555", "AA-1111"]), Err(UserError::Taken), "{}", bench.name);
        let shown = || lines(&store, PoolTable::Codes, &["code", "value", "currency", "used", "expires"]);
        assert_eq!(shown().len(), 4, "{}: all or none", bench.name);
        assert_eq!(shown()[0], "***1111 2.5 EUR 0 2099-01-02 00:00:00", "{}", bench.name);
        wait(store.redeem(Scope::All, alice, &Secret::new("AA-1111"), None)).unwrap();
        assert_eq!(settled(&store, alice), amount("2.5"));
        let revoke = |code: &str, prefix| wait(store.codes_revoke(Scope::All, code, prefix));
        assert_eq!(revoke("AA", true), Ok(1), "{}: a used one stays", bench.name);
        assert_eq!(revoke("AA-1111", false), Ok(0));
        assert_eq!(revoke("BB-3333", false), Ok(1));
        let last = lines(&store, PoolTable::Codes, &["id"]).pop().unwrap();
        assert_eq!(revoke(&last, false), Ok(1), "{}: by its id", bench.name);
        assert_eq!(shown(), ["***1111 2.5 EUR 1 2099-01-02 00:00:00"], "{}", bench.name);
        check_books(&store);
        store.close();
    }
}

#[test]
fn routes_are_put_replaced_read_and_removed() {
    for bench in engines() {
        let store = bench.open();
        let gate = user(&store, "gate", "0");
        let route = RouteRow {
            id: 0,
            name: "Germany".into(),
            prefix: "49".into(),
            caller: String::new(),
            server: gate,
            priority: 5,
            weight: 10,
            time_type: 0,
            enabled: true,
        };
        let id = wait(store.route_put(Scope::All, route.clone())).unwrap();
        let kept = RouteRow { id, ..route };
        assert_eq!(wait(store.route(Scope::All, id)), Ok(kept.clone()), "{}", bench.name);
        let changed = RouteRow { prefix: "4930".into(), enabled: false, ..kept.clone() };
        assert_eq!(wait(store.route_put(Scope::All, changed.clone())), Ok(id));
        assert_eq!(store.server().routes().unwrap(), std::slice::from_ref(&changed), "{}", bench.name);
        let shown = lines(&store, PoolTable::Routes, &["prefix", "server", "priority", "weight", "enabled"]);
        assert_eq!(shown, ["4930 gate 5 10 0"], "{}", bench.name);
        let absent = RouteRow { id: id + 1, ..kept };
        assert_eq!(wait(store.route_put(Scope::All, absent)), Err(UserError::NotFound));
        assert_eq!(wait(store.route_delete(Scope::All, id)), Ok(()));
        assert_eq!(wait(store.route_delete(Scope::All, id)), Err(UserError::NotFound));
        assert_eq!(wait(store.route(Scope::All, id)), Err(UserError::NotFound), "{}", bench.name);
        let own = wait(store.route_put(Scope::Own(gate), changed));
        assert!(matches!(own, Err(UserError::Denied { .. })));
        store.close();
    }
}

#[test]
fn a_number_makes_one_account_known() {
    for bench in engines() {
        let store = bench.open();
        let (alice, bob) = (user(&store, "alice", "0"), user(&store, "bob", "0"));
        let add = |id, callback| wait(store.add_cli(Scope::All, "3630", id, callback));
        assert_eq!(add(alice, true), Ok(()), "{}", bench.name);
        assert_eq!(add(alice, false), Ok(()));
        assert_eq!(add(bob, false), Err(UserError::Taken), "{}", bench.name);
        let [cli] = &store.server().clis().unwrap()[..] else { panic!("one number") };
        let known = (cli.account, cli.number.as_str(), cli.callback);
        assert_eq!(known, (alice, "3630", true), "renewing takes no right");
        assert_eq!(wait(store.add_cli(Scope::Own(bob), "3631", alice, false)), Err(UserError::NotFound));
        store.close();
    }
}
