//! Taking calls.

use super::sdp::answering;
use super::transactions::Key;
use super::{Act, Agent, Stage, Talk, Task};
use crate::digest;
use crate::text::Text;

/// The nonce of a trunk's challenge.
pub(super) const NONCE: &str = "5bd1e995";

impl Agent {
    /// An INVITE that opens a call.
    pub(super) fn called(&mut self, key: &Key, invite: &Text) {
        if self.manner.stranger {
            self.complaints.push("a call reached somebody who does not know the password".to_owned());
        }
        if self.dice.chance(self.manner.silent) {
            return;
        }
        if self.manner.challenges && !digest::is_right(invite, &self.name, &self.password, NONCE) {
            let tag = self.mint();
            let challenge =
                format!("Digest realm=\"{}\", nonce=\"{NONCE}\", algorithm=MD5, qop=\"auth\"", self.name);
            let response = invite.response(407, "Proxy Authentication Required", &tag);
            if invite.get("proxy-authorization").is_some() {
                self.complaints.push("wrong credentials were sent to a trunk".to_owned());
            }
            self.respond(key, &response.with("proxy-authenticate", challenge));
            return;
        }
        let talk = self.incoming(key, invite);
        self.respond_invite(talk, 100, "Trying", false);
        let draw = self.dice.between(0, 999);
        let (busy, decline, fail) = (self.manner.busy, self.manner.decline, self.manner.fail);
        let refusal = match draw {
            n if n < busy => Some(486),
            n if n < busy + decline => Some(603),
            n if n < busy + decline + fail => Some(*self.dice.pick(&[404, 480, 500, 503])),
            n if n < busy + decline + fail + self.manner.redirect => Some(302),
            _ => None,
        };
        let ring = self.dice.between(self.manner.ring_ms.0, self.manner.ring_ms.1);
        if let Some(status) = refusal {
            if self.dice.chance(500) {
                self.later(ring / 2, Task::Act(talk, Act::Ring));
            }
            return self.later(ring, Task::Act(talk, Act::Refuse(status)));
        }
        let first = if self.dice.chance(self.manner.early_media) { Act::EarlyMedia } else { Act::Ring };
        self.later(ring, Task::Act(talk, first));
        if !self.dice.chance(self.manner.unattended) {
            let answer = ring + self.dice.between(self.manner.answer_ms.0, self.manner.answer_ms.1);
            self.later(answer, Task::Act(talk, Act::Answer));
        }
    }

    fn incoming(&mut self, key: &Key, invite: &Text) -> usize {
        let plain = |name| {
            let value = invite.get(name).unwrap_or("");
            value.split(";tag=").next().unwrap_or(value).to_owned()
        };
        let talk = Talk {
            call_id: invite.call_id().to_owned(),
            outgoing: false,
            stage: Stage::Opening,
            rtp_port: self.next_port(),
            up_at: None,
            over_at: None,
            number: String::new(),
            local: plain("to"),
            remote: plain("from"),
            local_tag: self.mint(),
            remote_tag: invite.caller_tag().to_owned(),
            target: invite.contact().unwrap_or("").to_owned(),
            routes: invite.all("record-route").map(str::to_owned).collect(),
            cseq: 1,
            remote_cseq: invite.cseq(),
            sdp_version: 0,
            invite: key.clone(),
            asking: false,
            cancelled: false,
            authenticated: false,
        };
        self.talks.push(talk);
        let talk = self.talks.len() - 1;
        if let Some(server) = self.servers.get_mut(key) {
            server.talk = Some(talk);
        }
        talk
    }

    /// Answers the INVITE of a call that is not up; nothing once it was answered finally.
    pub(super) fn respond_invite(&mut self, talk: usize, status: u16, reason: &str, sdp: bool) {
        let key = self.talks[talk].invite.clone();
        let Some(server) = self.servers.get(&key).filter(|server| server.status < 200) else { return };
        let invite = server.request.clone();
        let described =
            if sdp { self.describe(talk, Some(&invite.body), answering(&invite.body)) } else { None };
        if sdp && described.is_none() {
            return self.refuse(talk, 488);
        }
        let contact = if status == 302 { format!("<sip:user2@{}>", crate::SWITCH) } else { self.contact() };
        let tag = self.talks[talk].local_tag.clone();
        let mut response = invite.response(status, reason, &tag);
        if status > 100 {
            response =
                response.with("contact", contact).with("allow", "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO");
        }
        if let Some(sdp) = described {
            response = response.with_sdp(sdp);
        }
        self.respond(&key, &response);
    }

    pub(super) fn answer(&mut self, talk: usize) {
        if self.talks[talk].stage != Stage::Opening {
            return;
        }
        self.respond_invite(talk, 200, "OK", true);
        let key = &self.talks[talk].invite;
        if self.servers.get(key).is_some_and(|server| server.status == 200) {
            let talk_of = &mut self.talks[talk];
            (talk_of.stage, talk_of.up_at) = (Stage::Up, Some(self.now));
            self.begin_talk(talk);
        }
    }

    pub(super) fn refuse(&mut self, talk: usize, status: u16) {
        self.over(talk);
        self.respond_invite(talk, status, "No", false);
    }
}
