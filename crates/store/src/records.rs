//! Call records as they are told to watchers, in the order in which they were written.

use strowger_model::{AccountId, Amount, Wall};

use crate::db::{Row, values};
use crate::errors::{ReadError, Unavailable};
use crate::store::Store;

/// Records that are read at once.
const MOST: u64 = 1_000;

/// One call record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// Its id.
    pub id: i64,
    /// Our id of the call.
    pub call: String,
    /// The caller's account.
    pub caller: Option<AccountId>,
    /// Whose credit paid.
    pub payer: Option<AccountId>,
    /// The called account.
    pub called: Option<AccountId>,
    /// The server that it went out through.
    pub server: Option<AccountId>,
    /// The number dialled.
    pub dialled: String,
    /// The caller's Call-ID.
    pub sip_call_id: String,
    /// When it ended.
    pub end: Wall,
    /// Milliseconds of conversation.
    pub duration_ms: i64,
    /// What the payer paid.
    pub cost: Amount,
    /// In which currency.
    pub currency: String,
    /// The SIP status.
    pub status: i64,
    /// In words.
    pub reason: String,
}

impl Store {
    /// The newest record's id.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn last_record(&self) -> Result<i64, ReadError> {
        self.read(Box::new(|conn| {
            let row = conn?.first("SELECT coalesce(max(id), 0) FROM cdr", &values![])?;
            Ok(row.map_or(0, |row| row.int(0)))
        }))
        .await
    }

    /// Waits until every settlement that was ordered by now is durable, and gives this node's records after an id.
    ///
    /// # Errors
    /// The database takes no writes or cannot be read.
    pub async fn settled_records(&self, after: i64) -> Result<Vec<CallRecord>, ReadError> {
        // The writer works in order: what it was told before this is committed when this is answered.
        self.write(|_| Ok::<(), crate::tx::Stop<Unavailable>>(())).await?;
        let node = u32::from(self.inner.options.node);
        self.read(Box::new(move |conn| {
            let rows = conn?.query(
                "SELECT id, call, caller, payer, called, server, dialled, sip_call_id, end_ms, duration_ms, \
                 cost_enduser, currency, status, reason FROM cdr WHERE id > ?1 AND node = ?2 ORDER BY id LIMIT ?3",
                &values![after, node, MOST],
            )?;
            Ok(rows.iter().map(record).collect())
        }))
        .await
    }
}

fn record(row: &Row) -> CallRecord {
    CallRecord {
        id: row.int(0),
        call: row.text(1),
        caller: row.account(2),
        payer: row.account(3),
        called: row.account(4),
        server: row.account(5),
        dialled: row.text(6),
        sip_call_id: row.text(7),
        end: Wall(row.int(8)),
        duration_ms: row.int(9),
        cost: row.micros(10),
        currency: row.text(11),
        status: row.int(12),
        reason: row.text(13),
    }
}
