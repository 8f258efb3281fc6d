//! Secrets in ad-hoc statements: `password = 'x'` as a top-level AND condition is taken out and evaluated
//! against the decrypted values; literals that are written are encrypted on the way in; everything else is refused.

use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, Ident, Value, ValueWithSpan, Visit, Visitor};
use strowger_model::Secret;

use super::refused;
use super::rewrite::column_name;
use crate::errors::SqlError;
use crate::schema::secret_column;

/// What a secret column is compared with.
pub(super) struct Comparison {
    pub(super) column: &'static str,
    pub(super) with: Secret,
}

/// Takes the comparisons out of a condition. What remains must not mention a secret column.
pub(super) fn take_out(condition: Option<Expr>) -> Result<(Option<Expr>, Vec<Comparison>), SqlError> {
    let mut comparisons = Vec::new();
    let rest = condition.and_then(|expr| split(expr, &mut comparisons));
    if let Some(rest) = &rest {
        no_secret(rest)?;
    }
    Ok((rest, comparisons))
}

fn split(expr: Expr, out: &mut Vec<Comparison>) -> Option<Expr> {
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            match (split(*left, out), split(*right, out)) {
                (Some(left), Some(right)) => Some(Expr::BinaryOp {
                    left: Box::new(left),
                    op: BinaryOperator::And,
                    right: Box::new(right),
                }),
                (one, None) => one,
                (None, one) => one,
            }
        }
        Expr::Nested(inner) => split(*inner, out).map(|inner| Expr::Nested(Box::new(inner))),
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
            let column = column_name(&left).and_then(secret_column);
            match (column, literal(&right)) {
                (Some(column), Some(text)) => {
                    out.push(Comparison { column, with: Secret::new(text) });
                    None
                }
                _ => Some(Expr::BinaryOp { left, op: BinaryOperator::Eq, right }),
            }
        }
        other => Some(other),
    }
}

/// The text of a literal.
pub(super) fn literal(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. })
        | Expr::Value(ValueWithSpan { value: Value::NationalStringLiteral(text), .. })
        | Expr::Value(ValueWithSpan { value: Value::Number(text, _), .. }) => Some(text),
        Expr::Nested(inner) => literal(inner),
        _ => None,
    }
}

/// Refuses an expression that mentions a secret column.
pub(super) fn no_secret<T: Visit>(part: &T) -> Result<(), SqlError> {
    struct Finder;
    impl Visitor for Finder {
        type Break = &'static str;
        fn pre_visit_ident(&mut self, ident: &Ident) -> ControlFlow<&'static str> {
            match secret_column(&ident.value) {
                Some(column) => ControlFlow::Break(column),
                None => ControlFlow::Continue(()),
            }
        }
    }
    match part.visit(&mut Finder) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(column) => Err(refused(
            format!("this use of {column}"),
            format!("it is encrypted: compare it as a top-level condition AND {column} = 'text'"),
        )),
    }
}
