//! A scripted SIP party: enough of a user agent to call and be called, driven by virtual time.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use strowger_model::Mono;
use strowger_sip::{
    Builder, ClientTransaction, Dialog, Fate, Framing, HeaderId, Message, Method, Output, ServerTransaction,
    Unacknowledged,
};

/// What a party does when it is called.
#[derive(Debug, Clone)]
pub struct Script {
    /// It says nothing at all.
    pub dead: bool,
    /// It rings after so many milliseconds.
    pub ring_ms: Option<u64>,
    /// 183 with a description after so many milliseconds.
    pub early_ms: Option<u64>,
    /// The final status and when.
    pub answer: Option<(u16, u64)>,
    /// It wants credentials first.
    pub challenge: bool,
    /// Answers a re-INVITE with this status.
    pub reinvite: u16,
    /// It ignores CANCEL of an INVITE that it is about to answer.
    pub deaf_to_cancel: bool,
    /// It ignores everything from then on.
    pub vanish_at: Option<Mono>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            dead: false,
            ring_ms: Some(50),
            early_ms: None,
            answer: Some((200, 1000)),
            challenge: false,
            reinvite: 200,
            deaf_to_cancel: false,
            vanish_at: None,
        }
    }
}

#[derive(Debug, Clone)]
enum Task {
    Ring,
    Early,
    Answer(u16),
}

pub struct Phone {
    pub name: String,
    pub address: SocketAddr,
    pub script: Script,
    /// Payload types offered and accepted, in order.
    pub codecs: Vec<u8>,
    pub direction: &'static str,
    /// `INVITE`, `200 INVITE` …, in order of arrival, without repetitions.
    pub log: Vec<String>,
    pub received: Vec<Message>,
    pub dialog: Option<Dialog>,
    pub call_id: String,
    clients: Vec<ClientTransaction>,
    servers: Vec<(ServerTransaction, Message)>,
    unacked: Option<Unacknowledged>,
    pending: Option<Message>,
    ack: Option<Vec<u8>>,
    tasks: Vec<(Mono, Task)>,
    pub out: VecDeque<Arc<[u8]>>,
    count: u32,
    version: u32,
    switch: SocketAddr,
}

impl Phone {
    pub fn new(name: &str, address: SocketAddr, switch: SocketAddr) -> Self {
        Self {
            name: name.into(),
            address,
            script: Script::default(),
            codecs: vec![0, 8],
            direction: "sendrecv",
            log: Vec::new(),
            received: Vec::new(),
            dialog: None,
            call_id: String::new(),
            clients: Vec::new(),
            servers: Vec::new(),
            unacked: None,
            pending: None,
            ack: None,
            tasks: Vec::new(),
            out: VecDeque::new(),
            count: 0,
            version: 0,
            switch,
        }
    }

    fn next(&mut self) -> u32 {
        self.count += 1;
        self.count
    }

    fn via(&mut self) -> String {
        let count = self.next();
        format!("SIP/2.0/UDP {};branch=z9hG4bK-{}-{count};rport", self.address, self.name)
    }

    fn contact(&self) -> String {
        format!("<sip:{}@{}>", self.name, self.address)
    }

    pub fn sdp(&mut self) -> String {
        self.version += 1;
        let list: Vec<String> = self.codecs.iter().map(u8::to_string).collect();
        let ip = self.address.ip();
        let port = 30_000 + u32::from(self.address.port() % 1000) * 2;
        format!(
            "v=0\r\no=- 1 {} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP {} 101\r\n\
             a=rtpmap:101 telephone-event/8000\r\na={}\r\n",
            self.version,
            list.join(" "),
            self.direction
        )
    }

    fn send_request(&mut self, now: Mono, bytes: &[u8]) {
        let message = Message::parse(bytes, Framing::Datagram).unwrap();
        self.clients.push(ClientTransaction::new(now, &message, false));
        self.pump();
    }

    /// Calls a number; `more` are extra header lines.
    pub fn invite(&mut self, now: Mono, number: &str, sdp: bool, more: &[(&str, &str)]) {
        let via = self.via();
        self.call_id = format!("call-{}-{}", self.name, self.count);
        self.dialog = None;
        let body = if sdp { self.sdp() } else { String::new() };
        let mut bytes = Vec::new();
        let mut builder = Builder::request(&mut bytes, "INVITE", &format!("sip:{number}@{}", self.switch));
        builder
            .header(HeaderId::Via, via)
            .header(HeaderId::From, format!("<sip:{}@strowger>;tag=t{}", self.name, self.count))
            .header(HeaderId::To, format!("<sip:{number}@strowger>"))
            .header(HeaderId::CallId, &self.call_id)
            .header(HeaderId::CSeq, "1 INVITE")
            .header(HeaderId::Contact, self.contact());
        if !more.iter().any(|(name, _)| *name == "Max-Forwards") {
            builder.header(HeaderId::MaxForwards, 70);
        }
        for (name, value) in more {
            builder.named(name, value);
        }
        if sdp {
            builder.body("application/sdp", body.as_bytes());
        } else {
            builder.finish();
        }
        self.send_request(now, &bytes);
    }

    pub fn may_cancel(&self) -> bool {
        self.clients.iter().find(|c| c.method() == Method::Invite).is_some_and(ClientTransaction::can_cancel)
    }

    pub fn cancel(&mut self, now: Mono) {
        let invite = self.clients.iter().find(|c| c.method() == Method::Invite).unwrap();
        assert!(invite.can_cancel(), "{}: nothing to cancel", self.name);
        let mut bytes = Vec::new();
        invite.cancel(&mut bytes);
        self.send_request(now, &bytes);
    }

    pub fn bye(&mut self, now: Mono) {
        self.within(now, Method::Bye, None);
    }

    /// A re-INVITE; the description follows `codecs` and `direction`.
    pub fn reinvite(&mut self, now: Mono, sdp: bool) {
        let body = sdp.then(|| self.sdp());
        self.within(now, Method::Invite, body.as_deref().or(Some("")));
    }

    pub fn info(&mut self, now: Mono, digit: char) {
        let via = self.via();
        let mut bytes = Vec::new();
        let dialog = self.dialog.as_mut().expect("a dialog");
        let mut builder = dialog.request(&mut bytes, Method::Info, &via);
        builder.body("application/dtmf-relay", format!("Signal={digit}\r\nDuration=120\r\n").as_bytes());
        self.send_request(now, &bytes);
    }

    /// Any request within the dialog; a body of `""` means a Contact and no body.
    pub fn within(&mut self, now: Mono, method: Method, body: Option<&str>) {
        let (via, contact) = (self.via(), self.contact());
        let mut bytes = Vec::new();
        let dialog = self.dialog.as_mut().expect("a dialog");
        let mut builder = dialog.request(&mut bytes, method, &via);
        if method == Method::Refer {
            builder.header(HeaderId::ReferTo, "<sip:carol@strowger>");
        }
        match body {
            Some("") => builder.header(HeaderId::Contact, contact).finish(),
            Some(body) => {
                builder.header(HeaderId::Contact, contact).body("application/sdp", body.as_bytes());
            }
            None => builder.finish(),
        }
        self.send_request(now, &bytes);
    }

    pub fn has(&self, line: &str) -> bool {
        self.log.iter().any(|entry| entry == line)
    }

    pub fn count(&self, line: &str) -> usize {
        self.log.iter().filter(|entry| *entry == line).count()
    }

    pub fn last(&self, line: &str) -> &Message {
        let at = self.log.iter().rposition(|entry| entry == line);
        let at = at.unwrap_or_else(|| panic!("{}: no {line} in {:?}", self.name, self.log));
        &self.received[at]
    }

    /// The last description received with a message of this kind.
    pub fn sdp_of(&self, line: &str) -> String {
        String::from_utf8_lossy(self.last(line).body()).into_owned()
    }

    fn note(&mut self, message: &Message) {
        let line = if message.is_request() {
            message.method_text().to_owned()
        } else {
            format!("{} {}", message.status(), message.cseq_method().as_str())
        };
        self.log.push(line);
        self.received.push(message.clone());
    }

    pub fn receive(&mut self, now: Mono, bytes: &[u8]) {
        if self.script.dead || self.script.vanish_at.is_some_and(|at| at <= now) {
            return;
        }
        let message = Message::parse(bytes, Framing::Datagram)
            .unwrap_or_else(|error| panic!("{}: {error:?}\n{}", self.name, String::from_utf8_lossy(bytes)));
        if message.is_request() {
            self.request(now, &message);
        } else {
            self.response(now, &message);
        }
        self.pump();
    }

    fn response(&mut self, now: Mono, message: &Message) {
        let Some(at) = self.clients.iter().position(|c| c.matches(message)) else { return };
        if self.clients[at].handle_response(now, message) == Fate::Absorbed {
            return;
        }
        let again = message.cseq_method() == Method::Invite
            && (200..300).contains(&message.status())
            && self.dialog.as_ref().is_some_and(|d| d.confirmed)
            && self.received.iter().any(|m| m.bytes() == message.bytes());
        if again {
            if let Some(ack) = &self.ack {
                self.out.push_back(ack.clone().into());
            }
            return;
        }
        self.note(message);
        if message.cseq_method() != Method::Invite || !(200..300).contains(&message.status()) {
            return;
        }
        let invite = Message::parse(self.clients[at].request(), Framing::Datagram).unwrap();
        if self.dialog.is_none() {
            let mut dialog = Dialog::uac(&invite, message).unwrap();
            dialog.confirm_with(message);
            self.dialog = Some(dialog);
        }
        let via = self.via();
        let answer = invite.body().is_empty().then(|| self.sdp());
        let mut bytes = Vec::new();
        let mut builder = self.dialog.as_ref().unwrap().ack(&mut bytes, message.cseq(), &via);
        match answer {
            Some(body) => builder.body("application/sdp", body.as_bytes()),
            None => builder.finish(),
        }
        self.ack = Some(bytes.clone());
        self.out.push_back(bytes.into());
    }

    fn request(&mut self, now: Mono, message: &Message) {
        let method = message.method();
        let known = self.servers.iter_mut().find(|(server, request)| {
            let same = if method == Method::Ack { Method::Invite } else { method };
            server.method() == same
                && request.cseq() == message.cseq()
                && (method == Method::Ack || request.branch() == message.branch())
        });
        if let Some((server, _)) = known
            && server.handle_request(now, message) == Fate::Absorbed
        {
            if method == Method::Ack {
                self.note(message);
            }
            return;
        }
        self.note(message);
        match method {
            Method::Ack => {
                if let Some(unacked) = &mut self.unacked {
                    unacked.acknowledge();
                }
                return;
            }
            Method::Cancel => return self.cancelled(now, message),
            _ => {}
        }
        self.servers.push((ServerTransaction::new(now, message, false), message.clone()));
        let at = self.servers.len() - 1;
        match method {
            Method::Invite if message.to_tag().is_empty() => self.rung_up(now, at, message),
            Method::Invite => {
                let status = self.script.reinvite;
                let body = (status == 200).then(|| self.sdp());
                self.reply(now, at, status, body.as_deref());
            }
            Method::Bye => {
                self.reply(now, at, 200, None);
                self.tasks.clear();
            }
            _ => self.reply(now, at, 200, None),
        }
    }

    fn rung_up(&mut self, now: Mono, at: usize, message: &Message) {
        if self.script.challenge && message.value(HeaderId::ProxyAuthorization).is_none() {
            let request = self.servers[at].1.clone();
            let mut bytes = Vec::new();
            let mut builder = Builder::response_to(&mut bytes, &request, 407, "", "c", None);
            builder
                .header(HeaderId::ProxyAuthenticate, "Digest realm=\"trunk\", nonce=\"n1\", qop=\"auth\"")
                .finish();
            self.servers[at].0.respond(now, 407, bytes);
            return;
        }
        self.pending = Some(message.clone());
        self.dialog = None;
        if let Some(ms) = self.script.ring_ms {
            self.tasks.push((now.plus_ms(ms), Task::Ring));
        }
        if let Some(ms) = self.script.early_ms {
            self.tasks.push((now.plus_ms(ms), Task::Early));
        }
        if let Some((status, ms)) = self.script.answer {
            self.tasks.push((now.plus_ms(ms), Task::Answer(status)));
        }
    }

    fn cancelled(&mut self, now: Mono, message: &Message) {
        self.servers.push((ServerTransaction::new(now, message, false), message.clone()));
        let at = self.servers.len() - 1;
        self.reply(now, at, 200, None);
        if self.script.deaf_to_cancel {
            return;
        }
        self.tasks.clear();
        self.reply_to_invite(now, 487, None);
    }

    fn reply_to_invite(&mut self, now: Mono, status: u16, body: Option<&str>) {
        let open =
            self.servers.iter().position(|(s, _)| s.method() == Method::Invite && s.last_status() < 200);
        if let Some(at) = open {
            self.reply(now, at, status, body);
        }
    }

    fn reply(&mut self, now: Mono, at: usize, status: u16, body: Option<&str>) {
        let (contact, tag) = (self.contact(), format!("tag{}", self.name));
        let (server, request) = &mut self.servers[at];
        let mut bytes = Vec::new();
        let mut builder = Builder::response_to(&mut bytes, request, status, "", &tag, None);
        if request.method() == Method::Invite && status < 400 {
            builder.header(HeaderId::Contact, contact);
        }
        match body {
            Some(body) => builder.body("application/sdp", body.as_bytes()),
            None => builder.finish(),
        }
        if request.method() == Method::Invite && status == 200 {
            if self.dialog.is_none() {
                let mut dialog = Dialog::uas(request, &tag).unwrap();
                dialog.confirm();
                self.dialog = Some(dialog);
            }
            self.unacked = Some(Unacknowledged::answer(now, bytes.clone()));
        }
        server.respond(now, status, bytes);
    }

    fn pump(&mut self) {
        for client in &mut self.clients {
            while let Some(output) = client.poll_output() {
                if let Output::Transmit(bytes) = output {
                    self.out.push_back(bytes);
                }
            }
        }
        for (server, _) in &mut self.servers {
            while let Some(output) = server.poll_output() {
                if let Output::Transmit(bytes) = output {
                    self.out.push_back(bytes);
                }
            }
        }
        if let Some(unacked) = &mut self.unacked {
            while let Some(output) = unacked.poll_output() {
                if let Output::Transmit(bytes) = output {
                    self.out.push_back(bytes);
                }
            }
        }
        self.clients.retain(|c| !c.is_terminated());
        self.servers.retain(|(s, _)| !s.is_terminated());
        if self.unacked.as_ref().is_some_and(Unacknowledged::is_done) {
            self.unacked = None;
        }
    }

    pub fn timeout(&mut self, now: Mono) {
        let (due, later): (Vec<_>, Vec<_>) = self.tasks.drain(..).partition(|(at, _)| *at <= now);
        self.tasks = later;
        for (_, task) in due {
            match task {
                Task::Ring => self.reply_to_invite(now, 180, None),
                Task::Early => {
                    let body = self.sdp();
                    self.version -= 1;
                    self.reply_to_invite(now, 183, Some(&body));
                }
                Task::Answer(200) => {
                    let body = self.sdp();
                    self.reply_to_invite(now, 200, Some(&body));
                }
                Task::Answer(status) => self.reply_to_invite(now, status, None),
            }
        }
        for client in &mut self.clients {
            client.handle_timeout(now);
        }
        for (server, _) in &mut self.servers {
            server.handle_timeout(now);
        }
        if let Some(unacked) = &mut self.unacked {
            unacked.handle_timeout(now);
        }
        self.pump();
    }

    pub fn deadline(&self) -> Option<Mono> {
        let tasks = self.tasks.iter().map(|(at, _)| *at);
        let clients = self.clients.iter().filter_map(ClientTransaction::deadline).map(|(at, _)| at);
        let servers = self.servers.iter().filter_map(|(s, _)| s.deadline()).map(|(at, _)| at);
        let unacked = self.unacked.iter().filter_map(Unacknowledged::deadline).map(|(at, _)| at);
        tasks.chain(clients).chain(servers).chain(unacked).min()
    }
}
