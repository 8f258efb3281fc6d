//! Which tables and functions a statement of the `db` command may use.

use super::refused;
use crate::errors::SqlError;
use crate::fields::WRITABLE;

/// Tables that may be read but not written, with the reason.
const READ_ONLY: [(&str, &str); 21] = [
    ("tb_cdrresellers", "it is computed from the call records"),
    ("ledger", "money moves by addcredit, transfercredit and calls only"),
    ("balance", "write tb_users.credit: the difference is booked"),
    ("hold", "running calls reserve by it"),
    ("journal", "recovery depends on it"),
    ("epoch", "recovery depends on it"),
    ("lease", "nodes reserve by it"),
    ("audit", "the audit trail is append-only"),
    ("changes", "triggers write it"),
    ("line_state", "write tb_users.status"),
    ("cdr", "write tb_cdrs"),
    ("cdr_cost", "it is computed from the call records"),
    ("tb_cdrdays", "dailymaint sums it up"),
    ("maintenance", "the server writes down what was done"),
    ("rebill", "rebill writes what was charged"),
    ("tb_outbox", "the server queues its messages itself"),
    ("tb_payments", "cccharge writes it"),
    ("tb_apikeys", "use apikeyadd and apikeydel"),
    ("tb_messages", "sendim writes it"),
    ("tb_presence", "presence_set writes it"),
    ("tb_smsreceived", "smsreceive writes it"),
];

/// Tables that are neither read nor written here, with the reason.
const HIDDEN: [(&str, &str); 8] = [
    ("account", "use tb_users"),
    ("account_profile", "use tb_users"),
    ("step", "it holds answers to replays"),
    ("idempotency", "it holds answers to replays"),
    ("api_session", "it holds credentials"),
    ("api_replay", "it guards credentials"),
    ("schema_version", "migrations depend on it"),
    ("onetime_code", "it holds codes of people who sign up"),
];

/// The statement may read the table.
pub(super) fn readable(table: &str) -> Result<(), SqlError> {
    if table == "tb_users" || WRITABLE.contains(&table) || READ_ONLY.iter().any(|(name, _)| *name == table) {
        return Ok(());
    }
    match HIDDEN.iter().find(|(name, _)| *name == table) {
        Some((_, why)) => Err(refused(table, *why)),
        None => Err(refused(table, "there is no such table")),
    }
}

/// The statement may write the table.
pub(super) fn writable(table: &str) -> Result<(), SqlError> {
    if table == "tb_users" || WRITABLE.contains(&table) {
        return Ok(());
    }
    match READ_ONLY.iter().find(|(name, _)| *name == table) {
        Some((_, why)) => Err(refused(format!("writing {table}"), *why)),
        None => readable(table),
    }
}

/// Functions that mean the same on both engines.
const PLAIN: [&str; 19] = [
    "count",
    "sum",
    "min",
    "max",
    "avg",
    "coalesce",
    "nullif",
    "lower",
    "upper",
    "trim",
    "ltrim",
    "rtrim",
    "replace",
    "abs",
    "round",
    "length",
    "substr",
    "row_number",
    "concat",
];

/// The engine's name of a function that needs only another name.
pub(super) fn function(name: &str) -> Option<&'static str> {
    match name {
        "isnull" => Some("coalesce"),
        "len" => Some("length"),
        "substring" => Some("substr"),
        "count_big" => Some("count"),
        _ => PLAIN.iter().find(|plain| **plain == name).copied(),
    }
}
