//! Transactions over UDP (RFC 3261 section 17), without their names: repeat until answered, answer repetitions alike.

use super::{Agent, MS, Stage, Task};
use crate::text::Text;

/// T1, in milliseconds.
const T1_MS: u64 = 500;
/// T2, in milliseconds.
const T2_MS: u64 = 4000;
/// 64 × T1, in milliseconds.
const GIVE_UP_MS: u64 = 32_000;

/// Branch and method.
pub type Key = (String, String);

/// A request that this party sent.
#[derive(Debug)]
pub struct Client {
    pub request: Text,
    /// The call that it is about.
    pub talk: Option<usize>,
    interval_ms: u64,
    provisional: bool,
    done: bool,
    /// What repetitions of the final response are answered with.
    pub ack: Option<Vec<u8>>,
}

/// A request that this party received.
#[derive(Debug)]
pub struct Server {
    pub request: Text,
    pub talk: Option<usize>,
    last: Option<Vec<u8>>,
    pub status: u16,
    pub acknowledged: bool,
    interval_ms: u64,
    repeats_until: u64,
}

impl Agent {
    /// Sends a request and repeats it as it must be.
    pub(super) fn send(&mut self, request: Text, talk: Option<usize>) -> Key {
        let key = (request.branch().to_owned(), request.method().to_owned());
        self.out.push(request.bytes());
        let client = Client { request, talk, interval_ms: T1_MS, provisional: false, done: false, ack: None };
        self.clients.insert(key.clone(), client);
        self.later(T1_MS, Task::Retransmit(key.clone()));
        self.later(GIVE_UP_MS, Task::Expire(key.clone()));
        key
    }

    pub(super) fn retransmit(&mut self, key: &Key) {
        let Some(client) = self.clients.get_mut(key) else { return };
        if self.manner.tcp || client.done || (client.provisional && key.1 == "INVITE") {
            return;
        }
        let limit = if key.1 == "INVITE" { u64::MAX } else { T2_MS };
        client.interval_ms = (client.interval_ms * 2).min(limit);
        let (bytes, wait) = (client.request.bytes(), client.interval_ms);
        self.out.push(bytes);
        self.later(wait, Task::Retransmit(key.clone()));
    }

    /// Too long without an answer; or long enough after it, so that it may be forgotten.
    pub(super) fn expire(&mut self, key: &Key) {
        let Some(client) = self.clients.get(key) else { return };
        if client.provisional && !client.done && key.1 == "INVITE" {
            // Somebody else ends it: this party's patience, by CANCEL.
            self.later(GIVE_UP_MS, Task::Expire(key.clone()));
            return;
        }
        let Some(client) = self.clients.remove(key) else { return };
        if !client.done {
            self.unanswered(&client);
        }
    }

    pub(super) fn response(&mut self, response: &Text) {
        let key = (response.branch().to_owned(), response.method().to_owned());
        let Some(client) = self.clients.get_mut(&key) else { return };
        if client.done {
            if let Some(ack) = client.ack.clone().filter(|_| response.status() >= 200) {
                self.out.push(ack);
            }
            return;
        }
        if response.status() < 200 {
            client.provisional = true;
            return;
        }
        client.done = true;
        let (talk, request) = (client.talk, client.request.clone());
        match key.1.as_str() {
            "INVITE" => {
                let ack = self.invite_answered(talk, &request, response);
                if let Some(client) = self.clients.get_mut(&key) {
                    client.ack = Some(ack.clone());
                }
                self.out.push(ack);
                self.after_invite(talk, &request, response);
            }
            "REGISTER" => self.registered(&request, response),
            "CANCEL" | "BYE" => {}
            _ => {}
        }
    }

    pub(super) fn request(&mut self, request: &Text) {
        let method = request.method().to_owned();
        if method == "ACK" {
            return self.acknowledged(request);
        }
        let key = (request.branch().to_owned(), method.clone());
        if let Some(server) = self.servers.get(&key) {
            if let Some(last) = server.last.clone() {
                self.out.push(last);
            }
            return;
        }
        let server = Server {
            request: request.clone(),
            talk: None,
            last: None,
            status: 0,
            acknowledged: false,
            interval_ms: T1_MS,
            repeats_until: 0,
        };
        self.servers.insert(key.clone(), server);
        if request.called_tag().is_empty() && method == "INVITE" {
            self.called(&key, request);
        } else {
            self.within(&key, request);
        }
    }

    /// Answers a request; final answers to INVITE are repeated until their ACK.
    pub(super) fn respond(&mut self, key: &Key, response: &Text) {
        let bytes = response.bytes();
        let Some(server) = self.servers.get_mut(key) else { return };
        server.last = Some(bytes.clone());
        server.status = response.status();
        // RFC 3261 section 13.3.1.4: a 2xx is repeated over every transport, a refusal over UDP.
        let repeats = key.1 == "INVITE"
            && (server.status >= 300 && !self.manner.tcp || (200..300).contains(&server.status));
        if repeats {
            server.repeats_until = self.now + GIVE_UP_MS * MS;
        }
        self.out.push(bytes);
        if repeats {
            self.later(T1_MS, Task::Repeat(key.clone()));
        }
    }

    pub(super) fn repeat(&mut self, key: &Key) {
        let now = self.now;
        let Some(server) = self.servers.get_mut(key) else { return };
        if server.acknowledged {
            return;
        }
        if now >= server.repeats_until {
            let talk = server.talk.filter(|_| server.status < 300);
            if let Some(talk) = talk.filter(|talk| self.talks[*talk].stage == Stage::Up) {
                self.bye(talk);
            }
            return;
        }
        server.interval_ms = (server.interval_ms * 2).min(T2_MS);
        let (bytes, wait) = (server.last.clone(), server.interval_ms);
        self.out.extend(bytes);
        self.later(wait, Task::Repeat(key.clone()));
    }

    fn acknowledged(&mut self, ack: &Text) {
        let invite = ("INVITE", ack.call_id(), ack.cseq());
        for (key, server) in &mut self.servers {
            if (key.1.as_str(), server.request.call_id(), server.request.cseq()) == invite {
                server.acknowledged = true;
            }
        }
    }
}
