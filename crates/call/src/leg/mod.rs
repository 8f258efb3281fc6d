//! A leg: one remote party, with its early dialogs, its dialog, its transactions and its negotiation. It is
//! a self-contained value: nothing outside it knows SIP, and with [`Leg::snapshot`] and [`Leg::adopt`] it can
//! move to another shard, node or life of the process.
//!
//! Orders go in ([`LegOrder`]), events come out ([`LegEvent`]); messages go in and out by [`Hop`]. A leg
//! decides what the protocol demands (retransmissions, ACK, CANCEL, glare, crossing answers) and nothing else.

mod challenge;
mod compose;
mod ending;
mod incoming;
mod midcall;
mod offers;
mod outgoing;
mod races;
mod snapshot;
mod transactions;
mod unanswered;
mod vocabulary;
pub mod wire;

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strowger_model::{LegId, Mono, Now};
use strowger_sip::{Dialog, Message};

use crate::hop::{Hop, Local};
pub use crate::negotiation::Description;
use crate::negotiation::{Negotiation, Phase, Port};
pub(crate) use outgoing::host_of;
pub use snapshot::NotASnapshot;
use transactions::{Client, Server, Unacked};
pub use unanswered::{opened_by, planned};
pub use vocabulary::{
    Callee, Credentials, Dial, Ending, Incoming, Kind, LegEvent, LegOrder, Manner, OrderRefused, Presented,
    Stage,
};

/// The most early dialogs that are followed; further ones are ignored until one of them answers.
const MAX_EARLY_DIALOGS: usize = 8;

/// One early dialog of an INVITE of ours.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Early {
    dialog: Dialog,
    negotiation: Negotiation,
}

/// The ACK to a 2xx, kept to be repeated with it (RFC 3261 section 13.2.2.4).
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Ack {
    cseq: u32,
    #[serde(with = "wire::message")]
    message: Message,
}

/// One remote party. Its snapshot is in the journal of every answered call: what is not there is not written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Leg {
    id: LegId,
    nonce: u64,
    kind: Kind,
    outgoing: bool,
    stage: Stage,
    hop: Hop,
    local: Local,
    manner: Manner,
    minted: u32,
    /// The Call-ID of all its dialogs.
    call_id: Box<str>,
    dialog: Option<Dialog>,
    negotiation: Negotiation,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    early: Vec<Early>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    clients: Vec<Client>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    servers: Vec<Server>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unacked: Option<Unacked>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ack: Option<Ack>,
    /// Remote tags of answers that nobody wanted and that got their BYE.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    dismissed: Vec<Box<str>>,
    /// An INVITE of ours was heard of.
    heard: bool,
    /// CANCEL as soon as a provisional response allows it.
    cancel_wanted: bool,
    /// A cancelled INVITE is forgotten then (RFC 3261 section 9.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    give_up_at: Option<Mono>,
    /// The next in-dialog OPTIONS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alive_at: Option<Mono>,
    /// The reason told in a BYE that waits for the ACK of our 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    farewell: Option<u8>,
    /// The nonce that our credentials answered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answered_nonce: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rating: Option<String>,
    #[serde(skip)]
    credentials: Option<Credentials>,
    #[serde(skip)]
    out: VecDeque<(Hop, Arc<[u8]>)>,
    #[serde(skip)]
    events: VecDeque<LegEvent>,
}

impl Leg {
    fn blank(id: LegId, nonce: u64, kind: Kind, hop: Hop, local: Local, manner: Manner) -> Self {
        Self {
            id,
            nonce,
            kind,
            outgoing: true,
            stage: Stage::Early,
            hop,
            local,
            manner,
            minted: 0,
            call_id: "".into(),
            dialog: None,
            // RFC 8866 section 5.2 wants a numeric id; a short one is read by every device.
            negotiation: Negotiation::new(nonce >> 33),
            early: Vec::new(),
            clients: Vec::new(),
            servers: Vec::new(),
            unacked: None,
            ack: None,
            dismissed: Vec::new(),
            heard: false,
            cancel_wanted: false,
            give_up_at: None,
            alive_at: None,
            farewell: None,
            answered_nonce: None,
            credit: None,
            rating: None,
            credentials: None,
            out: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// An order of the call.
    ///
    /// # Errors
    /// [`OrderRefused`]: the leg is unchanged, nothing was sent.
    pub fn order(&mut self, now: Now, order: LegOrder) -> Result<(), OrderRefused> {
        match order {
            LegOrder::Ring => self.ring(now, None),
            LegOrder::Progress(description) => self.ring(now, Some(&description)),
            LegOrder::Answer(description) => self.answer(now, &description),
            LegOrder::Offer(description) => self.send_offer(now, &description),
            LegOrder::AcceptOffer(description) => self.accept_offer(now, &description),
            LegOrder::Reject { status } => self.reject(now, status),
            LegOrder::Dtmf { digit, duration_ms } => self.send_dtmf(now, digit, duration_ms),
            LegOrder::Hangup { reason, status } => {
                self.hang_up(now, reason, status);
                Ok(())
            }
        }
    }

    /// A message that names this leg.
    pub fn handle_message(&mut self, now: Now, message: &Message, from: Hop) {
        if message.is_request() {
            self.handle_request(now, message, from);
        } else {
            self.handle_response(now, message, from);
        }
        self.pump(now);
    }

    /// Whatever is due. Harmless when early.
    pub fn handle_timeout(&mut self, now: Now) {
        self.handle_transaction_timeouts(now);
        if self.give_up_at.is_some_and(|at| at <= now.mono) {
            self.give_up_at = None;
            self.clients.retain(|client| !client.is_invite());
            self.stage = Stage::Over;
        }
        if self.alive_at.is_some_and(|at| at <= now.mono) {
            self.alive_at = None;
            self.ask_alive(now);
        }
        self.pump(now);
    }

    /// A connection is gone. What was being said over it cannot be finished; a conversation goes on.
    pub fn handle_flow_closed(&mut self, now: Now, flow: strowger_model::id::FlowId) {
        if self.hop.flow == Some(flow) {
            self.hop.flow = None;
            if self.stage == Stage::Early {
                self.end_silently(408);
            }
        }
        for client in self.clients.iter_mut().filter(|client| client.to.flow == Some(flow)) {
            client.transaction.handle_transport_error(now.mono);
        }
        for server in self.servers.iter_mut().filter(|server| server.reply.flow == Some(flow)) {
            server.transaction.handle_transport_error(now.mono);
        }
        self.pump(now);
    }

    /// Something of the leg goes over the connection.
    #[must_use]
    pub fn uses(&self, flow: strowger_model::id::FlowId) -> bool {
        let ours = self.clients.iter().map(|client| client.to);
        let theirs = self.servers.iter().map(|server| server.reply);
        ours.chain(theirs).chain([self.hop]).any(|hop| hop.flow == Some(flow))
    }

    /// A request with this branch could not be sent.
    pub fn handle_send_failed(&mut self, now: Now, branch: &str) {
        for client in self.clients.iter_mut().filter(|client| client.transaction.branch() == branch) {
            client.transaction.handle_transport_error(now.mono);
        }
        self.pump(now);
    }

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<(Hop, Arc<[u8]>)> {
        self.out.pop_front()
    }

    /// The next event for the call.
    pub fn poll_event(&mut self) -> Option<LegEvent> {
        self.events.pop_front()
    }

    /// When [`Leg::handle_timeout`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        let own = self.give_up_at.into_iter().chain(self.alive_at);
        own.chain(self.transaction_deadlines()).min()
    }

    /// Nothing is left of it: it can be dropped.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.stage == Stage::Over
            && self.clients.is_empty()
            && self.servers.is_empty()
            && self.unacked.is_none()
            && self.out.is_empty()
    }

    /// The leg is out of its call: what only a conversation needs is let go, transactions run out without it.
    pub fn slim(&mut self) {
        if self.stage != Stage::Up {
            self.negotiation = Negotiation::new(0);
            (self.credit, self.rating, self.credentials) = (None, None, None);
        }
        self.clients.shrink_to_fit();
        self.servers.shrink_to_fit();
        (self.out, self.events) = (VecDeque::new(), VecDeque::new());
    }

    /// Its open transactions in words, for people who look for leaks.
    #[must_use]
    pub fn open(&self) -> String {
        let ours = self.clients.iter().map(|client| format!("our {:?}", client.purpose));
        let theirs = self.servers.iter().map(|server| format!("their {:?}", server.transaction.method()));
        let unacked = self.unacked.iter().map(|_| "200 without ACK".to_owned());
        ours.chain(theirs).chain(unacked).collect::<Vec<_>>().join(", ")
    }

    /// Credit and price as told to a paying phone with 180, 183 and 200.
    pub fn set_notice(&mut self, credit: Option<String>, rating: Option<String>) {
        self.credit = credit;
        self.rating = rating;
    }

    /// Where our media for it is.
    pub const fn set_port(&mut self, port: Port) {
        self.negotiation.set_port(port);
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> LegId {
        self.id
    }

    /// How far it is.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// What stands at the other end.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The Call-ID of its dialogs.
    #[must_use]
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Where the party is.
    #[must_use]
    pub const fn hop(&self) -> Hop {
        self.hop
    }

    /// The negotiation of its dialog.
    #[must_use]
    pub const fn negotiation(&self) -> &Negotiation {
        &self.negotiation
    }

    /// Neither side has an open offer.
    #[must_use]
    pub fn is_stable(&self) -> bool {
        self.negotiation.phase() == Phase::Stable && !self.has_open_invite()
    }

    /// The negotiation of an early dialog, by its order of appearance.
    #[must_use]
    pub fn early_negotiation(&self, dialog: usize) -> Option<&Negotiation> {
        self.early.get(dialog).map(|early| &early.negotiation)
    }
}
