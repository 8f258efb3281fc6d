//! Offers within the dialog, both ways: re-INVITE, and UPDATE of the party.

use strowger_model::Now;
use strowger_sdp::Session;
use strowger_sip::{HeaderId, Message, Method};

use super::compose::{ALLOW, SDP};
use super::incoming::read_body;
use super::transactions::Purpose;
use super::{Description, Ending, Leg, LegEvent, OrderRefused, Stage};
use crate::negotiation::Phase;

impl Leg {
    pub(super) fn receive_offer(&mut self, now: Now, server: usize, message: &Message) {
        let invite = message.method() == Method::Invite;
        if self.stage != Stage::Up {
            return self.respond_plainly(now, server, 491);
        }
        let other = self.servers.iter().enumerate().any(|(at, s)| {
            at != server && s.is_open() && matches!(s.transaction.method(), Method::Invite | Method::Update)
        });
        // RFC 3261 section 14.2: an INVITE of ours is open, or the 200 to the last one is unacknowledged.
        if other || self.unacked.is_some() || self.negotiation.phase() != Phase::Stable || self.is_offering()
        {
            return self.respond_plainly(now, server, 491);
        }
        let offer = match read_body(message) {
            Ok(offer) => offer,
            Err(status) => return self.respond_plainly(now, server, status),
        };
        match offer {
            Some(offer) if strowger_sdp::check_offer(&offer).is_err() => {
                self.respond_plainly(now, server, 488);
            }
            Some(offer) if self.repeats(&offer) => {
                let body = self.negotiation.local().map(Session::write).unwrap_or_default();
                self.send_answer(now, server, &body);
            }
            Some(offer) => {
                self.negotiation.take_offer(offer.clone());
                self.events.push_back(LegEvent::Offered { sdp: Some(offer) });
            }
            None if invite => self.events.push_back(LegEvent::Offered { sdp: None }),
            // An UPDATE without an offer only refreshes.
            None => {
                let contact = self.contact();
                self.respond(now, server, 200, |builder| {
                    builder.header(HeaderId::Contact, contact).finish();
                });
            }
        }
    }

    fn is_offering(&self) -> bool {
        self.clients.iter().any(|client| client.purpose == Purpose::Reinvite && !client.answered)
    }

    /// The offer is the peer's last description once more: a session refresh, nobody else's business.
    fn repeats(&self, offer: &Session) -> bool {
        self.negotiation.local().is_some()
            && self.negotiation.remote().is_some_and(|last| strowger_sdp::unchanged(last, offer))
    }

    /// 200 to the offer that was reported.
    pub(super) fn accept_offer(&mut self, now: Now, description: &Description) -> Result<(), OrderRefused> {
        let server = self.open_server(&[Method::Invite, Method::Update]).ok_or(OrderRefused::Stage)?;
        if self.stage != Stage::Up {
            return Err(OrderRefused::Stage);
        }
        let body = match self.negotiation.phase() {
            Phase::RemoteOffer => self.negotiation.answer(description)?,
            Phase::Stable => self.negotiation.offer(description)?,
            Phase::LocalOffer => return Err(OrderRefused::Stage),
        };
        self.send_answer(now, server, &body);
        self.pump(now);
        Ok(())
    }

    /// A final refusal of what was reported last.
    pub(super) fn reject(&mut self, now: Now, status: u16) -> Result<(), OrderRefused> {
        let open = [Method::Refer, Method::Update, Method::Invite];
        let server = self.open_server(&open).ok_or(OrderRefused::Stage)?;
        if self.stage != Stage::Up {
            return Err(OrderRefused::Stage);
        }
        if self.servers[server].transaction.method() != Method::Refer {
            self.negotiation.give_up();
        }
        self.respond_plainly(now, server, status);
        self.pump(now);
        Ok(())
    }

    /// A re-INVITE with an offer of ours.
    pub(super) fn send_offer(&mut self, now: Now, description: &Description) -> Result<(), OrderRefused> {
        let free = self.negotiation.phase() == Phase::Stable && self.unacked.is_none();
        if self.stage != Stage::Up || !free || self.has_open_invite() {
            return Err(OrderRefused::Stage);
        }
        let body = self.negotiation.offer(description)?;
        let contact = self.contact();
        let sent = self.send_within(now, Method::Invite, Purpose::Reinvite, |builder| {
            builder.header(HeaderId::Contact, contact).header(HeaderId::Allow, ALLOW);
            builder.body(SDP, &body);
        });
        if !sent {
            self.negotiation.give_up();
            return Err(OrderRefused::Stage);
        }
        self.pump(now);
        Ok(())
    }

    pub(super) fn handle_reinvite_response(&mut self, now: Now, response: &Message, repeated: bool) {
        match response.status() {
            100..=199 => {}
            200..=299 if repeated => self.repeat_last_ack(response),
            200..=299 => {
                if let Some(dialog) = &mut self.dialog {
                    dialog.refresh_target(response);
                }
                self.send_ack(response.cseq());
                self.take_reinvite_answer(response);
            }
            // RFC 3261 section 12.2.1.2: the dialog is gone.
            status @ (408 | 481) => {
                self.send_bye(now, Some(102));
                self.finish(status, Ending::Party, None);
            }
            status => {
                self.negotiation.give_up();
                self.events.push_back(LegEvent::Refused { status });
            }
        }
    }

    fn repeat_last_ack(&mut self, response: &Message) {
        if let Some(ack) = self.ack.as_ref().filter(|ack| ack.cseq == response.cseq()) {
            let bytes = ack.message.bytes().clone();
            self.out.push_back((self.dialog_hop(), bytes));
        }
    }

    fn take_reinvite_answer(&mut self, response: &Message) {
        if self.stage != Stage::Up {
            return;
        }
        match read_body(response).ok().flatten() {
            Some(answer) if self.negotiation.take_answer(answer.clone()).is_ok() => {
                self.events.push_back(LegEvent::Accepted { sdp: answer });
            }
            _ => {
                self.negotiation.give_up();
                self.events.push_back(LegEvent::Refused { status: 488 });
            }
        }
    }
}
