//! Whether the database really works: a row is written, committed and read back.

use std::time::{Duration, Instant};

use crate::db::{Fault, values};
use crate::errors::{ReadError, Unavailable};
use crate::store::Store;
use crate::tx::{Stop, Tx};

/// A database that does not answer in this time counts as broken.
const PATIENCE: Duration = Duration::from_secs(5);
/// The setting that the probe writes is no setting of anybody's.
const PROBE: &str = "health-probe";

/// How the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// It writes and reads.
    pub ok: bool,
    /// `SQLite` or `PostgreSQL`.
    pub engine: &'static str,
    /// What was found, for people.
    pub detail: String,
    /// How long the durable write took, in microseconds.
    pub write_us: u64,
    /// Why nothing can be written, if so.
    pub unwell: Option<String>,
}

impl Store {
    /// Writes, commits and reads back.
    pub async fn health(&self) -> Health {
        let engine = match self.inner.options.database {
            crate::options::Database::Sqlite(_) => crate::db::Engine::Sqlite.name(),
            crate::options::Database::Postgres(_) => crate::db::Engine::Postgres.name(),
        };
        let started = Instant::now();
        let outcome = tokio::time::timeout(PATIENCE, self.probe()).await;
        let write_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let outcome = outcome.unwrap_or_else(|_| {
            Err(Unavailable::Fault { what: format!("no answer within {} s", PATIENCE.as_secs()) })
        });
        Health {
            ok: outcome.is_ok(),
            engine,
            detail: outcome.map_or_else(|error| error.to_string(), |()| "written and read".to_owned()),
            write_us,
            unwell: self.inner.shared.unwell(),
        }
    }

    async fn probe(&self) -> Result<(), Unavailable> {
        let written = self
            .write(|tx: &mut Tx<'_>| -> Result<i64, Stop<Unavailable>> {
                let (node, now) = (u32::from(tx.node), tx.now_ms);
                tx.execute(
                    "INSERT INTO idempotency (account_id, command, request, digest, reply, at_ms) \
                     VALUES (0, ?1, ?2, '', '', ?3) ON CONFLICT (account_id, command, request) \
                     DO UPDATE SET at_ms = excluded.at_ms",
                    &values![PROBE, node.to_string(), now],
                )?;
                Ok(now)
            })
            .await?;
        let node = u32::from(self.inner.options.node);
        let read = self
            .read::<_, ReadError>(Box::new(move |conn| {
                let row = conn?.first(
                    "SELECT at_ms FROM idempotency WHERE account_id = 0 AND command = ?1 AND request = ?2",
                    &values![PROBE, node.to_string()],
                )?;
                Ok(row.map_or(0, |row| row.int(0)))
            }))
            .await;
        match read {
            Ok(at) if at >= written => Ok(()),
            Ok(_) => Err(Fault::Statement("what was written is not there".into()).into()),
            Err(error) => Err(Unavailable::Fault { what: error.to_string() }),
        }
    }
}
