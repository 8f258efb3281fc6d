//! What a scope lets an operation see, as a condition of SQL.

use strowger_model::{AccountId, Scope};

use crate::db::{Conn, Fault, values};
use crate::tx::Tx;

/// Levels that a reseller chain may have.
pub(crate) const MAX_LEVELS: u32 = 16;

/// A condition on a column that holds an account's id. `All` is always true. The ids are numbers, so they
/// stand in the text.
pub(crate) fn condition(scope: Scope, column: &str) -> String {
    match scope {
        Scope::All => "1 = 1".to_owned(),
        Scope::Own(AccountId(id)) => format!("{column} = {id}"),
        Scope::Children(AccountId(id)) => format!("{column} IN ({})", below(id)),
    }
}

/// The account itself and every account below it.
fn below(id: i64) -> String {
    format!(
        "WITH RECURSIVE below(id, depth) AS (SELECT CAST({id} AS BIGINT), 0 UNION SELECT c.id, b.depth + 1 FROM account c \
         JOIN below b ON c.parentid = b.id WHERE b.depth < {MAX_LEVELS}) SELECT id FROM below"
    )
}

fn sql(scope: Scope) -> String {
    format!("SELECT 1 FROM account WHERE id = ?1 AND deleted_ms = 0 AND {}", condition(scope, "id"))
}

/// The account exists and the scope covers it.
pub(crate) fn covers(tx: &mut Tx<'_>, scope: Scope, id: AccountId) -> Result<bool, Fault> {
    Ok(tx.first(&sql(scope), &values![id])?.is_some())
}

/// The same on a reader's connection.
pub(crate) fn covers_reading(conn: &mut Conn, scope: Scope, id: AccountId) -> Result<bool, Fault> {
    Ok(conn.first(&sql(scope), &values![id])?.is_some())
}
