//! Statements with places on both engines: values are bound, wherever the place stands, and what cannot be is refused.
#![allow(clippy::unwrap_used, reason = "a helper of tests may panic like a test")]

mod common;

use common::*;
use strowger_model::Scope;
use strowger_store::{Cell, Slot, SqlAnswer, SqlError, SqlLimits, Store};

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

/// Runs a template with these values, by the order of its places.
fn run(store: &Store, template: &str, values: &[&str]) -> Result<SqlAnswer, SqlError> {
    let template = wait(store.sql_template(template, false))?;
    wait(store.sql_bound(&template, values.iter().map(|value| text(value)).collect(), 100))
}

fn rows(store: &Store, template: &str, values: &[&str]) -> Vec<String> {
    match run(store, template, values) {
        Ok(SqlAnswer::Rows(table, _)) => table.rows.iter().map(|row| row[0].to_string()).collect(),
        other => panic!("{template}: {other:?}"),
    }
}

const HOSTILE: [&str; 8] = [
    "' or '1'='1",
    "'; drop table tb_users; --",
    "x' union select username from tb_users --",
    "\\' or 1=1 --",
    "?1",
    "$1",
    "{username}",
    "%",
];

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn values_are_bound_wherever_a_place_stands() {
    for bench in engines() {
        let store = bench.open();
        let alice = user(&store, "alice", "5");
        user(&store, "bob", "0.5");
        wait(store.set_fields(Scope::All, alice, vec![("email".into(), "alice@mail.example".into())]))
            .unwrap();
        let id = alice.to_string();
        for (template, values, expected) in [
            ("select username from tb_users where id = [USERID]", vec![id.as_str()], vec!["alice"]),
            ("select username from tb_users where username = '[USERNAME]'", vec!["ALICE"], vec!["alice"]),
            ("select username from tb_users where username = {who}", vec!["Alice"], vec!["alice"]),
            ("select username from tb_users where email like '%{part}%'", vec!["ice@m"], vec!["alice"]),
            (
                "select username from tb_users with(nolock) where credit >= [SPARAM1] order by id",
                vec!["0.5"],
                vec!["alice", "bob"],
            ),
            ("select username from tb_users where credit > {least}", vec!["1"], vec!["alice"]),
            (
                "select 'to ' + username + '{x}' from tb_users where id = [USERID]",
                vec!["!", id.as_str()],
                vec!["to alice!"],
            ),
            (
                "select {select top 1 email from tb_users where username = {a}} from tb_users where username = '{b}'",
                vec!["alice", "bob"],
                vec!["alice@mail.example"],
            ),
            (
                "select '[SPARAM100] {no place}' from tb_users where id = [USERID]",
                vec![id.as_str()],
                vec!["[SPARAM100] {no place}"],
            ),
            (
                "select top 1 username from tb_users where datediff(day, datum, getdate()) <= {days} order by id",
                vec!["3650"],
                vec!["alice"],
            ),
        ] {
            assert_eq!(rows(&store, template, &values), expected, "{}: {template}", bench.name);
        }
        for hostile in HOSTILE {
            for template in [
                "select username from tb_users where username = '{x}'",
                "select username from tb_users where username = {x}",
                "select username from tb_users where 'a' + username = {x}",
                "select username from tb_users where email = '<{x}>'",
                "select username from tb_users where username in ({x}, 'nobody')",
            ] {
                assert_eq!(rows(&store, template, &[hostile]), Vec::<String>::new(), "{template} {hostile}");
            }
            let insert = run(
                &store,
                "insert into tb_blacklist (number, comment) values ('{a}', '<{a}>')",
                &[hostile, hostile],
            );
            assert_eq!(insert, Ok(SqlAnswer::Changed(1)), "{}", bench.name);
            assert_eq!(
                rows(&store, "select comment from tb_blacklist where number = {a}", &[hostile]),
                [format!("<{hostile}>")]
            );
        }
        let named =
            run(&store, "update tb_users set name = {name} where id = [USERID]", &["Alice O'Hara", &id]);
        assert_eq!(named, Ok(SqlAnswer::Changed(1)), "{}", bench.name);
        assert_eq!(rows(&store, "select name from tb_users where id = [USERID]", &[&id]), ["Alice O'Hara"]);
        let gone = run(&store, "delete from tb_blacklist where comment = '<{a}>'", &["%"]);
        assert_eq!(gone, Ok(SqlAnswer::Changed(1)), "{}", bench.name);
        let count = wait(store.sql(Scope::All, "select count(*) from tb_users", SqlLimits::default()));
        assert!(matches!(count, Ok(SqlAnswer::Rows(table, _)) if table.rows[0][0] == Cell::Int(2)));
        check_books(&store);
        store.close();
    }
}

#[test]
fn places_are_named_in_their_order() {
    let bench = engines().remove(0);
    let store = bench.open();
    let template =
        "select [USERID], '{a}-[SPARAM7]' from tb_users where username = [USERNAME] and id = USERID";
    let slots = |bare| wait(store.sql_template(template, bare)).map(|template| template.slots().to_vec());
    let named = |name: &str| Slot::Named(name.to_owned());
    assert_eq!(
        slots(true).unwrap(),
        [Slot::UserId, named("a"), named("sparam7"), Slot::Username, Slot::UserId]
    );
    // Without the rule of action SQL it is the name of a column, which tb_users does not have.
    assert!(matches!(slots(false), Err(SqlError::Failed { .. })), "{:?}", slots(false));
    let reading = wait(store.sql_template("select 1", false)).unwrap();
    let writing = wait(store.sql_template("update tb_users set name = ''", false)).unwrap();
    assert!(reading.is_read() && !writing.is_read());
    store.close();
}

#[test]
fn what_cannot_be_bound_or_is_not_allowed_is_refused_with_the_reason() {
    for bench in engines() {
        let store = bench.open();
        for (template, reason) in [
            ("select * from {table}", "not names of tables"),
            ("select {a from tb_users", "} is missing"),
            ("select {a b} from tb_users", "write {name"),
            ("select name from tb_users where id = ?1", "write [SPARAM1]"),
            ("select 'x {select 1}' from tb_users", "outside"),
            ("select username from tb_users where password = {p}", "encrypted"),
            ("select username from tb_users where password = '{p}'", "encrypted"),
            ("select username from tb_users where name = {password}", "secrets"),
            ("update tb_users set password = {p} where id = [USERID]", "write it as 'text'"),
            ("insert into tb_users (username, password) values ({u}, {p})", "write it as 'text'"),
            ("update tb_users set rights = {r} where id = [USERID]", "administrators"),
            ("update tb_users set type = 10 + [SPARAM1] where id = [USERID]", "administrators"),
            ("insert into tb_users (username, [type]) values ('x', {t})", "administrators"),
            ("delete from ledger where id = {x}", "money moves"),
            ("select body from account where id = {x}", "use tb_users"),
            ("drop table tb_users", "only SELECT"),
            ("select 1; select {x}", "one by one"),
            ("select top ({n}) username from tb_users", "number of rows"),
            ("select nonsense from tb_users where id = {x}", "nonsense"),
            ("select load_extension({x})", "not available"),
            ("selekt {x}", ""),
        ] {
            match wait(store.sql_template(template, false)) {
                Err(error) if error.to_string().contains(reason) => {}
                other => panic!("{}: {template}: {other:?}", bench.name),
            }
        }
        store.close();
    }
}
