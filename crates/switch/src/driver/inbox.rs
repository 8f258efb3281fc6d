//! The way into a shard thread from other threads and tasks.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use strowger_call::{Carrier, Hop};
use strowger_model::id::FlowId;
use strowger_model::media::MediaEvent;
use strowger_model::payment::MoneyEvent;
use tokio::sync::{Semaphore, oneshot};

use super::sys::WakeEvent;
use crate::shard::{Answer, Order, PeopleAnswer};

/// Something for a shard.
pub enum Letter {
    /// A framed message of a connection.
    Flow {
        /// Which connection.
        flow: FlowId,
        /// What it is.
        carrier: Carrier,
        /// Its other end.
        peer: SocketAddr,
        /// Our end.
        local: SocketAddr,
        /// The message.
        bytes: Vec<u8>,
        /// Given back when the message has been handled: the connection reads no further than its share.
        credit: Arc<Semaphore>,
    },
    /// A connection is gone.
    FlowClosed(FlowId),
    /// The request with this branch could not be sent there.
    SendFailed(Hop, String),
    /// A wish, and where its answer goes.
    Order(Order, Option<oneshot::Sender<Answer>>),
    /// A report of the media engine.
    Media(MediaEvent),
    /// An answer of the store.
    Money(MoneyEvent),
    /// An answer of the store about messages.
    People(PeopleAnswer),
    /// A leg of a call that did not survive a crash.
    Adopt(String),
    /// Read and send on these UDP sockets (of the SIP port and of the main port) from now on; answered when it is so.
    Sockets([Option<Arc<UdpSocket>>; 2], oneshot::Sender<std::io::Result<()>>),
    /// End the thread.
    Stop,
}

/// Posts letters; clones lead to the same shard. What is posted is bounded by admission: every call, connection and
/// order has its share.
#[derive(Clone)]
pub struct Inbox {
    sender: Sender<Letter>,
    shared: Arc<Shared>,
}

struct Shared {
    wake: WakeEvent,
    sleeping: AtomicBool,
    queued: AtomicUsize,
}

/// The shard thread's end.
pub struct Letters {
    receiver: Receiver<Letter>,
    shared: Arc<Shared>,
}

/// A new inbox and its other end.
///
/// # Errors
/// No descriptor can be had.
pub fn inbox() -> std::io::Result<(Inbox, Letters)> {
    let (sender, receiver) = channel();
    let shared = Arc::new(Shared {
        wake: WakeEvent::new()?,
        sleeping: AtomicBool::new(false),
        queued: AtomicUsize::new(0),
    });
    Ok((Inbox { sender, shared: Arc::clone(&shared) }, Letters { receiver, shared }))
}

impl Inbox {
    /// Posts a letter; false when the shard has ended.
    pub fn post(&self, letter: Letter) -> bool {
        self.shared.queued.fetch_add(1, Ordering::Relaxed);
        let posted = self.sender.send(letter).is_ok();
        if self.shared.sleeping.swap(false, Ordering::SeqCst) {
            self.shared.wake.set();
        }
        posted
    }

    /// Letters that wait.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.shared.queued.load(Ordering::Relaxed)
    }
}

impl Letters {
    /// The next letter.
    pub fn take(&self) -> Option<Letter> {
        let letter = self.receiver.try_recv().ok()?;
        self.shared.queued.fetch_sub(1, Ordering::Relaxed);
        Some(letter)
    }

    /// The event that wakes, for the poll.
    #[must_use]
    pub fn wake(&self) -> &WakeEvent {
        &self.shared.wake
    }

    /// About to wait: from here on a letter sets the event. False: there is a letter already, do not wait.
    #[must_use]
    pub fn may_sleep(&self) -> bool {
        self.shared.sleeping.store(true, Ordering::SeqCst);
        if self.shared.queued.load(Ordering::SeqCst) == 0 {
            return true;
        }
        self.awake();
        false
    }

    /// Awake again.
    pub fn awake(&self) {
        self.shared.sleeping.store(false, Ordering::SeqCst);
        self.shared.wake.clear();
    }
}
