//! Our requests outside of calls and their client transactions (RFC 3261 section 17.1.2): messages and notices to phones.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use strowger_model::{Mono, Now};
use strowger_sip::transaction::{ClientTransaction, Fate, Output};
use strowger_sip::{Framing, Message};

use crate::mac::Key;
use crate::reach::Reach;

/// Requests under way at a time; further ones fail at once.
const MAX_REQUESTS: usize = 65_536;
/// The status of a request that nobody answered (RFC 3261 section 8.1.3.1).
const TIMED_OUT: u16 = 408;
/// The status of a request that was not sent.
const NOT_SENT: u16 = 503;

/// Something to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// Where.
    pub to: Reach,
    /// One SIP message.
    pub bytes: Arc<[u8]>,
}

/// The requests of one machine; `T` is what each was sent for.
pub(crate) struct Requests<T> {
    key: Key,
    count: u64,
    running: BTreeMap<Box<str>, Running<T>>,
    deadlines: BTreeSet<(Mono, Box<str>)>,
    transmits: VecDeque<Transmit>,
}

struct Running<T> {
    transaction: ClientTransaction,
    to: Reach,
    /// None once there was a final response.
    about: Option<T>,
    deadline: Option<Mono>,
}

impl<T> Requests<T> {
    pub(crate) const fn new(key: Key) -> Self {
        Self {
            key,
            count: 0,
            running: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            transmits: VecDeque::new(),
        }
    }

    /// A text that nobody else has: for branches, tags and Call-IDs.
    pub(crate) fn mint(&mut self) -> String {
        self.count += 1;
        format!("{:x}p{:016x}", self.count, self.key.of(&[b"request", &self.count.to_be_bytes()]))
    }

    /// The Via of a request to `to`, as one whom it sees at `local`.
    pub(crate) fn via(&mut self, to: Reach, local: &str) -> String {
        format!("SIP/2.0/{} {local};branch=z9hG4bK{};rport", to.carrier.via_name(), self.mint())
    }

    /// Sends a request. What it was for comes back where it cannot be sent.
    pub(crate) fn send(&mut self, now: Now, to: Reach, bytes: &[u8], about: T) -> Result<(), (T, u16)> {
        let Ok(message) = Message::parse(bytes, Framing::Datagram) else { return Err((about, NOT_SENT)) };
        if self.running.len() >= MAX_REQUESTS {
            return Err((about, NOT_SENT));
        }
        let transaction = ClientTransaction::new(now.mono, &message, to.carrier.is_reliable());
        let branch: Box<str> = message.branch().into();
        self.running.insert(branch.clone(), Running { transaction, to, about: Some(about), deadline: None });
        self.settle(&branch);
        Ok(())
    }

    /// The response is to one of these requests.
    pub(crate) fn owns(&self, response: &Message) -> bool {
        self.running.contains_key(response.branch())
    }

    /// Takes a response; what the request was for and the status, where it is final.
    pub(crate) fn handle_response(&mut self, now: Now, response: &Message) -> Option<(T, u16)> {
        let branch = response.branch();
        let running = self.running.get_mut(branch)?;
        let fate = running.transaction.handle_response(now.mono, response);
        let ended = fate == Fate::Deliver && response.status() >= 200;
        let about = if ended { running.about.take() } else { None };
        self.settle(branch);
        about.map(|about| (about, response.status()))
    }

    /// A request could not be sent; what it was for.
    pub(crate) fn handle_send_failed(&mut self, now: Now, branch: &str) -> Option<(T, u16)> {
        let running = self.running.get_mut(branch)?;
        running.transaction.handle_transport_error(now.mono);
        let about = running.about.take();
        self.settle(branch);
        about.map(|about| (about, NOT_SENT))
    }

    /// What was not answered in time, with its status.
    pub(crate) fn handle_timeout(&mut self, now: Now) -> Vec<(T, u16)> {
        let mut given_up = Vec::new();
        while let Some((at, branch)) = self.deadlines.pop_first() {
            if at > now.mono {
                self.deadlines.insert((at, branch));
                break;
            }
            let Some(running) = self.running.get_mut(&branch) else { continue };
            running.deadline = None;
            running.transaction.handle_timeout(now.mono);
            if running.transaction.is_terminated()
                && let Some(about) = running.about.take()
            {
                given_up.push((about, TIMED_OUT));
            }
            self.settle(&branch);
        }
        given_up
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Collects what a transaction wants sent and keeps its deadline filed.
    fn settle(&mut self, branch: &str) {
        let Some(running) = self.running.get_mut(branch) else { return };
        while let Some(output) = running.transaction.poll_output() {
            if let Output::Transmit(bytes) = output {
                self.transmits.push_back(Transmit { to: running.to, bytes });
            }
        }
        let deadline = running.transaction.deadline().map(|(at, _)| at);
        if deadline != running.deadline {
            if let Some(old) = running.deadline.take() {
                self.deadlines.remove(&(old, branch.into()));
            }
            if let Some(new) = deadline {
                running.deadline = Some(new);
                self.deadlines.insert((new, branch.into()));
            }
        }
        if running.transaction.is_terminated() {
            self.running.remove(branch);
        }
    }
}
