//! The engine as the rest of the product sees it: started once, ordered about, asked, shut down.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use strowger_model::media::{MediaEvent, MediaOrder};
use strowger_model::{ShardId, SlotId};
use strowger_rtp::{Header, mos_of};
use thiserror::Error;

use crate::config::EngineConfig;
use crate::orders::thread_of;
use crate::sys::Wake;
use crate::tap::Sink;
use crate::worker::{Desk, Errand, Events, Worker};

/// The media engine; it lives in its [`EngineHandle`].
pub struct Engine;

/// Orders the engine about. Cheap to clone; the engine ends with the last of them.
#[derive(Clone)]
pub struct EngineHandle(Arc<Shared>);

/// Sums over all threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EngineStats {
    /// Threads that run.
    pub threads: u64,
    /// Port pairs bound.
    pub pairs_bound: u64,
    /// Port pairs in use.
    pub pairs_claimed: u64,
    /// Port pairs that rest after use.
    pub pairs_resting: u64,
    /// RTP packets accepted.
    pub received: u64,
    /// RTP packets sent.
    pub sent: u64,
    /// Packets refused.
    pub dropped: u64,
}

/// Why the engine did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// No pair of ports in the range can be bound.
    #[error("no free pair of UDP ports between {min} and {max}")]
    NoPorts {
        /// First port.
        min: u16,
        /// Last port.
        max: u16,
    },
    /// The system refused a descriptor.
    #[error("media sockets: {0}")]
    Socket(#[from] io::Error),
    /// The system refused a thread.
    #[error("media thread: {0}")]
    Thread(io::Error),
    /// A setting makes no sense.
    #[error("media configuration: {0}")]
    Config(&'static str),
}

/// Why the check failed.
#[derive(Debug, Error)]
pub enum CheckError {
    /// A thread has ended.
    #[error("the media engine is stopped")]
    Stopped,
    /// The check's own socket failed.
    #[error("media check: {0}")]
    Socket(#[from] io::Error),
    /// No packet came back.
    #[error("media thread {thread} did not answer within {waited_ms} ms")]
    NoAnswer {
        /// The thread.
        thread: u8,
        /// How long was waited.
        waited_ms: u32,
    },
}

struct Shared {
    bind: IpAddr,
    threads: Vec<Thread>,
    joins: Mutex<Vec<JoinHandle<()>>>,
    checks: AtomicU64,
}

struct Thread {
    desk: Arc<Desk>,
    check_port: u16,
}

/// How long a check waits for its packet, milliseconds.
const CHECK_WAIT_MS: u32 = 1_000;

impl Engine {
    /// Binds the first pairs, starts the threads, and hands the pairs out through `events` before it returns.
    /// `events` is called on the media threads and must not block.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(
        config: EngineConfig,
        events: impl Fn(ShardId, MediaEvent) + Send + Sync + 'static,
    ) -> Result<EngineHandle, StartError> {
        if config.threads == 0 || config.shards == 0 || config.pool_pairs == 0 {
            return Err(StartError::Config("threads, shards and pool_pairs are at least 1"));
        }
        if config.port_min > config.port_max {
            return Err(StartError::Config("the first port lies above the last"));
        }
        let events: Events = Arc::new(events);
        let mut shared =
            Shared { bind: config.bind, threads: vec![], joins: Mutex::default(), checks: AtomicU64::new(0) };
        for thread in 0..config.threads {
            let desk = Arc::new(Desk::new()?);
            let (join, check_port) = start_thread(thread, &config, &events, &desk)?;
            shared.threads.push(Thread { desk, check_port });
            shared.joins.lock().unwrap_or_else(PoisonError::into_inner).push(join);
        }
        Ok(EngineHandle(Arc::new(shared)))
    }
}

impl EngineHandle {
    /// Gives an order. Orders about one slot are performed in the order given.
    pub fn order(&self, order: MediaOrder) {
        if let Some(thread) = self.0.threads.get(usize::from(thread_of(&order))) {
            thread.desk.put(Errand::Order(order));
        }
    }

    /// Gives several orders, each thread woken once; the list is empty afterwards.
    pub fn orders(&self, orders: &mut Vec<MediaOrder>) {
        for (number, thread) in (0..).zip(&self.0.threads) {
            if orders.iter().any(|order| thread_of(order) == number) {
                let mine = orders.extract_if(.., |order| thread_of(order) == number);
                thread.desk.put_all(mine.map(Errand::Order));
            }
        }
        // Orders for threads that do not exist.
        orders.clear();
    }

    /// Gives copies of what the slot hears to `sink`, until the slot is freed or the sink is gone. Where the slot is not
    /// in use, or has [`MAX_TAPS`](crate::MAX_TAPS) already, the sink is dropped.
    pub fn tap(&self, slot: SlotId, sink: Box<dyn Sink>) {
        if let Some(thread) = self.0.threads.get(usize::from(slot.thread)) {
            thread.desk.put(Errand::Tap(slot, sink));
        }
    }

    /// Sends a packet through a port of every thread and waits for it. Blocks up to a second per thread that
    /// does not answer. Returns the longest way.
    ///
    /// # Errors
    /// [`CheckError`].
    pub fn loopback_check(&self) -> Result<Duration, CheckError> {
        let mut longest = Duration::ZERO;
        for (number, thread) in (0..).zip(&self.0.threads) {
            longest = longest.max(self.check_thread(number, thread)?);
        }
        Ok(longest)
    }

    /// Closes the ports that the check goes through, so that it fails: for testing who relies on it.
    pub fn close_ports(&self) {
        self.0.threads.iter().for_each(|t| t.desk.put(Errand::CloseCheck));
    }

    /// Sums over all threads, at most 50 ms old while packets flow.
    #[must_use]
    pub fn stats(&self) -> EngineStats {
        let mut stats = EngineStats::default();
        for thread in &self.0.threads {
            let [bound, claimed, resting, received, sent, dropped] =
                thread.desk.counters.each_ref().map(|c| c.load(Ordering::Relaxed));
            stats.threads += u64::from(!thread.desk.stopped.load(Ordering::Acquire));
            stats.pairs_bound += bound;
            stats.pairs_claimed += claimed;
            stats.pairs_resting += resting;
            stats.received += received;
            stats.sent += sent;
            stats.dropped += dropped;
        }
        stats
    }

    /// How well the slot's peer is heard, a mean opinion score in hundredths by what was counted of the codec's stream up
    /// to the last sweep; none while that is too little, and for a slot that is not in use.
    #[must_use]
    pub fn mos(&self, slot: SlotId, codec: &str) -> Option<u16> {
        let desk = &self.0.threads.get(usize::from(slot.thread))?.desk;
        let shown = desk.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let heard = shown.get(slot.index as usize).copied().filter(|h| h.generation == slot.generation)?;
        drop(shown);
        mos_of(codec, heard.received.into(), heard.lost.into(), heard.jitter)
    }

    /// Ends the threads and closes their sockets. Blocks until they have ended; again is nothing.
    pub fn shutdown(&self) {
        self.0.shutdown();
    }

    fn check_thread(&self, number: u8, thread: &Thread) -> Result<Duration, CheckError> {
        if thread.desk.stopped.load(Ordering::Acquire) {
            return Err(CheckError::Stopped);
        }
        let ip = match self.0.bind {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        let socket = UdpSocket::bind((ip, 0))?;
        socket.connect(SocketAddr::new(ip, thread.check_port))?;
        let count = self.0.checks.fetch_add(1, Ordering::Relaxed);
        let header = Header { timestamp: (count & 0xffff_ffff) as u32, ..Header::default() };
        let begun = Instant::now();
        let limit = Duration::from_millis(u64::from(CHECK_WAIT_MS));
        let no_answer = CheckError::NoAnswer { thread: number, waited_ms: CHECK_WAIT_MS };
        // A closed port shows itself as a refusal at the send or the receive.
        if socket.send(&header.write()).is_err() {
            return Err(no_answer);
        }
        let mut answer = [0; 64];
        loop {
            let left = limit.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Err(no_answer);
            }
            socket.set_read_timeout(Some(left))?;
            match socket.recv(&mut answer) {
                Ok(size) if answer[..size] == header.write() => return Ok(begun.elapsed()),
                Ok(_) => {}
                Err(_) => return Err(no_answer),
            }
        }
    }
}

impl Shared {
    fn shutdown(&self) {
        self.threads.iter().for_each(|t| t.desk.put(Errand::Stop));
        let joins = std::mem::take(&mut *self.joins.lock().unwrap_or_else(PoisonError::into_inner));
        for join in joins {
            // The last handle may be dropped by an event's receiver, on the very thread that would be waited for.
            if join.thread().id() != std::thread::current().id() && join.join().is_err() {
                tracing::error!("a media thread ended in panic");
            }
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl Desk {
    fn new() -> io::Result<Self> {
        Ok(Self {
            wake: Wake::new()?,
            errands: Mutex::default(),
            stopped: AtomicBool::new(false),
            counters: Default::default(),
            heard: Mutex::default(),
        })
    }

    /// Leaves an errand; wakes the thread for the first one since it last looked. A thread that has ended
    /// takes none.
    fn put(&self, errand: Errand) {
        self.put_all(std::iter::once(errand));
    }

    fn put_all(&self, added: impl Iterator<Item = Errand>) {
        if self.stopped.load(Ordering::Acquire) {
            return;
        }
        let mut errands = self.errands.lock().unwrap_or_else(PoisonError::into_inner);
        let first = errands.is_empty();
        errands.extend(added);
        drop(errands);
        if first {
            self.wake.signal();
        }
    }
}

fn start_thread(
    number: u8,
    config: &EngineConfig,
    events: &Events,
    desk: &Arc<Desk>,
) -> Result<(JoinHandle<()>, u16), StartError> {
    let (started, wait) = mpsc::sync_channel(1);
    let (config, events, desk) = (config.clone(), Arc::clone(events), Arc::clone(desk));
    let thread = std::thread::Builder::new().name(format!("media-{number}"));
    let run = move || match Worker::new(number, &config, events, desk) {
        Ok((worker, port)) => {
            let _ = started.send(Ok(port));
            worker.run();
        }
        Err(error) => {
            let _ = started.send(Err(error));
        }
    };
    let join = thread.spawn(run).map_err(StartError::Thread)?;
    let port = wait.recv().map_err(|_| StartError::Thread(io::Error::other("ended at its start")))??;
    Ok((join, port))
}
