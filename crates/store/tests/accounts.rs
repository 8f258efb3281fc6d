//! Accounts, prices and settings: written by API, by `db` and by outside SQL, read into memory, followed, backed up.
#![allow(clippy::unwrap_used, reason = "a helper of tests may panic like a test")]

mod common;

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use common::*;
use strowger_model::{AccountKind, NeedAuth, Scope, Secret, Wall};
use strowger_store::{
    AuditEntry, Cell, Database, LineStatus, SqlAnswer, SqlLimits, Store, UserError, UserFilter,
};

fn sql(store: &Store, text: &str) -> SqlAnswer {
    wait(store.sql(Scope::All, text, SqlLimits::default())).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn an_account_comes_back_as_it_was_written() {
    for bench in engines() {
        let store = bench.open();
        let mut new = new_user("Trunk1", "0");
        new.kind = AccountKind::SipServer;
        new.password = Secret::new("trunkpw");
        new.fields = pairs(&[
            ("currency", "usd"),
            ("ip", "192.0.2.7"),
            ("port", "5070"),
            ("transport", "tcp"),
            ("needauth", "1"),
            ("authip", "198.51.100.0/24"),
            ("needregister", "1"),
            ("sendstraffic", "1"),
            ("blockprefixes", "4990, 881"),
            ("pin", "9876"),
            ("noanswertimeout", "20"),
            ("forwardalways", "0301234"),
            ("notifymissede-mail", "1"),
            ("maxlines", "30"),
        ]);
        let id = wait(store.create_user(Scope::All, new, None)).unwrap();
        sql(&store, &format!("insert into tb_users_authip (userid, ip) values ({id}, '203.0.113.9')"));
        let account = store.server().accounts(&[id]).unwrap().remove(0);
        assert_eq!((account.kind, &*account.username), (AccountKind::SipServer, "Trunk1"), "{}", bench.name);
        assert_eq!((account.password.expose(), account.pin.expose()), ("trunkpw", "9876"));
        assert_eq!((account.need_auth, account.active), (NeedAuth::Ip, true));
        assert_eq!((account.auth_ip.len(), account.max_lines), (2, Some(30)));
        assert_eq!((&*account.block_prefixes[1], account.forwarding.no_answer_ms), ("881", Some(20_000)));
        let server = account.server.as_ref().unwrap();
        assert_eq!((server.ip.unwrap().to_string(), server.port), ("192.0.2.7".to_owned(), 5070));
        assert!(server.register && server.sends_traffic);
        assert_eq!(store.server().load().unwrap().accounts, [account]);
        let fields =
            wait(store.user_fields(Scope::All, id, &["notifymissede-mail", "password", "currency"])).unwrap();
        assert_eq!(fields, pairs(&[("notifymissedemail", "1"), ("currency", "USD")]));
        store.close();
    }
}

#[test]
fn fields_are_checked_and_names_are_unique_without_case() {
    for bench in engines() {
        let store = bench.open();
        let id = user(&store, "alice", "9.8");
        assert_eq!(wait(store.create_user(Scope::All, new_user("ALICE", "0"), None)), Err(UserError::Taken));
        let set = |name: &str, value: &str| wait(store.set_fields(Scope::All, id, pairs(&[(name, value)])));
        assert!(matches!(set("nonsense", "1"), Err(UserError::BadField { .. })));
        assert!(matches!(set("id", "7"), Err(UserError::Denied { .. })));
        assert!(matches!(set("type", "x"), Err(UserError::BadValue { .. })));
        assert!(matches!(set("credit", "1e5"), Err(UserError::BadValue { .. })));
        assert!(matches!(set("currency", "USD"), Err(UserError::Denied { .. })));
        assert!(matches!(set("name = '' --", "x"), Err(UserError::BadField { .. })));
        set("Credit", "3.000001").unwrap();
        set("displayname", "O'Hara; drop").unwrap();
        let get = |table: &str, ret: &str, by: &str, value: &str| {
            wait(store.get_field(Scope::All, table, ret, by, value)).unwrap()
        };
        assert_eq!(get("", "credit", "", "Alice"), Some("3.000001".to_owned()), "{}", bench.name);
        assert_eq!(get("tb_users", "displayname", "id", &id.to_string()), Some("O'Hara; drop".to_owned()));
        assert_eq!(get("", "", "", "nobody"), None);
        let secret = wait(store.get_field(Scope::All, "", "password", "", "alice"));
        assert!(matches!(secret, Err(UserError::Denied { .. })));
        sql(&store, "insert into tb_billentries (prefix, price) values ('49', 1)");
        assert_eq!(wait(store.update_field(Scope::All, "tb_billentries", "price", "0.123456", 1)), Ok(1));
        assert_eq!(get("tb_billentries", "price", "prefix", "49"), Some("0.123456".to_owned()));
        assert!(wait(store.update_field(Scope::All, "ledger", "amount", "1", 1)).is_err());
        assert!(wait(store.update_field(Scope::Own(id), "tb_billentries", "price", "1", 1)).is_err());
        wait(store.delete_user(Scope::All, id)).unwrap();
        assert_eq!(wait(store.find_user(Scope::All, "alice")), Ok(None));
        user(&store, "alice", "1");
        check_books(&store);
        store.close();
    }
}

#[test]
fn users_are_listed_page_by_page() {
    for bench in engines() {
        let store = bench.open();
        for n in 0..5 {
            user(&store, &format!("u{n}"), "0");
        }
        let filter = UserFilter { max: 2, ..UserFilter::default() };
        let (mut names, mut cursor) = (Vec::new(), None);
        loop {
            let page = wait(store.list_users(Scope::All, filter.clone(), cursor)).unwrap();
            let column = page.table.columns.iter().position(|c| c == "username").unwrap();
            names.extend(page.table.rows.iter().map(|row| row[column].to_string()));
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(names, ["u0", "u1", "u2", "u3", "u4"], "{}", bench.name);
        let filter = UserFilter { extended: true, order: "username".into(), ..UserFilter::default() };
        let page = wait(store.list_users(Scope::All, filter, None)).unwrap();
        assert!(!page.table.columns.iter().any(|c| c == "password" || c == "pin"));
        let filter = UserFilter { order: "password".into(), ..UserFilter::default() };
        assert!(wait(store.list_users(Scope::All, filter, None)).is_err());
        store.close();
    }
}

#[test]
fn changes_arrive_within_a_second() {
    for bench in engines() {
        let store = bench.open();
        let id = user(&store, "alice", "1");
        let since = store.server().load().unwrap().seq;
        let (sender, changes) = channel();
        store.server().follow(since, Box::new(move |batch| sender.send(batch).unwrap())).unwrap();
        let expect = |table: &str, id: i64, since: Instant| {
            loop {
                let batch = changes.recv_timeout(Duration::from_secs(5)).expect("a change");
                if batch.iter().any(|c| c.table == table && c.id == id) {
                    assert!(since.elapsed() < Duration::from_secs(1), "{}", bench.name);
                    return;
                }
            }
        };
        let started = Instant::now();
        wait(store.set_password(Scope::All, id, Secret::new("new"))).unwrap();
        expect("account", id.0, started);
        let started = Instant::now();
        sql(&store, "insert into tb_routing (prefix, serverid) values ('49', 3)");
        expect("tb_routing", 1, started);
        if !bench.is_sqlite() {
            let started = Instant::now();
            bench.outside(&format!("UPDATE tb_users SET enabled = 0 WHERE id = {id}"));
            expect("account", id.0, started);
            assert!(!store.server().accounts(&[id]).unwrap()[0].active);
        }
        store.close();
    }
}

#[test]
fn outside_sql_on_the_view_books_credit_and_its_clear_passwords_are_sealed_when_read() {
    for bench in engines().into_iter().filter(|b| !b.is_sqlite()) {
        let store = bench.open();
        bench.outside(
            "INSERT INTO tb_users (type, username, password, name, email, credit, postpaid) VALUES (0,'u','clear','n','e',5,0); \
             UPDATE tb_users SET credit = credit - 1.5 WHERE username = 'u';",
        );
        let account = store.server().load().unwrap().accounts.remove(0);
        assert_eq!(account.password.expose(), "clear");
        assert_eq!(settled(&store, account.id), amount("3.5"));
        bench.outside(
            "DO $$ BEGIN IF EXISTS (SELECT 1 FROM account WHERE password = 'clear') THEN RAISE EXCEPTION 'clear'; END IF; END $$",
        );
        check_books(&store);
        store.close();
    }
}

#[test]
fn a_password_is_nowhere_in_database_log_or_backup() {
    let canary = "Kanarienvogel-7731";
    for bench in engines() {
        let store = bench.open();
        let mut new = new_user("alice", "1");
        new.password = Secret::new(canary);
        new.fields.push(("pin".into(), format!("{canary}-pin")));
        let id = wait(store.create_user(Scope::All, new, None)).unwrap();
        wait(store.set_password(Scope::All, id, Secret::new(format!("{canary}-2")))).unwrap();
        wait(store.set_fields(Scope::All, id, pairs(&[("password", &format!("{canary}-3"))]))).unwrap();
        sql(&store, &format!("insert into tb_users (username, password) values ('bob', '{canary}-4')"));
        sql(&store, &format!("update tb_users set password = '{canary}-5' where username = 'bob'"));
        sql(&store, &format!("select id from tb_users where username = 'bob' and password = '{canary}-5'"));
        let backup = bench.path().join("backup");
        let report = wait(store.backup(Scope::All, backup.clone())).unwrap();
        assert_eq!(report.accounts, 2);
        let search = |dir: &std::path::Path| {
            for entry in std::fs::read_dir(dir).unwrap() {
                let bytes = std::fs::read(entry.as_ref().unwrap().path()).unwrap();
                let found = bytes.windows(canary.len()).any(|w| w == canary.as_bytes());
                assert!(!found, "{}: {:?}", bench.name, entry);
            }
        };
        search(bench.path());
        store.close();
        search(bench.path());
    }
}

#[test]
fn a_backup_restores() {
    for bench in engines() {
        let store = bench.open();
        let alice = user(&store, "alice", "5");
        let backup = bench.path().join("backup");
        wait(store.backup(Scope::All, backup.clone())).unwrap();
        assert!(wait(store.backup(Scope::All, backup.clone())).is_err());
        assert!(wait(store.backup(Scope::Own(alice), bench.path().join("other"))).is_err());
        wait(store.add_credit(Scope::All, alice, amount("1"), None, "", None)).unwrap();
        user(&store, "bob", "1");
        store.close();
        drop(store);
        let report = Store::restore(&bench.options(), &backup).unwrap();
        assert_eq!(report.accounts, 1, "{}", bench.name);
        let store = bench.open();
        assert_eq!(settled(&store, alice), amount("5"));
        assert_eq!(wait(store.find_user(Scope::All, "bob")), Ok(None));
        check_books(&store);
        store.close();
        if bench.is_sqlite() {
            let mut aside = bench.options();
            let Database::Sqlite(path) = &mut aside.database else { unreachable!() };
            path.as_mut_os_string().push(".before-restore");
            let aside = Store::open(aside).unwrap();
            assert_eq!(settled(&aside, alice), amount("6"), "what was written last is kept aside");
            aside.close();
        }
        std::fs::write(&backup, b"garbage").unwrap();
        assert!(Store::restore(&bench.options(), &backup).is_err());
        assert_eq!(settled(&bench.open(), alice), amount("5"), "a bad backup changes nothing");
    }
}

#[test]
fn settings_numbers_audit_and_line_states_are_kept() {
    for bench in engines() {
        let store = bench.open();
        let id = user(&store, "alice", "0");
        wait(store.set_setting(Scope::All, "Realm", Some("example"))).unwrap();
        wait(store.set_setting(Scope::All, "realm", Some("example.org"))).unwrap();
        assert_eq!(wait(store.setting("REALM")), Ok(Some("example.org".to_owned())), "{}", bench.name);
        assert!(wait(store.set_setting(Scope::Own(id), "realm", None)).is_err());
        wait(store.set_setting(Scope::All, "realm", None)).unwrap();
        assert_eq!(wait(store.settings()), Ok(vec![]));

        sql(&store, "insert into tb_phonenumbers (number, location) values ('3460', 'HU'), ('3461', 'AT')");
        let now = START;
        assert_eq!(wait(store.free_numbers(10, 0, "", "", now)).unwrap().len(), 2);
        assert_eq!(wait(store.free_numbers(10, 0, "34", "HU", now)).unwrap()[0].number, "3460");
        let first = wait(store.free_numbers(1, 0, "", "", now)).unwrap()[0].id;
        let behind = wait(store.free_numbers(10, first, "", "", now)).unwrap();
        assert_eq!(behind.iter().map(|row| &*row.number).collect::<Vec<_>>(), ["3461"], "{}", bench.name);
        wait(store.lock_number(Scope::All, "3460", id, Some(now.plus_ms(60_000)), now)).unwrap();
        assert_eq!(wait(store.free_numbers(10, 0, "34", "HU", now)).unwrap().len(), 0);
        let other = user(&store, "bob", "0");
        assert!(wait(store.lock_number(Scope::All, "3460", other, Some(now.plus_ms(60_000)), now)).is_err());
        assert!(wait(store.lock_number(Scope::All, "3460", other, None, now.plus_ms(61_000))).is_ok());
        let later = now.plus_ms(86_400_000);
        assert!(wait(store.lock_number(Scope::All, "3460", id, None, later)).is_err(), "taken for good");
        assert_eq!(wait(store.free_numbers(10, 0, "35", "", later)).unwrap().len(), 0);

        store.audit(AuditEntry {
            at: Wall(1),
            account: Some(id),
            source: "127.0.0.1".into(),
            command: "db".into(),
            object: "x".into(),
            outcome: "OK".into(),
        });
        store.line_state(id, LineStatus::Registered, Wall(START.0));
        store.line_state(id, LineStatus::Speaking, Wall(START.0));
        let health = wait(store.health());
        assert!(health.ok, "{health:?}");
        store.close();
        drop(store);
        let store = bench.open();
        let SqlAnswer::Rows(table, _) =
            sql(&store, "select status, statusdate from tb_users where username = 'alice'")
        else {
            panic!()
        };
        assert_eq!(table.rows[0], [Cell::Int(3), Cell::Text("2026-11-22 00:00:00".into())]);
        let SqlAnswer::Rows(table, _) = sql(&store, "select command, outcome from audit") else { panic!() };
        assert_eq!(table.rows.len(), 1);
        store.close();
    }
}
