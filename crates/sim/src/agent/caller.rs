//! Making calls.

use super::sdp::{answering, payloads};
use super::transactions::Client;
use super::{Act, Agent, Stage, Talk, Task};
use crate::digest;
use crate::text::Text;

/// A caller's patience without a final answer, in milliseconds.
const PATIENCE_MS: u64 = 90_000;
/// The first RTP port.
const FIRST_RTP_PORT: u16 = 40_000;

impl Agent {
    /// Calls a number, showing `shown` (its own name where empty).
    pub fn dial(&mut self, now: u64, number: &str, shown: &str) {
        self.now = now;
        if !self.alive {
            return;
        }
        let shown = if shown.is_empty() { self.name.clone() } else { shown.to_owned() };
        let call_id = format!("{}@{}", self.mint(), self.address.ip());
        let talk = Talk {
            call_id,
            outgoing: true,
            stage: Stage::Opening,
            rtp_port: self.next_port(),
            up_at: None,
            over_at: None,
            number: number.to_owned(),
            local: format!("<sip:{shown}@{}>", self.switch),
            remote: format!("<sip:{number}@{}>", self.switch),
            local_tag: self.mint(),
            remote_tag: String::new(),
            target: format!("sip:{number}@{}", self.switch),
            routes: Vec::new(),
            cseq: 1,
            remote_cseq: 0,
            sdp_version: 0,
            invite: (String::new(), String::new()),
            asking: false,
            cancelled: false,
            authenticated: false,
        };
        self.talks.push(talk);
        let talk = self.talks.len() - 1;
        self.invite(talk, None);
        let patience =
            if self.dice.chance(self.manner.cancel) { self.dice.between(50, 8000) } else { PATIENCE_MS };
        self.later(patience, Task::Act(talk, Act::Cancel));
    }

    pub(super) fn next_port(&self) -> u16 {
        FIRST_RTP_PORT + 2 * u16::try_from(self.talks.len()).unwrap_or(0)
    }

    fn invite(&mut self, talk: usize, authorization: Option<String>) {
        let late = self.dice.chance(self.manner.late_offer);
        let sdp = if late { None } else { self.describe(talk, None, "sendrecv") };
        let mut request = self.request_of(talk, "INVITE");
        if let Some(value) = authorization {
            request = request.with("proxy-authorization", value);
        }
        let request = match sdp {
            Some(sdp) => request.with_sdp(sdp),
            None => request,
        };
        self.talks[talk].invite = self.send(request, Some(talk));
    }

    /// A request of a call, within its dialog where there is one.
    pub(super) fn request_of(&mut self, talk: usize, method: &str) -> Text {
        let (via, contact) = (self.via(), self.contact());
        let talk = &self.talks[talk];
        let to = match talk.remote_tag.as_str() {
            "" => talk.remote.clone(),
            tag => format!("{};tag={tag}", talk.remote),
        };
        let mut request = Text::new(format!("{method} {} SIP/2.0", talk.target))
            .with("via", via)
            .with("max-forwards", "70")
            .with("from", format!("{};tag={}", talk.local, talk.local_tag))
            .with("to", to)
            .with("call-id", talk.call_id.as_str())
            .with("cseq", format!("{} {method}", talk.cseq))
            .with("contact", contact);
        for route in &talk.routes {
            request = request.with("route", route.as_str());
        }
        request
    }

    /// The ACK of a final answer to an INVITE or re-INVITE.
    pub(super) fn invite_answered(
        &mut self,
        talk: Option<usize>,
        request: &Text,
        response: &Text,
    ) -> Vec<u8> {
        let success = response.status() < 300;
        let Some(index) = talk else { return Vec::new() };
        let of_answer = payloads(&response.body).unwrap_or_default();
        let foreign = of_answer.iter().any(|format| !self.manner.codecs.contains(format));
        if success && !request.body.is_empty() && (of_answer.is_empty() || foreign) {
            self.complaints.push(format!("an answer with {of_answer:?} to {:?}", self.manner.codecs));
        }
        if success && self.talks[index].stage == Stage::Opening {
            let contact = response.contact().map(str::to_owned);
            let routes: Vec<String> = response.all("record-route").map(str::to_owned).collect();
            let talk = &mut self.talks[index];
            response.called_tag().clone_into(&mut talk.remote_tag);
            talk.target = contact.unwrap_or_else(|| talk.target.clone());
            talk.routes = routes.into_iter().rev().collect();
        }
        let via = if success { self.via() } else { request.get("via").unwrap_or("").to_owned() };
        let uri = if success { self.talks[index].target.clone() } else { request.uri().to_owned() };
        let answer = if success && request.body.is_empty() {
            self.describe(index, Some(&response.body), answering(&response.body))
        } else {
            None
        };
        let ack = Text::new(format!("ACK {uri} SIP/2.0"))
            .with("via", via)
            .with("max-forwards", "70")
            .with("from", request.get("from").unwrap_or(""))
            .with("to", response.get("to").unwrap_or(""))
            .with("call-id", request.call_id())
            .with("cseq", format!("{} ACK", request.cseq()));
        match answer {
            Some(sdp) => ack.with_sdp(sdp).bytes(),
            None => ack.bytes(),
        }
    }

    /// What follows from the final answer.
    pub(super) fn after_invite(&mut self, talk: Option<usize>, request: &Text, response: &Text) {
        let Some(index) = talk else { return };
        let (status, now) = (response.status(), self.now);
        if !request.called_tag().is_empty() {
            return self.reinvite_answered(index, status);
        }
        if self.talks[index].stage == Stage::Over {
            return;
        }
        match status {
            200..300 if self.manner.stranger => {
                self.complaints.push("somebody without the password has called".to_owned());
            }
            200..300 => {
                let talk = &mut self.talks[index];
                (talk.stage, talk.up_at) = (Stage::Up, Some(now));
                if talk.cancelled {
                    self.bye(index);
                } else {
                    self.begin_talk(index);
                }
            }
            401 | 407 if !self.talks[index].authenticated && !self.talks[index].cancelled => {
                let name = if status == 401 { "www-authenticate" } else { "proxy-authenticate" };
                let uri = self.talks[index].target.clone();
                let challenge = response.get(name).unwrap_or("");
                let answer = digest::answer(challenge, "INVITE", &uri, &self.name, &self.password);
                let Some(answer) = answer else { return self.over(index) };
                self.talks[index].authenticated = true;
                self.talks[index].cseq += 1;
                self.invite(index, Some(answer));
            }
            _ => self.over(index),
        }
    }

    /// Nobody answered the request.
    pub(super) fn unanswered(&mut self, client: &Client) {
        let Some(talk) = client.talk else {
            if client.request.method() == "REGISTER" {
                self.register_failed();
            }
            return;
        };
        // Who names no right password for long enough is not talked to any more.
        self.silences += usize::from(client.request.method() == "INVITE" && !self.manner.stranger);
        match client.request.method() {
            "INVITE" if self.talks[talk].stage == Stage::Up => {
                self.talks[talk].asking = false;
                self.bye(talk);
            }
            _ => self.over(talk),
        }
    }

    /// Gives up before the answer, as a caller; refuses, as one who is called.
    pub(super) fn cancel(&mut self, talk: usize) {
        if self.talks[talk].stage != Stage::Opening {
            return;
        }
        if !self.talks[talk].outgoing {
            return self.refuse(talk, 480);
        }
        if self.talks[talk].cancelled {
            return self.over(talk);
        }
        self.talks[talk].cancelled = true;
        let Some(invite) = self.clients.get(&self.talks[talk].invite) else { return self.over(talk) };
        let request = &invite.request;
        let mut cancel = Text::new(format!("CANCEL {} SIP/2.0", request.uri()))
            .with("via", request.get("via").unwrap_or(""))
            .with("max-forwards", "70");
        for name in ["from", "to", "call-id"] {
            cancel = cancel.with(name, request.get(name).unwrap_or(""));
        }
        let cancel = cancel.with("cseq", format!("{} CANCEL", request.cseq()));
        self.send(cancel, Some(talk));
        // RFC 3261 section 9.1: without a final answer by then the call is taken to be over.
        self.later(32_000, Task::Act(talk, Act::Cancel));
    }

    /// The name of the number that was dialled.
    #[must_use]
    pub fn dialled(&self, talk: usize) -> &str {
        &self.talks[talk].number
    }
}
