//! Keys, sessions and digests of the API outlive the process, on each engine.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod common;

use common::{engines, wait};
use strowger_model::{AccountId, Scope, Wall};
use strowger_store::{ApiKeyRow, ReplayRow, SessionRow, SqlLimits, UserError};

fn key(name: &str) -> ApiKeyRow {
    ApiKeyRow {
        id: 0,
        name: name.into(),
        digest: format!("{name:0>64}"),
        scopes: "balance".into(),
        account: Some(AccountId(7)),
        addresses: "192.0.2.0/24".into(),
        expires: Some(Wall(5)),
        enabled: true,
        created: Wall(1),
        last_used: None,
    }
}

fn session(digest: &str, expires: i64, key: Option<i64>) -> SessionRow {
    SessionRow {
        digest: digest.into(),
        account: AccountId(7),
        address: "192.0.2.1".parse().unwrap(),
        expires: Wall(expires),
        check_value: "c".into(),
        key,
    }
}

/// A time that has not come yet.
const LATER: i64 = 9_000_000_000_000;

#[test]
fn keys_sessions_and_digests_survive_the_store() {
    for bench in engines() {
        let store = bench.open();
        let id = wait(store.api_key_add(Scope::All, key("web"))).unwrap();
        assert_eq!(wait(store.api_key_add(Scope::All, key("WEB"))), Err(UserError::Taken), "{}", bench.name);
        let own = wait(store.api_key_add(Scope::Own(AccountId(7)), key("b")));
        assert!(matches!(own, Err(UserError::Denied { .. })));
        store.api_keys_used(vec![(id, Wall(9))]);
        wait(store.session_add(session("s1", LATER, None))).unwrap();
        wait(store.session_add(session("s2", LATER + 1, Some(id)))).unwrap();
        let replay =
            ReplayRow { digest: "d".into(), address: "2001:db8::1".parse().unwrap(), at: Wall(LATER) };
        let again = ReplayRow { address: "192.0.2.9".parse().unwrap(), ..replay.clone() };
        store.replays_add(vec![replay.clone(), again], Wall(0));
        store.close();

        let store = bench.open();
        let kept = ApiKeyRow { id, last_used: Some(Wall(9)), ..key("web") };
        assert_eq!(wait(store.api_keys()).unwrap(), [kept], "{}", bench.name);
        let alive = [session("s2", LATER + 1, Some(id)), session("s1", LATER, None)];
        assert_eq!(wait(store.sessions(Wall(0), 9)).unwrap(), alive);
        assert_eq!(wait(store.sessions(Wall(LATER), 9)).unwrap(), alive[..1]);
        assert_eq!(wait(store.replays(Wall(0), 9)).unwrap(), [replay]);

        wait(store.api_key_enable(Scope::All, "WEB", false)).unwrap();
        assert!(!wait(store.api_keys()).unwrap()[0].enabled, "{}", bench.name);
        assert_eq!(wait(store.api_key_enable(Scope::All, "x", true)), Err(UserError::NotFound));

        wait(store.api_key_del(Scope::All, "Web")).unwrap();
        assert_eq!(wait(store.api_key_del(Scope::All, "web")), Err(UserError::NotFound));
        assert_eq!(wait(store.sessions(Wall(0), 9)).unwrap(), alive[1..], "its sessions went with the key");
        store.replays_add(Vec::new(), Wall(LATER + 1));
        assert_eq!(wait(store.api_keys()).unwrap(), []);
        wait(store.session_add(session("s3", LATER, None))).unwrap();
        assert_eq!(wait(store.replays(Wall(0), 9)).unwrap(), []);
        store.close();
    }
}

#[test]
fn ad_hoc_sql_neither_makes_keys_nor_sees_sessions() {
    for bench in engines() {
        let store = bench.open();
        let limits = SqlLimits { rows: 10, allow_writes: true };
        for (sql, allowed) in [
            ("select name, scopes from tb_apikeys", true),
            ("insert into tb_apikeys (name, digest, created_ms) values ('x', 'y', 0)", false),
            ("update tb_apikeys set scopes = 'all'", false),
            ("select digest from api_session", false),
            ("delete from api_session", false),
            ("delete from api_replay", false),
        ] {
            let answer = wait(store.sql(Scope::All, sql, limits));
            assert_eq!(answer.is_ok(), allowed, "{}: {sql}: {answer:?}", bench.name);
        }
        store.close();
    }
}
