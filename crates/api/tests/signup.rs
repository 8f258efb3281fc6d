//! Sign-up and recovery with the codes that the outbox holds, and a corpus of SQL in every parameter.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use std::time::{Duration, Instant};

use common::{ADMIN, Exchange};
use strowger_api::{Effect, Run, commands};
use strowger_model::Wall;
use strowger_store::DueLetter;

/// Long after whatever the store's clock says.
const LATER: Wall = Wall(4_000_000_000_000);

/// Waits for the outbox to hold so many messages, and gives the last one.
async fn letter(exchange: &Exchange, count: usize) -> DueLetter {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let due = exchange.store.outbox_due(LATER, 100).await.unwrap();
        if due.len() >= count {
            return due.into_iter().last().unwrap();
        }
        assert!(Instant::now() < end, "{} of {count} messages", due.len());
        tokio::task::yield_now().await;
    }
}

/// What stands after `is ` up to the next blank or full stop.
fn told(letter: &DueLetter) -> String {
    let text = letter.letter.body.expose();
    let from = text.find(" is ").unwrap() + 4;
    text[from..].split([' ', '.', '\n']).next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_enabled_by_the_code_that_was_sent() {
    let exchange = Exchange::new(&[("signupconfirm", "sms")]).await;
    let sign_up = "?apientry=newuseru&authkey=K&u_username=alice&u_password=pa&u_phone=%2b36301234567";
    let answer = exchange.line(sign_up).await;
    assert!(answer.contains("confirm:sms"), "{answer}");
    let code = told(&letter(&exchange, 1).await);
    assert_eq!(code.len(), 10);
    let confirm = |code: &str, password: &str| {
        let line =
            format!("?apientry=newusercode&authkey=K&u_code={code}&u_username=Alice&u_password={password}");
        let exchange = &exchange;
        async move { exchange.line(&line).await.trim().to_owned() }
    };
    let wrong = "ERROR: invalid parameter: u_code is wrong or expired";
    assert_eq!(confirm("ABCDE23456", "pa").await, wrong);
    assert_eq!(confirm(&code, "other").await, wrong, "the password too");
    assert!(exchange.line("?apientry=status&authkey=K&authid=alice&authpwd=pa").await.starts_with("ERROR"));
    assert!(confirm(&code.to_lowercase(), "pa").await.starts_with("OK: confirmed userid:"));
    assert_eq!(exchange.line("?apientry=status&authkey=K&authid=alice&authpwd=pa").await.trim(), "OK: 1");
    assert_eq!(confirm(&code, "pa").await, wrong, "once");
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_signs_up_gets_what_is_configured_and_no_more_by_another_currency() {
    let settings = [("signupcredit", "1.5"), ("signuppacket", "7"), ("signuprights", "20")];
    let exchange = Exchange::new(&settings).await;
    for (name, currency, credit) in [("alice", "USD", "1.5"), ("bob", "EUR", "0")] {
        let line =
            format!("?apientry=newuseru&authkey=K&u_username={name}&u_password=p&u_currency={currency}");
        assert!(exchange.line(&line).await.starts_with("OK: userid:"));
        let sql = format!("select credit, packetid, rights from tb_users where username = '{name}'");
        let rows = exchange.admin(&format!("apientry=db&sql={sql}")).await;
        assert_eq!(rows.trim(), format!("OK: 2\ncredit\tpacketid\trights\n{credit}\t7\t20"));
    }
    let books = exchange.admin("apientry=db&sql=select sum(amount) as total from ledger").await;
    assert_eq!(books.trim(), "OK: 2\ntotal\n0", "money is conserved");
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_password_is_replaced_after_the_code_came_back() {
    let exchange = Exchange::new(&[]).await;
    for (name, more) in [("alice", ""), ("boss", "&u_type=15")] {
        exchange
            .admin(&format!(
                "apientry=newuseri&u_username={name}&u_password=p{name}&u_email={name}@mail.example{more}"
            ))
            .await;
    }
    exchange.admin("apientry=db&sql=update tb_users set type = 15 where username = 'boss'").await;
    let ask = |mail: &str| {
        let line = format!("?apientry=forgotpasswordquestion&authkey=K&email={mail}");
        let exchange = &exchange;
        async move { exchange.line(&line).await.trim().to_owned() }
    };
    let sent = "OK: a code was sent if an account has this address";
    assert_eq!(ask("boss@mail.example").await, sent);
    assert_eq!(ask("nobody@mail.example").await, sent);
    assert_eq!(ask("ALICE@mail.example").await, sent);
    let first = letter(&exchange, 1).await;
    assert_eq!(first.letter.to, "ALICE@mail.example", "neither strangers nor administrators are written to");
    let answer = |mail: &str, code: &str| {
        let line =
            format!("?apientry=forgotpasswordanswer&authkey=K&email={mail}&forgotpasswordanswer={code}");
        let exchange = &exchange;
        async move { exchange.line(&line).await.trim().to_owned() }
    };
    let wrong = "ERROR: invalid parameter: forgotpasswordanswer is wrong or expired";
    let code = told(&first);
    assert_eq!(answer("boss@mail.example", &code).await, wrong);
    assert_eq!(answer("nobody@mail.example", &code).await, wrong);
    assert_eq!(answer("alice@mail.example", &code).await, "OK: a new password was sent");
    let password = told(&letter(&exchange, 2).await);
    assert!(
        exchange.line("?apientry=status&authkey=K&authid=alice&authpwd=palice").await.starts_with("ERROR")
    );
    let status = exchange.line(&format!("?apientry=status&authkey=K&authid=alice&authpwd={password}")).await;
    assert_eq!(status.trim(), "OK: 1");

    // Five wrong tries void a code.
    assert_eq!(ask("alice@mail.example").await, sent);
    let code = told(&letter(&exchange, 3).await);
    for _ in 0..5 {
        assert_eq!(answer("alice@mail.example", "ABCDE23456").await, wrong);
    }
    assert_eq!(answer("alice@mail.example", &code).await, wrong);
    // An address that asks for too much is refused, known or not.
    let mut last = String::new();
    for _ in 0..12 {
        last = ask("stranger@mail.example").await;
    }
    assert!(last.starts_with("ERROR: limit"), "{last}");
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_to_the_own_question_stands_for_the_code() {
    let exchange = Exchange::new(&[]).await;
    exchange.admin("apientry=newuseri&u_username=alice&u_password=pa&u_email=alice@mail.example").await;
    let ask = |query: &str| {
        let line = format!("?authkey=K&{query}");
        let exchange = &exchange;
        async move { exchange.line(&line).await.trim().to_owned() }
    };
    let own = "authid=alice&authpwd=pa";
    for (field, value) in [("forgotpasswordquestion", "First pet?"), ("forgotpasswordanswer", "Old Rex")] {
        let line = format!("apientry=setfield&{own}&fieldname={field}&fieldvalue={value}");
        assert_eq!(ask(&line).await, format!("OK: {field} set"));
    }
    let details = ask(&format!("apientry=getdetails&{own}&mode=max")).await;
    assert!(details.contains("forgotpasswordquestion=First pet?"), "{details}");
    assert!(!details.contains("Rex") && !details.contains("forgotpasswordanswer"), "{details}");
    for (query, denied) in [
        ("apientry=db&sql=select forgotpasswordanswer from tb_users where username='alice'", false),
        ("apientry=getfield&retfieldname=forgotpasswordanswer&filterfieldvalue=alice", true),
        ("apientry=listusers&u_extended=1", false),
        ("apientry=requests", false),
    ] {
        let got = ask(&format!("{ADMIN}&{query}")).await;
        assert!(!got.contains("Rex") && got.starts_with("ERROR") == denied, "{query}: {got}");
    }
    let answer = |text: &str| {
        ask(&format!("apientry=forgotpasswordanswer&email=alice@mail.example&forgotpasswordanswer={text}"))
    };
    let wrong = "ERROR: invalid parameter: forgotpasswordanswer is wrong or expired";
    assert_eq!(answer("Old Rex").await, wrong, "nobody asked");
    let sent = "OK: a code was sent if an account has this address";
    assert_eq!(ask("apientry=forgotpasswordquestion&email=alice@mail.example").await, sent);
    let first = letter(&exchange, 1).await;
    assert!(
        first.letter.body.expose().contains("Or answer your question: First pet?"),
        "it is asked by mail"
    );
    assert_eq!(answer("Rex").await, wrong);
    assert_eq!(answer("old rex").await, "OK: a new password was sent");
    let password = told(&letter(&exchange, 2).await);
    assert_eq!(ask(&format!("apientry=status&authid=alice&authpwd={password}")).await, "OK: 1");
    exchange.stop().await;
}

/// Texts that would be SQL if a parameter ever became part of a statement.
const CORPUS: [&str; 12] = [
    "'",
    "''",
    "' or '1'='1",
    "x' or 1=1 --",
    "x'; drop table tb_users; --",
    "1 or 1=1",
    "1; select 1",
    "') or ('1'='1",
    "x' union select password from account --",
    "\\'; select 1 --",
    "%' or 'a' like '%",
    "$1 ?1 :a @a",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_parameter_of_a_reading_command_becomes_sql() {
    let exchange = Exchange::new(&[]).await;
    for name in ["alice", "victim"] {
        exchange
            .admin(&format!("apientry=newuseri&u_username={name}&u_password=pw&u_name={name}-private"))
            .await;
    }
    // Its text is SQL, or a file or a document that holds every name.
    let own = ["db", "help"];
    let mut asked = 0;
    for command in commands().iter().filter(|c| c.effect == Effect::Read && !own.contains(&c.name)) {
        if !matches!(command.run, Run::Here { .. }) {
            continue;
        }
        for param in command.params {
            for text in CORPUS {
                let encoded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
                let query = format!("apientry={}&{}={encoded}", command.name, param.name);
                for user in [ADMIN, "authkey=K&authid=alice&authpwd=pw"] {
                    let answer = exchange.line(&format!("?{user}&{query}")).await.to_ascii_lowercase();
                    asked += 1;
                    for trace in [
                        "syntax error",
                        "unrecognized token",
                        "no such column",
                        "sqlite",
                        "the database refused",
                    ] {
                        assert!(!answer.contains(trace), "{query}: {answer}");
                    }
                    if user != ADMIN {
                        assert!(!answer.contains("victim-private"), "{query}: {answer}");
                    }
                }
            }
        }
    }
    assert!(asked > 500, "{asked}");
    let users = exchange.admin("apientry=db&sql=select count(*) as n from tb_users").await;
    assert!(users.trim().ends_with('3'), "{users}");
    exchange.stop().await;
}
