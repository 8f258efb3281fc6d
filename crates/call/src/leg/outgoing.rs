//! A leg that we call: its INVITE, the responses to it, early dialogs, challenges, CANCEL and the races
//! between CANCEL and an answer.

use strowger_model::{LegId, Mono, Now};
use strowger_sdp::{NotAcceptable, Session};
use strowger_sip::{Builder, Dialog, Fate, HeaderId, Message, escape_user, quote};

use super::compose::{ALLOW, SDP, via};
use super::incoming::read_body;
use super::transactions::Purpose;
use super::{
    Ack, Callee, Dial, Early, Ending, Kind, Leg, LegEvent, MAX_EARLY_DIALOGS, Manner, Presented, Stage,
};
use crate::hop::Hop;
use crate::ids;
use crate::negotiation::Phase;

impl Leg {
    /// A leg that we dial; its INVITE is the first transmission.
    ///
    /// # Errors
    /// [`NotAcceptable`]: no offer can be made.
    pub fn dial(
        now: Now,
        (id, nonce): (LegId, u64),
        dial: Dial,
        manner: Manner,
    ) -> Result<Self, NotAcceptable> {
        let callee = dial.callee;
        let mut bytes = Vec::with_capacity(1400);
        let mut builder = begin_invite(&mut bytes, (id, nonce), &callee);
        let mut leg = Self::blank(id, nonce, callee.kind, callee.hop, callee.local, manner);
        // The branch of the INVITE is the leg's first.
        leg.minted = 1;
        leg.call_id = ids::call_id(id, nonce).into();
        leg.credentials = callee.credentials;
        leg.negotiation.set_port(dial.port);
        let body = leg.negotiation.offer(&dial.offer)?;
        builder
            .header(HeaderId::Contact, leg.contact())
            .header(HeaderId::Allow, ALLOW)
            .header_unless_empty(HeaderId::UserAgent, &leg.manner.agent);
        builder.body(SDP, &body);
        if !leg.start(now, &bytes, Purpose::Invite, leg.hop) {
            leg.end_silently(513);
        }
        leg.pump(now);
        Ok(leg)
    }

    /// A response that names this leg.
    pub(super) fn handle_response(&mut self, now: Now, response: &Message, from: Hop) {
        let Some(at) = self.clients.iter().position(|client| client.transaction.matches(response)) else {
            return self.repeat_ack(response);
        };
        let client = &mut self.clients[at];
        let purpose = client.purpose;
        if client.transaction.handle_response(now.mono, response) == Fate::Absorbed {
            return;
        }
        let final_before = client.answered;
        client.answered |= response.status() >= 200;
        match purpose {
            Purpose::Invite => self.handle_invite_response(now, at, response, from),
            Purpose::Reinvite => self.handle_reinvite_response(now, response, final_before),
            Purpose::Alive => self.handle_alive_response(now, response),
            Purpose::Cancel | Purpose::Bye | Purpose::Info => {}
        }
    }

    fn handle_invite_response(&mut self, now: Now, at: usize, response: &Message, from: Hop) {
        if !self.heard {
            self.heard = true;
            if self.stage == Stage::Early {
                self.events.push_back(LegEvent::Heard);
            }
        }
        match response.status() {
            100..=199 => self.handle_provisional(now, at, response),
            200..=299 => self.handle_answer(now, response),
            401 | 407 if self.answer_challenge(now, at, response, from) => {}
            status => {
                let redirect = (300..400).contains(&status).then(|| redirect_user(response)).flatten();
                self.forget_patience();
                self.finish(status, Ending::Party, redirect);
            }
        }
    }

    fn handle_provisional(&mut self, now: Now, at: usize, response: &Message) {
        if self.cancel_wanted {
            self.cancel_wanted = false;
            self.send_cancel(now, at);
        }
        let status = response.status();
        if self.stage != Stage::Early || status == 100 {
            return;
        }
        let (dialog, sdp) = match self.early_dialog(response) {
            Some(index) => (index, self.early_answer(index, response)),
            None => (0, None),
        };
        self.events.push_back(LegEvent::Progress { dialog, status, sdp });
    }

    /// The early dialog of a response, made where it is new; none where it has no tag or there are too many.
    fn early_dialog(&mut self, response: &Message) -> Option<usize> {
        let tag = response.to_tag();
        if let Some(index) = self.early.iter().position(|early| &*early.dialog.remote_tag == tag) {
            return Some(index);
        }
        if tag.is_empty() || self.early.len() >= MAX_EARLY_DIALOGS {
            return None;
        }
        let dialog = self.dialog_of(response)?;
        self.early.reserve_exact(1);
        self.early.push(Early { dialog, negotiation: self.negotiation.clone() });
        Some(self.early.len() - 1)
    }

    pub(super) fn dialog_of(&self, response: &Message) -> Option<Dialog> {
        let invite = self.clients.iter().find(|client| client.is_invite())?;
        let request = Message::parse(invite.transaction.request(), strowger_sip::Framing::Datagram).ok()?;
        Dialog::uac(&request, response).ok()
    }

    /// The answer in a response of an early dialog; only the first one counts.
    fn early_answer(&mut self, index: usize, response: &Message) -> Option<Session> {
        let early = self.early.get_mut(index)?;
        if early.negotiation.phase() != Phase::LocalOffer {
            return None;
        }
        let answer = read_body(response).ok().flatten()?;
        let mut negotiation = early.negotiation.clone();
        // An answer that does not fit is no answer yet: the 200 may bring a better one.
        negotiation.take_answer(answer.clone()).ok()?;
        early.negotiation = negotiation;
        Some(answer)
    }

    fn handle_answer(&mut self, now: Now, response: &Message) {
        if let Some(dialog) = &self.dialog {
            if dialog.matches(response) {
                self.repeat_ack(response);
            } else {
                self.dismiss(now, response);
            }
            return;
        }
        if self.stage != Stage::Early {
            self.forget_patience();
            self.dismiss(now, response);
            return;
        }
        let Some(index) = self.early_dialog(response).or_else(|| self.late_dialog(response)) else {
            // Without a tag or a Contact there is no dialog that an ACK could be sent in.
            return self.finish(502, Ending::Party, None);
        };
        self.early_answer(index, response);
        let chosen = self.early.swap_remove(index);
        self.early.clear();
        let mut dialog = chosen.dialog;
        dialog.confirm_with(response);
        self.dialog = Some(dialog);
        self.negotiation = chosen.negotiation;
        self.stage = Stage::Up;
        self.send_ack(response.cseq());
        self.schedule_alive(now);
        let sdp = match self.negotiation.phase() {
            Phase::Stable => self.negotiation.remote().cloned(),
            Phase::LocalOffer | Phase::RemoteOffer => None,
        };
        self.events.push_back(LegEvent::Answered { sdp });
    }

    /// A dialog for an answer although there are too many early ones.
    fn late_dialog(&mut self, response: &Message) -> Option<usize> {
        if response.to_tag().is_empty() {
            return None;
        }
        let dialog = self.dialog_of(response)?;
        self.early.clear();
        self.early.reserve_exact(1);
        self.early.push(Early { dialog, negotiation: self.negotiation.clone() });
        Some(0)
    }

    /// ACK to the 2xx with this CSeq number; kept to be repeated.
    pub(super) fn send_ack(&mut self, cseq: u32) {
        let via = self.mint_via();
        let to = self.dialog_hop();
        let Some(dialog) = &self.dialog else { return };
        let mut bytes = Vec::with_capacity(512);
        dialog.ack(&mut bytes, cseq, &via).finish();
        if let Ok(message) = Message::parse(&bytes, strowger_sip::Framing::Datagram) {
            self.out.push_back((to, message.bytes().clone()));
            self.ack = Some(Ack { cseq, message });
        }
    }

    /// The next look whether the party is still there.
    pub(super) fn schedule_alive(&mut self, now: Now) {
        let interval = self.manner.keepalive_ms;
        self.alive_at = (interval > 0).then(|| -> Mono { now.mono.plus_ms(interval) });
    }
}

/// The INVITE of a leg up to what only a conversation needs. A CANCEL repeats these headers (RFC 3261 section 9.1):
/// nothing in them depends on more than the leg's id, its nonce and the callee.
pub(super) fn begin_invite<'a>(
    bytes: &'a mut Vec<u8>,
    (id, nonce): (LegId, u64),
    callee: &Callee,
) -> Builder<'a> {
    let host = if callee.domain.is_empty() { host_of(&callee.local.sip) } else { &callee.domain };
    let mut builder = Builder::request(bytes, "INVITE", &callee.uri);
    builder
        .header(HeaderId::Via, via(&callee.hop, &callee.local, &ids::branch(id, nonce, 0)))
        .header(HeaderId::MaxForwards, callee.max_forwards);
    for route in &callee.route {
        builder.header(HeaderId::Route, route);
    }
    write_caller(&mut builder, &callee.caller, callee.kind, host, &ids::tag(id, nonce));
    builder
        .header(HeaderId::To, format!("<{}>", callee.to))
        .header(HeaderId::CallId, ids::call_id(id, nonce))
        .header(HeaderId::CSeq, "1 INVITE");
    builder
}

/// From, and to trunks what RFC 3325 wants of a trusted neighbour.
fn write_caller(builder: &mut Builder<'_>, caller: &Presented, kind: Kind, host: &str, tag: &str) {
    let number = escape_user(&caller.number);
    if caller.private {
        builder.header(HeaderId::From, format!("\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag={tag}"));
    } else {
        let display =
            if caller.display.is_empty() { String::new() } else { format!("{} ", quote(&caller.display)) };
        builder.header(HeaderId::From, format!("{display}<sip:{number}@{host}>;tag={tag}"));
    }
    if kind == Kind::Trunk && !caller.number.is_empty() {
        builder.header(HeaderId::PAssertedIdentity, format!("<sip:{number}@{host}>"));
        if caller.private {
            builder.header(HeaderId::Privacy, "id");
        }
    }
}

/// The user part of the first Contact of a 3xx.
fn redirect_user(response: &Message) -> Option<String> {
    let contact = response.contact().ok().flatten()?;
    let user = contact.uri.user_decoded().into_owned();
    (!user.is_empty()).then_some(user)
}

/// The host of `host:port`, brackets kept.
pub(crate) fn host_of(host_port: &str) -> &str {
    match host_port.rfind(':') {
        Some(colon) if !host_port[colon..].contains(']') => &host_port[..colon],
        _ => host_port,
    }
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn a_host_loses_its_port() {
        for (text, host) in [("a.b:5060", "a.b"), ("a.b", "a.b"), ("[::1]:5060", "[::1]"), ("[::1]", "[::1]")]
        {
            assert_eq!(host_of(text), host);
        }
    }
}
