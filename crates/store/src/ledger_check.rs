//! The books added up: per unit the ledger sums to zero, every balance is the sum of its entries, what is held is
//! the sum of the open holds, and no prepaid account is below zero.

use crate::db::{Conn, Fault};

/// What adding up the books found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LedgerCheck {
    /// Nothing is wrong.
    pub ok: bool,
    /// One line per thing that is wrong, at most [`MAX_PROBLEMS`] of a kind.
    pub problems: Vec<String>,
}

/// Lines per kind of problem.
const MAX_PROBLEMS: usize = 20;

/// A check: the sentence for its rows, and the query that finds what is wrong. Columns: who, unit, is, should be.
const CHECKS: [(&str, &str); 5] = [
    (
        "the ledger does not sum to zero in",
        "SELECT 0, unit, CAST(sum(amount) AS BIGINT), 0 FROM ledger GROUP BY unit HAVING sum(amount) <> 0",
    ),
    (
        "a step does not sum to zero",
        "SELECT min(id), unit, CAST(sum(amount) AS BIGINT), 0 FROM ledger GROUP BY step, unit HAVING sum(amount) <> 0",
    ),
    (
        "a balance is not the sum of its entries",
        "SELECT b.account_id, b.unit, b.settled, coalesce(g.total, 0) FROM balance b LEFT JOIN (SELECT account_id, unit, \
         CAST(sum(amount) AS BIGINT) AS total FROM ledger GROUP BY account_id, unit) g \
         ON g.account_id = b.account_id AND g.unit = b.unit WHERE b.settled <> coalesce(g.total, 0)",
    ),
    (
        "what is held is not the sum of the holds",
        "SELECT b.account_id, b.unit, b.held, coalesce(h.total, 0) FROM balance b LEFT JOIN (SELECT account_id, unit, \
         CAST(sum(amount) AS BIGINT) AS total, count(*) AS many FROM hold GROUP BY account_id, unit) h \
         ON h.account_id = b.account_id AND h.unit = b.unit \
         WHERE b.held <> coalesce(h.total, 0) OR b.holds <> coalesce(h.many, 0)",
    ),
    (
        "a prepaid account is below zero",
        "SELECT b.account_id, b.unit, b.settled, b.held FROM balance b JOIN account a ON a.id = b.account_id \
         WHERE a.postpaid = 0 AND a.type IN (0, 1, 2, 3, 4, 6) AND (b.settled < 0 OR b.settled - b.held < 0) \
         AND NOT EXISTS (SELECT 1 FROM ledger g WHERE g.account_id = b.account_id AND g.unit = b.unit \
         AND g.kind = 'correction')",
    ),
];

/// Runs every check.
pub(crate) fn check(conn: &mut Conn) -> Result<LedgerCheck, Fault> {
    let mut problems = Vec::new();
    for (sentence, sql) in CHECKS {
        for row in conn.query(sql, &[])?.iter().take(MAX_PROBLEMS) {
            problems.push(format!(
                "{sentence}: account {} unit {}: {} against {}",
                row.int(0),
                row.text(1),
                row.micros(2),
                row.micros(3)
            ));
        }
    }
    Ok(LedgerCheck { ok: problems.is_empty(), problems })
}
