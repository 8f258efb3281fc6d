//! The `db` command: one T-SQL statement on the documented tables, rewritten for the engine behind. Statements,
//! tables and functions are allow-listed; passwords are compared and written but never shown.
//! This is not a T-SQL implementation: what integrators' scripts use works, the rest is refused by name.

mod bound;
mod dates;
mod execute;
mod pace;
mod plan;
mod rewrite;
mod secrets;
mod shape;
mod text;
mod vocabulary;

pub use self::bound::{Piece, Slot, SqlTemplate, pieces};
pub(crate) use self::pace::Pace;

use sqlparser::ast::Statement;
use sqlparser::dialect::MsSqlDialect;
use sqlparser::parser::Parser;
use strowger_model::Scope;

use crate::cell::Table;
use crate::errors::SqlError;
use crate::store::Store;

/// Characters of a statement.
const MAX_STATEMENT_CHARS: usize = 65_536;
/// How deep expressions may nest.
const MAX_DEPTH: usize = 64;
/// Rows that are returned at most, whatever is asked for.
const MAX_ROWS: usize = 100_000;

/// What a statement may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqlLimits {
    /// Rows that are returned.
    pub rows: usize,
    /// INSERT, UPDATE and DELETE too.
    pub allow_writes: bool,
}

impl Default for SqlLimits {
    fn default() -> Self {
        Self { rows: 100, allow_writes: true }
    }
}

/// What came of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqlAnswer {
    /// A SELECT's rows; true: there were more than the limit.
    Rows(Table, bool),
    /// How many rows were inserted, updated or deleted.
    Changed(u64),
}

/// Refuses a statement.
fn refused(what: impl Into<String>, why: impl Into<String>) -> SqlError {
    SqlError::Refused { what: what.into(), why: why.into() }
}

impl Store {
    /// Runs one T-SQL statement on the documented tables, for at most 5 s.
    ///
    /// # Errors
    /// See [`SqlError`]; its text says what is refused and why.
    pub async fn sql(&self, scope: Scope, text: &str, limits: SqlLimits) -> Result<SqlAnswer, SqlError> {
        if scope != Scope::All {
            return Err(refused("db", "it needs the rights of an administrator"));
        }
        let statement = parse(text)?;
        let rows = limits.rows.clamp(1, MAX_ROWS);
        let writes = matches!(statement, Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_));
        if writes && !limits.allow_writes {
            return Err(refused(verb(&statement), "only SELECT is allowed here"));
        }
        let plan = plan::plan(self, statement, rows, 0)?;
        if !writes && text.to_ascii_lowercase().contains("tb_users") {
            // Line states are written every second; who reads them has just seen a phone register.
            self.write_lines().await;
        }
        plan.run(self, Vec::new()).await
    }
}

/// The first word of a statement.
fn verb(statement: &Statement) -> String {
    statement.to_string().split_whitespace().next().unwrap_or("it").to_ascii_uppercase()
}

fn parse(text: &str) -> Result<Statement, SqlError> {
    let syntax = |what: String| SqlError::Syntax { what };
    if text.chars().count() > MAX_STATEMENT_CHARS {
        return Err(syntax(format!("longer than {MAX_STATEMENT_CHARS} characters")));
    }
    if text.contains('\0') {
        return Err(syntax("a zero byte".to_owned()));
    }
    shape::known(text)?;
    let (text, top) = &shape::adapted(text)?;
    let mut statements = Parser::new(&MsSqlDialect {})
        .with_recursion_limit(MAX_DEPTH)
        .try_with_sql(text)
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|error| syntax(error.to_string()))?;
    match (statements.pop(), statements.is_empty()) {
        (Some(mut one), true) => {
            shape::set_top(&mut one, *top)?;
            Ok(one)
        }
        (Some(_), false) => Err(refused("more than one statement", "send them one by one")),
        (None, _) => Err(syntax("no statement".to_owned())),
    }
}
