//! Presence: what an account says of itself (by API, or by PUBLISH, RFC 3903) and what its line does, made into one status,
//! and told to those who subscribed to it (RFC 6665, RFC 3856; the `dialog` event for busy lamps, RFC 4235).
//!
//! Not here: who may see whom, and what lines do; both are handed in.

mod dialog_info;
mod pidf;
mod publications;
mod status;
mod subscription;
mod watchers;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use strowger_model::id::FlowId;
use strowger_model::{AccountId, Mono, Now};
use strowger_sip::Message;

use crate::mac::Key;
use crate::reach::Reach;
use crate::requests::Transmit;
use publications::Publications;
use status::SetStatus;
use watchers::Watchers;

pub use publications::Published;
pub use status::{Line, MAX_WORD_BYTES, Status, is_word};
pub use subscription::{Package, Subscriber};

/// Why a SUBSCRIBE or PUBLISH is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{status} {reason}")]
pub struct PresenceRefusal {
    /// The SIP status.
    pub status: u16,
    /// The reason phrase; empty: the usual one.
    pub reason: &'static str,
    /// Value of Min-Expires in seconds, with 423.
    pub min_expires_s: Option<u32>,
}

impl PresenceRefusal {
    const fn new(status: u16, reason: &'static str) -> Self {
        Self { status, reason, min_expires_s: None }
    }
}

/// The bounds of subscriptions and publications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresenceSettings {
    /// Subscriptions of one account.
    pub max_subscriptions: usize,
    /// Shorter wishes are refused with 423, in seconds.
    pub min_expires_s: u32,
    /// Longer wishes are cut, in seconds.
    pub max_expires_s: u32,
}

impl PresenceSettings {
    /// The lifetime that is granted to a wish; none: as long as may be.
    fn granted(&self, wish: Option<u32>) -> Result<u32, PresenceRefusal> {
        match wish.unwrap_or(self.max_expires_s) {
            short if short > 0 && short < self.min_expires_s => Err(PresenceRefusal {
                min_expires_s: Some(self.min_expires_s),
                ..PresenceRefusal::new(423, "Interval Too Brief")
            }),
            wanted_s => Ok(wanted_s.min(self.max_expires_s)),
        }
    }
}

/// A PUBLISH that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Names the publication from now on.
    pub etag: Box<str>,
    /// How long it holds, in seconds.
    pub expires_s: u32,
}

/// The presence of all accounts.
pub struct Presence {
    settings: PresenceSettings,
    set: BTreeMap<AccountId, SetStatus>,
    ends: BTreeSet<(Mono, AccountId)>,
    publications: Publications,
    watchers: Watchers,
    changed: VecDeque<AccountId>,
}

impl Presence {
    /// `key` must be random: tags, branches and entity tags are made from it.
    #[must_use]
    pub const fn new(key: Key, settings: PresenceSettings) -> Self {
        Self {
            settings,
            set: BTreeMap::new(),
            ends: BTreeSet::new(),
            publications: Publications::new(key),
            watchers: Watchers::new(key),
            changed: VecDeque::new(),
        }
    }

    /// Other bounds for later requests.
    pub const fn set_settings(&mut self, settings: PresenceSettings) {
        self.settings = settings;
    }

    /// What others see of an account whose line does this.
    #[must_use]
    pub fn status(&self, account: AccountId, line: Line) -> Status {
        let set = self.set.get(&account);
        Status::merge(line, set, self.publications.newest(account))
    }

    /// An account says what its status is, in one word or a few, until then; an empty text takes it back.
    pub fn set(&mut self, now: Now, account: AccountId, word: &str, until: Mono) {
        if let Some(old) = self.set.remove(&account) {
            self.ends.remove(&(old.until, account));
        }
        if !word.is_empty() {
            self.set.insert(account, SetStatus { word: word.into(), since: now.mono, until });
            self.ends.insert((until, account));
        }
        self.changed.push_back(account);
    }

    /// A PUBLISH of an account, authenticated (RFC 3903 section 6).
    ///
    /// # Errors
    /// [`PresenceRefusal`]; nothing changed.
    pub fn publish(
        &mut self,
        now: Now,
        account: AccountId,
        request: &Message,
    ) -> Result<Accepted, PresenceRefusal> {
        let accepted = self.publications.publish(now, account, request, &self.settings)?;
        self.changed.push_back(account);
        Ok(accepted)
    }

    /// A SUBSCRIBE outside of dialogs, authenticated and allowed. The first NOTIFY follows. Returns the granted seconds.
    ///
    /// # Errors
    /// [`PresenceRefusal`]; nobody was subscribed.
    pub fn subscribe(
        &mut self,
        now: Now,
        request: &Message,
        subscriber: Subscriber<'_>,
        line: Line,
    ) -> Result<u32, PresenceRefusal> {
        let status = self.status(subscriber.target, line);
        self.watchers.subscribe(now, request, &subscriber, status, &self.settings)
    }

    /// Who subscribed in this dialog; none: there is no such subscription.
    #[must_use]
    pub fn subscriber(&self, request: &Message) -> Option<AccountId> {
        self.watchers.subscriber(request)
    }

    /// A SUBSCRIBE within its dialog, authenticated: a refresh, or the end. Returns the granted seconds.
    ///
    /// # Errors
    /// [`PresenceRefusal`]: 481 where there is no such subscription.
    pub fn refresh(&mut self, now: Now, request: &Message, reach: Reach) -> Result<u32, PresenceRefusal> {
        self.watchers.refresh(now, request, reach, &self.settings)
    }

    /// Somebody subscribed to this account.
    #[must_use]
    pub fn is_watched(&self, account: AccountId) -> bool {
        self.watchers.is_watched(account)
    }

    /// Tells the subscribers what is to be seen of an account now.
    pub fn show(&mut self, now: Now, account: AccountId, line: Line) {
        if self.is_watched(account) {
            let status = self.status(account, line);
            self.watchers.show(now, account, &status);
        }
    }

    /// Ends every subscription of an account and to it.
    pub fn forget(&mut self, now: Now, account: AccountId) {
        self.set(now, account, "", now.mono);
        self.publications.forget(account);
        self.watchers.forget(now, account);
    }

    /// The response is to one of our NOTIFYs.
    #[must_use]
    pub fn owns(&self, response: &Message) -> bool {
        self.watchers.owns(response)
    }

    /// Takes the answer to a NOTIFY.
    pub fn handle_response(&mut self, now: Now, response: &Message) {
        self.watchers.handle_response(now, response);
    }

    /// The request with that branch could not be sent.
    pub fn handle_send_failed(&mut self, now: Now, branch: &str) {
        self.watchers.handle_send_failed(now, branch);
    }

    /// A connection is gone, and with it whoever subscribed over it.
    pub fn handle_flow_closed(&mut self, flow: FlowId) {
        self.watchers.handle_flow_closed(flow);
    }

    /// Whatever is due. Harmless when early.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some(&(at, account)) = self.ends.first() {
            if at > now.mono {
                break;
            }
            self.ends.pop_first();
            self.set.remove(&account);
            self.changed.push_back(account);
        }
        self.changed.extend(self.publications.expire(now));
        self.watchers.handle_timeout(now);
    }

    /// When [`Presence::handle_timeout`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        let set = self.ends.first().map(|(at, _)| *at);
        [set, self.publications.deadline(), self.watchers.deadline()].into_iter().flatten().min()
    }

    /// The next account whose status may look different: find out what its line does and [`Presence::show`] it.
    pub fn poll_changed(&mut self) -> Option<AccountId> {
        self.changed.pop_front()
    }

    /// The next thing to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.watchers.poll_transmit()
    }

    /// Subscriptions.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.watchers.len()
    }
}
