//! Telling the switch where the phone is.

use super::called::NONCE;
use super::transactions::Key;
use super::{Agent, Task};
use crate::digest;
use crate::text::Text;

/// The lifetime that is asked for, in seconds.
const EXPIRES_S: u64 = 120;
/// After a failure it is tried again, in milliseconds.
const AGAIN_MS: u64 = 5000;

impl Agent {
    /// Begins to register, and goes on for ever.
    pub fn begin_registering(&mut self, now: u64, after_ms: u64) {
        self.now = now;
        self.later(after_ms, Task::Register);
    }

    pub(super) fn register(&mut self) {
        self.send_register(None);
    }

    fn send_register(&mut self, authorization: Option<String>) {
        self.registrations += 1;
        let (via, tag) = (self.via(), self.mint());
        let own = format!("<sip:{}@{}>", self.name, self.switch);
        let mut request = Text::new(format!("REGISTER sip:{} SIP/2.0", self.switch))
            .with("via", via)
            .with("max-forwards", "70")
            .with("from", format!("{own};tag={tag}"))
            .with("to", own)
            .with("call-id", format!("reg-{}-{}", self.name, self.address))
            .with("cseq", format!("{} REGISTER", self.registrations))
            .with("contact", self.contact())
            .with("expires", EXPIRES_S.to_string());
        if let Some(value) = authorization {
            request = request.with("authorization", value);
        }
        self.send(request, None);
    }

    pub(super) fn registered(&mut self, request: &Text, response: &Text) {
        match response.status() {
            200 if self.manner.stranger => {
                self.complaints.push("somebody without the password is registered".to_owned());
            }
            200 => self.later(EXPIRES_S * 800, Task::Register),
            401 if request.get("authorization").is_none() || response.start.contains("stale") => {
                let challenge = response.get("www-authenticate").unwrap_or("");
                let answer = digest::answer(challenge, "REGISTER", request.uri(), &self.name, &self.password);
                match answer {
                    Some(answer) => self.send_register(Some(answer)),
                    None => self.register_failed(),
                }
            }
            _ => self.register_failed(),
        }
    }

    pub(super) fn register_failed(&mut self) {
        self.later(AGAIN_MS, Task::Register);
    }

    /// The switch registers here: a trunk wants to know who it is.
    pub(super) fn register_of_switch(&mut self, key: &Key, request: &Text) {
        let tag = self.mint();
        if !digest::is_right(request, &self.name, &self.password, NONCE) {
            if request.get("authorization").is_some() {
                self.complaints.push("wrong credentials were sent with REGISTER".to_owned());
            }
            let challenge =
                format!("Digest realm=\"{}\", nonce=\"{NONCE}\", algorithm=MD5, qop=\"auth\"", self.name);
            let response = request.response(401, "Unauthorized", &tag).with("www-authenticate", challenge);
            return self.respond(key, &response);
        }
        self.knows_switch = true;
        let contact = format!("{};expires={EXPIRES_S}", request.get("contact").unwrap_or(""));
        self.respond(key, &request.response(200, "OK", &tag).with("contact", contact));
    }
}
