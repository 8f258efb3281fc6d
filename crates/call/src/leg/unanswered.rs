//! A leg without an answer as the journal keeps it: what ends it after a crash. A callee gets the CANCEL of our
//! INVITE, a caller the refusal of its own.
//!
//! The journal is written before the INVITE leaves, so what was [planned] is what was sent, or nothing was. It is written
//! for every call: the text is lines of what cannot be derived from the leg's id and nonce, and no more.

use strowger_model::{LegId, Now};
use strowger_sip::{Builder, ClientTransaction, Framing, HeaderId, Message, Method, TransactionKey};

use super::compose::via;
use super::outgoing::begin_invite;
use super::races::CANCELLED_MS;
use super::snapshot::CSEQ_GAP;
use super::transactions::{Client, Purpose};
use super::wire::{to_bytes, to_text};
use super::{Callee, Kind, Leg, Manner, Stage};
use crate::hop::{Carrier, Hop, Local};
use crate::ids;
use crate::reasons::Reason;

/// INVITEs that a trunk may have made of one by asking for credentials: the challenge, and one with a stale nonce.
const MAX_ATTEMPTS: u32 = 3;

/// The status of a caller whose call did not survive.
const UNAVAILABLE: u16 = 503;

/// When such a caller may try again, in seconds: recovery is over by then.
const RETRY_AFTER_S: u32 = 2;

/// The first line of a text about a leg that we called, and of one that called us.
const MARKS: [&str; 2] = ["cancel", "refuse"];

/// Stands where the request's URI is not needed.
const NOWHERE: &str = "sip:nowhere.invalid";

/// A leg whose INVITE has no final response.
#[derive(Debug)]
pub(super) struct Unanswered {
    id: LegId,
    nonce: u64,
    /// Where our message goes.
    hop: Hop,
    /// Our `host:port` there.
    sip: Box<str>,
    /// We called.
    outgoing: bool,
    /// Without its body, and without headers that neither CANCEL nor a refusal repeats.
    invite: Message,
    /// INVITEs of ours that may have been sent.
    attempts: u32,
}

/// What ends a leg that is about to be dialled, as text for the journal; none: the INVITE cannot be sent.
#[must_use]
pub fn planned(id: (LegId, u64), callee: &Callee) -> Option<String> {
    let mut bytes = Vec::with_capacity(512);
    begin_invite(&mut bytes, id, callee).finish();
    let invite = Message::parse(&bytes, Framing::Datagram).ok()?;
    let attempts = if callee.credentials.is_some() { MAX_ATTEMPTS } else { 1 };
    let (hop, sip) = (callee.hop, callee.local.sip.clone());
    Some(Unanswered { id: id.0, nonce: id.1, hop, sip, outgoing: true, invite, attempts }.write())
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
        let (id, nonce, sip, outgoing) = (self.id, self.nonce, self.local.sip.clone(), self.outgoing);
        Some(Unanswered { id, nonce, hop, sip, outgoing, invite, attempts: 1 }.write())
    }
}

/// The headers that the text has, in its order: of our own INVITE its Via and Call-ID are known.
const fn kept(outgoing: bool) -> &'static [HeaderId] {
    if outgoing {
        &[HeaderId::From, HeaderId::To, HeaderId::Route]
    } else {
        &[HeaderId::From, HeaderId::To, HeaderId::CallId, HeaderId::Via]
    }
}

impl Unanswered {
    /// Mark, id, nonce, hop, our address, attempts, CSeq number, URI, and a line for each header.
    fn write(&self) -> String {
        let Hop { carrier, address, listener, .. } = self.hop;
        let mark = if self.outgoing { MARKS[0] } else { MARKS[1] };
        let uri = if self.outgoing { self.invite.uri_text() } else { NOWHERE };
        let mut text = format!(
            "{mark}\n{}\n{:x}\n{} {address} {listener}\n{}\n{}\n{}\n{uri}",
            self.id,
            self.nonce,
            carrier.via_name(),
            self.sip,
            self.attempts,
            self.invite.cseq(),
        );
        for header in kept(self.outgoing) {
            for value in self.invite.values(*header) {
                // A folded header has ends of lines (RFC 3261 section 7.3.1); a blank means the same.
                let value = to_text(value).replace(['\r', '\n'], " ");
                text.extend(["\n", short(*header), " ", &value]);
            }
        }
        text
    }

    pub fn read(snapshot: &str) -> Option<Self> {
        let mut lines = snapshot.split('\n');
        let outgoing = match lines.next()? {
            mark if mark == MARKS[0] => true,
            mark if mark == MARKS[1] => false,
            _ => return None,
        };
        let id: LegId = lines.next()?.parse().ok()?;
        let nonce = u64::from_str_radix(lines.next()?, 16).ok()?;
        let hop = read_hop(lines.next()?)?;
        let sip: Box<str> = lines.next()?.into();
        let attempts = lines.next()?.parse().ok()?;
        let cseq: u32 = lines.next()?.parse().ok()?;
        let mut bytes = Vec::with_capacity(512);
        let mut builder = Builder::request(&mut bytes, "INVITE", lines.next()?);
        if outgoing {
            // The CSeq number counts the INVITEs as the branch does, from one.
            let local = Local { sip: sip.clone(), media_ip: hop.address.ip() };
            let branch = ids::branch(id, nonce, cseq.saturating_sub(1));
            builder.header(HeaderId::Via, via(&hop, &local, &branch));
            builder.header(HeaderId::CallId, ids::call_id(id, nonce));
        }
        builder.header(HeaderId::CSeq, format!("{cseq} INVITE"));
        for line in lines {
            let (name, value) = line.split_once(' ')?;
            builder.raw(name.as_bytes(), &to_bytes(value)?);
        }
        builder.finish();
        let invite = Message::parse(&bytes, Framing::Datagram).ok()?;
        Some(Self { id, nonce, hop, sip, outgoing, invite, attempts })
    }

    /// The leg, with its last words.
    pub fn end(self, now: Now) -> Leg {
        let hop = self.hop;
        let manner = Manner { agent: "".into(), keepalive_ms: 0, retry_after_s: RETRY_AFTER_S };
        let local = Local { sip: self.sip.clone(), media_ip: hop.address.ip() };
        let mut leg = Leg::blank(self.id, self.nonce, Kind::Trunk, hop, local, manner);
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
        let cseq = self.invite.cseq() + count;
        let local = Local { sip: self.sip.clone(), media_ip: self.hop.address.ip() };
        let branch = ids::branch(self.id, self.nonce, cseq.saturating_sub(1));
        let mut bytes = Vec::with_capacity(512);
        let mut builder = Builder::request(&mut bytes, "INVITE", self.invite.uri_text());
        builder.header(HeaderId::Via, via(&self.hop, &local, &branch));
        builder.header(HeaderId::CSeq, format!("{cseq} INVITE"));
        for field in self.invite.headers() {
            if ![HeaderId::Via, HeaderId::CSeq, HeaderId::ContentLength].contains(&field.id) {
                builder.raw(field.name, field.value);
            }
        }
        builder.finish();
        Message::parse(&bytes, Framing::Datagram).ok()
    }
}

/// A header's name in the text: its compact form (RFC 3261 section 7.3.3) where it has one.
const fn short(header: HeaderId) -> &'static str {
    match header {
        HeaderId::From => "f",
        HeaderId::To => "t",
        HeaderId::CallId => "i",
        HeaderId::Via => "v",
        _ => "Route",
    }
}

/// Without its connection, which belonged to the life that crashed.
fn read_hop(text: &str) -> Option<Hop> {
    let mut words = text.split(' ');
    let name = words.next()?;
    let all = [Carrier::Udp, Carrier::Tcp, Carrier::Tls, Carrier::Ws, Carrier::Wss];
    let carrier = all.into_iter().find(|carrier| carrier.via_name() == name)?;
    let (address, listener) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(Hop { carrier, address, listener, flow: None })
}
