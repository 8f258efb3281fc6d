//! A trunk that wants to know who calls: our account there is its only answer, given to that trunk alone.

use strowger_model::Now;
use strowger_sip::{Builder, Framing, HeaderId, Message, digest};

use super::compose::SDP;
use super::transactions::Purpose;
use super::{Credentials, Leg, Stage};
use crate::hop::Hop;

impl Leg {
    /// Answers a challenge with our account at the trunk, once per nonce, and only to the trunk itself.
    /// False: the challenge stands as the final response.
    pub(super) fn answer_challenge(&mut self, now: Now, at: usize, response: &Message, from: Hop) -> bool {
        if self.stage != Stage::Early || from.address.ip() != self.hop.address.ip() {
            return false;
        }
        let Some(bytes) = self.authorised_invite(at, response) else { return false };
        self.early.clear();
        let to = self.clients[at].to;
        // The challenged transaction has sent its ACK; its remaining life is only to absorb repetitions.
        self.clients[at].purpose = Purpose::Cancel;
        self.start(now, &bytes, Purpose::Invite, to)
    }

    /// The challenged INVITE with credentials, the next CSeq number and a fresh branch.
    fn authorised_invite(&mut self, at: usize, response: &Message) -> Option<Vec<u8>> {
        let Credentials { user, password } = self.credentials.clone()?;
        let asked = digest::best_challenge(response).ok()?;
        if self.answered_nonce.as_deref() == Some(&*asked.nonce) {
            return None;
        }
        self.answered_nonce = Some((*asked.nonce).into());
        let request = self.clients.get(at)?.transaction.request().clone();
        let invite = Message::parse(&request, Framing::Datagram).ok()?;
        let cnonce = format!("{:016x}", self.nonce.rotate_left(self.minted % 64));
        let value = asked.answer("INVITE", invite.uri_text(), &user, password.expose(), &cnonce, 1);
        let (challenge, credentials) = match response.status() {
            401 => (HeaderId::Authorization, HeaderId::ProxyAuthorization),
            _ => (HeaderId::ProxyAuthorization, HeaderId::Authorization),
        };
        let via = self.mint_via();
        let mut bytes = Vec::with_capacity(1600);
        let mut builder = Builder::request(&mut bytes, "INVITE", invite.uri_text());
        builder.header(HeaderId::Via, via);
        builder.header(HeaderId::CSeq, format!("{} INVITE", invite.cseq() + 1));
        builder.header(challenge, value);
        for field in invite.headers() {
            let replaced = [HeaderId::Via, HeaderId::CSeq, HeaderId::ContentLength, HeaderId::ContentType];
            if !replaced.contains(&field.id) && field.id != challenge && field.id != credentials {
                builder.raw(field.name, field.value);
            }
        }
        builder.body(SDP, invite.body());
        Some(bytes)
    }
}
