//! Messages that wait, statuses and SMS on both engines: bounded, sealed, taken once.
#![allow(clippy::unwrap_used, reason = "a helper of tests may panic like a test")]

mod common;

use std::sync::mpsc::channel;

use common::*;
use strowger_model::{AccountId, Scope, Wall};
use strowger_store::{
    KeptMessage, MessageError, NewMessage, PresenceRow, ReceivedSms, SmsSeen, SqlAnswer, SqlLimits, Store,
    Unavailable,
};

fn message(to: AccountId, body: &str, underway: bool) -> NewMessage {
    NewMessage {
        from: Some(AccountId(1)),
        from_name: "alice".into(),
        to,
        content_type: "text/plain".into(),
        body: body.into(),
        underway,
        most: 3,
        oldest: Wall(0),
    }
}

fn keep(store: &Store, message: NewMessage) -> Result<i64, MessageError> {
    let (sender, kept) = channel();
    store.keep_message(message, move |outcome| sender.send(outcome).unwrap());
    kept.recv().unwrap()
}

fn take(store: &Store, to: AccountId) -> Vec<String> {
    let (sender, taken) = channel();
    store.take_messages(to, move |messages: Result<Vec<KeptMessage>, Unavailable>| {
        sender.send(messages).unwrap();
    });
    bodies(taken.recv().unwrap().unwrap())
}

fn bodies(messages: Vec<KeptMessage>) -> Vec<String> {
    messages.into_iter().map(|message| message.body).collect()
}

#[test]
fn messages_are_taken_once_in_order_and_kept_over_a_crash() {
    for bench in engines() {
        let store = bench.open();
        let bob = user(&store, "bob", "0");
        for text in ["one", "two", "three"] {
            keep(&store, message(bob, text, false)).unwrap();
        }
        assert_eq!(keep(&store, message(bob, "four", false)), Err(MessageError::Full { most: 3 }));
        assert_eq!(bodies(wait(store.hand_over_messages(bob, 4)).unwrap()), ["one"], "at least one");
        assert_eq!(take(&store, bob), ["two", "three"]);
        assert!(take(&store, bob).is_empty(), "what is under way is nobody else's");
        let underway = keep(&store, message(bob, "five", true)).unwrap();
        assert_eq!(store.server().restore_messages().unwrap(), [bob]);
        assert_eq!(bodies(wait(store.hand_over_messages(bob, 1000)).unwrap()), ["two", "three", "five"]);
        store.message_sent(underway, true);
        assert!(store.server().restore_messages().unwrap().is_empty());
        store.close();
    }
}

#[test]
fn a_text_lies_sealed_and_goes_with_its_delivery() {
    for bench in engines() {
        let store = bench.open();
        let bob = user(&store, "bob", "0");
        let id = keep(&store, message(bob, "between us", false)).unwrap();
        let body = |store: &Store| {
            let sql = format!("select body from tb_messages where id = {id}");
            match wait(store.sql(Scope::All, &sql, SqlLimits::default())).unwrap() {
                SqlAnswer::Rows(table, _) => table.rows[0][0].to_string(),
                other => panic!("{other:?}"),
            }
        };
        let sealed = body(&store);
        assert!(!sealed.is_empty() && !sealed.contains("between us"));
        assert_eq!(bodies(wait(store.hand_over_messages(bob, 1000)).unwrap()), ["between us"]);
        assert_eq!(body(&store), "");
        store.drop_old_messages(Wall(i64::MAX));
        assert_eq!(keep(&store, message(bob, "x", false)).map(|new| new > id), Ok(true));
        store.close();
    }
}

#[test]
fn a_status_holds_until_its_time() {
    for bench in engines() {
        let store = bench.open();
        let row =
            |status: &str| PresenceRow { account: AccountId(7), status: status.into(), until: Wall(1_000) };
        wait(store.set_presence(row("here"))).unwrap();
        wait(store.set_presence(row("away"))).unwrap();
        assert_eq!(store.server().presence(Wall(999)).unwrap(), [row("away")]);
        assert!(store.server().presence(Wall(1_000)).unwrap().is_empty());
        wait(store.set_presence(row(""))).unwrap();
        assert!(store.server().presence(Wall(0)).unwrap().is_empty());
        store.close();
    }
}

#[test]
fn an_sms_counts_once() {
    for bench in engines() {
        let store = bench.open();
        let sms = |text: &str| ReceivedSms {
            msgid: "gw-1".into(),
            from: "36301".into(),
            to: "36302".into(),
            account: None,
            text: text.into(),
        };
        let SmsSeen::New(id) = wait(store.receive_sms(sms("balance"))).unwrap() else {
            panic!("the first is new")
        };
        assert_eq!(wait(store.receive_sms(sms("balance"))).unwrap(), SmsSeen::Before(String::new()));
        wait(store.sms_outcome(id, "done".into())).unwrap();
        assert_eq!(wait(store.receive_sms(sms("balance"))).unwrap(), SmsSeen::Before("done".into()));
        assert_eq!(wait(store.receive_sms(sms("rating"))).unwrap(), SmsSeen::Reused);
        store.close();
    }
}
