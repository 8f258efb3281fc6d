//! Webhooks on both engines: sealed secrets, progress of this node, and a replay that no older attempt undoes.
#![allow(clippy::unwrap_used, reason = "a helper of tests may panic like a test")]

mod common;

use common::*;
use strowger_model::{AccountId, Scope, Secret, Wall};
use strowger_store::{SqlAnswer, SqlLimits, Store, UserError, Webhook, WebhookProgress};

fn add(store: &Store, scope: Scope, owner: Option<AccountId>) -> Result<i64, UserError> {
    let what = ("https://hook.example/x".to_owned(), Secret::new("signing-key"), "call".to_owned());
    wait(store.add_webhook(scope, owner, what, 40))
}

fn only(store: &Store) -> Webhook {
    let [hook] = &wait(store.webhooks(Scope::All)).unwrap()[..] else { panic!("one webhook") };
    hook.clone()
}

fn note(store: &Store, hook: &Webhook, cursor: u64, failures: u32, enabled: bool) {
    let progress = WebhookProgress {
        cursor,
        failures,
        failing_since: (failures > 0).then_some(Wall(7)),
        status: 503,
        error: "é".repeat(300),
    };
    store.note_webhook((hook.id, hook.generation), progress, enabled);
    // The writer works in order: what was noted before this is durable afterwards.
    wait(store.settled_records(0)).unwrap();
}

#[test]
fn a_webhook_keeps_its_secret_its_progress_and_its_owner() {
    for bench in engines() {
        let store = bench.open();
        let (alice, bob) = (user(&store, "alice", "0"), user(&store, "bob", "0"));
        let id = add(&store, Scope::Own(alice), Some(alice)).unwrap();
        assert_eq!(add(&store, Scope::Own(alice), Some(bob)), Err(UserError::NotFound), "{}", bench.name);
        assert_eq!(add(&store, Scope::Own(alice), None), Err(UserError::NotFound));
        assert!(wait(store.webhooks(Scope::Own(bob))).unwrap().is_empty());
        let hook = only(&store);
        assert_eq!((hook.id, hook.owner, hook.cursor, hook.enabled), (id, Some(alice), 40, true));
        assert_eq!((hook.secret.expose(), hook.types.as_str()), ("signing-key", "call"), "{}", bench.name);
        let raw = wait(store.sql(Scope::All, "select secret from tb_webhooks", SqlLimits::default()));
        let open =
            matches!(&raw, Ok(SqlAnswer::Rows(table, _)) if table.rows[0][0].to_string().contains("signing"));
        assert!(!open, "{}: {raw:?}", bench.name);

        note(&store, &hook, 41, 2, true);
        let noted = only(&store);
        let state = (noted.cursor, noted.failures, noted.failing_since, noted.status);
        assert_eq!(state, (41, 2, Some(Wall(7)), 503), "{}", bench.name);
        assert_eq!(noted.error.chars().count(), 200, "{}", bench.name);
        note(&store, &hook, 42, 3, false);
        assert!(!only(&store).enabled);

        assert_eq!(wait(store.replay_webhook(Scope::Own(bob), id, 10)), Err(UserError::NotFound));
        assert_eq!(wait(store.replay_webhook(Scope::Own(alice), id, 10)), Ok(()), "{}", bench.name);
        let again = only(&store);
        assert!(again.enabled && again.generation > hook.generation);
        assert_eq!((again.cursor, again.failures, again.error.as_str()), (10, 0, ""), "{}", bench.name);
        note(&store, &hook, 43, 9, false);
        assert_eq!(only(&store), again, "{}: an attempt from before the replay counts no more", bench.name);
        wait(store.begin_webhook(id, 99)).unwrap();
        assert_eq!(only(&store).cursor, 10, "this node has met it already");

        assert_eq!(wait(store.delete_webhook(Scope::Own(bob), id)), Err(UserError::NotFound));
        assert_eq!(wait(store.delete_webhook(Scope::Own(alice), id)), Ok(()));
        assert!(wait(store.webhooks(Scope::All)).unwrap().is_empty(), "{}", bench.name);
        store.close();
    }
}

#[test]
fn an_account_has_a_bounded_number() {
    for bench in engines() {
        let store = bench.open();
        let alice = user(&store, "alice", "0");
        for _ in 0..20 {
            add(&store, Scope::Own(alice), Some(alice)).unwrap();
        }
        let more = add(&store, Scope::Own(alice), Some(alice));
        assert!(matches!(more, Err(UserError::Denied { .. })), "{}: {more:?}", bench.name);
        assert!(add(&store, Scope::All, None).is_ok(), "{}", bench.name);
        store.close();
    }
}
