//! Measures what the view `tb_users` costs against its narrow tables, on both engines. The figures of
//! docs/decisions/0001-tb-users-view.md come from here: `cargo run -p strowger-store --example tb_users_cost`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement is run by hand")]

use std::time::Instant;

use strowger_store::{Database, Keyring, Options, Store};

/// Accounts in the table.
const ACCOUNTS: u32 = 20_000;
/// Statements of one transaction.
const BATCH: u32 = 100;
/// Statements per figure.
const RUNS: u32 = 2_000;

/// A connection that runs text.
trait Run {
    fn run(&mut self, sql: &str);
}

impl Run for rusqlite::Connection {
    fn run(&mut self, sql: &str) {
        let mut statement = self.prepare_cached(sql).unwrap();
        if statement.column_count() > 0 {
            let mut rows = statement.query([]).unwrap();
            while rows.next().unwrap().is_some() {}
        } else {
            statement.execute([]).unwrap();
        }
    }
}

impl Run for postgres::Client {
    fn run(&mut self, sql: &str) {
        self.batch_execute(sql).unwrap();
    }
}

fn per_statement(conn: &mut dyn Run, batch: u32, text: &dyn Fn(u32) -> String) -> f64 {
    let started = Instant::now();
    for n in 0..RUNS {
        if n % batch == 0 {
            conn.run("BEGIN");
        }
        conn.run(&text(n));
        if n % batch == batch - 1 || n == RUNS - 1 {
            conn.run("COMMIT");
        }
    }
    started.elapsed().as_secs_f64() * 1e6 / f64::from(RUNS)
}

fn measure(engine: &str, conn: &mut dyn Run) {
    let id = |n: u32| 1 + (n * 7919) % ACCOUNTS;
    let rows: [(&str, &dyn Fn(u32) -> String); 12] = [
        ("SELECT credit FROM tb_users by id", &|n| {
            format!("SELECT credit, postpaid FROM tb_users WHERE id = {}", id(n))
        }),
        ("  the same from account, balance", &|n| {
            format!(
                "SELECT b.settled, a.postpaid FROM account a JOIN balance b ON b.account_id = a.id AND b.unit = a.currency WHERE a.id = {}",
                id(n)
            )
        }),
        ("SELECT * FROM tb_users by id", &|n| format!("SELECT * FROM tb_users WHERE id = {}", id(n))),
        ("SELECT id FROM tb_users by username", &|n| {
            format!("SELECT id FROM tb_users WHERE lower(username) = 'u{}'", id(n))
        }),
        ("UPDATE tb_users SET name", &|n| format!("UPDATE tb_users SET name = 'n{n}' WHERE id = {}", id(n))),
        ("  the same on account_profile", &|n| {
            format!("UPDATE account_profile SET name = 'm{n}' WHERE id = {}", id(n))
        }),
        ("UPDATE tb_users SET status", &|n| {
            format!("UPDATE tb_users SET status = {} WHERE id = {}", n % 4, id(n))
        }),
        ("  the same on line_state", &|n| {
            format!(
                "INSERT INTO line_state (id, status) VALUES ({0}, {1}) ON CONFLICT (id) DO UPDATE SET status = {1}",
                id(n),
                n % 3
            )
        }),
        ("UPDATE tb_users SET credit = credit + 1", &|n| {
            format!("UPDATE tb_users SET credit = credit + 1 WHERE id = {}", id(n))
        }),
        ("  one balance row, no ledger", &|n| {
            format!(
                "UPDATE balance SET held = held + 0, seq = seq + 1 WHERE account_id = {} AND unit = 'USD'",
                id(n)
            )
        }),
        ("INSERT INTO tb_users", &|n| {
            format!("INSERT INTO tb_users (username, name) VALUES ('{}v{n}', 'x')", engine.to_lowercase())
        }),
        ("DELETE FROM tb_users", &|n| {
            format!("DELETE FROM tb_users WHERE username = '{}v{n}'", engine.to_lowercase())
        }),
    ];
    println!("{engine}: µs per statement, {BATCH} a transaction, {ACCOUNTS} accounts");
    for (name, text) in rows {
        // A DELETE by name alone would search the table; it is measured over few.
        let text: &dyn Fn(u32) -> String = if name.starts_with("DELETE") {
            &|n| format!("DELETE FROM tb_users WHERE id = {}", ACCOUNTS + 1 + n)
        } else {
            text
        };
        println!("  {name:<42} {:8.1}", per_statement(conn, BATCH, text));
    }
}

fn fill(conn: &mut dyn Run) {
    conn.run("BEGIN");
    for n in 1..=ACCOUNTS {
        conn.run(&format!("INSERT INTO tb_users (username, credit) VALUES ('u{n}', 5)"));
    }
    conn.run("COMMIT");
}

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let keyring = Keyring::open_or_create(&dir.path().join("key")).unwrap();
    let file = dir.path().join("strowger.db");
    let options = |database| Options::new(database, keyring.clone(), dir.path().join("emergency"));
    Store::open(options(Database::Sqlite(file.clone()))).unwrap().close();
    let mut sqlite = rusqlite::Connection::open(&file).unwrap();
    sqlite.execute_batch("PRAGMA synchronous=FULL").unwrap();
    fill(&mut sqlite);
    measure("SQLite", &mut sqlite);

    let server = "postgres://postgres@127.0.0.1:5432";
    let Ok(mut admin) = postgres::Client::connect(&format!("{server}/postgres"), postgres::NoTls) else {
        println!("PostgreSQL: no server at 127.0.0.1:5432");
        return;
    };
    let name = format!("strowger_cost_{}", std::process::id());
    admin.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
    let url = format!("{server}/{name}");
    Store::open(options(Database::Postgres(url.clone()))).unwrap().close();
    let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
    fill(&mut client);
    client.batch_execute("ANALYZE").unwrap();
    measure("PostgreSQL", &mut client);
    drop(client);
    admin.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).unwrap();
}
