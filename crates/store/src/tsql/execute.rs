//! Carrying out planned statements: SELECT on a reader, the rest on the writer, both with everything but rows denied.

use std::time::{Duration, Instant};

use sqlparser::ast::{
    Assignment, AssignmentTarget, Expr, Insert, Query, Select, SetExpr, TableFactor, TableWithJoins,
};
use strowger_model::AccountId;

use super::bound::numbered;
use super::plan::{DeletePlan, InsertPlan, SelectPlan, UpdatePlan};
use super::rewrite::table_name;
use super::secrets::{Comparison, literal, take_out};
use super::{SqlAnswer, refused};
use crate::accounts::{constant_time_equal, opened};
use crate::cell::Table;
use crate::db::{Conn, Engine, Fault, READ_LIMIT_MS, Value, values};
use crate::errors::{ReadError, SqlError};
use crate::fields::write_secret;
use crate::schema::{SECRETS, secret_column};
use crate::store::Store;
use crate::tx::{Stop, Tx};

/// Accounts whose password one statement may compare or write.
const MAX_SECRETS: usize = 1_000;

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
pub(super) async fn select(
    store: &Store,
    mut plan: SelectPlan,
    params: Vec<Value>,
) -> Result<SqlAnswer, SqlError> {
    if !plan.comparisons.is_empty() {
        store.inner.comparisons.pass(Instant::now()).map_err(|retry| SqlError::TooOften { retry })?;
    }
    let keyring = store.inner.options.keyring.clone();
    store
        .read(Box::new(move |conn| {
            let conn = conn.map_err(ReadError::Unavailable)?;
            if !plan.comparisons.is_empty() {
                let (candidates, bound) = numbered(&candidates_sql(&plan.query)?, &params);
                let ids = guarded(conn, |conn| conn.ask(&candidates, &bound, MAX_SECRETS + 1))?;
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
                        .is_some_and(|s| all_equal(&plan.comparisons, &s))
                    {
                        matching.push(id.0.to_string());
                    }
                }
                restrict_to(&mut plan.query, &matching);
            }
            let (text, bound) = numbered(&plan.query.to_string(), &params);
            let answer = guarded(conn, |conn| conn.ask(&text, &bound, plan.rows))?;
            let cut = answer.cut;
            Ok(SqlAnswer::Rows(Table::from(answer), cut))
        }))
        .await
}

/// Takes password comparisons out of the WHERE of a SELECT on `tb_users` alone.
pub(super) fn comparisons_of(select: &mut Select) -> Result<Vec<Comparison>, SqlError> {
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

fn all_equal(comparisons: &[Comparison], secrets: &[strowger_model::Secret]) -> bool {
    comparisons.iter().all(|comparison| {
        let stored = SECRETS.iter().zip(secrets).find(|(name, _)| **name == comparison.column);
        stored.is_some_and(|(_, stored)| {
            constant_time_equal(stored.expose().as_bytes(), comparison.with.expose().as_bytes())
        })
    })
}

/// Runs an ad-hoc statement with everything but rows denied.
fn guarded<T>(conn: &mut Conn, run: impl FnOnce(&mut Conn) -> Result<T, Fault>) -> Result<T, Fault> {
    conn.restrict(true)?;
    let result = run(conn);
    conn.restrict(false)?;
    result
}

/// Runs a rewritten write inside its transaction. Returns how many rows the engine counted.
fn write(tx: &mut Tx<'_>, sql: &str, params: &[Value]) -> Result<u64, Fault> {
    let (sql, bound) = numbered(sql, params);
    guarded(tx.raw(), |conn| conn.execute(&sql, &bound))
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
fn ids(tx: &mut Tx<'_>, condition: Option<&Expr>, params: &[Value]) -> Result<Vec<AccountId>, Fault> {
    let condition = condition.map_or_else(|| "1 = 1".to_owned(), ToString::to_string);
    let (sql, bound) = numbered(&format!("SELECT id FROM tb_users WHERE {condition}"), params);
    let rows = tx.query(&sql, &bound)?;
    Ok(rows.iter().map(|row| AccountId(row.int(0))).collect())
}

/// The rows of a view that a condition selects: SQLite does not count what INSTEAD OF triggers do.
fn count(tx: &mut Tx<'_>, table: &str, condition: Option<&Expr>, params: &[Value]) -> Result<u64, Fault> {
    let condition = condition.map_or_else(|| "1 = 1".to_owned(), ToString::to_string);
    let (sql, bound) = numbered(&format!("SELECT count(*) FROM {table} WHERE {condition}"), params);
    let row = tx.first(&sql, &bound)?;
    Ok(row.map_or(0, |row| u64::try_from(row.int(0)).unwrap_or(0)))
}

pub(super) fn is_view(table: &str) -> bool {
    matches!(table, "tb_users" | "tb_cdrs")
}

/// A secret that one row of an INSERT sets: row, column, clear text.
pub(super) struct RowSecret {
    username: String,
    column: &'static str,
    clear: String,
}

/// `INSERT`.
pub(super) async fn insert(
    store: &Store,
    plan: InsertPlan,
    params: Vec<Value>,
) -> Result<SqlAnswer, SqlError> {
    store
        .write_alone(move |tx: &mut Tx<'_>| -> Result<SqlAnswer, Stop<SqlError>> {
            tx.check_epoch()?;
            let counted = limited(tx, |tx| Ok(write(tx, &plan.sql, &params)?))?;
            if plan.own_ids {
                skip_used_ids(tx, &plan.table)?;
            }
            for secret in &plan.secrets {
                let row = tx.first(
                    "SELECT id FROM account WHERE lower(username) = lower(?1) AND deleted_ms = 0",
                    &values![&secret.username],
                )?;
                if let Some(row) = row {
                    write_secret(tx, AccountId(row.int(0)), secret.column, &secret.clear)?;
                }
            }
            Ok(SqlAnswer::Changed(plan.rows.unwrap_or(counted)))
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
pub(super) fn take_secrets(insert: &mut Insert) -> Result<Vec<RowSecret>, SqlError> {
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
pub(super) async fn update(
    store: &Store,
    plan: UpdatePlan,
    params: Vec<Value>,
) -> Result<SqlAnswer, SqlError> {
    store
        .write_alone(move |tx: &mut Tx<'_>| -> Result<SqlAnswer, Stop<SqlError>> {
            tx.check_epoch()?;
            let (table, condition) = (plan.table.as_str(), plan.condition.as_ref());
            let changed = limited(tx, |tx| {
                let mut changed = if is_view(table) { count(tx, table, condition, &params)? } else { 0 };
                let targets = if plan.secrets.is_empty() { Vec::new() } else { ids(tx, condition, &params)? };
                if targets.len() > MAX_SECRETS {
                    return Err(Stop::Refuse(refused("so many passwords at once", "narrow the condition")));
                }
                if plan.more {
                    let counted = write(tx, &plan.sql, &params)?;
                    changed = if is_view(table) { changed } else { counted };
                }
                for id in targets {
                    for (column, clear) in &plan.secrets {
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
pub(super) fn assigned_secret(assignment: &Assignment) -> Result<Option<(&'static str, String)>, SqlError> {
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
pub(super) async fn delete(
    store: &Store,
    plan: DeletePlan,
    params: Vec<Value>,
) -> Result<SqlAnswer, SqlError> {
    store
        .write_alone(move |tx: &mut Tx<'_>| -> Result<SqlAnswer, Stop<SqlError>> {
            tx.check_epoch()?;
            let (table, condition) = (plan.table.as_str(), plan.condition.as_ref());
            limited(tx, |tx| {
                let selected = if is_view(table) { count(tx, table, condition, &params)? } else { 0 };
                let counted = write(tx, &plan.sql, &params)?;
                Ok(SqlAnswer::Changed(if is_view(table) { selected } else { counted }))
            })
        })
        .await
}
