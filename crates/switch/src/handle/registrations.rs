//! Operations on registrations, of phones here and of ours elsewhere.

use strowger_location::OutboundStatus;
use strowger_model::{AccountId, Scope, Wall};

use super::types::{BindingFilter, LineStatus, OutboundRegistration, Registered, Stopped, UnregMode};
use super::{Handle, ask};
use crate::shard::{Answer, Order};

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
