//! The operations of the running switch, for the API, the gate and the server. Cheap to clone; nothing
//! here blocks: an operation posts an order to a shard and awaits its answer.

mod calls;
mod heartbeat;
mod listening;
mod operation;
mod people;
mod registrations;
mod restart;
pub mod types;

use std::net::{IpAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use strowger_config::Config;
use strowger_guard::Guard;
use strowger_media::EngineHandle;
use strowger_model::event::{CallChanged, Notice};
use strowger_model::{Account, AccountId, Mono, Now};
use strowger_route::Snapshot;
use strowger_store::Store;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{broadcast, oneshot};

use crate::clock::Clock;
use crate::directory::{Directory, Job};
use crate::driver::bindings_log::BindingsLog;
use crate::driver::flows::{Flows, SipFlow};
use crate::driver::inbox::{Inbox, Letter};
use crate::driver::sys::{Outgoing, send_all};
use crate::encrypted::EncryptedConnections;
use crate::listeners::Ports;
use crate::shard::{Answer, MAIN, Order};
use crate::start::guard_limits;
pub use listening::Listening;
pub use restart::{RestartError, SipRestarted, TrunksRestarted};
use types::{FlowInfo, Stopped};

/// How long a change of the database may take to reach the memory before a write is answered anyway.
const REFRESH_PATIENCE: Duration = Duration::from_secs(2);

/// Reads the configuration anew from its sources.
pub type Reload = Box<dyn Fn() -> Result<Config, String> + Send + Sync>;

/// The configuration was not reloaded; the old one stays in force.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReloadError {
    /// It has mistakes.
    #[error("{0}")]
    Config(String),
    /// The switch is shutting down.
    #[error("the switch is shutting down")]
    Stopped,
}

/// An answer to a datagram of the main UDP port.
pub type ApiReply = Outgoing<Vec<u8>>;

/// The running switch.
#[derive(Clone)]
pub struct Handle(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) clock: Clock,
    pub(crate) config: ArcSwap<Config>,
    pub(crate) reload: Reload,
    pub(crate) store: Store,
    pub(crate) guard: Arc<Mutex<Guard>>,
    pub(crate) directory: Directory,
    pub(crate) inboxes: Vec<Inbox>,
    pub(crate) flows: Flows,
    pub(crate) encrypted: Arc<EncryptedConnections>,
    pub(crate) media: EngineHandle,
    pub(crate) events: broadcast::Sender<CallChanged>,
    pub(crate) notices: broadcast::Sender<Notice>,
    pub(crate) log: BindingsLog,
    /// The UDP sockets: of the SIP port and of the main port.
    pub(crate) udp: [ArcSwapOption<UdpSocket>; 2],
    /// The one of the main port speaks IPv6, and with it IPv4 in mapped form.
    pub(crate) main_is_v6: bool,
    /// Sockets are bound anew by one at a time.
    pub(crate) rebinding: tokio::sync::Mutex<()>,
    /// Has the SIP port's TCP listener bound anew.
    pub(crate) sip_tcp: Mutex<Option<tokio::sync::mpsc::Sender<oneshot::Sender<std::io::Result<()>>>>>,
    /// The follower of the database's changes.
    pub(crate) following: Mutex<strowger_store::Following>,
    pub(crate) ports: Ports,
    pub(crate) bind: IpAddr,
    pub(crate) data: PathBuf,
    pub(crate) version: &'static str,
    pub(crate) epoch: u32,
    pub(crate) started: Now,
    pub(crate) draining: AtomicBool,
    pub(crate) threads: Mutex<Vec<JoinHandle<()>>>,
    pub(crate) tasks: Mutex<Vec<tokio::task::JoinHandle<()>>>,
}

/// Time, configuration and what everybody shares.
impl Handle {
    /// The process's time.
    #[must_use]
    pub fn now(&self) -> Now {
        self.0.clock.now()
    }

    /// The process's monotonic time alone.
    #[must_use]
    pub fn mono(&self) -> Mono {
        self.0.clock.mono()
    }

    /// The process's clock as a function.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Fn() -> Now + Send + Sync> {
        let clock = self.0.clock;
        Arc::new(move || clock.now())
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        self.0.config.load_full()
    }

    /// The configuration in force, for a look at it: not to be kept.
    #[must_use]
    pub fn peek_config(&self) -> arc_swap::Guard<Arc<Config>> {
        self.0.config.load()
    }

    /// Reads the configuration anew and puts it in force, as far as it does not need a restart.
    ///
    /// # Errors
    /// It has mistakes; nothing changed.
    pub async fn reload(&self) -> Result<(), ReloadError> {
        // It reads a file and the database, so it may block.
        let handle = self.clone();
        let read = tokio::task::spawn_blocking(move || (handle.0.reload)()).await;
        let config = Arc::new(read.map_err(|_| ReloadError::Stopped)?.map_err(ReloadError::Config)?);
        self.0.config.store(Arc::clone(&config));
        self.guard(|guard| guard.set_limits(guard_limits(&config)));
        let (done, seen) = oneshot::channel();
        self.0.directory.tell(Job::Configure(Arc::clone(&config), done));
        seen.await.map_err(|_| ReloadError::Stopped)?;
        for inbox in &self.0.inboxes {
            ask(inbox, Order::Configure(Arc::clone(&config))).await.map_err(|_| ReloadError::Stopped)?;
        }
        Ok(())
    }

    /// The ports of SIP and the main port.
    #[must_use]
    pub fn ports(&self) -> Ports {
        self.0.ports
    }

    /// Accounts, prices and routes as of now, at most a second old.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.0.directory.routes.load_full()
    }

    /// An account.
    #[must_use]
    pub fn account(&self, id: AccountId) -> Option<Account> {
        self.0.directory.routes.load().account(id).map(|account| Account::clone(account))
    }

    /// The account with this username, in any case.
    #[must_use]
    pub fn account_by_name(&self, username: &str) -> Option<Account> {
        self.0.directory.routes.load().by_username(username).map(|account| Account::clone(account))
    }

    /// Waits until everything that is committed by now is in force in memory: so that an API write acts before its reply.
    pub async fn refresh(&self) {
        let server = self.0.store.server();
        let newest = tokio::task::spawn_blocking(move || server.last_change()).await;
        let Ok(Ok(newest)) = newest else { return };
        let mut applied = self.0.directory.applied.clone();
        let reached = applied.wait_for(|applied| *applied >= newest);
        if tokio::time::timeout(REFRESH_PATIENCE, reached).await.is_err() {
            tracing::warn!("a change of the database is not in force after two seconds");
        }
    }

    /// The limiter and ban list of all doors. Keep the closure short.
    pub fn guard<R>(&self, ask: impl FnOnce(&mut Guard) -> R) -> R {
        ask(&mut self.0.guard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The same, shared.
    #[must_use]
    pub fn shared_guard(&self) -> Arc<Mutex<Guard>> {
        Arc::clone(&self.0.guard)
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The data folder.
    #[must_use]
    pub fn data_folder(&self) -> &std::path::Path {
        &self.0.data
    }

    /// What happens to calls, from now on; who is slow misses the oldest.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<CallChanged> {
        self.0.events.subscribe()
    }

    /// Everything that watchers are told, from now on; who is slow misses the oldest.
    #[must_use]
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.0.notices.subscribe()
    }

    /// Tells the watchers.
    pub fn notify(&self, notice: Notice) {
        // Nobody watching is no error.
        drop(self.0.notices.send(notice));
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> &std::path::Path {
        &self.0.data
    }
}

/// Connections and datagrams of the gate.
impl Handle {
    /// Answers datagrams of the main UDP port, each from the address that it reached. Never waits: what the system does
    /// not take is lost, as datagrams may be.
    pub fn api_replies(&self, replies: &[ApiReply]) {
        use std::os::fd::AsFd as _;
        if replies.is_empty() {
            return;
        }
        if let Some(socket) = &*self.0.udp[usize::from(MAIN)].load() {
            send_all(socket.as_fd(), self.0.main_is_v6, replies);
        }
    }

    /// Answers an API request that came by SIP.
    pub fn api_answer(&self, token: u64, answer: String) {
        if let Some(inbox) = self.0.inboxes.first() {
            inbox.post(Letter::Order(Order::Api { token, answer }, None));
        }
    }

    /// Runs a connection that carries SIP framed by Content-Length until either side closes it. `read_already` is what
    /// was read to find out what it speaks.
    pub async fn serve_sip_stream<S>(&self, stream: S, flow: FlowInfo, read_already: Vec<u8>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        self.0.flows.serve_stream(stream, flow, read_already).await;
    }

    /// The encrypted connections of every door.
    #[must_use]
    pub fn encrypted(&self) -> &Arc<EncryptedConnections> {
        &self.0.encrypted
    }

    /// Open SIP connections: TCP, TLS and WebSocket.
    #[must_use]
    pub fn flows(&self) -> usize {
        self.0.flows.count()
    }

    /// Takes over a connection whose messages the gate frames (WebSocket).
    #[must_use]
    pub fn open_flow(&self, flow: FlowInfo) -> SipFlow {
        self.0.flows.open(flow)
    }
}

pub(crate) async fn ask(inbox: &Inbox, order: Order) -> Result<Answer, Stopped> {
    let (reply, answer) = oneshot::channel();
    if !inbox.post(Letter::Order(order, Some(reply))) {
        return Err(Stopped);
    }
    answer.await.map_err(|_| Stopped)
}

impl Handle {
    pub(crate) async fn count(&self, order: impl Fn() -> Order) -> Result<u32, Stopped> {
        let mut sum = 0;
        for inbox in &self.0.inboxes {
            if let Answer::Count(of_shard) = ask(inbox, order()).await? {
                sum += of_shard;
            }
        }
        Ok(sum)
    }
}
