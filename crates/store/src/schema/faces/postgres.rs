//! PostgreSQL's functions and triggers. INSTEAD OF triggers have no column lists there, so one function
//! compares the new row with the old one, part by part.

use std::fmt::Write;

use super::{TRACKED, now_ms, text_ms, views};
use crate::db::Engine;
use crate::schema::{COLUMNS, Column, ColumnKind, Place};

const ENGINE: Engine = Engine::Postgres;

/// The balances that are columns: column, unit, micro-units in one, the account on the other side.
const BALANCES: [(&str, &str, u64, &str); 3] = [
    ("credit", "cur", 1_000_000, "-5"),
    ("freeminutesleft", "'sec'", 60_000_000, "-7"),
    ("freesmsleft", "'msg'", 1_000_000, "-7"),
];

/// Functions that are called by views and triggers. `strowger_text` is immutable so that an index can use it.
const FUNCTIONS: &str = r"
CREATE OR REPLACE FUNCTION strowger_text(ms BIGINT) RETURNS TEXT LANGUAGE plpgsql IMMUTABLE AS $f$
BEGIN RETURN to_char(to_timestamp(ms/1000) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'); END $f$;
CREATE OR REPLACE FUNCTION strowger_ms(t TEXT) RETURNS BIGINT LANGUAGE plpgsql STABLE AS $f$
BEGIN RETURN CAST(extract(epoch FROM (t::timestamp AT TIME ZONE 'UTC')) AS BIGINT)*1000;
EXCEPTION WHEN others THEN RETURN NULL; END $f$;
CREATE OR REPLACE FUNCTION strowger_changed() RETURNS trigger LANGUAGE plpgsql AS $f$
DECLARE n BIGINT; r BIGINT;
BEGIN
  IF TG_OP = 'DELETE' THEN EXECUTE format('SELECT ($1).%I', TG_ARGV[1]) INTO r USING OLD;
  ELSE EXECUTE format('SELECT ($1).%I', TG_ARGV[1]) INTO r USING NEW; END IF;
  INSERT INTO changes (tbl, id, at_ms) VALUES (TG_ARGV[0], r, CAST(extract(epoch FROM clock_timestamp())*1000 AS BIGINT))
    RETURNING seq INTO n;
  PERFORM pg_notify('strowger_changes', n::text);
  RETURN NULL;
END $f$;
CREATE OR REPLACE FUNCTION strowger_append_only() RETURNS trigger LANGUAGE plpgsql AS $f$
BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $f$;
CREATE OR REPLACE FUNCTION strowger_book(acc BIGINT, u TEXT, delta BIGINT, other BIGINT, k TEXT) RETURNS void LANGUAGE plpgsql AS $f$
DECLARE s TEXT := 'outside/' || replace(gen_random_uuid()::text, '-', '');
  t BIGINT := CAST(extract(epoch FROM clock_timestamp())*1000 AS BIGINT);
BEGIN
  INSERT INTO ledger (step, line, account_id, unit, amount, kind, at_ms)
    VALUES (s, 0, acc, u, delta, k, t), (s, 1, other, u, -delta, k, t);
  INSERT INTO balance (account_id, unit, settled, seq) VALUES (acc, u, delta, 1)
    ON CONFLICT (account_id, unit) DO UPDATE SET settled = balance.settled + excluded.settled, seq = balance.seq + 1;
  INSERT INTO balance (account_id, unit, settled, seq) VALUES (other, u, -delta, 1)
    ON CONFLICT (account_id, unit) DO UPDATE SET settled = balance.settled + excluded.settled, seq = balance.seq + 1;
END $f$;
CREATE OR REPLACE FUNCTION strowger_cdrs() RETURNS trigger LANGUAGE plpgsql AS $f$
BEGIN
  IF TG_OP = 'DELETE' THEN
    DELETE FROM cdr_cost WHERE leg = OLD.dbcallsid;
    DELETE FROM cdr WHERE id = OLD.id;
    RETURN OLD;
  END IF;
  UPDATE cdr SET comment = NEW.comment, mark = NEW.mark WHERE id = OLD.id;
  RETURN NEW;
END $f$;
";

pub(super) fn write(out: &mut String) {
    for view in ["tb_users", "tb_cdrs", "tb_cdrresellers"] {
        let _ = writeln!(out, "DROP VIEW IF EXISTS {view};");
    }
    out.push_str(FUNCTIONS);
    out.push_str(&views::tb_users(ENGINE));
    out.push_str(&views::tb_cdrs(ENGINE));
    out.push_str(&views::tb_cdrresellers(ENGINE));
    let _ = writeln!(
        out,
        "DROP INDEX IF EXISTS cdr_datum; CREATE INDEX cdr_datum ON cdr ({});",
        super::ms_text(ENGINE, "end_ms")
    );
    for (table, name, id) in TRACKED {
        let _ = writeln!(
            out,
            "DROP TRIGGER IF EXISTS {table}_changed ON {table};\n\
             CREATE TRIGGER {table}_changed AFTER INSERT OR UPDATE OR DELETE ON {table} \
             FOR EACH ROW EXECUTE FUNCTION strowger_changed('{name}', '{id}');"
        );
    }
    out.push_str(
        "DROP TRIGGER IF EXISTS ledger_append_only ON ledger;\n\
         CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE ON ledger \
         FOR EACH ROW EXECUTE FUNCTION strowger_append_only();\n",
    );
    users(out);
    out.push_str(
        "CREATE TRIGGER tb_users_write INSTEAD OF INSERT OR UPDATE OR DELETE ON tb_users \
         FOR EACH ROW EXECUTE FUNCTION strowger_users();\n\
         CREATE TRIGGER tb_cdrs_write INSTEAD OF UPDATE OR DELETE ON tb_cdrs \
         FOR EACH ROW EXECUTE FUNCTION strowger_cdrs();\n",
    );
}

/// The columns of a place that are written as they are.
fn plain(place: Place) -> Vec<&'static Column> {
    COLUMNS.iter().filter(|c| c.place == place && c.name != "id").collect()
}

fn list(columns: &[&Column], prefix: &str) -> String {
    columns.iter().map(|c| format!("{prefix}{}", c.name)).collect::<Vec<_>>().join(", ")
}

fn sets(columns: &[&Column]) -> String {
    columns
        .iter()
        .map(|c| match c.name {
            "currency" => "currency = upper(NEW.currency)".to_owned(),
            name => format!("{name} = coalesce(NEW.{name}, {})", c.default),
        })
        .collect::<Vec<_>>()
        .join(", ")
}

fn values(columns: &[&Column]) -> String {
    columns
        .iter()
        .map(|c| match c.name {
            "currency" => "cur".to_owned(),
            name => format!("coalesce(NEW.{name}, {})", c.default),
        })
        .collect::<Vec<_>>()
        .join(", ")
}

/// What books an opening balance, and what books a corrected one.
fn balances() -> (String, String) {
    let mut opening = String::new();
    let mut correction = String::new();
    // Nodes remember whether there are any free minutes.
    let reread = |name| match name {
        "freeminutesleft" => "UPDATE account SET enabled = enabled WHERE id = OLD.id; ",
        _ => "",
    };
    for (name, unit, micros, other) in BALANCES {
        let _ = writeln!(
            opening,
            "    IF coalesce(NEW.{name}, 0) <> 0 THEN \
             PERFORM strowger_book(n, {unit}, CAST(round(NEW.{name}*{micros}) AS BIGINT), {other}, 'opening'); END IF;"
        );
        let _ = writeln!(
            correction,
            "  IF NEW.{name} IS NOT NULL AND NEW.{name} IS DISTINCT FROM OLD.{name} THEN PERFORM strowger_book(OLD.id, \
             {unit}, CAST(round(NEW.{name}*{micros}) AS BIGINT) - CAST(round(OLD.{name}*{micros}) AS BIGINT), {other}, \
             'correction'); {}END IF;",
            reread(name)
        );
    }
    (opening, correction)
}

/// What takes a changed secret over.
fn secrets(account: &[&Column]) -> String {
    let mut out = String::new();
    for column in account.iter().filter(|c| c.kind == ColumnKind::Secret) {
        let name = column.name;
        let _ = writeln!(
            out,
            "  IF NEW.{name} IS DISTINCT FROM OLD.{name} THEN \
             UPDATE account SET {name} = coalesce(NEW.{name}, '') WHERE id = OLD.id; END IF;"
        );
    }
    out
}

fn users(out: &mut String) {
    let account = plain(Place::Account);
    let profile = plain(Place::Profile);
    let hot: Vec<&Column> = account.iter().filter(|c| c.kind != ColumnKind::Secret).copied().collect();
    let (opening, correction) = balances();
    let secrets = secrets(&account);
    let _ = writeln!(
        out,
        "CREATE OR REPLACE FUNCTION strowger_users() RETURNS trigger LANGUAGE plpgsql AS $f$\n\
         DECLARE n BIGINT; cur TEXT;\nBEGIN\n  IF TG_OP = 'DELETE' THEN\n    \
         UPDATE account SET deleted_ms = {now}, enabled = 0 WHERE id = OLD.id;\n    RETURN OLD;\n  END IF;\n  \
         IF TG_OP = 'INSERT' THEN\n    \
         cur := coalesce(nullif(upper(NEW.currency), ''), (SELECT nullif(upper(value), '') FROM tb_settings \
         WHERE lower(name) = 'defcurrency'), 'USD');\n    \
         n := coalesce(NEW.id, nextval(pg_get_serial_sequence('account', 'id')));\n    \
         INSERT INTO account (id, rowkey, created_ms, {an}) VALUES (n, replace(gen_random_uuid()::text, '-', ''), {now}, {av});\n    \
         INSERT INTO account_profile (id, {pn}) VALUES (n, {pv});\n    \
         INSERT INTO balance (account_id, unit) VALUES (n, cur);\n{opening}    \
         IF NEW.status IS NOT NULL OR NEW.statusdate IS NOT NULL THEN\n      \
         INSERT INTO line_state (id, status, status_ms) VALUES (n, coalesce(NEW.status, 0), {date});\n    END IF;\n    \
         NEW.id := n;\n    RETURN NEW;\n  END IF;\n  \
         IF NEW.id <> OLD.id THEN RAISE EXCEPTION 'an id cannot be changed'; END IF;\n  \
         cur := upper(NEW.currency);\n  \
         IF cur <> OLD.currency AND (OLD.credit <> 0 OR OLD.held <> 0) THEN\n    \
         RAISE EXCEPTION 'the currency of an account with credit cannot be changed';\n  END IF;\n  \
         IF ({hn}) IS DISTINCT FROM ({ho}) THEN\n    UPDATE account SET {hs} WHERE id = OLD.id;\n  END IF;\n  \
         IF ({pnn}) IS DISTINCT FROM ({pno}) THEN\n    UPDATE account_profile SET {ps} WHERE id = OLD.id;\n  END IF;\n\
         {secrets}{correction}  \
         IF (NEW.status, NEW.statusdate) IS DISTINCT FROM (OLD.status, OLD.statusdate) THEN\n    \
         INSERT INTO line_state (id, status, status_ms) VALUES (OLD.id, coalesce(NEW.status, 0), {date}) \
         ON CONFLICT (id) DO UPDATE SET status = excluded.status, status_ms = excluded.status_ms;\n  END IF;\n  \
         RETURN NEW;\nEND $f$;",
        now = now_ms(ENGINE),
        an = list(&account, ""),
        av = values(&account),
        pn = list(&profile, ""),
        pv = values(&profile),
        date = text_ms(ENGINE, "NEW.statusdate"),
        hn = list(&hot, "NEW."),
        ho = list(&hot, "OLD."),
        hs = sets(&hot),
        pnn = list(&profile, "NEW."),
        pno = list(&profile, "OLD."),
        ps = sets(&profile),
    );
}
