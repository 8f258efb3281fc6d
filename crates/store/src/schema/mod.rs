//! The schema: numbered migrations of the tables, and the faces (views and triggers) that are derived from
//! declarations and made anew whenever their text changes. Nothing here reads or writes rows of accounts.

mod faces;
mod users;

use crate::db::{Conn, Engine, Fault, values};

pub(crate) use self::users::{COLUMNS, Place, SECRETS, secret_column};
pub use self::users::{Column, ColumnKind, user_column};

/// The migrations in order. A published one never changes; the next gets the next number.
const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_account", include_str!("../../sql/0001_account.sql")),
    ("0002_account_profile", include_str!("../../sql/0002_account_profile.sql")),
    ("0003_balance", include_str!("../../sql/0003_balance.sql")),
    ("0004_ledger", include_str!("../../sql/0004_ledger.sql")),
    ("0005_hold", include_str!("../../sql/0005_hold.sql")),
    ("0006_journal", include_str!("../../sql/0006_journal.sql")),
    ("0007_step", include_str!("../../sql/0007_step.sql")),
    ("0008_epoch", include_str!("../../sql/0008_epoch.sql")),
    ("0009_lease", include_str!("../../sql/0009_lease.sql")),
    ("0010_changes", include_str!("../../sql/0010_changes.sql")),
    ("0011_audit", include_str!("../../sql/0011_audit.sql")),
    ("0012_idempotency", include_str!("../../sql/0012_idempotency.sql")),
    ("0013_line_state", include_str!("../../sql/0013_line_state.sql")),
    ("0014_cdr", include_str!("../../sql/0014_cdr.sql")),
    ("0015_cdr_cost", include_str!("../../sql/0015_cdr_cost.sql")),
    ("0016_tb_api", include_str!("../../sql/0016_tb_api.sql")),
    ("0017_tb_prepaidcodes", include_str!("../../sql/0017_tb_prepaidcodes.sql")),
    ("0018_tb_billsources", include_str!("../../sql/0018_tb_billsources.sql")),
    ("0019_tb_billentries", include_str!("../../sql/0019_tb_billentries.sql")),
    ("0020_tb_billingtimes", include_str!("../../sql/0020_tb_billingtimes.sql")),
    ("0021_tb_packets", include_str!("../../sql/0021_tb_packets.sql")),
    ("0022_tb_phonenumbers", include_str!("../../sql/0022_tb_phonenumbers.sql")),
    ("0023_tb_routing", include_str!("../../sql/0023_tb_routing.sql")),
    ("0024_tb_currencies", include_str!("../../sql/0024_tb_currencies.sql")),
    ("0025_tb_users_authip", include_str!("../../sql/0025_tb_users_authip.sql")),
    ("0026_tb_settings", include_str!("../../sql/0026_tb_settings.sql")),
    ("0027_tb_blacklist", include_str!("../../sql/0027_tb_blacklist.sql")),
    ("0028_tb_holidays", include_str!("../../sql/0028_tb_holidays.sql")),
    ("0045_maintenance", include_str!("../../sql/0045_maintenance.sql")),
    ("0046_tb_cdrdays", include_str!("../../sql/0046_tb_cdrdays.sql")),
    ("0047_rebill", include_str!("../../sql/0047_rebill.sql")),
    ("0063_tb_users_cli", include_str!("../../sql/0063_tb_users_cli.sql")),
    ("0030_tb_outbox", include_str!("../../sql/0030_tb_outbox.sql")),
    ("0031_onetime_code", include_str!("../../sql/0031_onetime_code.sql")),
    ("0040_tb_apikeys", include_str!("../../sql/0040_tb_apikeys.sql")),
    ("0041_api_session", include_str!("../../sql/0041_api_session.sql")),
    ("0042_api_replay", include_str!("../../sql/0042_api_replay.sql")),
    ("0050_tb_webhooks", include_str!("../../sql/0050_tb_webhooks.sql")),
    ("0051_tb_webhook_state", include_str!("../../sql/0051_tb_webhook_state.sql")),
    ("0035_tb_messages", include_str!("../../sql/0035_tb_messages.sql")),
    ("0036_tb_presence", include_str!("../../sql/0036_tb_presence.sql")),
    ("0037_tb_smsreceived", include_str!("../../sql/0037_tb_smsreceived.sql")),
    ("0070_recovery_question", include_str!("../../sql/0070_recovery_question.sql")),
    ("0080_cdr_mos", include_str!("../../sql/0080_cdr_mos.sql")),
    ("0085_tb_portednumbers", include_str!("../../sql/0085_tb_portednumbers.sql")),
    ("0090_tb_payments", include_str!("../../sql/0090_tb_payments.sql")),
];

/// Brings the database to this version's schema, in one transaction.
pub(crate) fn migrate(conn: &mut Conn) -> Result<(), Fault> {
    let engine = conn.engine();
    conn.batch("BEGIN")?;
    match upgrade(conn, engine) {
        Ok(()) => conn.batch("COMMIT"),
        Err(fault) => {
            // The first fault is the one to report; a failing rollback ends with the connection.
            let _ = conn.batch("ROLLBACK");
            Err(fault)
        }
    }
}

/// The database has tables of this or an earlier version. Changes nothing.
pub(crate) fn is_ours(conn: &mut Conn) -> Result<bool, Fault> {
    let done = match conn.query("SELECT name FROM schema_version", &[]) {
        Ok(done) => done,
        Err(Fault::Statement(_)) => return Ok(false),
        Err(fault) => return Err(fault),
    };
    let names: Vec<String> = done.iter().map(|row| row.text(0)).collect();
    known(&names)?;
    Ok(!names.is_empty())
}

/// A newer version's tables are not touched.
fn known(names: &[String]) -> Result<(), Fault> {
    let known = |name: &String| name == "faces" || MIGRATIONS.iter().any(|(n, _)| n == name);
    match names.iter().find(|name| !known(name)) {
        Some(name) => {
            Err(Fault::Statement(format!("the database was made by a newer version (it has {name})")))
        }
        None => Ok(()),
    }
}

fn upgrade(conn: &mut Conn, engine: Engine) -> Result<(), Fault> {
    if engine == Engine::Postgres {
        // Two nodes that start together must not migrate together.
        conn.query("SELECT 1 FROM (SELECT pg_advisory_xact_lock(7786)) AS l", &[])?;
    }
    conn.batch("CREATE TABLE IF NOT EXISTS schema_version (name TEXT PRIMARY KEY, digest TEXT NOT NULL)")?;
    let done: Vec<String> =
        conn.query("SELECT name FROM schema_version", &[])?.iter().map(|row| row.text(0)).collect();
    known(&done)?;
    for (name, sql) in MIGRATIONS {
        if !done.iter().any(|d| d == name) {
            conn.batch(&adapt(engine, sql))?;
            conn.execute("INSERT INTO schema_version (name, digest) VALUES (?1, '')", &values![*name])?;
        }
    }
    let faces = faces::text(engine);
    let digest = crate::digest::of(faces.as_bytes());
    let current = conn.first("SELECT digest FROM schema_version WHERE name = 'faces'", &[])?;
    if current.is_none_or(|row| row.text(0) != digest) {
        conn.batch(&faces)?;
        conn.execute(
            "INSERT INTO schema_version (name, digest) VALUES ('faces', ?1) \
             ON CONFLICT (name) DO UPDATE SET digest = excluded.digest",
            &values![digest],
        )?;
    }
    Ok(())
}

/// The few words that the engines spell differently.
fn adapt(engine: Engine, sql: &str) -> String {
    let (id, key, without_rowid) = match engine {
        Engine::Sqlite => ("INTEGER PRIMARY KEY AUTOINCREMENT", "INTEGER PRIMARY KEY", ", WITHOUT ROWID"),
        Engine::Postgres => ("BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", "BIGINT PRIMARY KEY", ""),
    };
    let sql = sql.replace("{id}", id).replace("{key}", key);
    match engine {
        // STRICT refuses text in a column of numbers, as PostgreSQL does.
        Engine::Sqlite => sql
            .replace("BIGINT", "INTEGER")
            .replace("NUMERIC", "REAL")
            .replace("\n) {without_rowid};", &format!("\n) STRICT{without_rowid};"))
            .replace("\n);", "\n) STRICT;"),
        Engine::Postgres => sql.replace("{without_rowid}", without_rowid),
    }
}
