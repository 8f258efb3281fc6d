//! Connections that carry SIP: TCP, TLS and WebSocket. Tasks frame what arrives and write what is sent; a
//! connection whose write queue is full is closed, never served in part.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use strowger_call::{Carrier, Hop};
use strowger_config::Config;
use strowger_model::id::FlowId;
use strowger_sip::{Framing, Message, StreamFrame, looks_like_sip, stream_frame};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::time::Instant;

use super::inbox::{Inbox, Letter};
use crate::connections::connections_from;
use crate::handle::types::{FlowInfo, FlowTransport};

/// Messages that wait to be written to one connection.
const WRITE_QUEUE: usize = 256;
/// Messages of one connection that wait to be handled.
const READ_SHARE: usize = 64;
/// How long a connection of ours may take to be established.
const CONNECT: Duration = Duration::from_secs(5);
/// How long one message may take to be written.
const WRITE: Duration = Duration::from_secs(10);
/// How much is read at once, in bytes.
const READ_BYTES: usize = 8192;

/// All connections of the node.
#[derive(Clone)]
pub struct Flows {
    shared: Arc<Shared>,
}

struct Shared {
    table: Mutex<Table>,
    next: AtomicU64,
    /// Where messages go; with several shards the one is chosen by the message's ids.
    inbox: Inbox,
    runtime: tokio::runtime::Handle,
    /// Its limits act until the next start.
    config: Arc<Config>,
}

#[derive(Default)]
struct Table {
    flows: BTreeMap<FlowId, Entry>,
    /// Connections by the peer's address.
    peers: BTreeMap<IpAddr, usize>,
    /// Connections that we opened, by their peer.
    ours: BTreeMap<(Carrier, SocketAddr), FlowId>,
}

struct Entry {
    outgoing: mpsc::Sender<Vec<u8>>,
    close: Arc<Notify>,
    peer: IpAddr,
    opened_to: Option<(Carrier, SocketAddr)>,
}

/// A message-framed connection (WebSocket) handed over by the gate. Dropping it closes the flow.
pub struct SipFlow {
    /// Its name in the switch.
    pub id: FlowId,
    /// Messages to be sent; ends when the connection is to be closed.
    pub outgoing: mpsc::Receiver<Vec<u8>>,
    info: FlowInfo,
    flows: Flows,
    credit: Arc<Semaphore>,
}

impl Flows {
    /// Connections whose messages go to `inbox`.
    #[must_use]
    pub fn new(inbox: Inbox, runtime: tokio::runtime::Handle, config: Arc<Config>) -> Self {
        let (table, next) = (Mutex::default(), AtomicU64::new(1));
        let shared = Shared { table, next, inbox, runtime, config };
        Self { shared: Arc::new(shared) }
    }

    fn has_room(&self, table: &Table) -> bool {
        table.flows.len() < most(self.shared.config.maxconnections)
    }

    /// How long a message may take to arrive whole, and a new connection to send its first one.
    fn message_time(&self) -> Duration {
        Duration::from_secs(self.shared.config.headertimeout.into())
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.shared.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a message by its hop: on its connection, else on one to its address, which is opened where there is none.
    pub fn send(&self, to: &Hop, bytes: &[u8]) {
        let mut table = self.table();
        let id = to.flow.or_else(|| table.ours.get(&(to.carrier, to.address)).copied());
        let known = id.and_then(|id| table.flows.get(&id).map(|entry| (id, entry)));
        let Some((id, entry)) = known else {
            if to.flow.is_none() {
                self.connect(&mut table, to, bytes);
            }
            return;
        };
        if entry.outgoing.try_send(bytes.to_vec()).is_err() {
            tracing::debug!(flow = id.0, "a connection does not take what is sent; it is closed");
            entry.close.notify_one();
            table.forget(id);
        }
    }

    /// Closes a connection.
    pub fn close(&self, id: FlowId) {
        let mut table = self.table();
        if let Some(entry) = table.flows.get(&id) {
            entry.close.notify_one();
        }
        table.forget(id);
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.table().flows.len()
    }

    /// Closes all.
    pub fn close_all(&self) {
        let ids: Vec<FlowId> = self.table().flows.keys().copied().collect();
        for id in ids {
            self.close(id);
        }
    }

    fn connect(&self, table: &mut Table, to: &Hop, bytes: &[u8]) {
        // TLS towards trunks needs certificates, which this version does not have.
        if to.carrier != Carrier::Tcp || !self.has_room(table) {
            tracing::debug!(address = %to.address, carrier = to.carrier.via_name(), "no connection can be opened");
            self.failed(to, bytes);
            return;
        }
        let key = (to.carrier, to.address);
        let (id, receiver, close) = self.enter(table, to.address.ip(), Some(key));
        if let Some(entry) = table.flows.get(&id) {
            let _ = entry.outgoing.try_send(bytes.to_vec());
        }
        let flows = self.clone();
        let (to, first, address) = (*to, bytes.to_vec(), to.address);
        self.shared.runtime.spawn(async move {
            let connecting = tokio::time::timeout(CONNECT, tokio::net::TcpStream::connect(address)).await;
            match connecting {
                Ok(Ok(stream)) => {
                    let _ = stream.set_nodelay(true);
                    let local = stream.local_addr().unwrap_or(address);
                    let info = FlowInfo { peer: address, local, transport: FlowTransport::Tcp };
                    flows.serve(stream, info, id, receiver, close, Vec::new(), false).await;
                }
                _ => {
                    tracing::debug!(%address, "no connection");
                    flows.failed(&to, &first);
                    flows.ended(id);
                }
            }
        });
    }

    /// Tells the shard that a request could not be sent, so that it need not wait for a time-out.
    fn failed(&self, to: &Hop, bytes: &[u8]) {
        if let Ok(message) = Message::parse(bytes, Framing::Stream)
            && message.is_request()
        {
            self.shared.inbox.post(Letter::SendFailed(*to, message.branch().to_owned()));
        }
    }

    fn enter(
        &self,
        table: &mut Table,
        peer: IpAddr,
        opened_to: Option<(Carrier, SocketAddr)>,
    ) -> (FlowId, mpsc::Receiver<Vec<u8>>, Arc<Notify>) {
        let id = FlowId(self.shared.next.fetch_add(1, Ordering::Relaxed));
        let (outgoing, receiver) = mpsc::channel(WRITE_QUEUE);
        let close = Arc::new(Notify::new());
        table.flows.insert(id, Entry { outgoing, close: Arc::clone(&close), peer, opened_to });
        *table.peers.entry(peer).or_default() += 1;
        if let Some(key) = opened_to {
            table.ours.insert(key, id);
        }
        (id, receiver, close)
    }

    fn ended(&self, id: FlowId) {
        self.table().forget(id);
        self.shared.inbox.post(Letter::FlowClosed(id));
    }

    /// Runs a stream that is framed by Content-Length until either side closes it.
    pub async fn serve_stream<S>(&self, stream: S, info: FlowInfo, read_already: Vec<u8>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let entered = {
            let mut table = self.table();
            let peer = info.peer.ip();
            let of_peer = table.peers.get(&peer).copied().unwrap_or(0);
            let room = self.has_room(&table) && of_peer < most(connections_from(&self.shared.config, peer));
            room.then(|| self.enter(&mut table, peer, None))
        };
        let Some((id, receiver, close)) = entered else {
            tracing::warn!(peer = %info.peer, "too many connections; one is refused");
            return;
        };
        self.serve(stream, info, id, receiver, close, read_already, true).await;
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one connection, used once")]
    async fn serve<S>(
        &self,
        stream: S,
        info: FlowInfo,
        id: FlowId,
        mut outgoing: mpsc::Receiver<Vec<u8>>,
        close: Arc<Notify>,
        read_already: Vec<u8>,
        accepted: bool,
    ) where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (mut read, mut write) = tokio::io::split(stream);
        let (pongs, mut pong) = mpsc::channel::<()>(1);
        let incoming = self.read(&mut read, info, id, read_already, accepted, pongs);
        let sending = async {
            loop {
                let bytes = tokio::select! {
                    bytes = outgoing.recv() => bytes,
                    Some(()) = pong.recv() => Some(b"\r\n".to_vec()),
                };
                let Some(bytes) = bytes else { return };
                match tokio::time::timeout(WRITE, write.write_all(&bytes)).await {
                    Ok(Ok(())) => {}
                    _ => return,
                }
            }
        };
        tokio::select! {
            result = incoming => match result {
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    tracing::info!(peer = %info.peer, %error, "a SIP connection is closed");
                }
                Err(error) => tracing::debug!(peer = %info.peer, %error, "a connection ended"),
                Ok(()) => {}
            },
            () = sending => {}
            () = close.notified() => {}
        }
        self.ended(id);
    }

    async fn read<R: AsyncRead + Unpin>(
        &self,
        stream: &mut R,
        info: FlowInfo,
        id: FlowId,
        mut buffer: Vec<u8>,
        accepted: bool,
        pongs: mpsc::Sender<()>,
    ) -> io::Result<()> {
        let credit = Arc::new(Semaphore::new(READ_SHARE));
        // A message that is dripped in ends its connection like a first one that never comes.
        let mut silent = accepted;
        let mut deadline = accepted.then(|| Instant::now() + self.message_time());
        loop {
            let mut start = 0;
            loop {
                match stream_frame(&buffer[start..]) {
                    StreamFrame::NeedMore => break,
                    StreamFrame::Bad(why) => return Err(io::Error::new(io::ErrorKind::InvalidData, why)),
                    StreamFrame::KeepAlive(length) => {
                        if length == 4 {
                            // A second ping before the first was answered needs no second answer.
                            let _ = pongs.try_send(());
                        }
                        start += length;
                    }
                    StreamFrame::Frame(length) => {
                        let bytes = buffer[start..start + length].to_vec();
                        start += length;
                        (silent, deadline) = (false, None);
                        if !looks_like_sip(&bytes) {
                            return Err(io::Error::new(io::ErrorKind::InvalidData, "this is no SIP"));
                        }
                        self.deliver(info, id, bytes, &credit).await;
                    }
                }
            }
            buffer.drain(..start);
            buffer.reserve(READ_BYTES);
            if buffer.is_empty() && !silent {
                deadline = None;
            } else if deadline.is_none() {
                deadline = Some(Instant::now() + self.message_time());
            }
            let reading = stream.read_buf(&mut buffer);
            let read = match deadline {
                Some(deadline) => tokio::time::timeout_at(deadline, reading).await??,
                None => reading.await?,
            };
            if read == 0 {
                return Ok(());
            }
        }
    }

    async fn deliver(&self, info: FlowInfo, id: FlowId, bytes: Vec<u8>, credit: &Arc<Semaphore>) {
        if let Ok(permit) = credit.acquire().await {
            permit.forget();
            self.post(info, id, bytes, credit);
        }
    }

    fn post(&self, info: FlowInfo, id: FlowId, bytes: Vec<u8>, credit: &Arc<Semaphore>) {
        self.shared.inbox.post(Letter::Flow {
            flow: id,
            carrier: carrier_of(info.transport),
            peer: info.peer,
            local: info.local,
            bytes,
            credit: Arc::clone(credit),
        });
    }

    /// Takes over a connection whose messages are framed by the gate.
    #[must_use]
    pub fn open(&self, info: FlowInfo) -> SipFlow {
        let (id, outgoing, _close) = self.enter(&mut self.table(), info.peer.ip(), None);
        SipFlow { id, outgoing, info, flows: self.clone(), credit: Arc::new(Semaphore::new(READ_SHARE)) }
    }
}

impl SipFlow {
    /// One message from the peer. Never blocks: a peer that sends faster than its messages can be handled is cut off.
    pub fn feed(&self, message: &[u8]) {
        if message.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        match self.credit.try_acquire() {
            Ok(permit) => {
                permit.forget();
                self.flows.post(self.info, self.id, message.to_vec(), &self.credit);
            }
            Err(_) => self.flows.close(self.id),
        }
    }
}

impl Drop for SipFlow {
    fn drop(&mut self) {
        self.flows.ended(self.id);
    }
}

impl Table {
    fn forget(&mut self, id: FlowId) {
        let Some(entry) = self.flows.remove(&id) else { return };
        if let Some(count) = self.peers.get_mut(&entry.peer) {
            *count -= 1;
            if *count == 0 {
                self.peers.remove(&entry.peer);
            }
        }
        if let Some(key) = entry.opened_to
            && self.ours.get(&key) == Some(&id)
        {
            self.ours.remove(&key);
        }
    }
}

/// What a connection is to the calls.
#[must_use]
pub const fn carrier_of(transport: FlowTransport) -> Carrier {
    match transport {
        FlowTransport::Tcp => Carrier::Tcp,
        FlowTransport::Tls => Carrier::Tls,
        FlowTransport::Ws => Carrier::Ws,
        FlowTransport::Wss => Carrier::Wss,
    }
}

/// A limit as a number of entries.
fn most(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
