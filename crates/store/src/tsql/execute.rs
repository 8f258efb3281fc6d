//! Carrying out rewritten statements: SELECT on a reader, the rest on the writer, both with everything but rows denied.

use std::time::Duration;

use sqlparser::ast::{
    Assignment, AssignmentTarget, Delete, Expr, FromTable, Insert, LimitClause, ObjectName, Query, Select,
    SetExpr, TableFactor, TableObject, TableWithJoins, Update,
};
use strowger_model::AccountId;

use super::rewrite::{rewrite, table_name};
use super::secrets::{Comparison, literal, no_secret, secret_column, take_out};
use super::{SqlAnswer, refused, vocabulary};
use crate::accounts::opened;
use crate::cell::Table;
use crate::db::{Conn, Engine, Fault, READ_LIMIT_MS, values};
use crate::errors::{ReadError, SqlError};
use crate::fields::write_secret;
use crate::options::Database;
use crate::store::Store;
use crate::tx::{Stop, Tx};

/// Accounts whose password one statement may compare or write.
const MAX_SECRETS: usize = 1_000;

fn engine(store: &Store) -> Engine {
    match store.inner.options.database {
        Database::Sqlite(_) => Engine::Sqlite,
        Database::Postgres(_) => Engine::Postgres,
    }
}

impl From<ReadError> for SqlError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NotFound => Self::Failed { what: "not found".into() },
            ReadError::TooLong { ms } => Self::TooLong { ms },
            ReadError::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

/// `SELECT`.
pub(super) async fn select(store: &Store, mut query: Query, rows: usize) -> Result<SqlAnswer, SqlError> {
    let engine = engine(store);
    let comparisons = match query.body.as_mut() {
        SetExpr::Select(select) => comparisons_of(select)?,
        _ => Vec::new(),
    };
    let keyring = store.inner.options.keyring.clone();
    rewrite(&mut query, engine)?;
    if query.limit_clause.is_none() && query.fetch.is_none() {
        // One more than is shown, to know that there are more; the engine need not find the others.
        let limit = Some(super::text::raw((rows + 1).to_string()));
        query.limit_clause = Some(LimitClause::LimitOffset { limit, offset: None, limit_by: Vec::new() });
    }
    store
        .read(Box::new(move |conn| {
            let conn = conn.map_err(ReadError::Unavailable)?;
            if !comparisons.is_empty() {
                let candidates = candidates_sql(&query)?;
                let ids = guarded(conn, |conn| conn.ask(&candidates, &[], MAX_SECRETS + 1))?;
                if ids.rows.len() > MAX_SECRETS {
                    return Err(refused(
                        "comparing passwords",
                        "name the account too, too many match the rest",
                    ));
                }
                let mut matching = Vec::new();
                for row in &ids.rows {
                    let id = AccountId(row.int(0));
                    if opened(conn, &keyring, id)
                        .map_err(SqlError::from)?
                        .is_some_and(|s| all_equal(&comparisons, &s))
                    {
                        matching.push(id.0.to_string());
                    }
                }
                restrict_to(&mut query, &matching);
            }
            let text = query.to_string();
            let answer = guarded(conn, |conn| conn.ask(&text, &[], rows))?;
            let cut = answer.cut;
            Ok(SqlAnswer::Rows(Table::from(answer), cut))
        }))
        .await
}

/// Takes password comparisons out of the WHERE of a SELECT on `tb_users` alone.
fn comparisons_of(select: &mut Select) -> Result<Vec<Comparison>, SqlError> {
    let (rest, comparisons) = take_out(select.selection.take())?;
    select.selection = rest;
    if comparisons.is_empty() {
        return Ok(comparisons);
    }
    match select.from.as_slice() {
        [TableWithJoins { relation: TableFactor::Table { name, .. }, joins }]
            if joins.is_empty() && table_name(name)? == "tb_users" =>
        {
            Ok(comparisons)
        }
        _ => Err(refused("comparing passwords", "it works in a SELECT from tb_users alone")),
    }
}

/// The ids of the rows that fulfil everything but the password comparison, whatever the query selects and limits.
fn candidates_sql(query: &Query) -> Result<String, SqlError> {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return Err(refused("comparing passwords", "it works in a plain SELECT"));
    };
    let from = select.from.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let condition = select.selection.as_ref().map_or_else(|| "1 = 1".to_owned(), ToString::to_string);
    Ok(format!("SELECT id FROM {from} WHERE {condition} ORDER BY id LIMIT {}", MAX_SECRETS + 1))
}

fn restrict_to(query: &mut Query, ids: &[String]) {
    let list = if ids.is_empty() { "NULL".to_owned() } else { ids.join(", ") };
    let mine = super::text::raw(format!("id IN ({list})"));
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.selection = Some(match select.selection.take() {
            None => mine,
            Some(rest) => super::text::raw(format!("({rest}) AND {mine}")),
        });
    }
}

fn all_equal(comparisons: &[Comparison], secrets: &[strowger_model::Secret; 2]) -> bool {
    comparisons.iter().all(|comparison| {
        let stored = if comparison.column == "pin" { &secrets[1] } else { &secrets[0] };
        constant_time_equal(stored.expose().as_bytes(), comparison.with.expose().as_bytes())
    })
}

/// Compares without telling by its duration where the first difference is.
fn constant_time_equal(a: &[u8], b: &[u8]) -> bool {
    let difference = a.iter().zip(b).fold(a.len() ^ b.len(), |d, (x, y)| d | usize::from(x ^ y));
    difference == 0
}

/// Runs an ad-hoc statement with everything but rows denied.
fn guarded<T>(conn: &mut Conn, run: impl FnOnce(&mut Conn) -> Result<T, Fault>) -> Result<T, Fault> {
    conn.restrict(true)?;
    let result = run(conn);
    conn.restrict(false)?;
    result
}

/// Runs a rewritten write inside its transaction. Returns how many rows the engine counted.
fn write(tx: &mut Tx<'_>, sql: &str) -> Result<u64, Fault> {
    guarded(tx.raw(), |conn| conn.execute(sql, &[]))
}

/// Gives every statement of `run` the time limit.
fn limited<T>(
    tx: &mut Tx<'_>,
    run: impl FnOnce(&mut Tx<'_>) -> Result<T, Stop<SqlError>>,
) -> Result<T, Stop<SqlError>> {
    tx.raw().limit(Some(Duration::from_millis(READ_LIMIT_MS)))?;
    let result = run(tx);
    tx.raw().limit(None)?;
    result
}

/// The ids of the accounts that a condition on `tb_users` selects.
fn ids(tx: &mut Tx<'_>, condition: Option<&Expr>) -> Result<Vec<AccountId>, Fault> {
    let condition = condition.map_or_else(|| "1 = 1".to_owned(), ToString::to_string);
    let rows = tx.query(&format!("SELECT id FROM tb_users WHERE {condition}"), &[])?;
    Ok(rows.iter().map(|row| AccountId(row.int(0))).collect())
}

/// The rows of a view that a condition selects: SQLite does not count what INSTEAD OF triggers do.
fn count(tx: &mut Tx<'_>, table: &str, condition: Option<&Expr>) -> Result<u64, Fault> {
    let condition = condition.map_or_else(|| "1 = 1".to_owned(), ToString::to_string);
    let row = tx.first(&format!("SELECT count(*) FROM {table} WHERE {condition}"), &[])?;
    Ok(row.map_or(0, |row| u64::try_from(row.int(0)).unwrap_or(0)))
}

fn is_view(table: &str) -> bool {
    matches!(table, "tb_users" | "tb_cdrs")
}

/// A secret that one row of an INSERT sets: row, column, clear text.
struct RowSecret {
    username: String,
    column: &'static str,
    clear: String,
}

/// `INSERT`.
pub(super) async fn insert(store: &Store, mut insert: Insert) -> Result<SqlAnswer, SqlError> {
    let TableObject::TableName(name) = &insert.table else {
        return Err(refused("this INSERT", "name a table"));
    };
    let table = table_name(name)?;
    vocabulary::writable(&table)?;
    let odd = insert.returning.is_some()
        || insert.output.is_some()
        || insert.on.is_some()
        || insert.or.is_some()
        || insert.replace_into
        || insert.table_alias.is_some()
        || !insert.assignments.is_empty();
    if odd || insert.source.is_none() {
        return Err(refused("this form of INSERT", "use INSERT INTO table (columns) VALUES (…) or SELECT"));
    }
    let secrets = if table == "tb_users" { take_secrets(&mut insert)? } else { Vec::new() };
    insert.into = true;
    rewrite(&mut insert, engine(store))?;
    let rows = insert.source.as_ref().and_then(|source| match source.body.as_ref() {
        SetExpr::Values(values) => Some(values.rows.len() as u64),
        _ => None,
    });
    if rows.is_none() && is_view(&table) {
        return Err(refused(format!("INSERT … SELECT into {table}"), "use VALUES"));
    }
    let own_ids = insert.columns.iter().any(|c| c.to_string().trim_matches('"') == "id");
    let sql = insert.to_string();
    store
        .write_alone(move |tx: &mut Tx<'_>| -> Result<SqlAnswer, Stop<SqlError>> {
            tx.check_epoch()?;
            let counted = limited(tx, |tx| Ok(write(tx, &sql)?))?;
            if own_ids {
                skip_used_ids(tx, &table)?;
            }
            for secret in &secrets {
                let row = tx.first(
                    "SELECT id FROM account WHERE lower(username) = lower(?1) AND deleted_ms = 0",
                    &values![&secret.username],
                )?;
                if let Some(row) = row {
                    write_secret(tx, AccountId(row.int(0)), secret.column, &secret.clear)?;
                }
            }
            Ok(SqlAnswer::Changed(rows.unwrap_or(counted)))
        })
        .await
}

/// Rows that were inserted with ids of their own: PostgreSQL's next id must lie beyond them, as on SQLite.
fn skip_used_ids(tx: &mut Tx<'_>, table: &str) -> Result<(), Fault> {
    if tx.engine() == Engine::Postgres {
        let table = if table == "tb_users" { "account" } else { table };
        tx.query(
            &format!(
                "SELECT setval(pg_get_serial_sequence('{table}', 'id'), greatest(max(id), 1)) FROM {table}"
            ),
            &[],
        )?;
    }
    Ok(())
}

/// Takes the passwords out of the rows of an INSERT into `tb_users`; they are written encrypted afterwards.
fn take_secrets(insert: &mut Insert) -> Result<Vec<RowSecret>, SqlError> {
    let columns: Vec<String> = insert
        .columns
        .iter()
        .map(|c| c.to_string().trim_matches(['[', ']', '"']).to_ascii_lowercase())
        .collect();
    let named = |wanted: &str| columns.iter().position(|c| c == wanted);
    let secret: Vec<(usize, &'static str)> =
        columns.iter().enumerate().filter_map(|(i, c)| secret_column(c).map(|s| (i, s))).collect();
    if columns.is_empty() {
        return Err(refused("INSERT INTO tb_users without columns", "name the columns"));
    }
    let Some(SetExpr::Values(rows)) = insert.source.as_mut().map(|s| s.body.as_mut()) else {
        return if secret.is_empty() {
            Ok(Vec::new())
        } else {
            Err(refused("INSERT … SELECT of passwords", "use VALUES"))
        };
    };
    let mut taken = Vec::new();
    for row in &mut rows.rows {
        let username = named("username")
            .and_then(|i| row.content.get(i))
            .and_then(literal)
            .unwrap_or_default()
            .to_owned();
        for (index, column) in &secret {
            let Some(value) = row.content.get_mut(*index) else { continue };
            let Some(clear) = literal(value) else {
                return Err(refused(format!("a computed {column}"), "write it as 'text'"));
            };
            taken.push(RowSecret { username: username.clone(), column, clear: clear.to_owned() });
            *value = Expr::value(sqlparser::ast::Value::SingleQuotedString(String::new()));
        }
    }
    if !taken.is_empty() && taken.iter().any(|t| t.username.is_empty()) {
        return Err(refused("a password without a username", "write the username as 'text' in the same row"));
    }
    Ok(taken)
}

/// `UPDATE`.
pub(super) async fn update(store: &Store, mut update: Update) -> Result<SqlAnswer, SqlError> {
    let table = single_table(&update.table)?;
    vocabulary::writable(&table)?;
    let odd = update.from.is_some()
        || update.returning.is_some()
        || update.output.is_some()
        || update.or.is_some()
        || !update.order_by.is_empty()
        || update.limit.is_some();
    if odd {
        return Err(refused("this form of UPDATE", "use UPDATE table SET … WHERE …"));
    }
    let mut secrets: Vec<(&'static str, String)> = Vec::new();
    if table == "tb_users" {
        for assignment in std::mem::take(&mut update.assignments) {
            match assigned_secret(&assignment)? {
                Some(secret) => secrets.push(secret),
                None => update.assignments.push(assignment),
            }
        }
        no_secret(&update.assignments)?;
        no_secret(&update.selection)?;
    }
    rewrite(&mut update, engine(store))?;
    let (condition, more) = (update.selection.clone(), !update.assignments.is_empty());
    let sql = update.to_string();
    store
        .write_alone(move |tx: &mut Tx<'_>| -> Result<SqlAnswer, Stop<SqlError>> {
            tx.check_epoch()?;
            let changed = limited(tx, |tx| {
                let mut changed = if is_view(&table) { count(tx, &table, condition.as_ref())? } else { 0 };
                let targets = if secrets.is_empty() { Vec::new() } else { ids(tx, condition.as_ref())? };
                if targets.len() > MAX_SECRETS {
                    return Err(Stop::Refuse(refused("so many passwords at once", "narrow the condition")));
                }
                if more {
                    let counted = write(tx, &sql)?;
                    changed = if is_view(&table) { changed } else { counted };
                }
                for id in targets {
                    for (column, clear) in &secrets {
                        write_secret(tx, id, column, clear)?;
                    }
                }
                Ok(changed)
            })?;
            Ok(SqlAnswer::Changed(changed))
        })
        .await
}

/// The secret column and clear text of an assignment; none: it is an ordinary one.
fn assigned_secret(assignment: &Assignment) -> Result<Option<(&'static str, String)>, SqlError> {
    let AssignmentTarget::ColumnName(name) = &assignment.target else {
        return Err(refused("this form of SET", "assign columns one by one"));
    };
    let name = name.to_string();
    let last = name.rsplit('.').next().unwrap_or_default().trim_matches(['[', ']', '"']);
    let Some(column) = secret_column(last) else { return Ok(None) };
    match literal(&assignment.value) {
        Some(clear) => Ok(Some((column, clear.to_owned()))),
        None => Err(refused(format!("a computed {column}"), "write it as 'text'")),
    }
}

/// `DELETE`.
pub(super) async fn delete(store: &Store, mut delete: Delete) -> Result<SqlAnswer, SqlError> {
    let odd = delete.using.is_some()
        || delete.returning.is_some()
        || delete.output.is_some()
        || !delete.tables.is_empty()
        || !delete.order_by.is_empty()
        || delete.limit.is_some();
    let from = match &delete.from {
        FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from) => from.clone(),
    };
    let [one] = from.as_slice() else { return Err(refused("this form of DELETE", "name one table")) };
    if odd {
        return Err(refused("this form of DELETE", "use DELETE FROM table WHERE …"));
    }
    let table = single_table(one)?;
    vocabulary::writable(&table)?;
    delete.from = FromTable::WithFromKeyword(from);
    no_secret(&delete.selection)?;
    rewrite(&mut delete, engine(store))?;
    let condition = delete.selection.clone();
    let sql = delete.to_string();
    store
        .write_alone(move |tx: &mut Tx<'_>| -> Result<SqlAnswer, Stop<SqlError>> {
            tx.check_epoch()?;
            limited(tx, |tx| {
                let selected = if is_view(&table) { count(tx, &table, condition.as_ref())? } else { 0 };
                let counted = write(tx, &sql)?;
                Ok(SqlAnswer::Changed(if is_view(&table) { selected } else { counted }))
            })
        })
        .await
}

/// The name of a table that stands alone.
fn single_table(table: &TableWithJoins) -> Result<String, SqlError> {
    let name: Option<&ObjectName> = match &table.relation {
        TableFactor::Table { name, alias: None, .. } if table.joins.is_empty() => Some(name),
        _ => None,
    };
    table_name(name.ok_or_else(|| refused("more than one table", "change one table at a time"))?)
}
