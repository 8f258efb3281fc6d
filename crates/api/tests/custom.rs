//! Rows of `tb_api` that make commands and have actions, through the dispatcher of a real exchange.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use std::time::{Duration, Instant};

use common::{ADMIN, Exchange};
use strowger_model::{Scope, Wall};
use strowger_store::{LetterKind, SqlAnswer, SqlLimits};

/// Long after whatever the store's clock says.
const LATER: Wall = Wall(4_000_000_000_000);
const ALICE: &str = "authkey=K&authid=alice&authpwd=pa";

async fn exchange(rows: &[(&str, &str)]) -> Exchange {
    let exchange = Exchange::new(&[("adminemail", "boss@mail.example")]).await;
    exchange
        .admin("apientry=newuseri&u_username=alice&u_password=pa&u_email=alice@mail.example&credit=5")
        .await;
    for (columns, values) in rows {
        sql(&exchange, &format!("insert into tb_api ({columns}) values ({values})")).await;
    }
    exchange.admin("apientry=apireload").await;
    exchange
}

async fn sql(exchange: &Exchange, text: &str) -> Vec<String> {
    match exchange.store.sql(Scope::All, text, SqlLimits::default()).await.unwrap() {
        SqlAnswer::Rows(table, _) => table
            .rows
            .iter()
            .map(|row| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
            .collect(),
        SqlAnswer::Changed(rows) => vec![rows.to_string()],
    }
}

/// Waits until a statement gives these rows: actions follow the answer.
async fn until(exchange: &Exchange, text: &str, wanted: &[&str]) {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let rows = sql(exchange, text).await;
        if rows == wanted {
            return;
        }
        assert!(Instant::now() < end, "{text}: {rows:?}");
        tokio::task::yield_now().await;
    }
}

const AUDIT: &str = "select object, outcome from audit where command = 'action' order by id";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn actions_follow_the_answer_into_outbox_database_and_audit() {
    let exchange = exchange(&[
        (
            "fname, custom_action, custom_action_body",
            "'balance', 1, '***TO {email}\r\n***SUBJECT Balance of {username}\r\nYou have {credit}, {select top 1 username from tb_users where id = USERID}, asked {what}.'",
        ),
        ("fname, custom_action, custom_action_body", "'rating', 51, 'A failed request of {username}: {bnum}'"),
        ("fname, custom_action, custom_action_body", "'cdr', 2, '***TO +36301234567\nCalls of [USERNAME]'"),
        (
            "fname, custom_action, custom_action_body",
            "'getdetails', 8, 'insert into tb_blacklist (number, comment) values ({mark}, ''by '' + [USERNAME])'",
        ),
        ("fname, custom_action, custom_action_body", "'notice', 1, 'Hello {username}'"),
        ("fname, customsql", "'slow', 'update tb_users set comment = {text} where id = [USERID]'"),
    ])
    .await;
    let injected = "what=why%0d%0aBcc: eve@x&email=eve@mail.example";
    let answer = exchange.line(&format!("?apientry=balance&{ALICE}&{injected}")).await;
    assert_eq!(answer.trim(), "Your credit is $5");
    until(&exchange, AUDIT, &["balance mail OK 1"]).await;
    let due = exchange.store.outbox_due(LATER, 10).await.unwrap();
    let letter = &due[0].letter;
    // In a text the request's own parameter comes first, as documented.
    assert_eq!((letter.kind, letter.to.as_str()), (LetterKind::Mail, "eve@mail.example"));
    assert_eq!(letter.subject, "Balance of alice");
    assert_eq!(letter.body.expose(), "You have 5, alice, asked why\r\nBcc: eve@x.");

    let answer = exchange.line(&format!("?apientry=rating&{ALICE}&bnum=999")).await;
    assert!(answer.starts_with("ERROR"), "{answer}");
    until(&exchange, AUDIT, &["balance mail OK 1", "rating mail OK 1"]).await;
    let due = exchange.store.outbox_due(LATER, 10).await.unwrap();
    assert_eq!(due[1].letter.to, "boss@mail.example", "the operator where nobody else is named");
    assert_eq!(due[1].letter.body.expose(), "A failed request of alice: 999");

    exchange.line(&format!("?apientry=cdr&{ALICE}")).await;
    exchange.line(&format!("?apientry=getdetails&{ALICE}&mark=1');--")).await;
    until(&exchange, "select number, comment from tb_blacklist", &["1');-- by alice"]).await;
    let sms = "select count(*) from tb_outbox where kind = 'sms' and recipient = '+36301234567'";
    until(&exchange, sms, &["1"]).await;

    assert_eq!(exchange.line(&format!("?apientry=notice&{ALICE}")).await.trim(), "OK: accepted");
    let noticed = "select count(*) from audit where object = 'notice mail' and outcome = 'OK 1'";
    until(&exchange, noticed, &["1"]).await;

    assert_eq!(exchange.line(&format!("?apientry=slow&{ALICE}&text=x'; y")).await.trim(), "OK: accepted");
    until(&exchange, "select comment from tb_users where username = 'alice'", &["x'; y"]).await;
    until(&exchange, "select outcome from audit where command = 'slow'", &["OK"]).await;
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_requests_is_no_flood_of_actions() {
    let exchange = exchange(&[("fname, custom_action, custom_action_body", "'apitest', 1, 'x'")]).await;
    for _ in 0..200 {
        exchange.line("?apientry=apitest&authkey=K").await;
    }
    // A queue that was full drops what came then: the last one that was queued is waited for.
    let end = Instant::now() + Duration::from_secs(30);
    while sql(&exchange, "select count(*) from audit where outcome like 'limit%'").await[0] == "0" {
        assert!(Instant::now() < end);
        tokio::task::yield_now().await;
    }
    let queued: usize = sql(&exchange, "select count(*) from tb_outbox").await[0].parse().unwrap();
    // The minute may turn once meanwhile.
    assert!((60..=120).contains(&queued), "{queued}");
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_keep_their_own_access_rules_and_replace_commands() {
    let exchange = exchange(&[
        ("fname, customsql", "'rating', 'select ''our own rating'' from tb_users where id = [USERID]'"),
        ("fname, req_user, customsql", "'everybody', 6, 'select username from tb_users order by id'"),
        (
            "fname, req_key, req_user, req_user_mode, customsql",
            "'open', 0, 14, 4, 'select name from tb_users where id = [USERID]'",
        ),
        ("fname, customsql, enabled", "'off', 'select 1', 0"),
        ("fname, customsql", "'info', 'select count(*) from tb_users'"),
    ])
    .await;
    let ask = |request: &str| {
        let line = format!("?{request}");
        let exchange = &exchange;
        async move { exchange.line(&line).await.trim().to_owned() }
    };
    assert!(ask(&format!("apientry=rating&{ALICE}")).await.ends_with("our own rating"));
    let denied = "ERROR: access denied: administrators only";
    assert_eq!(ask(&format!("apientry=everybody&{ALICE}")).await, denied);
    assert!(ask(&format!("apientry=everybody&{ADMIN}")).await.contains("alice"));
    assert!(ask("apientry=open&authid=alice").await.starts_with("OK: 2"));
    assert_eq!(ask("apientry=open").await, "ERROR: missing parameter: authid");
    assert_eq!(ask(&format!("apientry=off&{ALICE}")).await, "ERROR: not available: switched off in tb_api");
    // A command that is replaced keeps the access that it was declared with.
    assert_eq!(ask(&format!("apientry=info&{ALICE}")).await, denied);
    assert!(ask(&format!("apientry=info&{ADMIN}")).await.ends_with('2'));
    assert_eq!(ask(&format!("apientry=nothing&{ADMIN}")).await, "ERROR: unknown command: nothing");
    exchange.stop().await;
}
