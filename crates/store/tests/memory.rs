//! What the server keeps in memory is read alike from both engines, and connections are renewed under it.
#![allow(clippy::unwrap_used, reason = "a helper of tests may panic like a test")]

mod common;

use common::*;
use strowger_model::{Scope, Wall};
use strowger_store::{LineStatus, SqlLimits, Store};

fn sql(store: &Store, statement: &str) {
    wait(store.sql(Scope::All, statement, SqlLimits { rows: 10, allow_writes: true })).unwrap();
}

#[test]
fn what_sql_wrote_is_what_the_server_reads() {
    for bench in engines() {
        let store = bench.open();
        let alice = user(&store, "alice", "0");
        let before = store.server().last_change().unwrap();
        sql(&store, "insert into tb_currencies (code, rate, digits) values ('EUR', 1.25, 2)");
        sql(&store, "insert into tb_holidays (date, name) values ('12-24', 'Eve')");
        sql(&store, &format!("insert into tb_blacklist (number, userid, type) values ('900', {alice}, 0)"));
        sql(
            &store,
            "insert into tb_portednumbers (number, routingnumber, operator) values ('36201', 'D23', 'North')",
        );
        sql(&store, "insert into tb_packets (name, freeminutes, freesms) values ('flat', 100, 20)");
        sql(&store, "update tb_users set email = 'Alice@mail.example' where username = 'alice'");
        assert!(store.server().last_change().unwrap() > before, "{}", bench.name);
        let [euro] = &store.server().currencies().unwrap()[..] else { panic!("{}", bench.name) };
        assert_eq!((euro.code, euro.rate_micros, euro.digits), (EUR, 1_250_000, 2), "{}", bench.name);
        let days: Vec<_> = store.server().holidays().unwrap().iter().map(|h| h.date.clone()).collect();
        assert_eq!(days, ["12-24"], "{}", bench.name);
        let [blocked] = &store.server().blacklist().unwrap()[..] else { panic!("{}", bench.name) };
        assert_eq!((blocked.number.as_str(), blocked.user, blocked.kind), ("900", Some(alice), 0));
        let [ported] = &store.server().ported().unwrap()[..] else { panic!("{}", bench.name) };
        assert_eq!(
            (&*ported.number, &*ported.routing_number, &*ported.operator),
            ("36201", "D23", "North"),
            "{}",
            bench.name
        );
        assert_eq!(store.server().load().unwrap().ported.len(), 1, "{}", bench.name);
        assert_eq!(wait(store.packet_list(Scope::All, 1, 7)), Ok(()), "{}", bench.name);
        let [packet] = &store.server().prices().unwrap().packets[..] else { panic!("{}", bench.name) };
        assert_eq!((packet.list, packet.free_minutes, packet.free_sms), (Some(7), 100, 20));
        let found = wait(store.account_by_mail("alice@MAIL.example")).unwrap();
        assert_eq!(found, Some(alice), "{}", bench.name);
        assert_eq!(wait(store.account_by_mail("bob@mail.example")).unwrap(), None);
        let whole = store.server().load().unwrap();
        assert_eq!((whole.accounts.len(), whole.prices.packets.len()), (1, 1), "{}", bench.name);
        store.close();
    }
}

#[test]
fn fresh_connections_go_on_where_the_old_ones_stopped() {
    for bench in engines() {
        let store = bench.open();
        let alice = user(&store, "alice", "1");
        let (heard, changes) = std::sync::mpsc::channel();
        let each = Box::new(move |changes| heard.send(changes).unwrap());
        let following = store.server().follow(0, each).unwrap();
        assert!(store.reconnect().unwrap() >= 2, "{}", bench.name);
        let mut mint = mint(&store);
        let mut leg = Leg::new(&mut mint, alice, "0", "0");
        money(&store, leg.settle(30, "0.5"));
        assert_eq!(settled(&store, alice), amount("0.5"), "{}", bench.name);
        assert!(!changes.recv_timeout(std::time::Duration::from_secs(20)).unwrap().is_empty());
        assert!(wait(store.health()).ok && !store.is_broken(), "{}", bench.name);
        assert!(store.running_queries().iter().all(|query| !query.text.contains("0.5")), "{}", bench.name);
        store.line_state(alice, LineStatus::Registered, Wall(5));
        store.server().clear_lines().unwrap();
        following.stop();
        store.close();
    }
}
