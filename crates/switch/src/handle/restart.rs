//! Restarting single services while calls stay up: listeners, trunks, the follower of the database, what is kept in memory.

use std::os::fd::AsFd as _;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use strowger_location::OutboundState;
use tokio::sync::oneshot;

use super::Handle;
use super::types::Stopped;
use crate::directory::{Job, TableChange};
use crate::driver::inbox::Letter;
use crate::listeners::rebind_udp;
use crate::shard::Order;

/// How long trunks may take to answer a new registration.
const REGISTER_PATIENCE: Duration = Duration::from_secs(5);
/// How often their registrations are looked at meanwhile.
const REGISTER_LOOK: Duration = Duration::from_millis(50);
/// How long the follower may take to catch up.
const FOLLOW_PATIENCE: Duration = Duration::from_secs(10);

/// A service was not restarted; the old one goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestartError {
    /// The switch is shutting down.
    #[error("the switch is shutting down")]
    Stopped,
    /// It is not open.
    #[error("no SIP port is open")]
    NotOpen,
    /// The system refuses.
    #[error("{0}")]
    System(String),
    /// It runs, but does not do its work.
    #[error("it does not work yet: {0}")]
    Unhealthy(String),
}

impl From<Stopped> for RestartError {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl From<std::io::Error> for RestartError {
    fn from(error: std::io::Error) -> Self {
        Self::System(error.to_string())
    }
}

/// What a restart of SIP did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SipRestarted {
    /// UDP and TCP sockets that were bound anew.
    pub sockets: u32,
    /// Attempts that were not answered yet, and were ended.
    pub ended: u32,
    /// Calls that go on.
    pub kept: u64,
}

/// What a restart of the trunks did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrunksRestarted {
    /// Addresses that had been passed over because they did not answer.
    pub released: u32,
    /// Registrations of ours that are in force.
    pub registered: u32,
    /// Registrations of ours that were refused, or not answered in time.
    pub failed: u32,
}

impl Handle {
    /// Binds the sockets of SIP and of the main UDP port anew, on the same ports; calls go on. `clear` ends what is
    /// not answered yet as well, forgets our routes and registers at our servers anew. Returns when an OPTIONS to
    /// the port is answered.
    ///
    /// # Errors
    /// [`RestartError`]; sockets that could not be bound anew stay as they were.
    pub async fn restart_sip(&self, clear: bool) -> Result<SipRestarted, RestartError> {
        let mut done = SipRestarted::default();
        if clear {
            done.ended = self.count(|| Order::ClearSip).await?;
        }
        done.sockets = self.rebind_udp().await? + self.rebind_tcp().await?;
        if done.sockets == 0 {
            return Err(RestartError::NotOpen);
        }
        self.check_sip().await.map_err(RestartError::Unhealthy)?;
        done.kept = self.statistics().await?.calls;
        Ok(done)
    }

    async fn rebind_udp(&self) -> Result<u32, RestartError> {
        let _one_at_a_time = self.0.rebinding.lock().await;
        let mut fresh = [None, None];
        for (fresh, open) in fresh.iter_mut().zip(&self.0.udp) {
            if let Some(open) = open.load_full() {
                *fresh = Some(Arc::new(rebind_udp(open.as_fd())?));
            }
        }
        let count = u32::try_from(fresh.iter().flatten().count()).unwrap_or(2);
        if count == 0 {
            return Ok(0);
        }
        // One shard reads the sockets in this version.
        let inbox = self.0.inboxes.first().ok_or(RestartError::Stopped)?;
        let (done, swapped) = oneshot::channel();
        if !inbox.post(Letter::Sockets(fresh.clone(), done)) {
            return Err(RestartError::Stopped);
        }
        swapped.await.map_err(|_| RestartError::Stopped)??;
        for (open, fresh) in self.0.udp.iter().zip(fresh) {
            open.store(fresh);
        }
        Ok(count)
    }

    async fn rebind_tcp(&self) -> Result<u32, RestartError> {
        let sender = self.0.sip_tcp.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(sender) = sender else { return Ok(0) };
        let (done, bound) = oneshot::channel();
        sender.send(done).await.map_err(|_| RestartError::Stopped)?;
        bound.await.map_err(|_| RestartError::Stopped)??;
        Ok(1)
    }

    /// Forgets which trunks did not answer and registers at every server anew; waits for their answers.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn restart_trunks(&self) -> Result<TrunksRestarted, Stopped> {
        let released = self.count(|| Order::ResetTrunks).await?;
        let until = tokio::time::Instant::now() + REGISTER_PATIENCE;
        loop {
            let states = self.outbound_registrations().await?;
            let count = |state| states.iter().filter(|server| server.state == state).count();
            let waiting = count(OutboundState::Registering);
            if waiting == 0 || tokio::time::Instant::now() >= until {
                let registered = u32::try_from(count(OutboundState::Registered)).unwrap_or(u32::MAX);
                let failed = u32::try_from(count(OutboundState::Failed) + waiting).unwrap_or(u32::MAX);
                return Ok(TrunksRestarted { released, registered, failed });
            }
            tokio::time::sleep(REGISTER_LOOK).await;
        }
    }

    /// The time zone's offset as it is by now: it changes with summer time.
    pub fn refresh_zone(&self) {
        let (done, _) = oneshot::channel();
        self.0.directory.tell(Job::Configure(self.config(), done));
    }

    /// Forgets which addresses of trunks did not answer, and which local addresses lead where.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn forget_endpoints(&self) -> Result<u32, Stopped> {
        self.count(|| Order::ForgetEndpoints).await
    }

    /// Starts the follower of the database's changes anew, and waits until what is committed by now is in force.
    /// Returns the number of the last change.
    ///
    /// # Errors
    /// The database cannot be read or followed.
    pub async fn restart_follower(&self) -> Result<i64, RestartError> {
        let (server, directory) = (self.0.store.server(), self.0.directory.clone());
        let since = *self.0.directory.applied.borrow();
        let fresh = tokio::task::spawn_blocking(move || {
            let newest = server.last_change()?;
            let each = Box::new(move |changes| directory.tell(Job::Changes(changes)));
            server.follow(since, each).map(|following| (newest, following))
        });
        let fresh = fresh.await.map_err(|_| RestartError::Stopped)?;
        let (newest, fresh) = fresh.map_err(|error| RestartError::System(error.to_string()))?;
        let old = {
            let mut following = self.0.following.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *following, fresh)
        };
        old.stop();
        let mut applied = self.0.directory.applied.clone();
        let reached = applied.wait_for(|applied| *applied >= newest);
        match tokio::time::timeout(FOLLOW_PATIENCE, reached).await {
            Ok(Ok(reached)) => Ok(*reached),
            Ok(Err(_)) => Err(RestartError::Stopped),
            Err(_) => Err(RestartError::Unhealthy(format!("change {newest} is not in force"))),
        }
    }

    /// Reads tables anew and puts them in force together; what differs from the last time that this was asked, or from
    /// the start, is counted. Without names: everything that is kept in memory.
    ///
    /// # Errors
    /// The database cannot be read: the old rows stay in force.
    pub async fn reread(&self, tables: &[&'static str]) -> Result<Vec<TableChange>, RestartError> {
        let (done, changes) = oneshot::channel();
        self.0.directory.tell(Job::Reread(tables.to_vec(), done));
        changes.await.map_err(|_| RestartError::Stopped)?.map_err(|e| RestartError::System(e.to_string()))
    }
}
