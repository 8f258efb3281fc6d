//! The doors: listeners, the limits they share, and closing.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use strowger_api::Dispatcher;
use strowger_switch::{ApiDatagram, ApiInSip, EncryptedKind, Handle, connections_from, rebind_tcp};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{debug, warn};

use crate::acme::{AcmeSettings, Challenges, Keeper};
use crate::connection::{Client, serve_any, serve_tls};
use crate::console;
use crate::datagram;
use crate::limits::{Connections, Permit};
use crate::sip;
use crate::tls::Tls;
use crate::webhook;

/// How long to wait when the system has no descriptor for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Whether a door expects TLS from the first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// The one port: every protocol in clear, and behind TLS where there is a certificate.
    Any,
    /// TLS alone.
    Tls,
}

/// All doors of one server. Cheap to clone.
#[derive(Clone)]
pub struct Gate {
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(crate) switch: Handle,
    pub(crate) version: &'static str,
    pub(crate) tls: Option<Tls>,
    pub(crate) challenges: Challenges,
    connections: Arc<Connections>,
    closing: Arc<watch::Sender<bool>>,
    /// Has each door's listener bound anew.
    doors: Arc<Mutex<Vec<mpsc::Sender<Reopened>>>>,
}

/// Where a door says that its listener was bound anew.
type Reopened = oneshot::Sender<io::Result<()>>;

impl Gate {
    /// A gate without doors. Without `tls` no door takes it.
    #[must_use]
    pub fn new(dispatcher: Arc<Dispatcher>, switch: Handle, version: &'static str, tls: Option<Tls>) -> Self {
        let closing = Arc::new(watch::Sender::new(false));
        dispatcher.attach_fetch(crate::forward::fetch());
        dispatcher.attach_nodes(crate::nodes::ask(&switch), crate::nodes::visit(&switch));
        dispatcher.attach_cards(crate::cards::ask(&switch.config(), version));
        let (doors, challenges) = (Arc::default(), Challenges::default());
        Self { dispatcher, switch, version, tls, challenges, connections: Arc::default(), closing, doors }
    }

    /// Whoever answers the requests.
    #[must_use]
    pub const fn dispatcher(&self) -> &Arc<Dispatcher> {
        &self.dispatcher
    }

    /// Opens a door of every protocol on a listener that does not block. Call within a tokio runtime.
    ///
    /// # Errors
    /// The system refuses to watch the socket.
    pub fn open(&self, listener: std::net::TcpListener, security: Security) -> io::Result<()> {
        self.accept(listener, move |gate, stream, peer, permit| {
            tokio::spawn(enter(gate, stream, peer, permit, security));
        })
    }

    /// Opens the console's door.
    ///
    /// # Errors
    /// The system refuses to watch the socket.
    pub fn open_console(&self, listener: std::net::TcpListener) -> io::Result<()> {
        self.accept(listener, |gate, stream, peer, permit| {
            tokio::spawn(async move {
                console::serve(&gate, stream, peer).await;
                drop(permit);
            });
        })
    }

    /// Posts events to webhooks until the gate closes.
    pub fn post_to_webhooks(&self) {
        tokio::spawn(webhook::serve(self.clone(), self.version));
    }

    /// Answers the API datagrams that reach UDP port `port`.
    pub fn answer_datagrams(&self, datagrams: mpsc::Receiver<Vec<ApiDatagram>>, port: u16) {
        tokio::spawn(datagram::serve(self.clone(), datagrams, port));
    }

    /// Binds the listener of every door anew on its port; connections go on. Returns how many doors there are.
    ///
    /// # Errors
    /// The first listener that could not be bound anew; it stays as it was, as do those after it.
    pub async fn reopen(&self) -> io::Result<usize> {
        let doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let gone = |_| io::Error::other("the gate is closed");
        for door in &doors {
            let (done, reopened) = oneshot::channel();
            door.send(done).await.map_err(|_| io::Error::other("the gate is closed"))?;
            reopened.await.map_err(gone)??;
        }
        Ok(doors.len())
    }

    /// Answers the API requests that came by SIP.
    pub fn answer_in_sip(&self, requests: mpsc::Receiver<ApiInSip>) {
        tokio::spawn(sip::serve(self.clone(), requests));
    }

    /// Obtains a certificate and keeps it from expiring. Without TLS there is nothing to keep.
    pub fn keep_certificate(&self, settings: AcmeSettings) {
        if let Some(tls) = &self.tls {
            tokio::spawn(Keeper::new(settings, tls.clone(), self.challenges.clone()).run());
        }
    }

    /// Open connections.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.count()
    }

    /// Stops accepting, lets requests that run finish for at most `grace`.
    pub async fn close(&self, grace: Duration) {
        self.closing.send_replace(true);
        let deadline = tokio::time::Instant::now() + grace;
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        while self.connections.count() > 0 && tokio::time::Instant::now() < deadline {
            ticks.tick().await;
        }
    }

    /// Resolves when the gate closes.
    pub(crate) async fn closed(&self) {
        // The sender lives as long as the gate does, so waiting ends only by its message.
        let mut closing = self.closing.subscribe();
        let _ = closing.wait_for(|closing| *closing).await;
    }

    fn accept(
        &self,
        listener: std::net::TcpListener,
        enter: impl Fn(Self, TcpStream, SocketAddr, Permit) + Send + 'static,
    ) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let mut listener = TcpListener::from_std(listener)?;
        let (door, mut orders) = mpsc::channel::<Reopened>(1);
        self.doors.lock().unwrap_or_else(PoisonError::into_inner).push(door);
        let gate = self.clone();
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    () = gate.closed() => return,
                    Some(done) = orders.recv() => {
                        let fresh = rebind_tcp(listener.as_fd()).and_then(TcpListener::from_std);
                        // Whoever asked may have gone.
                        let _ = done.send(fresh.map(|fresh| listener = fresh));
                        continue;
                    }
                    accepted = listener.accept() => accepted,
                };
                match accepted {
                    Ok((stream, peer)) => {
                        if let Some(permit) = gate.admit(peer) {
                            enter(gate.clone(), stream, peer, permit);
                        }
                    }
                    Err(error) => {
                        warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        });
        Ok(())
    }

    /// It is known what a connection carries; of one in clear nobody asks.
    pub(crate) fn carries(&self, client: Client, kind: EncryptedKind) {
        if let Some(id) = client.encrypted {
            self.switch.encrypted().carries(id, kind);
        }
    }

    /// The address is banned: it gets neither SIP nor a console. The API is reached and says why it does not answer.
    pub(crate) fn bans(&self, peer: SocketAddr) -> bool {
        let now = self.switch.now();
        let banned = !self.switch.guard(|guard| guard.check(now, peer.ip(), None)).is_pass();
        if banned {
            debug!(%peer, "a banned address was turned away");
        }
        banned
    }

    /// Connection limits; a refused connection is closed without a word.
    fn admit(&self, peer: SocketAddr) -> Option<Permit> {
        let config = self.switch.config();
        let each = connections_from(&config, peer.ip());
        match self.connections.admit(peer.ip(), config.maxconnections, each) {
            Ok(permit) => Some(permit),
            Err(full) => {
                warn!(%peer, limit = ?full, "too many connections");
                None
            }
        }
    }
}

/// Runs one accepted connection.
async fn enter(gate: Gate, stream: TcpStream, peer: SocketAddr, permit: Permit, security: Security) {
    let Ok(local) = stream.local_addr() else { return };
    let _ = stream.set_nodelay(true);
    let client = Client { peer, local, secure: false, encrypted: None };
    match security {
        Security::Any => serve_any(gate, stream, client).await,
        Security::Tls => Box::pin(serve_tls(gate, stream, client)).await,
    }
    drop(permit);
}
