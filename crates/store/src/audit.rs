//! The audit trail: who did what through the API. It never makes a caller wait or fail.

use strowger_model::{AccountId, Wall};

use crate::db::values;
use crate::errors::Unavailable;
use crate::store::Store;

/// One line of the trail. It names no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Wall,
    /// Who; none: nobody was authenticated.
    pub account: Option<AccountId>,
    /// From where.
    pub source: String,
    /// The command.
    pub command: String,
    /// What it concerned.
    pub object: String,
    /// How it ended.
    pub outcome: String,
}

impl Store {
    /// Appends to the trail. An entry that cannot be written is logged.
    pub fn audit(&self, entry: AuditEntry) {
        self.write_and_forget(
            move |tx| {
                tx.execute(
                    "INSERT INTO audit (at_ms, account_id, source, command, object, outcome) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    &values![
                        entry.at.0,
                        entry.account,
                        &entry.source,
                        &entry.command,
                        &entry.object,
                        &entry.outcome
                    ],
                )?;
                Ok(())
            },
            |error: &Unavailable| tracing::warn!(%error, "an audit entry is lost"),
        );
    }
}
