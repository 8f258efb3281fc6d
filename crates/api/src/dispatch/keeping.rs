//! What outlives the process: named keys, sessions, and which address showed a digest first. Nonces do not: one
//! that was issued before a restart is unknown after it, so that none is used twice.

use std::sync::Arc;
use std::time::Duration;

use strowger_model::Wall;
use strowger_store::ReplayRow;

use super::Dispatcher;
use crate::auth::{ApiKeys, Digest, KEPT_MS, MAX_REPLAYS, MAX_SESSIONS, Source, hex};
use crate::reply::Failure;

/// Digests are written together this often at most.
const GATHER: Duration = Duration::from_millis(250);
/// Digests that wait to be written; what comes beyond is remembered until the next restart only.
const MAX_UNSAVED: usize = 2_000;

impl Dispatcher {
    /// Reads what an earlier run kept. What cannot be read is logged: every credential is then shown again.
    pub(super) async fn recall(&self) {
        if let Err(why) = self.reload_keys().await {
            tracing::warn!(%why, "named API keys are not known");
        }
        let (now, store) = (self.switch.now().wall, self.switch.store());
        match store.sessions(now, MAX_SESSIONS).await {
            Ok(rows) => rows.into_iter().rev().for_each(|row| self.memory().sessions.insert(row)),
            Err(why) => tracing::warn!(%why, "sessions of an earlier run are not known"),
        }
        match store.replays(Wall(now.0 - KEPT_MS), MAX_REPLAYS).await {
            Ok(rows) => rows.iter().rev().for_each(|row| self.memory().replays.recall(row)),
            Err(why) => tracing::warn!(%why, "digests of an earlier run are not known"),
        }
    }

    /// Reads the named keys again; their number, and the names of those that are new, gone and different.
    ///
    /// # Errors
    /// The database cannot be read; the old keys stay.
    pub(crate) async fn reload_keys(&self) -> Result<(usize, [Vec<String>; 3]), Failure> {
        let rows = self.switch.store().api_keys().await?;
        let (count, keys) = (rows.len(), ApiKeys::of(rows));
        let changes = keys.changes_since(&self.keys());
        *self.keys.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(keys);
        Ok((count, changes))
    }

    /// Remembers from where a digest came first.
    pub(super) fn keep_digest(self: &Arc<Self>, now: Wall, digest: &Digest, source: &Source) {
        let mut memory = self.memory();
        if !memory.replays.remember(now, digest, source.address) || memory.unsaved.len() >= MAX_UNSAVED {
            return;
        }
        memory.unsaved.push(ReplayRow { digest: hex(&digest.value), address: source.address, at: now });
        if memory.unsaved.len() == 1 {
            let this = Arc::clone(self);
            tokio::spawn(async move {
                tokio::time::sleep(GATHER).await;
                let seen = std::mem::take(&mut this.memory().unsaved);
                this.switch.store().replays_add(seen, Wall(now.0 - KEPT_MS));
            });
        }
    }
}
