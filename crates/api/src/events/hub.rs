//! Numbers events, writes them to the journal and wakes who waits. Readers pull with a cursor: nobody has a queue of
//! its own, so a slow one costs nothing and is told what it missed when the window has passed it by.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use strowger_switch::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use super::collect::Collector;
use super::event::{Draft, Event};
use super::journal::{self, Journal, Segment};

/// Events that are kept in memory for those who are up to date.
const RING: usize = 2048;
/// Drafts of commands that wait for their numbers.
const QUEUE: usize = 4096;

/// The event stream of this node.
#[derive(Clone)]
pub struct Hub(Arc<Shared>);

struct Shared {
    node: u8,
    newest: watch::Sender<u64>,
    ring: Mutex<VecDeque<Arc<Event>>>,
    segments: RwLock<Vec<Segment>>,
    inbox: mpsc::Sender<Letter>,
    /// Why there is no stream.
    broken: Option<String>,
}

/// What the keeper is told.
pub(super) enum Letter {
    /// Give it a number.
    Publish(Box<Draft>),
    /// Write what is there and end.
    Close(oneshot::Sender<()>),
}

/// What a reader gets next.
#[derive(Debug, Default)]
pub struct Page {
    /// In order.
    pub events: Vec<Arc<Event>>,
    /// Before them so many were missed.
    pub missed: Option<u64>,
}

impl Hub {
    /// Opens the journal in the data folder and begins to collect. A journal that cannot be opened leaves the server
    /// without events, which it says; calls do not depend on it.
    pub async fn start(switch: &Handle) -> Self {
        let (folder, window) = (switch.data().join("events"), u64::from(switch.config().eventwindow));
        let opened = tokio::task::spawn_blocking(move || Journal::open(&folder, window)).await;
        let opened = opened.map_err(|error| io::Error::other(error.to_string())).flatten();
        let (inbox, letters) = mpsc::channel(QUEUE);
        let node = u8::try_from(switch.config().nodeid).unwrap_or(u8::MAX);
        let (next, segments, broken) = match &opened {
            Ok(journal) => (journal.next, journal.segments(), None),
            Err(error) => (1, Vec::new(), Some(error.to_string())),
        };
        let hub = Self(Arc::new(Shared {
            node,
            newest: watch::Sender::new(next - 1),
            ring: Mutex::default(),
            segments: RwLock::new(segments),
            inbox,
            broken,
        }));
        match opened {
            Ok(journal) => {
                let collector = Collector::start(hub.clone(), switch.clone(), &journal).await;
                tokio::spawn(collector.run(journal, letters));
            }
            Err(error) => tracing::error!(%error, "events are not kept: the journal cannot be opened"),
        }
        hub
    }

    /// The number of this node.
    #[must_use]
    pub fn node(&self) -> u8 {
        self.0.node
    }

    /// Why there are no events.
    #[must_use]
    pub fn broken(&self) -> Option<&str> {
        self.0.broken.as_deref()
    }

    /// The newest number.
    #[must_use]
    pub fn newest(&self) -> u64 {
        *self.0.newest.borrow()
    }

    /// Wakes at every new number.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.0.newest.subscribe()
    }

    /// Hands an event in. Never waits: where thousands wait already this one is dropped and counted.
    pub fn publish(&self, draft: Draft) {
        if self.0.broken.is_none() && self.0.inbox.try_send(Letter::Publish(Box::new(draft))).is_err() {
            tracing::warn!("an event was dropped: too many wait");
        }
    }

    /// Writes what is there and ends the collecting.
    pub async fn close(&self) {
        let (done, seen) = oneshot::channel();
        if self.0.inbox.send(Letter::Close(done)).await.is_ok() {
            // It may have ended by itself.
            let _ = seen.await;
        }
    }

    /// What follows a number, at most so many.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn read(&self, after: u64, most: usize) -> io::Result<Page> {
        let newest = self.newest();
        if after >= newest {
            return Ok(Page::default());
        }
        if let Some(events) = self.recent(after, most) {
            return Ok(Page { events, missed: None });
        }
        let segments = self.0.segments.read().unwrap_or_else(PoisonError::into_inner).clone();
        let read = tokio::task::spawn_blocking(move || journal::read(&segments, after, most)).await;
        let events = read.map_err(|error| io::Error::other(error.to_string()))??;
        // The file may already hold what is not told yet.
        let events: Vec<_> = events.into_iter().filter(|e| e.seq <= newest).map(Arc::new).collect();
        let missed = events.first().map(|first| first.seq - after - 1).filter(|missed| *missed > 0);
        Ok(Page { events, missed })
    }

    /// The same from memory, if it reaches back so far.
    fn recent(&self, after: u64, most: usize) -> Option<Vec<Arc<Event>>> {
        let ring = self.ring();
        let first = ring.front()?.seq;
        if first > after + 1 {
            return None;
        }
        let skip = usize::try_from(after + 1 - first).ok()?;
        Some(ring.iter().skip(skip).take(most).cloned().collect())
    }

    fn ring(&self) -> MutexGuard<'_, VecDeque<Arc<Event>>> {
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These are in the journal: everybody may see them.
    pub(super) fn announce(&self, events: Vec<Event>, segments: Vec<Segment>) {
        let Some(newest) = events.last().map(|event| event.seq) else { return };
        *self.0.segments.write().unwrap_or_else(PoisonError::into_inner) = segments;
        let mut ring = self.ring();
        ring.extend(events.into_iter().map(Arc::new));
        let surplus = ring.len().saturating_sub(RING);
        ring.drain(..surplus);
        drop(ring);
        self.0.newest.send_replace(newest);
    }
}
