//! Pieces of rewritten SQL as text, and how they stand in the syntax tree: an unquoted identifier is printed as
//! it is, so any finished text can take an expression's place.

use sqlparser::ast::{DataType, Expr, Ident};

use crate::db::Engine;

/// A finished piece of SQL as an expression.
pub(super) fn raw(text: String) -> Expr {
    Expr::Identifier(Ident { value: text, quote_style: None, span: sqlparser::tokenizer::Span::empty() })
}

/// The current time as text, `YYYY-MM-DD HH:MM:SS` in UTC, moved by a number of days.
pub(super) fn now(engine: Engine, days: &str) -> String {
    match engine {
        Engine::Sqlite => format!("datetime('now', ({days}) || ' days')"),
        Engine::Postgres => {
            format!("strowger_text(CAST(extract(epoch FROM now())*1000 + ({days})*86400000.0 AS BIGINT))")
        }
    }
}

/// `CAST(value AS type)` for the types that scripts use; none: the type is not known.
pub(super) fn cast(engine: Engine, value: &Expr, data_type: &DataType) -> Option<String> {
    let name = data_type.to_string().to_ascii_lowercase();
    let (base, rest) = name.split_once('(').unwrap_or((name.as_str(), ""));
    let length = rest.trim_end_matches(')').split(',').next().and_then(|n| n.trim().parse::<u32>().ok());
    let decimal = match engine {
        Engine::Sqlite => "REAL",
        Engine::Postgres => "NUMERIC",
    };
    Some(match base.trim() {
        "varchar" | "nvarchar" | "char" | "nchar" | "text" | "ntext" | "character varying" => match length {
            Some(length) => format!("substr(CAST({value} AS TEXT), 1, {length})"),
            None => format!("CAST({value} AS TEXT)"),
        },
        "int" | "integer" | "bigint" | "smallint" | "tinyint" | "bit" => format!("CAST({value} AS BIGINT)"),
        "decimal" | "numeric" | "float" | "real" | "money" | "double" => {
            format!("CAST({value} AS {decimal})")
        }
        "datetime" | "datetime2" | "smalldatetime" => format!("substr(CAST({value} AS TEXT), 1, 19)"),
        "date" => format!("substr(CAST({value} AS TEXT), 1, 10)"),
        _ => return None,
    })
}
