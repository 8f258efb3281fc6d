//! Instant messages on their way to phones (RFC 3428): one MESSAGE to each registered contact, and what became of it.
//!
//! Not here: who may write to whom, and the messages that wait for somebody to register; those are the owner's.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use strowger_model::{Mono, Now};
use strowger_sip::{Builder, HeaderId, Message, Method, escape_user};

use crate::binding::Binding;
use crate::mac::Key;
use crate::reach::Reach;
use crate::requests::{Requests, Transmit};

/// Max-Forwards of our requests (RFC 3261 section 8.1.1.6).
const MAX_FORWARDS: u8 = 70;

/// One message for one account.
#[derive(Clone, PartialEq, Eq)]
pub struct InstantMessage {
    /// The owner's number of it.
    pub id: i64,
    /// Who sent it: a name or number.
    pub from: Box<str>,
    /// Whom it is for: a name or number.
    pub to: Box<str>,
    /// What the body is: `text/plain`.
    pub content_type: Box<str>,
    /// The body.
    pub body: Arc<[u8]>,
}

impl std::fmt::Debug for InstantMessage {
    /// What people write to each other does not belong in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "InstantMessage({}, {} bytes)", self.id, self.body.len())
    }
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageTarget {
    /// The Request-URI.
    pub uri: Box<str>,
    /// The Path set (RFC 3327), or empty.
    pub path: Box<str>,
    /// The way there.
    pub reach: Reach,
}

impl MessageTarget {
    /// A registered phone.
    #[must_use]
    pub fn of(contact: &Binding) -> Self {
        Self { uri: contact.uri().into(), path: contact.path().into(), reach: contact.destination() }
    }
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// The message's number.
    pub id: i64,
    /// 2xx where a phone took it, else the lowest status of all, 480 where there was no phone.
    pub status: u16,
}

impl Delivery {
    /// A phone took it.
    #[must_use]
    pub const fn is_delivered(&self) -> bool {
        self.status / 100 == 2
    }
}

/// A message that is under way.
struct Underway {
    /// Contacts that have not answered.
    open: usize,
    /// The best status so far.
    best: u16,
    told: bool,
}

/// Messages that are under way.
pub struct Messenger {
    requests: Requests<i64>,
    underway: BTreeMap<i64, Underway>,
    deliveries: VecDeque<Delivery>,
    buffer: Vec<u8>,
}

impl Messenger {
    /// `key` must be random: branches, tags and Call-IDs are made from it.
    #[must_use]
    pub const fn new(key: Key) -> Self {
        Self {
            requests: Requests::new(key),
            underway: BTreeMap::new(),
            deliveries: VecDeque::new(),
            buffer: Vec::new(),
        }
    }

    /// Sends a message to every target. `domain` stands in From and To, our address where it is empty; `local` gives our
    /// `host:port` as a target sees us.
    pub fn deliver(
        &mut self,
        now: Now,
        message: &InstantMessage,
        targets: &[MessageTarget],
        (domain, user_agent): (&str, &str),
        local: impl Fn(Reach) -> Box<str>,
    ) {
        if self.underway.contains_key(&message.id) {
            return;
        }
        self.underway.insert(message.id, Underway { open: targets.len(), best: 480, told: false });
        for target in targets {
            let local = local(target.reach);
            let via = self.requests.via(target.reach, &local);
            let mut buffer = std::mem::take(&mut self.buffer);
            let domain = if domain.is_empty() { host_of(&local) } else { domain };
            self.write(&mut buffer, message, target, &via, (domain, user_agent));
            let sent = self.requests.send(now, target.reach, &buffer, message.id);
            self.buffer = buffer;
            if let Err((id, status)) = sent {
                self.answered(id, status);
            }
        }
        self.conclude(message.id);
    }

    fn write(
        &mut self,
        out: &mut Vec<u8>,
        message: &InstantMessage,
        target: &MessageTarget,
        via: &str,
        (domain, agent): (&str, &str),
    ) {
        let (tag, call_id) = (self.requests.mint(), self.requests.mint());
        let (from, to) = (escape_user(&message.from), escape_user(&message.to));
        let mut request = Builder::request(out, Method::Message.as_str(), &target.uri);
        request.header(HeaderId::Via, via).header(HeaderId::MaxForwards, MAX_FORWARDS);
        request.header_unless_empty(HeaderId::Route, &target.path);
        request.header(HeaderId::From, format_args!("<sip:{from}@{domain}>;tag={tag}"));
        request.header(HeaderId::To, format_args!("<sip:{to}@{domain}>")).header(HeaderId::CallId, call_id);
        request.header(HeaderId::CSeq, format_args!("1 {}", Method::Message));
        request.header_unless_empty(HeaderId::UserAgent, agent);
        request.body(&message.content_type, &message.body);
    }

    /// The response is to one of our messages.
    #[must_use]
    pub fn owns(&self, response: &Message) -> bool {
        self.requests.owns(response)
    }

    /// Takes a response of a phone.
    pub fn handle_response(&mut self, now: Now, response: &Message) {
        if let Some((id, status)) = self.requests.handle_response(now, response) {
            self.answered(id, status);
            self.conclude(id);
        }
    }

    /// The request with that branch could not be sent.
    pub fn handle_send_failed(&mut self, now: Now, branch: &str) {
        if let Some((id, status)) = self.requests.handle_send_failed(now, branch) {
            self.answered(id, status);
            self.conclude(id);
        }
    }

    /// Whatever is due. Harmless when early.
    pub fn handle_timeout(&mut self, now: Now) {
        for (id, status) in self.requests.handle_timeout(now) {
            self.answered(id, status);
            self.conclude(id);
        }
    }

    /// When [`Messenger::handle_timeout`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        self.requests.deadline()
    }

    /// The next thing to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.requests.poll_transmit()
    }

    /// The next message whose fate is known; each comes once.
    pub fn poll_delivery(&mut self) -> Option<Delivery> {
        self.deliveries.pop_front()
    }

    /// Nothing is under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.underway.is_empty() && self.requests.is_empty()
    }

    /// One contact has answered, or will not.
    fn answered(&mut self, id: i64, status: u16) {
        let Some(underway) = self.underway.get_mut(&id) else { return };
        underway.open = underway.open.saturating_sub(1);
        let took = status / 100 == 2;
        if took && !underway.told {
            underway.told = true;
            self.deliveries.push_back(Delivery { id, status });
        }
        underway.best = if took { status } else { status.max(300).min(underway.best.max(300)) };
    }

    fn conclude(&mut self, id: i64) {
        if self.underway.get(&id).is_none_or(|underway| underway.open > 0) {
            return;
        }
        if let Some(underway) = self.underway.remove(&id)
            && !underway.told
        {
            self.deliveries.push_back(Delivery { id, status: underway.best });
        }
    }
}

/// The host of `host:port`, the brackets of IPv6 kept.
fn host_of(local: &str) -> &str {
    match local.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => local,
    }
}
