//! Statements with places for values: the SQL of `tb_api`. Every place, also one inside a text literal, becomes a
//! bound parameter when the statement is read, so that what a request brings is never part of its text.
//! Nothing here knows where the values come from.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Assignment, AssignmentTarget, Expr, Ident, Insert, SetExpr, Statement, Value, ValueWithSpan, Visit,
    VisitMut, Visitor, VisitorMut,
};
use sqlparser::tokenizer::Span;

use super::{plan, refused};
use crate::cell::Cell;
use crate::db::Value as DbValue;
use crate::errors::{ReadError, SqlError};
use crate::schema::secret_column;
use crate::store::Store;
use crate::tsql::SqlAnswer;

/// Places that one statement may have.
const MAX_SLOTS: usize = 200;
/// The highest number of `[SPARAMn]`.
const MAX_SPARAM: u32 = 99;
/// Columns of `tb_users` that make an administrator of somebody: no request's value may be written there.
const RANK: [&str; 3] = ["type", "rights", "parentid"];

/// What a place in a statement or text stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    /// `[USERID]`: the authenticated account's id.
    UserId,
    /// `[USERNAME]`: its username.
    Username,
    /// `[SPARAMn]` as `sparamn`, or `{name}`: a request parameter, or a field of the authenticated account.
    Named(String),
}

impl Slot {
    /// What stands between brackets.
    #[must_use]
    pub fn keyword(text: &str) -> Option<Self> {
        let upper = text.to_ascii_uppercase();
        match upper.as_str() {
            "USERID" => Some(Self::UserId),
            "USERNAME" => Some(Self::Username),
            _ => {
                let number: u32 = upper.strip_prefix("SPARAM")?.parse().ok()?;
                (1..=MAX_SPARAM).contains(&number).then(|| Self::Named(format!("sparam{number}")))
            }
        }
    }

    /// What stands between braces.
    #[must_use]
    pub fn field(text: &str) -> Option<Self> {
        let text = text.trim();
        let word = !text.is_empty()
            && text.len() <= 64
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        word.then(|| Self::Named(text.to_ascii_lowercase()))
    }
}

/// A statement that was read, checked and given its places once, and runs with other values each time.
#[derive(Debug, Clone)]
pub struct SqlTemplate {
    statement: Statement,
    slots: Vec<Slot>,
}

impl SqlTemplate {
    /// The places in the order of the values that [`Store::sql_bound`] takes.
    #[must_use]
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// It only reads.
    #[must_use]
    pub const fn is_read(&self) -> bool {
        matches!(self.statement, Statement::Query(_))
    }
}

impl Store {
    /// Reads a statement with places. It is prepared by the engine too, so that a wrong column shows here.
    /// `bare_userid`: the word USERID in capitals counts as `[USERID]`.
    ///
    /// # Errors
    /// It is no T-SQL, not allowed, or a place stands where no value can be bound.
    pub async fn sql_template(&self, text: &str, bare_userid: bool) -> Result<SqlTemplate, SqlError> {
        let mut statement = super::parse(&without_braces(text)?)?;
        let slots = bind(&mut statement, bare_userid)?;
        no_rank(&statement)?;
        let plan = plan::plan(self, statement.clone(), 1, slots.len())?;
        let nothing = vec![DbValue::Null; slots.len()];
        let texts: Vec<String> = plan.texts().iter().map(|text| numbered(text, &nothing).0).collect();
        let check = move |conn: Result<&mut crate::db::Conn, _>| {
            let conn = conn.map_err(ReadError::Unavailable)?;
            texts.iter().try_for_each(|text| conn.check(text)).map_err(SqlError::from)
        };
        self.read(Box::new(check)).await?;
        Ok(SqlTemplate { statement, slots })
    }

    /// Runs a statement with one value per place, within the limits of [`Store::sql`].
    ///
    /// # Errors
    /// See [`SqlError`].
    pub async fn sql_bound(
        &self,
        template: &SqlTemplate,
        values: Vec<Cell>,
        rows: usize,
    ) -> Result<SqlAnswer, SqlError> {
        if values.len() != template.slots.len() {
            return Err(refused("this number of values", format!("{} are wanted", template.slots.len())));
        }
        let values = values.into_iter().map(DbValue::from).collect();
        plan::plan(self, template.statement.clone(), rows, template.slots.len())?.run(self, values).await
    }
}

impl From<Cell> for DbValue {
    fn from(cell: Cell) -> Self {
        match cell {
            Cell::Null => Self::Null,
            Cell::Int(n) => Self::Int(n),
            Cell::Decimal(text) | Cell::Text(text) => Self::Text(text),
        }
    }
}

/// Gives every occurrence of `?n` outside quotes a number of its own and its value: the engines want as many
/// values as places, and PostgreSQL one type for each.
pub(super) fn numbered(sql: &str, values: &[DbValue]) -> (String, Vec<DbValue>) {
    if values.is_empty() {
        return (sql.to_owned(), Vec::new());
    }
    let (mut out, mut bound, mut quote) = (String::with_capacity(sql.len()), Vec::new(), None);
    let mut chars = sql.chars().peekable();
    while let Some(c) = chars.next() {
        match quote {
            Some(q) if c == q => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            _ => {}
        }
        out.push(c);
        if c == '?' && quote.is_none() {
            let mut digits = String::new();
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            let index = digits.parse::<usize>().unwrap_or(1).saturating_sub(1);
            bound.push(values.get(index).cloned().unwrap_or(DbValue::Null));
            out.push_str(&bound.len().to_string());
        }
    }
    (out, bound)
}

/// `{name}` outside quotes becomes the bracketed name `[{name}]`, which the parser can read, and `{select …}` a
/// subquery in parentheses.
fn without_braces(text: &str) -> Result<String, SqlError> {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut open) = (text, 0_u32);
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '\'' | '"' => quoted(rest, c),
            '[' => rest.find(']').map_or(rest.len(), |end| end + 1),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '{' if is_select(&rest[1..]) => {
                open += 1;
                out.push('(');
                rest = &rest[1..];
                continue;
            }
            '{' => {
                let end = rest.find('}').ok_or_else(|| refused("{", "its } is missing"))?;
                let name = &rest[1..end];
                Slot::field(name).ok_or_else(|| {
                    refused(format!("{{{name}}}"), "write {name of a parameter or field} or {select …}")
                })?;
                out.push_str(&format!("[{{{}}}]", name.trim()));
                rest = &rest[end + 1..];
                continue;
            }
            '}' => {
                open = open.checked_sub(1).ok_or_else(|| refused("}", "its { is missing"))?;
                out.push(')');
                rest = &rest[1..];
                continue;
            }
            other => other.len_utf8(),
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    if open == 0 { Ok(out) } else { Err(refused("{select", "its } is missing")) }
}

/// The text begins with the word `select`.
fn is_select(text: &str) -> bool {
    let text = text.trim_start();
    text.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"))
        && text[6..].starts_with(|c: char| c.is_whitespace() || c == '(')
}

/// The length of a quoted text; a doubled quote is one inside.
fn quoted(text: &str, quote: char) -> usize {
    let mut from = 1;
    while let Some(at) = text[from..].find(quote) {
        from += at + 1;
        if !text[from..].starts_with(quote) {
            return from;
        }
        from += 1;
    }
    text.len()
}

/// Puts a placeholder in every place of a statement, and returns what stood there.
fn bind(statement: &mut Statement, bare_userid: bool) -> Result<Vec<Slot>, SqlError> {
    let mut binder = Binder { slots: Vec::new(), bare_userid };
    let flow = Visit::visit(statement, &mut NoPlaceholder);
    let flow = if flow.is_continue() { VisitMut::visit(statement, &mut binder) } else { flow };
    match flow {
        ControlFlow::Break(error) => Err(*error),
        ControlFlow::Continue(()) => leftovers(statement).map(|()| binder.slots),
    }
}

type Flow = ControlFlow<Box<SqlError>>;

/// Refuses placeholders that the text itself brings.
struct NoPlaceholder;

impl Visitor for NoPlaceholder {
    type Break = Box<SqlError>;

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> Flow {
        match &value.value {
            Value::Placeholder(name) => {
                ControlFlow::Break(Box::new(refused(name.clone(), "write [SPARAM1] or {name}")))
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

struct Binder {
    slots: Vec<Slot>,
    bare_userid: bool,
}

impl Binder {
    /// A placeholder for a place.
    fn place(&mut self, slot: Slot) -> Result<Expr, SqlError> {
        if let Slot::Named(name) = &slot
            && (secret_column(name).is_some()
                || matches!(name.as_str(), "authpwd" | "pwd" | "token" | "authkey"))
        {
            return Err(refused(format!("{{{name}}}"), "secrets are not put into statements"));
        }
        if self.slots.len() >= MAX_SLOTS {
            return Err(refused("so many places", format!("a statement may have {MAX_SLOTS}")));
        }
        self.slots.push(slot);
        Ok(Expr::Value(Value::Placeholder(format!("?{}", self.slots.len())).with_span(Span::empty())))
    }

    /// What stands between brackets in an expression.
    fn slot_of(&self, ident: &Ident) -> Option<Slot> {
        match ident.quote_style {
            Some('[') => {
                let braced = ident.value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
                braced.map_or_else(|| Slot::keyword(&ident.value), Slot::field)
            }
            None if self.bare_userid && ident.value == "USERID" => Some(Slot::UserId),
            _ => None,
        }
    }

    /// A text literal with places: the pieces joined. None: it has no place.
    fn literal(&mut self, text: &str) -> Result<Option<Expr>, SqlError> {
        let pieces = pieces(text);
        if !pieces.iter().any(|piece| !matches!(piece, Piece::Text(_))) {
            return Ok(None);
        }
        let mut joined: Option<Expr> = None;
        for piece in pieces {
            let piece = match piece {
                Piece::Text(text) => {
                    Expr::Value(Value::SingleQuotedString(text.to_owned()).with_span(Span::empty()))
                }
                Piece::Place(slot) => self.place(slot)?,
                Piece::Select(_) => {
                    return Err(refused(
                        "{select …} inside quotation marks",
                        "write it outside, joined with +",
                    ));
                }
            };
            joined = Some(match joined {
                None => piece,
                Some(before) => Expr::BinaryOp {
                    left: Box::new(before),
                    op: sqlparser::ast::BinaryOperator::StringConcat,
                    right: Box::new(piece),
                },
            });
        }
        Ok(joined.map(|expr| match expr {
            joined @ Expr::BinaryOp { .. } => Expr::Nested(Box::new(joined)),
            one => one,
        }))
    }
}

impl VisitorMut for Binder {
    type Break = Box<SqlError>;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> Flow {
        let made = match expr {
            Expr::Identifier(ident) => self.slot_of(ident).map(|slot| self.place(slot)).transpose(),
            Expr::Value(ValueWithSpan {
                value: Value::SingleQuotedString(text) | Value::NationalStringLiteral(text),
                ..
            }) => {
                let text = text.clone();
                self.literal(&text)
            }
            _ => Ok(None),
        };
        match made {
            Ok(Some(new)) => *expr = new,
            Ok(None) => {}
            Err(error) => return ControlFlow::Break(Box::new(error)),
        }
        ControlFlow::Continue(())
    }
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'a> {
    /// As it is.
    Text(&'a str),
    /// A place.
    Place(Slot),
    /// What stands in `{select …}`.
    Select(&'a str),
}

/// Splits a text at its `[KEYWORD]`s, `{name}`s and `{select …}`s; what is none of them stays text.
#[must_use]
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut from, mut at) = (Vec::new(), 0, 0);
    while let Some(found) = text[at..].find(['[', '{']) {
        let start = at + found;
        match piece_at(&text[start..]) {
            Some((length, piece)) => {
                if from < start {
                    pieces.push(Piece::Text(&text[from..start]));
                }
                pieces.push(piece);
                (from, at) = (start + length, start + length);
            }
            None => at = start + 1,
        }
    }
    if from < text.len() {
        pieces.push(Piece::Text(&text[from..]));
    }
    pieces
}

/// The place that a text begins with, and its length.
fn piece_at(text: &str) -> Option<(usize, Piece<'_>)> {
    if text.starts_with('[') {
        let end = text.find(']')?;
        return Slot::keyword(&text[1..end]).map(|slot| (end + 1, Piece::Place(slot)));
    }
    if !is_select(&text[1..]) {
        let end = text.find('}')?;
        return Slot::field(&text[1..end]).map(|slot| (end + 1, Piece::Place(slot)));
    }
    let (mut at, mut open) = (0, 0_u32);
    while let Some(c) = text[at..].chars().next() {
        match c {
            '\'' | '"' => {
                at += quoted(&text[at..], c);
                continue;
            }
            '{' => open += 1,
            '}' if open == 1 => return Some((at + 1, Piece::Select(&text[1..at]))),
            '}' => open -= 1,
            _ => {}
        }
        at += c.len_utf8();
    }
    None
}

/// A `{name}` that is no expression, such as the name of a table, cannot be bound.
fn leftovers(statement: &Statement) -> Result<(), SqlError> {
    struct Finder;
    impl Visitor for Finder {
        type Break = String;
        fn pre_visit_ident(&mut self, ident: &Ident) -> ControlFlow<String> {
            if ident.value.starts_with('{') {
                ControlFlow::Break(ident.value.clone())
            } else {
                ControlFlow::Continue(())
            }
        }
    }
    match statement.visit(&mut Finder) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(name) => Err(refused(
            format!("{name} as a name"),
            "only values can be bound, not names of tables or columns",
        )),
    }
}

/// Refuses values of requests in the columns that say who may do what.
fn no_rank(statement: &Statement) -> Result<(), SqlError> {
    let why = "it would let a request make administrators: write a fixed number";
    match statement {
        Statement::Update(update) => {
            let ranked = update.assignments.iter().find(|a| is_rank(&target_of(a)) && has_place(&a.value));
            ranked.map_or(Ok(()), |a| Err(refused(format!("a request's value in {}", target_of(a)), why)))
        }
        Statement::Insert(insert) => ranked_column(insert)
            .map_or(Ok(()), |column| Err(refused(format!("a request's value in {column}"), why))),
        _ => Ok(()),
    }
}

fn target_of(assignment: &Assignment) -> String {
    match &assignment.target {
        AssignmentTarget::ColumnName(name) => last_name(&name.to_string()),
        AssignmentTarget::Tuple(_) => String::new(),
    }
}

fn last_name(name: &str) -> String {
    name.rsplit('.').next().unwrap_or_default().trim_matches(['[', ']', '"']).to_ascii_lowercase()
}

fn is_rank(column: &str) -> bool {
    RANK.contains(&column)
}

/// A column of an INSERT into `tb_users` that would get a request's value and must not.
fn ranked_column(insert: &Insert) -> Option<String> {
    let columns: Vec<String> = insert.columns.iter().map(|c| last_name(&c.to_string())).collect();
    match insert.source.as_ref()?.body.as_ref() {
        SetExpr::Values(values) => columns.iter().enumerate().find_map(|(at, column)| {
            let placed = values.rows.iter().any(|row| row.content.get(at).is_some_and(has_place));
            (is_rank(column) && placed).then(|| column.clone())
        }),
        _ => columns.into_iter().find(|column| is_rank(column)),
    }
}

/// A place stands somewhere in the expression.
fn has_place(expr: &Expr) -> bool {
    struct Finder;
    impl Visitor for Finder {
        type Break = ();
        fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<()> {
            if matches!(value.value, Value::Placeholder(_)) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        }
    }
    expr.visit(&mut Finder).is_break()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_become_brackets_and_subqueries_outside_quotes_only() {
        for (text, expected) in [
            ("select {a} from t", "select [{a}] from t"),
            ("select '{a}', [{b}], {c}", "select '{a}', [{b}], [{c}]"),
            (
                "select {select top 1 x from t where y = {z}}",
                "select (select top 1 x from t where y = [{z}])",
            ),
            ("select 'it''s {a}' -- {b}\n, {c}", "select 'it''s {a}' -- {b}\n, [{c}]"),
        ] {
            assert_eq!(without_braces(text).unwrap(), expected);
        }
        for wrong in ["select {a", "select {a b}", "select {select 1", "select 1}", "select {}"] {
            assert!(without_braces(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_text_is_split_at_its_places() {
        let named = |name: &str| Piece::Place(Slot::Named(name.into()));
        assert_eq!(
            pieces("a [USERID] {Email} [SPARAM99] [SPARAM100] {not a name} [x"),
            [
                Piece::Text("a "),
                Piece::Place(Slot::UserId),
                Piece::Text(" "),
                named("email"),
                Piece::Text(" "),
                named("sparam99"),
                Piece::Text(" [SPARAM100] {not a name} [x"),
            ]
        );
        assert_eq!(
            pieces("{select name from t where a = '}' and b = {c}} [[USERID]"),
            [
                Piece::Select("select name from t where a = '}' and b = {c}"),
                Piece::Text(" ["),
                Piece::Place(Slot::UserId),
            ]
        );
    }

    #[test]
    fn every_occurrence_gets_a_number_of_its_own() {
        let values = [DbValue::Int(7), DbValue::Int(8)];
        let (sql, bound) = numbered("a = ?2 AND b = '?1' AND c = ?1 AND d = ?2", &values);
        assert_eq!(sql, "a = ?1 AND b = '?1' AND c = ?2 AND d = ?3");
        assert_eq!(bound, [DbValue::Int(8), DbValue::Int(7), DbValue::Int(8)]);
    }
}
