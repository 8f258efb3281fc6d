//! Operations on registrations, of phones here and of ours elsewhere.

use std::sync::PoisonError;

use strowger_location::OutboundStatus;
use strowger_model::{AccountId, Scope, Wall};

use super::types::{BindingFilter, LineStatus, OutboundRegistration, Registered, Stopped, UnregMode};
use super::{Handle, ask};
use crate::shard::{Answer, Endpoint, MAX_ENDPOINTS, Order, PATIENCE_MS, RegisterStatistics};

/// How often answers to a question are looked for.
const PROBE_LOOK: std::time::Duration = std::time::Duration::from_millis(20);

impl Handle {
    /// Registered contacts within the scope, by account.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn bindings(&self, scope: Scope, filter: BindingFilter) -> Result<Vec<Registered>, Stopped> {
        let mut all = Vec::new();
        for inbox in &self.0.inboxes {
            if let Answer::Bindings(of_shard) = ask(inbox, Order::Bindings(scope, filter.clone())).await? {
                all.extend(of_shard);
            }
        }
        all.sort_by_key(|binding| binding.account);
        Ok(all)
    }

    /// Ends registrations within the scope; returns how many contacts went.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn unregister(
        &self,
        scope: Scope,
        which: BindingFilter,
        mode: UnregMode,
    ) -> Result<u32, Stopped> {
        self.count(|| Order::Unregister(scope, which.clone(), mode)).await
    }

    /// What an account's line does.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn line_state(&self, account: AccountId) -> Result<LineStatus, Stopped> {
        let states = self.line_states(&[account]).await?;
        Ok(states.first().copied().unwrap_or(LineStatus::Unknown))
    }

    /// The same for several, in their order.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn line_states(&self, accounts: &[AccountId]) -> Result<Vec<LineStatus>, Stopped> {
        let mut states = vec![LineStatus::Unknown; accounts.len()];
        for inbox in &self.0.inboxes {
            if let Answer::Lines(of_shard) = ask(inbox, Order::Lines(accounts.to_vec())).await? {
                for (state, seen) in states.iter_mut().zip(of_shard) {
                    *state = seen.max(*state);
                }
            }
        }
        Ok(states)
    }

    /// Counters of registrations.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn register_statistics(&self) -> Result<RegisterStatistics, Stopped> {
        let mut sum = RegisterStatistics::default();
        for inbox in &self.0.inboxes {
            if let Answer::Registrations(of_shard) = ask(inbox, Order::Registrations).await? {
                sum.add(&of_shard);
            }
        }
        Ok(sum)
    }

    /// How many SIP requests proved to be these accounts' since the start, in their order.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn sip_hits(&self, accounts: &[AccountId]) -> Result<Vec<u64>, Stopped> {
        let mut sums = vec![0; accounts.len()];
        for inbox in &self.0.inboxes {
            if let Answer::Hits(of_shard) = ask(inbox, Order::Hits(accounts.to_vec())).await? {
                for (sum, hits) in sums.iter_mut().zip(of_shard) {
                    *sum += hits;
                }
            }
        }
        Ok(sums)
    }

    /// When an account was read from the database; none: there is no such account.
    #[must_use]
    pub fn loaded(&self, account: AccountId) -> Option<Wall> {
        self.0.directory.loaded.lock().unwrap_or_else(PoisonError::into_inner).get(&account).copied()
    }

    /// Asks servers, and phones of accounts above `after`, whether they are there, and waits for their answers for at
    /// most two seconds. One question at a time: a second one takes the first one's answers away.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn probe(
        &self,
        scope: Scope,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<Endpoint>, Stopped> {
        let limit = limit.min(MAX_ENDPOINTS);
        let end = self.now().mono.plus_ms(PATIENCE_MS);
        self.count(|| Order::Probe(scope, after, limit)).await?;
        loop {
            let mut found = Vec::new();
            for inbox in &self.0.inboxes {
                if let Answer::Probed(of_shard) = ask(inbox, Order::Probed).await? {
                    found.extend(of_shard);
                }
            }
            if self.now().mono >= end || found.iter().all(|endpoint| endpoint.status > 0) {
                found.sort_by_key(|endpoint| (!endpoint.server, endpoint.account, endpoint.address));
                return Ok(found);
            }
            tokio::time::sleep(PROBE_LOOK).await;
        }
    }

    /// Our registrations at upper servers.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn outbound_registrations(&self) -> Result<Vec<OutboundRegistration>, Stopped> {
        let inbox = self.0.inboxes.first().ok_or(Stopped)?;
        match ask(inbox, Order::Outbound).await? {
            Answer::Outbound(states) => Ok(states.iter().map(outbound).collect()),
            _ => Err(Stopped),
        }
    }
}

const fn outbound(status: &OutboundStatus) -> OutboundRegistration {
    let expires: Option<Wall> = status.expires;
    OutboundRegistration {
        account: status.server,
        state: status.state,
        expires,
        last_status: status.last_status,
    }
}
