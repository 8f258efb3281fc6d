//! SQLite's triggers. `INSTEAD OF UPDATE OF columns` lets an update run only the triggers of the columns
//! that it names, so that a write to `status` never touches the wide row.

use std::fmt::Write;

use super::{TRACKED, now_ms, text_ms, views};
use crate::db::Engine;
use crate::schema::{COLUMNS, Column, ColumnKind, Place};

const ENGINE: Engine = Engine::Sqlite;

/// A random key of a row, to which its secrets are bound.
const ROWKEY: &str = "lower(hex(randomblob(16)))";

/// The balances that are columns: column, unit as SQL, micro-units in one, the account on the other side.
const BALANCES: [(&str, &str, u64, &str); 3] = [
    ("credit", "a.currency", 1_000_000, "-5"),
    ("freeminutesleft", "'sec'", 60_000_000, "-7"),
    ("freesmsleft", "'msg'", 1_000_000, "-7"),
];

/// The row that an insert has just made: usernames are unique among the accounts that are not deleted.
const NEW_ACCOUNT: &str = "a.deleted_ms = 0 AND lower(a.username) = lower(coalesce(NEW.username, ''))";

pub(super) fn write(out: &mut String) {
    for view in ["tb_users", "tb_cdrs", "tb_cdrresellers"] {
        // Dropping a view drops its triggers.
        let _ = writeln!(out, "DROP VIEW IF EXISTS {view};");
    }
    out.push_str(&views::tb_users(ENGINE));
    out.push_str(&views::tb_cdrs(ENGINE));
    out.push_str(&views::tb_cdrresellers(ENGINE));
    let _ = writeln!(
        out,
        "DROP INDEX IF EXISTS cdr_datum; CREATE INDEX cdr_datum ON cdr ({});",
        super::ms_text(ENGINE, "end_ms")
    );
    changes(out);
    append_only(out);
    insert_user(out);
    update_user(out);
    delete_user(out);
    out.push_str(
        "CREATE TRIGGER tb_cdrs_update INSTEAD OF UPDATE OF comment, mark ON tb_cdrs BEGIN\n  \
         UPDATE cdr SET comment = NEW.comment, mark = NEW.mark WHERE id = OLD.id;\nEND;\n\
         CREATE TRIGGER tb_cdrs_delete INSTEAD OF DELETE ON tb_cdrs BEGIN\n  \
         DELETE FROM cdr_cost WHERE leg = OLD.dbcallsid;\n  DELETE FROM cdr WHERE id = OLD.id;\nEND;\n",
    );
}

fn changes(out: &mut String) {
    for (table, name, id) in TRACKED {
        for (event, row) in [("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")] {
            let _ = writeln!(
                out,
                "DROP TRIGGER IF EXISTS {table}_changed_{event};\n\
                 CREATE TRIGGER {table}_changed_{event} AFTER {event} ON {table} BEGIN\n  \
                 INSERT INTO changes (tbl, id, at_ms) VALUES ('{name}', {row}.{id}, {now});\nEND;",
                now = now_ms(ENGINE)
            );
        }
    }
}

fn append_only(out: &mut String) {
    for event in ["UPDATE", "DELETE"] {
        let _ = writeln!(
            out,
            "DROP TRIGGER IF EXISTS ledger_no_{event};\n\
             CREATE TRIGGER ledger_no_{event} BEFORE {event} ON ledger BEGIN\n  \
             SELECT RAISE(ABORT, 'the ledger is append-only');\nEND;"
        );
    }
}

/// The columns of a place that are written as they are.
fn plain(place: Place) -> impl Iterator<Item = &'static Column> {
    COLUMNS.iter().filter(move |c| c.place == place && c.name != "id")
}

fn names(place: Place) -> String {
    plain(place).map(|c| c.name).collect::<Vec<_>>().join(", ")
}

fn insert_user(out: &mut String) {
    let mut account = String::new();
    for column in plain(Place::Account) {
        let name = column.name;
        let value = match name {
            "currency" => {
                "coalesce(nullif(upper(NEW.currency), ''), (SELECT nullif(upper(value), '') FROM tb_settings \
                 WHERE lower(name) = 'defcurrency'), 'USD')"
                    .to_owned()
            }
            _ => format!("coalesce(NEW.{name}, {})", column.default),
        };
        let _ = write!(account, ", {value}");
    }
    let profile: String =
        plain(Place::Profile).map(|c| format!(", coalesce(NEW.{}, {})", c.name, c.default)).collect();
    let _ = writeln!(
        out,
        "CREATE TRIGGER tb_users_insert INSTEAD OF INSERT ON tb_users BEGIN\n  \
         INSERT INTO account (id, rowkey, created_ms, {}) VALUES (NEW.id, {ROWKEY}, {}{account});\n  \
         INSERT INTO account_profile (id, {}) VALUES (last_insert_rowid(){profile});\n  \
         INSERT INTO balance (account_id, unit) SELECT a.id, a.currency FROM account a WHERE a.id = last_insert_rowid();",
        names(Place::Account),
        now_ms(ENGINE),
        names(Place::Profile),
    );
    for (column, unit, micros, other) in BALANCES {
        number_check(out, column);
        let amount = format!("CAST(round(NEW.{column}*{micros}) AS INTEGER)");
        let when = format!("{NEW_ACCOUNT} AND coalesce({amount}, 0) <> 0");
        book(out, unit, &amount, other, &when, "opening");
    }
    let _ = writeln!(
        out,
        "  INSERT INTO line_state (id, status, status_ms) SELECT a.id, coalesce(NEW.status, 0), {} \
         FROM account a WHERE {NEW_ACCOUNT} AND (NEW.status IS NOT NULL OR NEW.statusdate IS NOT NULL);\nEND;",
        text_ms(ENGINE, "NEW.statusdate")
    );
}

/// Posts `amount` to the accounts that `when` selects, and its opposite to `other`.
fn book(out: &mut String, unit: &str, amount: &str, other: &str, when: &str, kind: &str) {
    let now = now_ms(ENGINE);
    let step = "'outside/' || lower(hex(randomblob(16)))";
    // The two lines of one step share its name, so the first is looked up for the second.
    let _ = writeln!(
        out,
        "  INSERT INTO ledger (step, line, account_id, unit, amount, kind, at_ms) \
         SELECT {step}, 0, a.id, {unit}, {amount}, '{kind}', {now} FROM account a WHERE {when};\n  \
         INSERT INTO ledger (step, line, account_id, unit, amount, kind, at_ms) \
         SELECT g.step, 1, {other}, g.unit, -g.amount, g.kind, g.at_ms FROM account a, ledger g \
         WHERE {when} AND g.id = (SELECT max(id) FROM ledger);\n  \
         INSERT INTO balance (account_id, unit, settled, seq) \
         SELECT g.account_id, g.unit, g.amount, 1 FROM account a, ledger g WHERE {when} AND g.step = \
         (SELECT step FROM ledger ORDER BY id DESC LIMIT 1) \
         ON CONFLICT (account_id, unit) DO UPDATE SET settled = settled + excluded.settled, seq = seq + 1;"
    );
}

fn update_user(out: &mut String) {
    let secrets: Vec<&Column> = plain(Place::Account).filter(|c| c.kind == ColumnKind::Secret).collect();
    let hot: Vec<&Column> = plain(Place::Account).filter(|c| c.kind != ColumnKind::Secret).collect();
    let sets = |columns: &[&Column]| {
        columns
            .iter()
            .map(|c| match c.name {
                "currency" => "currency = upper(NEW.currency)".to_owned(),
                name => format!("{name} = coalesce(NEW.{name}, {})", c.default),
            })
            .collect::<Vec<_>>()
            .join(", ")
    };
    let list = |columns: &[&Column]| columns.iter().map(|c| c.name).collect::<Vec<_>>().join(", ");
    let profile: Vec<&Column> = plain(Place::Profile).collect();
    let _ = writeln!(
        out,
        "CREATE TRIGGER tb_users_update_id INSTEAD OF UPDATE OF id ON tb_users WHEN NEW.id IS NOT OLD.id BEGIN\n  \
         SELECT RAISE(ABORT, 'an id cannot be changed');\nEND;\n\
         CREATE TRIGGER tb_users_update_computed INSTEAD OF UPDATE OF datum, held ON tb_users BEGIN\n  \
         SELECT 1;\nEND;\n\
         CREATE TRIGGER tb_users_update_currency INSTEAD OF UPDATE OF currency ON tb_users \
         WHEN upper(NEW.currency) <> OLD.currency AND (OLD.credit <> 0 OR OLD.held <> 0) BEGIN\n  \
         SELECT RAISE(ABORT, 'the currency of an account with credit cannot be changed');\nEND;\n\
         CREATE TRIGGER tb_users_update_account INSTEAD OF UPDATE OF {} ON tb_users BEGIN\n  \
         UPDATE account SET {} WHERE id = OLD.id;\nEND;\n\
         CREATE TRIGGER tb_users_update_profile INSTEAD OF UPDATE OF {} ON tb_users BEGIN\n  \
         UPDATE account_profile SET {} WHERE id = OLD.id;\nEND;",
        list(&hot),
        sets(&hot),
        list(&profile),
        sets(&profile),
    );
    for column in secrets {
        let name = column.name;
        let _ = writeln!(
            out,
            "CREATE TRIGGER tb_users_update_{name} INSTEAD OF UPDATE OF {name} ON tb_users \
             WHEN NEW.{name} IS NOT OLD.{name} BEGIN\n  \
             UPDATE account SET {name} = coalesce(NEW.{name}, '') WHERE id = OLD.id;\nEND;"
        );
    }
    for (column, unit, micros, other) in BALANCES {
        let _ = writeln!(
            out,
            "CREATE TRIGGER tb_users_update_{column} INSTEAD OF UPDATE OF {column} ON tb_users \
             WHEN NEW.{column} IS NOT OLD.{column} BEGIN"
        );
        number_check(out, column);
        let amount = format!(
            "CAST(round(NEW.{column}*{micros}) AS INTEGER) - CAST(round(OLD.{column}*{micros}) AS INTEGER)"
        );
        book(out, unit, &amount, other, &format!("a.id = OLD.id AND NEW.{column} IS NOT NULL"), "correction");
        if column == "freeminutesleft" {
            // Nodes remember whether there are any.
            out.push_str("  UPDATE account SET enabled = enabled WHERE id = OLD.id;\n");
        }
        out.push_str("END;\n");
    }
    let _ = writeln!(
        out,
        "CREATE TRIGGER tb_users_update_line INSTEAD OF UPDATE OF status, statusdate ON tb_users BEGIN\n  \
         INSERT INTO line_state (id, status, status_ms) VALUES (OLD.id, coalesce(NEW.status, 0), {}) \
         ON CONFLICT (id) DO UPDATE SET status = excluded.status, status_ms = excluded.status_ms;\nEND;",
        text_ms(ENGINE, "NEW.statusdate")
    );
}

/// SQLite would take the text `abc` for zero.
fn number_check(out: &mut String, column: &str) {
    let _ = writeln!(
        out,
        "  SELECT RAISE(ABORT, '{column} must be a number') WHERE typeof(NEW.{column}) = 'text' \
         AND (NEW.{column} = '' OR NEW.{column} GLOB '*[^0-9.+-]*');"
    );
}

fn delete_user(out: &mut String) {
    let _ = writeln!(
        out,
        "CREATE TRIGGER tb_users_delete INSTEAD OF DELETE ON tb_users BEGIN\n  \
         UPDATE account SET deleted_ms = {}, enabled = 0 WHERE id = OLD.id;\nEND;",
        now_ms(ENGINE)
    );
}
