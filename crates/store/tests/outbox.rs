//! The outbox on both engines: what is queued is sealed, comes out when it is due, and waits longer after each failed try.
#![allow(clippy::unwrap_used, reason = "a helper of tests may panic like a test")]

mod common;

use common::*;
use strowger_model::{Scope, Secret, Wall};
use strowger_store::{Letter, LetterKind, OutboxError, SqlAnswer, SqlLimits};

fn letter(to: &str) -> Letter {
    Letter {
        kind: LetterKind::Mail,
        to: to.to_owned(),
        from: String::new(),
        subject: "Your code".to_owned(),
        body: Secret::new("the code is 123456"),
        correlation: "signup/alice".to_owned(),
    }
}

/// Long after whatever the store's clock says.
const LATER: Wall = Wall(4_000_000_000_000);

#[test]
fn a_letter_is_sealed_due_and_tried_again_until_it_is_sent() {
    for bench in engines() {
        let store = bench.open();
        let id = wait(store.outbox_queue(letter("alice@mail.example"))).unwrap();
        let wrong = wait(store.outbox_queue(letter("alice@mail.example\r\nBcc: eve@mail.example")));
        assert!(matches!(wrong, Err(OutboxError::BadAddress { what: "to", .. })), "{wrong:?}");

        let all = "select kind, recipient, subject, body, state, correlation from tb_outbox";
        let Ok(SqlAnswer::Rows(table, false)) = wait(store.sql(Scope::All, all, SqlLimits::default())) else {
            panic!("the outbox can be read");
        };
        let row: Vec<String> = table.rows[0].iter().map(ToString::to_string).collect();
        assert_eq!(
            (row[0].as_str(), row[1].as_str(), row[4].as_str()),
            ("mail", "alice@mail.example", "queued")
        );
        assert!(row[2].starts_with("enc1:") && row[3].starts_with("enc1:"), "{}: {row:?}", bench.name);
        let refused = wait(store.sql(Scope::All, "delete from tb_outbox", SqlLimits::default()));
        assert!(refused.is_err());

        assert!(wait(store.outbox_due(Wall(0), 10)).unwrap().is_empty());
        let due = wait(store.outbox_due(LATER, 10)).unwrap();
        assert_eq!((due.len(), due[0].id, due[0].attempts), (1, id, 0), "{}", bench.name);
        assert_eq!(due[0].letter.body.expose(), "the code is 123456");
        assert_eq!(due[0].letter.subject, "Your code");

        for attempt in 1..8 {
            wait(store.outbox_tried(id, false, START)).unwrap();
            assert!(wait(store.outbox_due(START, 10)).unwrap().is_empty());
            assert_eq!(wait(store.outbox_due(LATER, 10)).unwrap()[0].attempts, attempt);
        }
        wait(store.outbox_tried(id, false, START)).unwrap();
        assert!(wait(store.outbox_due(LATER, 10)).unwrap().is_empty(), "the eighth failure is the last");

        let second = wait(store.outbox_queue(letter("bob@mail.example"))).unwrap();
        wait(store.outbox_tried(second, true, START)).unwrap();
        assert!(wait(store.outbox_due(LATER, 10)).unwrap().is_empty());
        let Ok(SqlAnswer::Rows(table, _)) = wait(store.sql(
            Scope::All,
            "select state, body from tb_outbox order by id",
            SqlLimits::default(),
        )) else {
            panic!("the outbox can be read");
        };
        assert_eq!(table.rows[0][0].to_string(), "failed", "{}", bench.name);
        assert_eq!(
            (table.rows[1][0].to_string(), table.rows[1][1].to_string()),
            ("sent".into(), String::new())
        );
        store.close();
    }
}
