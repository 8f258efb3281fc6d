//! A real switch on an empty folder and ephemeral loopback ports, and phones that speak SIP with it.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use strowger_config::Config;
use strowger_model::{AccountId, AccountKind, Amount, Scope, Secret};
use strowger_sip::digest::best_challenge;
use strowger_sip::{Framing, HeaderId, Message};
use strowger_store::{Database, Keyring, NewUser, Options, Store};
use strowger_switch::{Deps, Handle, Listeners, Running, start};

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(10);

pub struct House {
    pub dir: Arc<tempfile::TempDir>,
    pub running: Running,
    pub store: Store,
}

impl House {
    pub async fn open(pairs: &[(&str, &str)]) -> Self {
        Self::open_in(Arc::new(tempfile::tempdir().unwrap()), pairs).await
    }

    /// Starts on a folder that may have been used before.
    pub async fn open_in(dir: Arc<tempfile::TempDir>, pairs: &[(&str, &str)]) -> Self {
        let base = [
            ("bind", "127.0.0.1"),
            ("mainaport", "0"),
            ("sipport", "0"),
            ("rtpportmin", "0"),
            ("mediapoolpairs", "8"),
        ];
        let all: Vec<(&str, &str)> = base.iter().chain(pairs).copied().collect();
        let config = Config::with(&all);
        let keyring = Keyring::open_or_create(&dir.path().join("key")).unwrap();
        let database = Database::Sqlite(dir.path().join("strowger.db"));
        let emergency = dir.path().join("emergency.jsonl");
        let store = Store::open(Options::new(database, keyring, emergency)).unwrap();
        let listeners = Listeners::bind(&config).unwrap();
        let again = config.clone();
        let deps = Deps {
            config: Arc::new(config),
            reload: Box::new(move || Ok(again.clone())),
            store: store.clone(),
            recover: true,
            listeners,
            data: dir.path().to_owned(),
            version: "test",
        };
        let running = start(deps).await.unwrap();
        Self { dir, running, store }
    }

    pub fn handle(&self) -> &Handle {
        &self.running.handle
    }

    pub fn sip(&self) -> SocketAddr {
        SocketAddr::new("127.0.0.1".parse().unwrap(), self.running.ports.sip.unwrap())
    }

    pub fn main(&self) -> SocketAddr {
        SocketAddr::new("127.0.0.1".parse().unwrap(), self.running.ports.main_udp.unwrap())
    }

    pub async fn user(&self, name: &str) -> AccountId {
        let new = NewUser {
            kind: AccountKind::Enduser,
            parent: None,
            username: name.to_owned(),
            password: Secret::new(format!("secret-{name}")),
            credit: Amount::units(10),
            fields: Vec::new(),
        };
        let id = self.store.create_user(Scope::All, new, None).await.unwrap();
        self.handle().refresh().await;
        assert!(self.handle().account(id).is_some(), "an account that was made is in force");
        id
    }

    pub async fn close(self) -> Arc<tempfile::TempDir> {
        self.running.handle.shutdown().await;
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || store.close()).await.unwrap();
        self.dir
    }
}

/// Waits until something is true.
pub async fn until<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    let begin = std::time::Instant::now();
    while !ask().await {
        assert!(begin.elapsed() < PATIENCE, "{what} does not come true");
        tokio::task::yield_now().await;
    }
}

/// A phone on a UDP socket of its own.
pub struct Phone {
    pub name: String,
    pub socket: UdpSocket,
    pub server: SocketAddr,
    cseq: u32,
    branch: u32,
}

impl Phone {
    pub fn new(name: &str, server: SocketAddr) -> Self {
        Self::from("127.0.0.1:0", name, server)
    }

    pub fn from(own: &str, name: &str, server: SocketAddr) -> Self {
        let socket = UdpSocket::bind(own).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { name: name.to_owned(), socket, server, cseq: 0, branch: 0 }
    }

    pub fn own(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    pub fn send(&self, text: &str) {
        self.socket.send_to(text.as_bytes(), self.server).unwrap();
    }

    /// The next message that is not a keep-alive.
    pub fn receive(&self) -> Message {
        let mut buffer = vec![0; 65_536];
        loop {
            let (length, _) = self.socket.recv_from(&mut buffer).expect("a message within the patience");
            if !buffer[..length].iter().all(u8::is_ascii_whitespace) {
                return Message::parse(&buffer[..length], Framing::Datagram).unwrap();
            }
        }
    }

    /// The next response of at least that status.
    pub fn response(&self, least: u16) -> Message {
        loop {
            let message = self.receive();
            if !message.is_request() && message.status() >= least {
                return message;
            }
        }
    }

    /// Nothing more comes for a moment.
    pub fn hears_nothing(&self) {
        self.socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let mut buffer = [0; 2048];
        let heard = self.socket.recv_from(&mut buffer);
        assert!(heard.is_err(), "{:?}", String::from_utf8_lossy(&buffer));
        self.socket.set_read_timeout(Some(PATIENCE)).unwrap();
    }

    /// A request outside of dialogs; `lines` come after the mandatory headers.
    pub fn request(&mut self, method: &str, uri: &str, to: &str, lines: &str, body: &str) -> String {
        self.cseq += 1;
        self.branch += 1;
        let (own, name, cseq, branch) = (self.own(), &self.name, self.cseq, self.branch);
        let port = own.port();
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{port}x{branch};rport\r\nMax-Forwards: 70\r\nFrom: <sip:{name}@strowger>;tag=t{port}\r\nTo: {to}\r\nCall-ID: {method}-{port}\r\nCSeq: {cseq} {method}\r\nContact: <sip:{name}@{own}>\r\n{lines}{kind}Content-Length: {length}\r\n\r\n{body}",
            length = body.len()
        )
    }

    /// The credentials line that answers a challenge.
    pub fn credentials(&self, challenge: &Message, method: &str, uri: &str, password: &str) -> String {
        let asked = best_challenge(challenge).unwrap();
        let value = asked.answer(method, uri, &self.name, password, "cnonce", 1);
        let header =
            if challenge.status() == 401 { HeaderId::Authorization } else { HeaderId::ProxyAuthorization };
        format!("{}: {value}\r\n", header.name())
    }

    /// REGISTER, challenge, REGISTER; the final response.
    pub fn register(&mut self, password: &str, lines: &str) -> Message {
        let to = format!("<sip:{}@strowger>", self.name);
        let first = self.request("REGISTER", "sip:strowger", &to, lines, "");
        self.send(&first);
        let challenge = self.response(200);
        assert_eq!(challenge.status(), 401);
        let auth = self.credentials(&challenge, "REGISTER", "sip:strowger", password);
        let second = self.request("REGISTER", "sip:strowger", &to, &format!("{auth}{lines}"), "");
        self.send(&second);
        self.response(200)
    }

    /// INVITE, challenge with its ACK, INVITE; the next message is the first one to the second INVITE.
    pub fn invite(&mut self, callee: &str, body: &str) -> String {
        let (uri, to) = (format!("sip:{callee}@strowger"), format!("<sip:{callee}@strowger>"));
        let first = self.request("INVITE", &uri, &to, "", body);
        self.send(&first);
        let challenge = self.response(200);
        assert_eq!(challenge.status(), 407, "{:?}", String::from_utf8_lossy(challenge.bytes()));
        let ack = ack_of(&first, &challenge);
        self.send(&ack);
        let auth = self.credentials(&challenge, "INVITE", &uri, &format!("secret-{}", self.name));
        let second = self.request("INVITE", &uri, &to, &auth, body);
        self.send(&second);
        second
    }

    pub fn sdp(&self, port: u16) -> String {
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
        )
    }

    /// A request within the dialog that a 2xx made, from the side that called.
    pub fn within(&mut self, answer: &Message, method: &str, cseq: Option<u32>) {
        self.branch += 1;
        self.cseq += 1;
        let text = |id| answer.text(id).unwrap().to_owned();
        let target = answer.contact().unwrap().unwrap().uri.text.to_owned();
        let own = self.own();
        let request = format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{}d{};rport\r\nMax-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {} {method}\r\nContent-Length: 0\r\n\r\n",
            own.port(),
            self.branch,
            text(HeaderId::From),
            text(HeaderId::To),
            answer.call_id(),
            cseq.unwrap_or(self.cseq),
        );
        self.send(&request);
    }

    /// Answers a request that came in; `extra` are header lines.
    pub fn answer(&self, request: &Message, status: u16, extra: &str, body: &str) {
        let lines = |id: HeaderId| {
            request
                .values(id)
                .map(|v| format!("{}: {}\r\n", id.name(), String::from_utf8_lossy(v)))
                .collect::<String>()
        };
        let mut to = request.text(HeaderId::To).unwrap().to_owned();
        if request.to_tag().is_empty() {
            to = format!("{to};tag=p{}", self.own().port());
        }
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        self.send(&format!(
            "SIP/2.0 {status} X\r\n{}{}{}To: {to}\r\n{}{}Contact: <sip:{}@{}>\r\n{extra}{kind}Content-Length: {}\r\n\r\n{body}",
            lines(HeaderId::Via),
            lines(HeaderId::RecordRoute),
            lines(HeaderId::From),
            lines(HeaderId::CallId),
            lines(HeaderId::CSeq),
            self.name,
            self.own(),
            body.len(),
        ));
    }
}

/// The ACK to a refusal: the INVITE's own Via, From, Call-ID and number.
pub fn ack_of(invite: &str, refusal: &Message) -> String {
    let mut out = invite.lines().next().unwrap().replacen("INVITE", "ACK", 1) + "\r\n";
    for line in invite.lines().skip(1).take_while(|line| !line.is_empty()) {
        if ["Via:", "From:", "Call-ID:", "Max-Forwards:"].iter().any(|name| line.starts_with(name)) {
            out.push_str(line);
            out.push_str("\r\n");
        } else if line.starts_with("CSeq:") {
            out.push_str(&line.replace("INVITE", "ACK"));
            out.push_str("\r\n");
        }
    }
    out + &format!("To: {}\r\nContent-Length: 0\r\n\r\n", refusal.text(HeaderId::To).unwrap())
}
