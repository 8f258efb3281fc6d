//! The documented faces over the narrow tables, as SQL text: the view `tb_users` with its INSTEAD OF triggers,
//! `tb_cdrs` and `tb_cdrresellers`, and the triggers that write `changes`. Only plain SQL of the engine itself
//! is used, so that foreign programs' writes work without this server's functions.

mod postgres;
mod sqlite;
mod views;

use crate::db::Engine;

/// The tables whose rows nodes keep in memory: table, name in `changes`, column with the id.
const TRACKED: &[(&str, &str, &str)] = &[
    ("account", "account", "id"),
    ("account_profile", "account", "id"),
    ("tb_users_authip", "account", "userid"),
    ("tb_users_cli", "tb_users_cli", "id"),
    ("tb_billsources", "tb_billsources", "id"),
    ("tb_billentries", "tb_billentries", "id"),
    ("tb_billingtimes", "tb_billingtimes", "id"),
    ("tb_packets", "tb_packets", "id"),
    ("tb_phonenumbers", "tb_phonenumbers", "id"),
    ("tb_routing", "tb_routing", "id"),
    ("tb_currencies", "tb_currencies", "id"),
    ("tb_settings", "tb_settings", "id"),
    ("tb_blacklist", "tb_blacklist", "id"),
    ("tb_portednumbers", "tb_portednumbers", "id"),
    ("tb_holidays", "tb_holidays", "id"),
    ("tb_api", "tb_api", "id"),
];

/// Everything, in an order that can be run on top of an older version.
pub(crate) fn text(engine: Engine) -> String {
    let mut out = String::new();
    match engine {
        Engine::Sqlite => sqlite::write(&mut out),
        Engine::Postgres => postgres::write(&mut out),
    }
    out
}

/// Milliseconds since 1970 as `YYYY-MM-DD HH:MM:SS` in UTC; NULL stays NULL. Usable in an index.
fn ms_text(engine: Engine, expression: &str) -> String {
    match engine {
        Engine::Sqlite => format!("strftime('%Y-%m-%d %H:%M:%S', ({expression})/1000, 'unixepoch')"),
        Engine::Postgres => format!("strowger_text({expression})"),
    }
}

/// The reverse of [`ms_text`]; what is no date becomes NULL.
fn text_ms(engine: Engine, expression: &str) -> String {
    match engine {
        Engine::Sqlite => format!("CAST(strftime('%s', {expression}) AS INTEGER)*1000"),
        Engine::Postgres => format!("strowger_ms({expression})"),
    }
}

/// The current time in milliseconds since 1970.
const fn now_ms(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "CAST(unixepoch('subsec')*1000 AS INTEGER)",
        Engine::Postgres => "CAST(extract(epoch FROM clock_timestamp())*1000 AS BIGINT)",
    }
}
