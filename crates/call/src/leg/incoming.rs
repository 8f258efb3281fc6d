//! A leg that calls us: its INVITE, our answers to it, its CANCEL and its ACK.

use strowger_model::{LegId, Now};
use strowger_sdp::Session;
use strowger_sip::{Builder, Dialog, HeaderId, Message, Method, Unacknowledged, decode_text};

use super::compose::{ALLOW, SDP, no_more, with_body};
use super::transactions::Unacked;
use super::{Description, Ending, Incoming, Kind, Leg, LegEvent, Manner, OrderRefused, Stage};
use crate::hop::{Hop, Local};
use crate::ids;
use crate::negotiation::Phase;

/// The option tags that we accept in Require.
const UNDERSTOOD: [&str; 1] = ["timer"];

/// The longest texts that are taken over from a party, in bytes.
const MAX_NAME: usize = 128;

impl Leg {
    /// A leg for an INVITE without To tag. 100 Trying is its first transmission; then it either reports
    /// [`LegEvent::Incoming`], or has answered with an error and reports [`LegEvent::Ended`].
    #[must_use]
    pub fn incoming(
        now: Now,
        (id, nonce): (LegId, u64),
        kind: Kind,
        message: &Message,
        (from, local): (Hop, Local),
        manner: Manner,
    ) -> Self {
        let mut leg = Self::blank(id, nonce, kind, from, local, manner);
        leg.outgoing = false;
        leg.call_id = message.call_id().into();
        let server = leg.admit(now, message, from);
        leg.respond_plainly(now, server, 100);
        leg.receive_invite(now, server, message);
        leg.pump(now);
        leg
    }

    fn receive_invite(&mut self, now: Now, server: usize, message: &Message) {
        let Ok(dialog) = Dialog::uas(message, &ids::tag(self.id, self.nonce)) else {
            return self.refuse_invite(now, server, 400, no_more);
        };
        self.dialog = Some(dialog);
        let unknown = unknown_extensions(message);
        if !unknown.is_empty() {
            return self.refuse_invite(now, server, 420, |builder| {
                builder.header(HeaderId::Unsupported, unknown).finish();
            });
        }
        let max_forwards = message.max_forwards().ok().flatten().unwrap_or(70);
        if max_forwards == 0 {
            return self.refuse_invite(now, server, 483, no_more);
        }
        let offer = match read_body(message) {
            Ok(offer) => offer,
            Err(415) => {
                return self.refuse_invite(now, server, 415, |builder| {
                    builder.header(HeaderId::Accept, SDP).finish();
                });
            }
            Err(status) => return self.refuse_invite(now, server, status, no_more),
        };
        if let Some(offer) = &offer {
            if let Err(error) = strowger_sdp::check_offer(offer) {
                let (code, text) = error.warning();
                return self.refuse_invite(now, server, 488, |builder| {
                    builder.header(HeaderId::Warning, format!("{code} strowger \"{text}\"")).finish();
                });
            }
            self.negotiation.take_offer(offer.clone());
        }
        let facts = Incoming { max_forwards: max_forwards.into(), sdp: offer, ..facts_of(message) };
        self.events.push_back(LegEvent::Incoming(Box::new(facts)));
    }

    fn refuse_invite(&mut self, now: Now, server: usize, status: u16, more: impl FnOnce(&mut Builder<'_>)) {
        self.respond(now, server, status, more);
        self.finish(status, Ending::Silence, None);
    }

    /// 180 or 183, with our description where there is sound.
    pub(super) fn ring(&mut self, now: Now, description: Option<&Description>) -> Result<(), OrderRefused> {
        let server = self.open_server(&[Method::Invite]).ok_or(OrderRefused::Stage)?;
        if self.outgoing || self.stage != Stage::Early {
            return Err(OrderRefused::Stage);
        }
        let body = match (description, self.negotiation.phase()) {
            (Some(description), Phase::RemoteOffer) => Some(self.negotiation.answer(description)?),
            (Some(_), _) => self.negotiation.local().map(Session::write),
            (None, _) => None,
        };
        let status = if body.is_some() { 183 } else { 180 };
        let (contact, notices) = (self.contact(), self.notices());
        self.respond(now, server, status, |builder| {
            builder.header(HeaderId::Contact, contact);
            write_notices(builder, &notices);
            with_body(builder, body.as_deref());
        });
        self.pump(now);
        Ok(())
    }

    /// 200 to the INVITE that opened the leg.
    pub(super) fn answer(&mut self, now: Now, description: &Description) -> Result<(), OrderRefused> {
        let server = self.open_server(&[Method::Invite]).ok_or(OrderRefused::Stage)?;
        if self.outgoing || self.stage != Stage::Early {
            return Err(OrderRefused::Stage);
        }
        let body = match (self.negotiation.phase(), self.negotiation.local()) {
            (Phase::RemoteOffer, _) => self.negotiation.answer(description)?,
            // The description froze at the first 18x that carried it (RFC 3261 section 13.2.1).
            (_, Some(frozen)) => frozen.write(),
            // The INVITE brought no offer: ours goes with the 200, the answer comes with the ACK.
            (_, None) => self.negotiation.offer(description)?,
        };
        self.send_answer(now, server, &body);
        self.stage = Stage::Up;
        if let Some(dialog) = &mut self.dialog {
            dialog.confirm();
        }
        self.schedule_alive(now);
        self.pump(now);
        Ok(())
    }

    /// A 200 with a description, repeated until its ACK.
    pub(super) fn send_answer(&mut self, now: Now, server: usize, body: &[u8]) {
        let (contact, notices) = (self.contact(), self.notices());
        let Some(entry) = self.servers.get(server) else { return };
        let (cseq, reply, invite) = (entry.cseq, entry.reply, entry.transaction.method());
        let session_timer = entry.request.as_ref().and_then(required_timer);
        let bytes = self.respond(now, server, 200, |builder| {
            builder.header(HeaderId::Contact, contact).header(HeaderId::Allow, ALLOW);
            if let Some(interval) = session_timer {
                builder.header(HeaderId::Require, "timer");
                builder.header(HeaderId::SessionExpires, format!("{interval};refresher=uac"));
            }
            write_notices(builder, &notices);
            builder.body(SDP, body);
        });
        if invite == Method::Invite {
            let repeat = Unacknowledged::answer(now.mono, bytes);
            self.unacked = Some(Unacked { cseq, reply, repeat });
        }
    }

    /// CANCEL: 200 to itself, 487 to its INVITE if that is still open (RFC 3261 section 9.2).
    pub(super) fn handle_cancel(&mut self, now: Now, message: &Message, from: Hop) {
        let cancel = self.admit(now, message, from);
        self.respond_plainly(now, cancel, 200);
        // The 200 leaves first: simple callers (SIPp's scenarios among them) expect the two in this order.
        self.pump(now);
        let Some(server) = self.open_server(&[Method::Invite]) else { return };
        self.respond_plainly(now, server, 487);
        if self.stage == Stage::Up {
            self.negotiation.give_up();
            self.events.push_back(LegEvent::Refused { status: 487 });
        } else {
            self.finish(487, Ending::Party, None);
        }
    }

    /// ACK to a 2xx of ours.
    pub(super) fn handle_ack(&mut self, now: Now, message: &Message) {
        let Some(unacked) = &mut self.unacked else { return };
        if unacked.cseq != message.cseq() {
            return;
        }
        unacked.repeat.acknowledge();
        self.unacked = None;
        if let Some(cause) = self.farewell.take() {
            self.send_bye(now, Some(cause));
            self.stage = Stage::Over;
            return;
        }
        if self.negotiation.phase() != Phase::LocalOffer {
            self.events.push_back(LegEvent::Acknowledged);
            return;
        }
        match read_body(message).ok().flatten() {
            Some(answer) if self.negotiation.take_answer(answer.clone()).is_ok() => {
                self.events.push_back(LegEvent::Accepted { sdp: answer });
            }
            _ => {
                self.negotiation.give_up();
                self.events.push_back(LegEvent::Refused { status: 488 });
            }
        }
    }

    /// The 200 was repeated for 32 s and never acknowledged (RFC 3261 section 13.3.1.4).
    pub(super) fn never_acknowledged(&mut self, now: Now) {
        self.farewell = None;
        self.send_bye(now, Some(102));
        self.end_silently(408);
        self.pump(now);
    }

    fn notices(&self) -> [(&'static str, Option<String>); 2] {
        let phone = self.kind == Kind::Phone;
        [("Credit", self.credit.clone().filter(|_| phone)), ("Rating", self.rating.clone().filter(|_| phone))]
    }
}

fn write_notices(builder: &mut Builder<'_>, notices: &[(&'static str, Option<String>); 2]) {
    for (name, value) in notices {
        if let Some(value) = value {
            builder.named(name, value);
        }
    }
}

/// The description in a body; none where there is no body. The error is a status: 415 for another kind of body.
pub(super) fn read_body(message: &Message) -> Result<Option<Session>, u16> {
    if message.body().is_empty() {
        return Ok(None);
    }
    if !message.content_type().is_some_and(|kind| kind.is("application", "sdp")) {
        return Err(415);
    }
    Session::parse(message.body()).map(Some).map_err(|_| 400)
}

/// What Require names and we do not know, as a list.
fn unknown_extensions(message: &Message) -> String {
    let tags = message.elements(HeaderId::Require).map(|tag| decode_text(tag).into_owned());
    let unknown: Vec<String> =
        tags.filter(|tag| !UNDERSTOOD.iter().any(|known| tag.eq_ignore_ascii_case(known))).collect();
    unknown.join(", ")
}

/// The session interval, in seconds, where the party insists on one (RFC 4028).
fn required_timer(request: &Message) -> Option<u32> {
    if !request.has_token(HeaderId::Require, "timer") {
        return None;
    }
    request.session_expires().ok().flatten().map(|expires| expires.seconds)
}

fn facts_of(message: &Message) -> Incoming {
    let from = message.from().ok();
    let asserted = message
        .name_addrs(HeaderId::PAssertedIdentity)
        .find_map(|identity| identity.ok().map(|identity| cut(&identity.uri.user_decoded())));
    let from_user = from.as_ref().map(|from| cut(&from.uri.user_decoded())).unwrap_or_default();
    let private = message.has_token(HeaderId::Privacy, "id")
        || message.has_token(HeaderId::Privacy, "user")
        || message.has_token(HeaderId::Privacy, "header")
        || from_user.eq_ignore_ascii_case("anonymous");
    Incoming {
        call_id: message.call_id().to_owned(),
        display: from.map(|from| cut(&from.display_decoded())).unwrap_or_default(),
        from_user,
        asserted: asserted.filter(|user| !user.is_empty()),
        private,
        max_forwards: 70,
        sdp: None,
    }
}

/// At most [`MAX_NAME`] bytes, whole characters.
fn cut(text: &str) -> String {
    let end = (0..=MAX_NAME.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    text[..end.unwrap_or(0)].to_owned()
}
