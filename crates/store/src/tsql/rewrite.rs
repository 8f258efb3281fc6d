//! The visitor that turns a T-SQL tree into one of the engine: TOP, hints, brackets, getdate(), ISNULL, LEN, CONVERT,
//! text `+`. It also enforces the vocabulary: a table or function that is not known ends the walk.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, LimitClause,
    ObjectName, ObjectNamePart, Query, Select, SetExpr, TableAlias, TableFactor, TopQuantity, UnaryOperator,
    Value, ValueWithSpan, VisitMut, VisitorMut,
};

use super::dates::{self, Part};
use super::text::{cast, now, raw};
use super::{refused, shape, vocabulary};
use crate::db::Engine;
use crate::errors::SqlError;
use crate::schema::{ColumnKind, user_column};

/// Rewrites a part of a statement in place.
///
/// Only placeholders `?1` to `?places` may stand in it.
pub(super) fn rewrite<T: VisitMut>(part: &mut T, engine: Engine, places: usize) -> Result<(), SqlError> {
    let mut rewriter = Rewriter { engine, places, local: BTreeSet::new() };
    match part.visit(&mut rewriter) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}

/// The name of a table: `tb_users`, `[tb_users]`, `dbo.tb_users`.
pub(super) fn table_name(name: &ObjectName) -> Result<String, SqlError> {
    let mut parts = Vec::new();
    for part in &name.0 {
        match part {
            ObjectNamePart::Identifier(ident) => parts.push(ident.value.to_ascii_lowercase()),
            ObjectNamePart::Function(_) => return Err(refused(name.to_string(), "not a table")),
        }
    }
    match parts.as_slice() {
        [table] => Ok(table.clone()),
        [schema, table] if schema == "dbo" => Ok(table.clone()),
        _ => Err(refused(name.to_string(), "other databases and schemas cannot be reached")),
    }
}

/// What the names of common table expressions are prefixed with, so that one that is named like a hidden
/// table never opens the way to it.
const LOCAL: &str = "cte_";

struct Rewriter {
    engine: Engine,
    /// How many values are bound.
    places: usize,
    /// Names of common table expressions, as they are written.
    local: BTreeSet<String>,
}

type Flow = ControlFlow<Box<SqlError>>;

fn stop(what: impl Into<String>, why: impl Into<String>) -> Flow {
    ControlFlow::Break(Box::new(refused(what, why)))
}

fn check(result: Result<(), SqlError>) -> Flow {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(Box::new(error)),
    }
}

impl VisitorMut for Rewriter {
    type Break = Box<SqlError>;

    fn pre_visit_query(&mut self, query: &mut Query) -> Flow {
        if query.for_clause.is_some() || !query.locks.is_empty() || !query.pipe_operators.is_empty() {
            return stop("FOR", "only plain rows are returned");
        }
        if let Some(with) = &mut query.with {
            // T-SQL has no word for it: any expression may refer to itself.
            with.recursive = true;
            for table in &mut with.cte_tables {
                let name = table.alias.name.value.to_ascii_lowercase();
                table.alias.name = Ident::new(format!("{LOCAL}{name}"));
                self.local.insert(name);
            }
        }
        if let Err(error) = shape::limit(query, self.engine) {
            return ControlFlow::Break(Box::new(error));
        }
        let SetExpr::Select(select) = query.body.as_mut() else {
            return match query.body.as_ref() {
                SetExpr::Query(_) | SetExpr::SetOperation { .. } | SetExpr::Values(_) => {
                    ControlFlow::Continue(())
                }
                _ => stop("a write inside a query", "only SELECT may stand there"),
            };
        };
        let Some(top) = select.top.take() else { return ControlFlow::Continue(()) };
        if top.percent || top.with_ties {
            return stop("TOP PERCENT and WITH TIES", "give a number of rows");
        }
        let limit = match top.quantity {
            Some(TopQuantity::Constant(n)) => raw(n.to_string()),
            Some(TopQuantity::Expr(expr)) if number_text(&expr).is_some() => expr,
            _ => return stop("TOP", "give a number of rows"),
        };
        if query.limit_clause.is_some() {
            return stop("TOP with OFFSET", "use one of them");
        }
        query.limit_clause =
            Some(LimitClause::LimitOffset { limit: Some(limit), offset: None, limit_by: Vec::new() });
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> Flow {
        if select.top.is_some() {
            return stop("TOP in a UNION", "put it into a subquery");
        }
        if select.into.is_some() {
            return stop("SELECT INTO", "tables cannot be made here");
        }
        if !select.lateral_views.is_empty() || !select.connect_by.is_empty() || select.qualify.is_some() {
            return stop("this form of SELECT", "it is not T-SQL");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> Flow {
        match factor {
            TableFactor::Table { name, alias, args, with_hints, version, sample, json_path, .. } => {
                with_hints.clear();
                self.rename_local(name, alias);
                // `FROM t (NOLOCK)`, the old form of a hint.
                let hint = args.as_ref().is_some_and(|a| {
                    a.args.iter().all(|a| a.to_string().eq_ignore_ascii_case("nolock")) && !a.args.is_empty()
                });
                if hint {
                    *args = None;
                }
                if args.is_some() || version.is_some() || sample.is_some() || json_path.is_some() {
                    return stop("a table function", "only tables can be read");
                }
                ControlFlow::Continue(())
            }
            TableFactor::Derived { .. } | TableFactor::NestedJoin { .. } => ControlFlow::Continue(()),
            _ => stop("this form of FROM", "only tables and subqueries can be read"),
        }
    }

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> Flow {
        let name = match table_name(relation) {
            Ok(name) => name,
            Err(error) => return ControlFlow::Break(Box::new(error)),
        };
        let local = name.strip_prefix(LOCAL).is_some_and(|local| self.local.contains(local));
        if !local {
            check(vocabulary::readable(&name))?;
        }
        *relation = ObjectName(vec![ObjectNamePart::Identifier(Ident::new(name))]);
        ControlFlow::Continue(())
    }

    fn pre_visit_ident(&mut self, ident: &mut Ident) -> Flow {
        if ident.value.starts_with('@') || ident.value.starts_with('#') {
            return stop(ident.value.clone(), "there are no variables or temporary tables");
        }
        ident.value = ident.value.to_lowercase();
        let word = ident.value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if ident.quote_style.is_some() || !word {
            if ident.value.contains('"') || ident.value.is_empty() {
                return stop("a name with quotation marks", "no column has one");
            }
            ident.quote_style = Some('"');
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> Flow {
        match &value.value {
            Value::Number(..) | Value::SingleQuotedString(_) | Value::Null | Value::Boolean(_) => {
                ControlFlow::Continue(())
            }
            Value::Placeholder(name)
                if name
                    .strip_prefix('?')
                    .and_then(|n| n.parse().ok())
                    .is_some_and(|n: usize| n <= self.places) =>
            {
                ControlFlow::Continue(())
            }
            Value::NationalStringLiteral(text) => {
                value.value = Value::SingleQuotedString(text.clone());
                ControlFlow::Continue(())
            }
            other => stop(other.to_string(), "write numbers and 'text'"),
        }
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> Flow {
        self.comparison(expr)?;
        match expr {
            Expr::Function(function) => match self.function(function) {
                Ok(Some(new)) => *expr = new,
                Ok(None) => {}
                Err(error) => return ControlFlow::Break(Box::new(error)),
            },
            Expr::BinaryOp { left, op, right } => match self.binary(left, op, right) {
                Ok(Some(new)) => *expr = new,
                Ok(None) => {}
                Err(error) => return ControlFlow::Break(Box::new(error)),
            },
            Expr::Convert { expr: value, data_type: Some(data_type), styles, .. } if !styles.is_empty() => {
                let style = styles.first().and_then(number_text).unwrap_or_default();
                let styled = dates::styled(&value.to_string(), &style).map(raw);
                match styled.and_then(|styled| cast(self.engine, &styled, data_type)) {
                    Some(text) => *expr = raw(text),
                    None => {
                        return stop(format!("the style {style} of CONVERT"), "use 120, 23, 112, 104 or 108");
                    }
                }
            }
            Expr::Convert { expr: value, data_type: Some(data_type), .. }
            | Expr::Cast { expr: value, data_type, .. } => match cast(self.engine, value, data_type) {
                Some(text) => *expr = raw(text),
                None => {
                    return stop(format!("the type {data_type}"), "use varchar, int, decimal or datetime");
                }
            },
            Expr::Convert { .. } | Expr::TypedString(_) | Expr::AtTimeZone { .. } | Expr::Extract { .. } => {
                return stop(expr.to_string(), "it is not known here");
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Rewriter {
    /// IN with usernames, LIKE and COLLATE.
    fn comparison(&self, expr: &mut Expr) -> Flow {
        match expr {
            Expr::InList { expr: name, list, .. } if is_name(name) => {
                // Names are compared without regard to case, also with several.
                for expr in std::iter::once(name.as_mut()).chain(list) {
                    *expr = raw(format!("lower({expr})"));
                }
            }
            Expr::Like { pattern, .. } if has_class(pattern) => {
                return stop("[ in LIKE", "only % and _ stand for others");
            }
            Expr::Like { negated, any: false, expr: text, pattern, escape_char }
                if self.engine == Engine::Postgres =>
            {
                // As SQLite and T-SQL compare.
                *expr = Expr::ILike {
                    negated: *negated,
                    any: false,
                    expr: text.clone(),
                    pattern: pattern.clone(),
                    escape_char: escape_char.clone(),
                };
            }
            Expr::Collate { .. } => {
                return stop(
                    "COLLATE",
                    "usernames are compared without regard to case, other texts as they are",
                );
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    /// A reference to a common table expression gets its new name, and its old one as alias.
    fn rename_local(&self, name: &mut ObjectName, alias: &mut Option<TableAlias>) {
        let Ok(old) = table_name(name) else { return };
        if !self.local.contains(&old) {
            return;
        }
        *name = ObjectName(vec![ObjectNamePart::Identifier(Ident::new(format!("{LOCAL}{old}")))]);
        if alias.is_none() {
            let old = Ident::new(old);
            *alias = Some(TableAlias { explicit: true, name: old, columns: Vec::new(), at: None });
        }
    }

    fn function(&self, function: &mut Function) -> Result<Option<Expr>, SqlError> {
        let name = function.name.to_string().to_ascii_lowercase();
        let args = arguments(function);
        let new = match (name.as_str(), args.as_slice()) {
            ("getdate" | "getutcdate" | "sysdatetime" | "sysutcdatetime" | "current_timestamp", []) => {
                now(self.engine, "0")
            }
            ("dateadd", [part, number, date]) => {
                dates::added(self.engine, date_part(part)?, &number.to_string(), &date.to_string())
            }
            ("datediff", [part, from, to]) => {
                dates::difference(self.engine, date_part(part)?, &from.to_string(), &to.to_string())
            }
            ("datepart", [part, date]) => self.part_of(date_part(part)?, date)?,
            ("year", [date]) => self.part_of(Part::Year, date)?,
            ("month", [date]) => self.part_of(Part::Month, date)?,
            ("day", [date]) => self.part_of(Part::Day, date)?,
            ("left", [text, length]) => format!("substr({text}, 1, {length})"),
            ("right", [text, length]) => match self.engine {
                Engine::Sqlite => format!("substr({text}, -({length}), {length})"),
                Engine::Postgres => format!("right({text}, {length})"),
            },
            ("iif", [condition, then, otherwise]) => {
                format!("CASE WHEN {condition} THEN {then} ELSE {otherwise} END")
            }
            ("charindex", [needle, text]) => match self.engine {
                Engine::Sqlite => format!("instr({text}, {needle})"),
                Engine::Postgres => format!("strpos({text}, {needle})"),
            },
            _ => {
                let plain = vocabulary::function(&name)
                    .ok_or_else(|| refused(format!("the function {name}"), "it is not available here"))?;
                function.name = ObjectName(vec![ObjectNamePart::Identifier(Ident::new(plain))]);
                return Ok(None);
            }
        };
        Ok(Some(raw(new)))
    }

    fn part_of(&self, part: Part, date: &Expr) -> Result<String, SqlError> {
        dates::part_of(self.engine, part, &date.to_string())
            .ok_or_else(|| refused("datepart(week, …)", "use dayofyear or datediff(week, …)"))
    }

    fn binary(&self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Result<Option<Expr>, SqlError> {
        if *op == BinaryOperator::Minus && is_date(left) && is_date(right) {
            return Err(refused("a date minus a date", "use datediff(day, from, to)"));
        }
        Ok(self.binary_text(left, op, right).map(raw))
    }

    fn binary_text(&self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Option<String> {
        Some(match op {
            BinaryOperator::Plus | BinaryOperator::Minus
                if left.to_string() == now(self.engine, "0") && number_text(right).is_some() =>
            {
                let sign = if *op == BinaryOperator::Minus { "-" } else { "" };
                now(self.engine, &format!("{sign}({})", number_text(right)?))
            }
            BinaryOperator::Plus if is_text(left) || is_text(right) => format!("({left} || {right})"),
            BinaryOperator::Plus if is_date(left) => {
                dates::added(self.engine, Part::Day, &right.to_string(), &left.to_string())
            }
            BinaryOperator::Minus if is_date(left) => {
                dates::added(self.engine, Part::Day, &format!("-({right})"), &left.to_string())
            }
            BinaryOperator::Eq | BinaryOperator::NotEq
                if is_name(left) && (is_text(right) || is_place(right)) =>
            {
                format!("lower({left}) {op} lower({right})")
            }
            BinaryOperator::Eq | BinaryOperator::NotEq
                if is_name(right) && (is_text(left) || is_place(left)) =>
            {
                format!("lower({right}) {op} lower({left})")
            }
            // A bound text has no affinity for a computed column to lend it.
            _ if is_comparison(op) && is_number(left) && is_place(right) && self.engine == Engine::Sqlite => {
                format!("{left} {op} CAST({right} AS NUMERIC)")
            }
            _ if is_comparison(op) && is_place(left) && is_number(right) && self.engine == Engine::Sqlite => {
                format!("CAST({left} AS NUMERIC) {op} {right}")
            }
            _ => return None,
        })
    }
}

/// The part of a date that an argument names.
fn date_part(part: &Expr) -> Result<Part, SqlError> {
    Part::parse(&part.to_string()).ok_or_else(|| {
        refused(format!("the date part {part}"), "use year, month, week, day, hour, minute or second")
    })
}

/// The plain arguments of a function; none of them if one is something else.
fn arguments(function: &Function) -> Vec<Expr> {
    let FunctionArguments::List(list) = &function.args else { return Vec::new() };
    list.args
        .iter()
        .filter_map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
            _ => None,
        })
        .collect()
}

/// A number as it is written, with its sign; none: it is something else.
fn number_text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(ValueWithSpan { value: Value::Number(text, _), .. }) => Some(text.clone()),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => number_text(expr).map(|text| format!("-{text}")),
        Expr::Nested(expr) => number_text(expr),
        _ => None,
    }
}

/// The last name of a column.
pub(super) fn column_name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Identifier(ident) => Some(&ident.value),
        Expr::CompoundIdentifier(parts) => parts.last().map(|ident| ident.value.as_str()),
        _ => None,
    }
}

/// Columns of other tables than `tb_users` that hold text.
const TEXTS: [&str; 14] = [
    "callednumber",
    "origcallerid",
    "sipcallid",
    "callid",
    "prefix",
    "direction",
    "number",
    "location",
    "code",
    "mark",
    "discreason",
    "caller",
    "recipient",
    "state",
];

/// Computed columns of `tb_cdrs` that hold numbers.
const NUMBERS: [&str; 8] = [
    "realduration",
    "origduration",
    "ringduration",
    "costenduser",
    "costprovider",
    "costsales",
    "unitprice",
    "cost",
];

/// An operand that makes `+` a concatenation.
fn is_text(expr: &Expr) -> bool {
    match expr {
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(_), .. }) => true,
        Expr::Nested(inner) => is_text(inner),
        Expr::BinaryOp { op: BinaryOperator::StringConcat, .. } => true,
        _ => column_name(expr).is_some_and(|name| {
            name.starts_with("(") && name.contains(" || ")
                || name.starts_with("substr(")
                || name.ends_with(" AS TEXT)")
                || TEXTS.contains(&name)
                || user_column(name).is_some_and(|c| c.kind == ColumnKind::Text)
        }),
    }
}

/// A date: a column that holds one, or what a function of dates gave.
fn is_date(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_date(inner),
        _ => column_name(expr).is_some_and(|name| dates::is_column(name) || dates::is_made(name)),
    }
}

/// A column that holds numbers.
fn is_number(expr: &Expr) -> bool {
    column_name(expr).is_some_and(|name| {
        let kind = user_column(name).map(|column| column.kind);
        NUMBERS.contains(&name) || matches!(kind, Some(ColumnKind::Int | ColumnKind::Decimal))
    })
}

/// A place for a value.
fn is_place(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(ValueWithSpan { value: Value::Placeholder(_), .. }))
}

const fn is_comparison(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
    )
}

/// A pattern of LIKE with a class of characters, which only T-SQL has.
fn has_class(pattern: &Expr) -> bool {
    matches!(pattern, Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) if text.contains('['))
}

/// A column that is compared without regard to case.
fn is_name(expr: &Expr) -> bool {
    column_name(expr) == Some("username")
}
