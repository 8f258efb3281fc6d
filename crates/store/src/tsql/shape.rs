//! What the parser or the engines take otherwise than T-SQL has it: the first word, `DELETE` without FROM, TOP of writes,
//! OFFSET … FETCH, and the names of computed columns.

use sqlparser::ast::{
    Delete, Expr, Ident, LimitClause, OffsetRows, Query, SelectItem, SetExpr, Statement, Update, Value,
    ValueWithSpan,
};

use super::refused;
use super::text::raw;
use crate::db::Engine;
use crate::errors::SqlError;

/// Characters of a computed column's name; PostgreSQL cuts at 63 bytes.
const MAX_NAME: usize = 60;

/// First words of other statements, of T-SQL and of the engines.
const OTHERS: &str = "ALTER ANALYZE ATTACH BACKUP BEGIN BULK CALL CHECKPOINT COMMIT COPY CREATE DBCC DECLARE DENY \
     DETACH DO DROP EXEC EXECUTE EXPLAIN GRANT IF INSTALL KILL LISTEN LOAD LOCK MERGE NOTIFY PRAGMA \
     PRINT REINDEX RESTORE REVOKE ROLLBACK SAVEPOINT SET SHOW SHUTDOWN TRUNCATE USE VACUUM WAITFOR \
     WHILE";

/// Refuses other statements by their first word; the parser would call some of them misspelt.
pub(super) fn known(text: &str) -> Result<(), SqlError> {
    let word: String = text.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    let word = word.to_ascii_uppercase();
    if OTHERS.split(' ').any(|other| other == word) {
        return Err(refused(word, "only SELECT, INSERT, UPDATE and DELETE are allowed"));
    }
    Ok(())
}

/// `DELETE table` becomes `DELETE FROM table`, and TOP of an UPDATE or DELETE is taken out: the parser knows neither.
pub(super) fn adapted(text: &str) -> Result<(String, Option<u64>), SqlError> {
    let trimmed = text.trim_start();
    let verb: String = trimmed.chars().take_while(char::is_ascii_alphabetic).collect();
    if !verb.eq_ignore_ascii_case("delete") && !verb.eq_ignore_ascii_case("update") {
        return Ok((text.to_owned(), None));
    }
    let (top, rest) = top_of(trimmed[verb.len()..].trim_start())?;
    let from = rest.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("from"));
    let joint = if verb.eq_ignore_ascii_case("delete") && !from && !rest.is_empty() { "FROM " } else { "" };
    Ok((format!("{verb} {joint}{rest}"), top))
}

/// The number of a leading `TOP (n)` or `TOP n`, and what follows it.
fn top_of(text: &str) -> Result<(Option<u64>, &str), SqlError> {
    let number = || refused("TOP", "give a number of rows");
    let is_top = text.get(..3).is_some_and(|word| word.eq_ignore_ascii_case("top"));
    let Some(rest) = text.get(3..).filter(|rest| is_top && rest.starts_with([' ', '\t', '\r', '\n', '(']))
    else {
        return Ok((None, text));
    };
    let rest = rest.trim_start();
    let (digits, rest) = match rest.strip_prefix('(') {
        Some(inside) => inside.split_once(')').ok_or_else(number)?,
        None => rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())),
    };
    let top = digits.trim().parse().map_err(|_| number())?;
    let rest = rest.trim_start();
    if rest.get(..7).is_some_and(|word| word.eq_ignore_ascii_case("percent")) {
        return Err(refused("TOP PERCENT and WITH TIES", "give a number of rows"));
    }
    Ok((Some(top), rest))
}

/// Carries TOP where the syntax tree has a place for it.
pub(super) fn set_top(statement: &mut Statement, top: Option<u64>) -> Result<(), SqlError> {
    let place = match statement {
        Statement::Update(Update { limit, .. }) | Statement::Delete(Delete { limit, .. }) => limit,
        _ => return Ok(()),
    };
    if place.is_some() {
        return Err(refused("LIMIT", "use TOP (n)"));
    }
    *place = top.map(|n| raw(n.to_string()));
    Ok(())
}

/// The condition of a write that is cut after so many rows, the oldest first.
pub(super) fn cut(table: &str, condition: Option<Expr>, top: Option<&Expr>) -> Option<Expr> {
    let Some(top) = top else { return condition };
    let condition = condition.map_or_else(|| "1 = 1".to_owned(), |condition| condition.to_string());
    Some(raw(format!("id IN (SELECT id FROM {table} WHERE {condition} ORDER BY id LIMIT {top})")))
}

/// `OFFSET n ROWS FETCH NEXT m ROWS ONLY` as both engines have it.
pub(super) fn limit(query: &mut Query, engine: Engine) -> Result<(), SqlError> {
    let is_number = |expr: &Expr| {
        let value = |v: &Value| matches!(v, Value::Number(..) | Value::Placeholder(_));
        matches!(expr, Expr::Value(ValueWithSpan { value: v, .. }) if value(v))
    };
    let numbers = || refused("OFFSET … FETCH", "give numbers of rows");
    let mut rows = None;
    if let Some(fetch) = query.fetch.take() {
        if fetch.percent || fetch.with_ties {
            return Err(numbers());
        }
        rows = Some(fetch.quantity.unwrap_or_else(|| raw("1".to_owned())));
    }
    if let Some(LimitClause::LimitOffset { limit, offset: Some(offset), .. }) = &mut query.limit_clause {
        offset.rows = OffsetRows::None;
        if !is_number(&offset.value) {
            return Err(numbers());
        }
        // SQLite has no OFFSET without LIMIT; a negative one is none.
        let all = (engine == Engine::Sqlite).then(|| raw("-1".to_owned()));
        *limit = limit.take().or_else(|| rows.take()).or(all);
    }
    if let Some(rows) = rows {
        let limit = Some(rows);
        query.limit_clause = Some(LimitClause::LimitOffset { limit, offset: None, limit_by: Vec::new() });
    }
    Ok(())
}

/// Computed columns without a name get their own text as one: the engines would each invent another.
pub(super) fn name_columns(query: &mut Query) {
    let mut body = query.body.as_mut();
    let select = loop {
        match body {
            SetExpr::Select(select) => break select,
            SetExpr::SetOperation { left, .. } => body = left.as_mut(),
            SetExpr::Query(query) => body = query.body.as_mut(),
            _ => return,
        }
    };
    for item in &mut select.projection {
        let SelectItem::UnnamedExpr(expr) = item else { continue };
        if matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
            continue;
        }
        let name: String = expr.to_string().replace('"', "'").chars().take(MAX_NAME).collect();
        // A secret in the text would be read as the column; a cut one would end in the middle of a character there.
        if !name.is_ascii() || name.contains('?') {
            continue;
        }
        let alias = Ident::with_quote('"', name);
        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn top_of_a_write_is_taken_out() {
        for (text, expected, top) in [
            ("delete t where a = 1", "delete FROM t where a = 1", None),
            ("  DELETE from t", "DELETE from t", None),
            ("delete top (3) from t", "delete from t", Some(3)),
            ("delete top 3 t", "delete FROM t", Some(3)),
            ("update top(1) t set a = 1", "update t set a = 1", Some(1)),
            ("update topics set a = 1", "update topics set a = 1", None),
            ("select top 1 a from t", "select top 1 a from t", None),
        ] {
            assert_eq!(adapted(text).unwrap(), (expected.to_owned(), top), "{text}");
        }
        for wrong in ["delete top (x) from t", "update top (1) percent t set a = 1", "delete top (1 from t"] {
            assert!(adapted(wrong).is_err(), "{wrong}");
        }
    }
}
