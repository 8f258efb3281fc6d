//! What only the program around the exchange can do: restart itself, open its doors anew, put a backup in the
//! database's place. Commands ask for it here; the program listens at the other end. Where none listens, as at a
//! console without a server, they answer that it is not available.

use std::path::PathBuf;
use std::sync::Arc;

use strowger_switch::RestartError;
use tokio::sync::{mpsc, oneshot};

use crate::dispatch::Dispatcher;
use crate::reply::{Failure, Kind};

/// A wish to the program.
#[derive(Debug)]
pub enum ServiceOrder {
    /// Restart this process: after a drain, or at once.
    Restart {
        /// Without waiting for calls.
        force: bool,
    },
    /// Bind every TCP listener of the gate anew; answers how many there are.
    ReopenDoors(oneshot::Sender<Result<usize, String>>),
    /// The configuration was read again.
    Configured,
    /// Run the load generator against a second exchange of the same program.
    Measure {
        /// The measurements by name.
        only: Vec<String>,
        /// How long each takes.
        seconds: u32,
        /// Its lines, or why there are none.
        done: oneshot::Sender<Result<Vec<String>, String>>,
    },
    /// Go over to another configured database: everything stops for it and starts again.
    Failover {
        /// Its number, from 1.
        number: usize,
        /// A verified backup that is put in its place first.
        restore: Option<PathBuf>,
        /// It may hold less than the one in use, when that one is closed.
        lagging: bool,
    },
    /// Put this verified backup in the database's place: everything stops for it and starts again.
    Restore(PathBuf),
}

impl Dispatcher {
    /// The other end of the orders; to be called once, by the program that carries them out.
    pub fn listen_to_services(&self, orders: mpsc::Sender<ServiceOrder>) {
        // A second listener would never hear anything, so the first one stays.
        let _ = self.services.set(orders);
    }

    /// Passes a wish on.
    pub(crate) fn order(&self, order: ServiceOrder) -> Result<(), Failure> {
        let orders = self.services.get().ok_or_else(|| Failure::unavailable("no server is running here"))?;
        orders.try_send(order).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Failure::new(Kind::Busy, "the server is being restarted"),
            mpsc::error::TrySendError::Closed(_) => Failure::unavailable("the server is ending"),
        })
    }

    /// Restarts this process, after running calls had `draintimeout` or at once.
    pub(crate) fn restart_service(&self, force: bool) -> Result<(), Failure> {
        self.order(ServiceOrder::Restart { force })
    }

    /// Fresh connections to the database and a fresh follower of its changes; answers how many connections.
    pub(crate) async fn restart_database(&self) -> Result<usize, Failure> {
        let connections = self.reconnect().await?;
        self.switch().restart_follower().await.map_err(failed)?;
        Ok(connections)
    }

    /// Fresh connections to the database, which is healthy afterwards.
    pub(crate) async fn reconnect(&self) -> Result<usize, Failure> {
        let store = self.switch().store().clone();
        let reconnected = tokio::task::spawn_blocking(move || store.reconnect()).await;
        let connections = reconnected
            .map_err(|_| Failure::failed("the database connections"))?
            .map_err(|error| Failure::failed(error.to_string()))?;
        let health = self.switch().store().health().await;
        if health.ok { Ok(connections) } else { Err(Failure::failed(health.detail)) }
    }

    /// Fresh listeners for every door; answers how many.
    pub(crate) async fn reopen_doors(self: &Arc<Self>) -> Result<usize, Failure> {
        let (done, reopened) = oneshot::channel();
        self.order(ServiceOrder::ReopenDoors(done))?;
        let reopened = reopened.await.map_err(|_| Failure::unavailable("the server is ending"))?;
        reopened.map_err(Failure::failed)
    }
}

/// A restart that did not come off, as clients see it.
pub(crate) fn failed(error: RestartError) -> Failure {
    match error {
        RestartError::Stopped => Failure::unavailable("the server is ending"),
        RestartError::NotOpen => Failure::unavailable("no SIP port is open: usesipport and usemainaport"),
        other => Failure::failed(other.to_string()),
    }
}
