//! One reader's place in the stream.

use std::io;

use strowger_model::AccountId;
use strowger_switch::Handle;
use tokio::sync::watch;

use super::event::{Filter, Viewer, gap_text};
use super::hub::Hub;
use crate::auth::may_log_in;

/// Events that are handed over at once.
const PAGE: usize = 100;

/// One event or gap, ready to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// Where to go on from after it.
    pub cursor: u64,
    /// A JSON object.
    pub text: String,
}

/// A reader with its cursor, its filter and its rights.
pub struct Subscription {
    hub: Hub,
    switch: Handle,
    newest: watch::Receiver<u64>,
    cursor: u64,
    viewer: Viewer,
    filter: Filter,
    /// Whoever asked; the stream ends when it may not log in any more.
    reader: Option<AccountId>,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Subscription({:?} after {})", self.viewer, self.cursor)
    }
}

impl Subscription {
    pub(crate) fn new(hub: &Hub, switch: &Handle, since: u64, viewer: Viewer, filter: Filter) -> Self {
        let newest = hub.watch();
        let (hub, switch) = (hub.clone(), switch.clone());
        Self { hub, switch, newest, cursor: since, viewer, filter, reader: None }
    }

    /// The stream ends when this account may not log in any more.
    pub(crate) fn read_by(mut self, reader: Option<AccountId>) -> Self {
        self.reader = reader;
        self
    }

    /// Where the reader stands.
    #[must_use]
    pub const fn cursor(&self) -> u64 {
        self.cursor
    }

    /// What comes next; waits for it. None: the stream ends. What has been waited for is not lost when the wait is
    /// cut short.
    pub async fn next(&mut self) -> Option<Vec<Pushed>> {
        loop {
            if !self.is_readable() {
                return None;
            }
            match self.ready().await {
                Ok(pushed) if pushed.is_empty() => {}
                Ok(pushed) => return Some(pushed),
                Err(error) => {
                    tracing::warn!(%error, "the event journal cannot be read");
                    return None;
                }
            }
            if self.cursor >= self.hub.newest() {
                self.newest.changed().await.ok()?;
            }
        }
    }

    /// What is there by now, without waiting for more.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn ready(&mut self) -> io::Result<Vec<Pushed>> {
        let newest = *self.newest.borrow_and_update();
        if self.cursor > newest {
            // A cursor of another server, or of a data folder that is gone.
            self.cursor = newest;
            return Ok(vec![self.gap(None)]);
        }
        let page = self.hub.read(self.cursor, PAGE).await?;
        let mut pushed = Vec::new();
        if page.events.is_empty() && self.cursor < newest {
            let missed = newest - self.cursor;
            self.cursor = newest;
            return Ok(vec![self.gap(Some(missed))]);
        }
        if let (Some(missed), Some(first)) = (page.missed, page.events.first()) {
            self.cursor = first.seq - 1;
            pushed.push(self.gap(Some(missed)));
        }
        for event in page.events {
            self.cursor = event.seq;
            if event.concerns(self.viewer) && self.filter.wants(event.kind) {
                let text = event.text(self.hub.node(), self.viewer);
                pushed.push(Pushed { cursor: event.seq, text });
            }
        }
        Ok(pushed)
    }

    fn gap(&self, missed: Option<u64>) -> Pushed {
        Pushed { cursor: self.cursor, text: gap_text(self.hub.node(), missed, self.cursor) }
    }

    /// Whoever asked may still log in.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        let snapshot = self.switch.snapshot();
        self.reader.is_none_or(|id| snapshot.account(id).is_some_and(|account| may_log_in(account)))
    }
}
