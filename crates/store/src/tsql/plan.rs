//! From a parsed statement to what the engine is asked: checked, rewritten, its secrets taken out. Nothing runs here.

use sqlparser::ast::{
    Assignment, Delete, Expr, FromTable, Insert, LimitClause, ObjectName, Query, SetExpr, Statement,
    TableFactor, TableObject, TableWithJoins, Update,
};

use super::execute::{self, RowSecret, assigned_secret, comparisons_of, is_view, take_secrets};
use super::rewrite::{rewrite, table_name};
use super::secrets::{Comparison, no_secret};
use super::{SqlAnswer, refused, verb, vocabulary};
use crate::db::{Engine, Value};
use crate::errors::SqlError;
use crate::options::Database;
use crate::store::Store;

/// A statement that is ready to run. One exists at a time, so its size is nobody's concern.
#[expect(clippy::large_enum_variant, reason = "made, used and dropped once a statement")]
pub(super) enum Plan {
    Select(SelectPlan),
    Insert(InsertPlan),
    Update(UpdatePlan),
    Delete(DeletePlan),
}

pub(super) struct SelectPlan {
    pub(super) query: Query,
    pub(super) comparisons: Vec<Comparison>,
    /// Rows that are returned.
    pub(super) rows: usize,
}

pub(super) struct InsertPlan {
    pub(super) sql: String,
    pub(super) table: String,
    /// The rows of VALUES; none: the engine counts.
    pub(super) rows: Option<u64>,
    /// The rows bring their ids.
    pub(super) own_ids: bool,
    pub(super) secrets: Vec<RowSecret>,
}

pub(super) struct UpdatePlan {
    pub(super) sql: String,
    pub(super) table: String,
    pub(super) condition: Option<Expr>,
    /// Something besides secrets is assigned.
    pub(super) more: bool,
    pub(super) secrets: Vec<(&'static str, String)>,
}

pub(super) struct DeletePlan {
    pub(super) sql: String,
    pub(super) table: String,
    pub(super) condition: Option<Expr>,
}

impl Plan {
    /// The texts that the engine will be asked, for preparing them beforehand.
    pub(super) fn texts(&self) -> Vec<String> {
        match self {
            Self::Select(plan) => vec![plan.query.to_string()],
            Self::Insert(plan) => vec![plan.sql.clone()],
            Self::Update(plan) if !plan.more => Vec::new(),
            Self::Update(plan) => vec![plan.sql.clone()],
            Self::Delete(plan) => vec![plan.sql.clone()],
        }
    }

    /// Runs it with the values of its places.
    pub(super) async fn run(self, store: &Store, params: Vec<Value>) -> Result<SqlAnswer, SqlError> {
        match self {
            Self::Select(plan) => execute::select(store, plan, params).await,
            Self::Insert(plan) => execute::insert(store, plan, params).await,
            Self::Update(plan) => execute::update(store, plan, params).await,
            Self::Delete(plan) => execute::delete(store, plan, params).await,
        }
    }
}

fn engine(store: &Store) -> Engine {
    match store.inner.options.database {
        Database::Sqlite(_) => Engine::Sqlite,
        Database::Postgres(_) => Engine::Postgres,
    }
}

/// Plans a statement that has `places` places and whose rows are cut after `rows`.
pub(super) fn plan(
    store: &Store,
    statement: Statement,
    rows: usize,
    places: usize,
) -> Result<Plan, SqlError> {
    let engine = engine(store);
    Ok(match statement {
        Statement::Query(query) => Plan::Select(select(engine, *query, rows, places)?),
        Statement::Insert(insert) => Plan::Insert(self::insert(engine, insert, places)?),
        Statement::Update(update) => Plan::Update(self::update(engine, update, places)?),
        Statement::Delete(delete) => Plan::Delete(self::delete(engine, delete, places)?),
        other => return Err(refused(verb(&other), "only SELECT, INSERT, UPDATE and DELETE are allowed")),
    })
}

fn select(engine: Engine, mut query: Query, rows: usize, places: usize) -> Result<SelectPlan, SqlError> {
    let comparisons = match query.body.as_mut() {
        SetExpr::Select(select) => comparisons_of(select)?,
        _ => Vec::new(),
    };
    super::shape::name_columns(&mut query);
    rewrite(&mut query, engine, places)?;
    if query.limit_clause.is_none() && query.fetch.is_none() {
        // One more than is shown, to know that there are more; the engine need not find the others.
        let limit = Some(super::text::raw((rows + 1).to_string()));
        query.limit_clause = Some(LimitClause::LimitOffset { limit, offset: None, limit_by: Vec::new() });
    }
    Ok(SelectPlan { query, comparisons, rows })
}

fn insert(engine: Engine, mut insert: Insert, places: usize) -> Result<InsertPlan, SqlError> {
    let TableObject::TableName(name) = &insert.table else {
        return Err(refused("this INSERT", "name a table"));
    };
    let table = table_name(name)?;
    vocabulary::writable(&table)?;
    if table == "tb_cdrs" {
        return Err(refused("INSERT into tb_cdrs", "calls write their records themselves"));
    }
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
    rewrite(&mut insert, engine, places)?;
    let rows = insert.source.as_ref().and_then(|source| match source.body.as_ref() {
        SetExpr::Values(values) => Some(values.rows.len() as u64),
        _ => None,
    });
    if rows.is_none() && is_view(&table) {
        return Err(refused(format!("INSERT … SELECT into {table}"), "use VALUES"));
    }
    let own_ids = insert.columns.iter().any(|c| c.to_string().trim_matches('"') == "id");
    Ok(InsertPlan { sql: insert.to_string(), table, rows, own_ids, secrets })
}

fn update(engine: Engine, mut update: Update, places: usize) -> Result<UpdatePlan, SqlError> {
    let odd = update.from.is_some()
        || update.returning.is_some()
        || update.output.is_some()
        || update.or.is_some()
        || !update.order_by.is_empty();
    if odd {
        return Err(refused("this form of UPDATE", "use UPDATE table SET … WHERE …"));
    }
    let table = single_table(&update.table)?;
    vocabulary::writable(&table)?;
    let record = |assigned: &Assignment| matches!(target(assigned).as_str(), "comment" | "mark");
    if table == "tb_cdrs" && !update.assignments.iter().all(record) {
        return Err(refused("this column of tb_cdrs", "only comment and mark of a record can be written"));
    }
    let top = update.limit.take();
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
    rewrite(&mut update, engine, places)?;
    update.selection = super::shape::cut(&table, update.selection.take(), top.as_ref());
    let (condition, more) = (update.selection.clone(), !update.assignments.is_empty());
    Ok(UpdatePlan { sql: update.to_string(), table, condition, more, secrets })
}

fn delete(engine: Engine, mut delete: Delete, places: usize) -> Result<DeletePlan, SqlError> {
    let odd = delete.using.is_some()
        || delete.returning.is_some()
        || delete.output.is_some()
        || !delete.tables.is_empty()
        || !delete.order_by.is_empty();
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
    let top = delete.limit.take();
    rewrite(&mut delete, engine, places)?;
    delete.selection = super::shape::cut(&table, delete.selection.take(), top.as_ref());
    Ok(DeletePlan { sql: delete.to_string(), table, condition: delete.selection.clone() })
}

/// The column that is assigned.
fn target(assignment: &Assignment) -> String {
    let name = assignment.target.to_string();
    name.rsplit('.').next().unwrap_or_default().trim_matches(['[', ']', '"']).to_ascii_lowercase()
}

/// The name of a table that stands alone.
fn single_table(table: &TableWithJoins) -> Result<String, SqlError> {
    let name: Option<&ObjectName> = match &table.relation {
        TableFactor::Table { name, alias: None, .. } if table.joins.is_empty() => Some(name),
        _ => None,
    };
    table_name(name.ok_or_else(|| refused("more than one table", "change one table at a time"))?)
}
