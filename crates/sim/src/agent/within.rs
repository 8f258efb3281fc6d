//! What happens inside of a call: hold, resume, hanging up, and what the switch asks for.

use super::sdp::answering;
use super::transactions::Key;
use super::{Act, Agent, Stage, Task};
use crate::text::Text;

impl Agent {
    /// A conversation begins: how it will go on is decided here.
    pub(super) fn begin_talk(&mut self, talk: usize) {
        let length = self.dice.between(self.manner.talk_ms.0, self.manner.talk_ms.1);
        self.later(length, Task::Act(talk, Act::Hangup));
        if self.dice.chance(self.manner.hold) {
            let at = self.dice.between(100, 5000);
            self.later(at, Task::Act(talk, Act::Hold));
            let until = at + self.dice.between(200, 5000);
            self.later(until, Task::Act(talk, Act::Resume));
        }
        if self.dice.chance(self.manner.chatty) {
            let at = self.dice.between(10, length);
            let method = *self.dice.pick(&["INFO", "OPTIONS", "REFER", "UPDATE", "MESSAGE", "FOO"]);
            self.later(at, Task::Act(talk, Act::Ask(method)));
        }
        let at = self.dice.between(10, length);
        if self.dice.chance(self.manner.vanish) {
            self.later(at, Task::Act(talk, Act::Vanish));
        } else if self.dice.chance(self.manner.reboot) {
            self.later(at, Task::Act(talk, Act::Reboot));
        }
    }

    pub(super) fn bye(&mut self, talk: usize) {
        if self.talks[talk].stage != Stage::Up {
            return;
        }
        self.over(talk);
        self.talks[talk].cseq += 1;
        let bye = self.request_of(talk, "BYE");
        self.send(bye, Some(talk));
    }

    /// A request in the dialog that changes nothing.
    pub(super) fn ask(&mut self, talk: usize, method: &str) {
        if self.talks[talk].stage != Stage::Up {
            return;
        }
        self.talks[talk].cseq += 1;
        let mut request = self.request_of(talk, method);
        if method == "INFO" {
            request.body = "Signal=5\r\nDuration=160\r\n".to_owned();
            request = request.with("content-type", "application/dtmf-relay");
        }
        if method == "REFER" {
            request = request.with("refer-to", format!("<sip:user2@{}>", crate::SWITCH));
        }
        self.send(request, None);
    }

    pub(super) fn reinvite(&mut self, talk: usize, direction: &str) {
        if self.talks[talk].stage != Stage::Up || self.talks[talk].asking {
            return;
        }
        let Some(sdp) = self.describe(talk, None, direction) else { return };
        self.talks[talk].cseq += 1;
        self.talks[talk].asking = true;
        let request = self.request_of(talk, "INVITE").with_sdp(sdp);
        self.send(request, Some(talk));
    }

    pub(super) fn reinvite_answered(&mut self, talk: usize, status: u16) {
        self.talks[talk].asking = false;
        match status {
            // RFC 3261 section 14.1: a later attempt may fit better.
            491 => {
                let wait = self.dice.between(100, 4000);
                self.later(wait, Task::Act(talk, Act::Resume));
            }
            408 | 481 => self.over(talk),
            _ => {}
        }
    }

    /// A request other than an opening INVITE.
    pub(super) fn within(&mut self, key: &Key, request: &Text) {
        let found = self.talks.iter().position(|talk| {
            talk.call_id == request.call_id()
                && (key.1 == "CANCEL"
                    || (talk.local_tag == request.called_tag() && talk.remote_tag == request.caller_tag()))
        });
        let tag = self.mint();
        if key.1 == "REGISTER" {
            return self.register_of_switch(key, request);
        }
        let Some(talk) = found else {
            let (status, reason) = if request.called_tag().is_empty() && key.1 != "CANCEL" {
                (200, "OK")
            } else {
                (481, "Unknown")
            };
            return self.respond(key, &request.response(status, reason, &tag));
        };
        match key.1.as_str() {
            "CANCEL" => self.cancelled(key, request, talk),
            "BYE" => {
                self.respond(key, &request.response(200, "OK", &tag));
                if self.talks[talk].stage == Stage::Opening {
                    self.respond_invite(talk, 487, "Request Terminated", false);
                }
                self.over(talk);
            }
            "INVITE" => self.asked_again(key, request, talk),
            _ if self.talks[talk].stage == Stage::Over => {
                self.respond(key, &request.response(481, "Unknown", &tag));
            }
            _ => self.respond(key, &request.response(200, "OK", &tag)),
        }
    }

    fn cancelled(&mut self, key: &Key, request: &Text, talk: usize) {
        let invite = (request.branch().to_owned(), "INVITE".to_owned());
        let tag = self.talks[talk].local_tag.clone();
        if !self.servers.contains_key(&invite) {
            return self.respond(key, &request.response(481, "Unknown", &tag));
        }
        self.respond(key, &request.response(200, "OK", &tag));
        if self.talks[talk].stage == Stage::Opening {
            self.over(talk);
            self.respond_invite(talk, 487, "Request Terminated", false);
        }
    }

    /// A re-INVITE.
    fn asked_again(&mut self, key: &Key, request: &Text, talk: usize) {
        let tag = self.talks[talk].local_tag.clone();
        let refusal = match () {
            () if self.talks[talk].stage != Stage::Up => Some((481, "Unknown")),
            () if request.cseq() <= self.talks[talk].remote_cseq => Some((500, "Out of order")),
            () if self.talks[talk].asking => Some((491, "Request Pending")),
            () => None,
        };
        if let Some((status, reason)) = refusal {
            return self.respond(key, &request.response(status, reason, &tag));
        }
        self.talks[talk].remote_cseq = request.cseq();
        if let Some(target) = request.contact() {
            target.clone_into(&mut self.talks[talk].target);
        }
        let described = self.describe(talk, Some(&request.body), answering(&request.body));
        let response = match described {
            Some(sdp) => request.response(200, "OK", &tag).with("contact", self.contact()).with_sdp(sdp),
            None => request.response(488, "Not Acceptable Here", &tag),
        };
        if let Some(server) = self.servers.get_mut(key) {
            server.talk = Some(talk);
        }
        self.respond(key, &response);
    }
}
