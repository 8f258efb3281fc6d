//! A leg without an answer as the journal keeps it: what ends it after a crash. A callee gets the CANCEL of our
//! INVITE, a caller the refusal of its own.
//!
//! The journal is written before the INVITE leaves, so what was [planned] is what was sent, or nothing was.

use serde::{Deserialize, Serialize};
use strowger_model::{LegId, Now};
use strowger_sip::{Builder, ClientTransaction, Framing, HeaderId, Message, Method, TransactionKey};

use super::compose::via;
use super::outgoing::begin_invite;
use super::races::CANCELLED_MS;
use super::snapshot::CSEQ_GAP;
use super::transactions::{Client, Purpose};
use super::{Callee, Kind, Leg, Manner, Stage, wire};
use crate::hop::{Hop, Local};
use crate::ids;
use crate::reasons::Reason;

/// INVITEs that a trunk may have made of one by asking for credentials: the challenge, and one with a stale nonce.
const MAX_ATTEMPTS: u32 = 3;

/// The status of a caller whose call did not survive.
const UNAVAILABLE: u16 = 503;

/// When such a caller may try again, in seconds: recovery is over by then.
const RETRY_AFTER_S: u32 = 2;

/// A leg whose INVITE has no final response.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Unanswered {
    id: LegId,
    nonce: u64,
    /// Where our message goes.
    hop: Hop,
    local: Local,
    /// We called.
    outgoing: bool,
    /// Without its body, and without headers that neither CANCEL nor a refusal repeats.
    #[serde(with = "wire::message")]
    invite: Message,
    /// INVITEs of ours that may have been sent.
    attempts: u32,
}

/// Tells such a text from a leg's snapshot.
#[derive(Serialize, Deserialize)]
struct Marked<T> {
    unanswered: T,
}

/// What ends a leg that is about to be dialled, as text for the journal; none: the INVITE cannot be sent.
#[must_use]
pub fn planned(id: (LegId, u64), callee: &Callee) -> Option<String> {
    let mut bytes = Vec::with_capacity(512);
    begin_invite(&mut bytes, id, callee).finish();
    let invite = Message::parse(&bytes, Framing::Datagram).ok()?;
    let attempts = if callee.credentials.is_some() { MAX_ATTEMPTS } else { 1 };
    let (hop, local) = (callee.hop, callee.local.clone());
    Some(Unanswered { id: id.0, nonce: id.1, hop, local, outgoing: true, invite, attempts }.write())
}

/// The transaction that opened the leg of a journal; none: we called it.
#[must_use]
pub fn opened_by(snapshot: &str) -> Option<TransactionKey> {
    let leg = Unanswered::read(snapshot).filter(|leg| !leg.outgoing)?;
    Some(TransactionKey::of_request(&leg.invite))
}

impl Leg {
    /// What ends the leg before its answer; none: it is over, or its caller knows by its connection.
    pub(super) fn unanswered(&self) -> Option<String> {
        if self.stage != Stage::Early {
            return None;
        }
        let (invite, hop) = if self.outgoing {
            let open = self.clients.iter().find(|client| client.is_invite())?;
            (Message::parse(open.transaction.request(), Framing::Datagram).ok()?, self.hop)
        } else {
            let open = self.servers.get(self.open_server(&[Method::Invite])?)?;
            (open.request.clone().filter(|_| !open.reply.carrier.is_reliable())?, open.reply)
        };
        let local = self.local.clone();
        let (id, nonce, outgoing, invite) = (self.id, self.nonce, self.outgoing, head_of(&invite)?);
        Some(Unanswered { id, nonce, hop, local, outgoing, invite, attempts: 1 }.write())
    }
}

impl Unanswered {
    fn write(&self) -> String {
        serde_json::to_string(&Marked { unanswered: self }).expect("a struct of texts and numbers is JSON")
    }

    pub fn read(snapshot: &str) -> Option<Self> {
        serde_json::from_str(snapshot).ok().map(|marked: Marked<Self>| marked.unanswered)
    }

    /// The leg, with its last words.
    pub fn end(self, now: Now) -> Leg {
        // The connection belonged to the life that crashed.
        let hop = Hop { flow: None, ..self.hop };
        let manner = Manner { agent: "".into(), keepalive_ms: 0, retry_after_s: RETRY_AFTER_S };
        let mut leg = Leg::blank(self.id, self.nonce, Kind::Trunk, hop, self.local.clone(), manner);
        leg.outgoing = self.outgoing;
        leg.call_id = self.invite.call_id().into();
        leg.minted = CSEQ_GAP;
        if !self.outgoing {
            leg.admit(now, &self.invite, hop);
            leg.refuse(now, Reason::Internal, Some(UNAVAILABLE));
            leg.pump(now);
            return leg;
        }
        (leg.stage, leg.heard) = (Stage::Leaving, true);
        leg.give_up_at = Some(now.mono.plus_ms(CANCELLED_MS));
        for attempt in 0..self.attempts.min(MAX_ATTEMPTS) {
            let Some(invite) = self.attempt(attempt) else { continue };
            let transaction = ClientTransaction::resumed(&invite, hop.carrier.is_reliable());
            leg.clients.push(Client { transaction, purpose: Purpose::Invite, to: hop, answered: false });
            leg.send_cancel(now, leg.clients.len() - 1);
        }
        leg.pump(now);
        leg
    }

    /// The so many-th INVITE: each answer to a challenge has the next branch and CSeq number.
    fn attempt(&self, count: u32) -> Option<Message> {
        if count == 0 {
            return Some(self.invite.clone());
        }
        let branch = ids::branch(self.id, self.nonce, count);
        let mut bytes = Vec::with_capacity(512);
        let mut builder = Builder::request(&mut bytes, "INVITE", self.invite.uri_text());
        builder.header(HeaderId::Via, via(&self.hop, &self.local, &branch));
        builder.header(HeaderId::CSeq, format!("{} INVITE", self.invite.cseq() + count));
        for field in self.invite.headers() {
            if ![HeaderId::Via, HeaderId::CSeq, HeaderId::ContentLength].contains(&field.id) {
                builder.raw(field.name, field.value);
            }
        }
        builder.finish();
        Message::parse(&bytes, Framing::Datagram).ok()
    }
}

/// The INVITE without its body, and with no more headers than what ends it needs.
fn head_of(invite: &Message) -> Option<Message> {
    let kept =
        [HeaderId::Via, HeaderId::Route, HeaderId::From, HeaderId::To, HeaderId::CallId, HeaderId::CSeq];
    let mut bytes = Vec::with_capacity(512);
    let mut builder = Builder::request(&mut bytes, "INVITE", invite.uri_text());
    for field in invite.headers().filter(|field| kept.contains(&field.id)) {
        builder.raw(field.name, field.value);
    }
    builder.finish();
    Message::parse(&bytes, Framing::Datagram).ok()
}
