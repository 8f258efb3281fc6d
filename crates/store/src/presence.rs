//! What accounts say of themselves, kept over restarts.

use strowger_model::{AccountId, Wall};

use crate::db::values;
use crate::errors::{ReadError, Unavailable};
use crate::server::Server;
use crate::store::Store;

/// A status that an account set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceRow {
    /// Whose.
    pub account: AccountId,
    /// In a word or a few.
    pub status: String,
    /// Until when it holds.
    pub until: Wall,
}

impl Store {
    /// Keeps an account's status until then; an empty one is forgotten.
    ///
    /// # Errors
    /// The database takes no writes.
    pub async fn set_presence(&self, row: PresenceRow) -> Result<(), Unavailable> {
        self.write(move |tx| {
            if row.status.is_empty() {
                tx.execute("DELETE FROM tb_presence WHERE id = ?1", &values![row.account])?;
                return Ok(());
            }
            tx.execute(
                "INSERT INTO tb_presence (id, status, until_ms) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (id) DO UPDATE SET status = excluded.status, until_ms = excluded.until_ms",
                &values![row.account, &row.status, row.until.0],
            )?;
            Ok(())
        })
        .await
    }
}

impl Server {
    /// The statuses that still hold.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn presence(&self, now: Wall) -> Result<Vec<PresenceRow>, ReadError> {
        self.store().read_blocking(Box::new(move |conn| {
            let rows = conn?
                .query("SELECT id, status, until_ms FROM tb_presence WHERE until_ms > ?1", &values![now.0])?;
            let row = |row: &crate::db::Row| PresenceRow {
                account: AccountId(row.int(0)),
                status: row.text(1),
                until: Wall(row.int(2)),
            };
            Ok(rows.iter().map(row).collect())
        }))
    }
}
