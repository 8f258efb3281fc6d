//! Our own registrations at upper servers (RFC 3261 section 10.2): REGISTER, the answer to a challenge,
//! refresh before the expiry, retry with back-off, removal.
//!
//! Not here: which servers want it, and where they are: both are handed in.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use strowger_model::{AccountId, Mono, Now, Secret, Wall};
use strowger_sip::transaction::{ClientTransaction, Fate, Output};
use strowger_sip::{Builder, Framing, HeaderId, Message, Method, digest, escape_user};

use crate::mac::Key;
use crate::reach::Carrier;

/// Wait after the first failure, in milliseconds; doubled with each further one.
pub const RETRY_FIRST_MS: u64 = 10_000;
/// Longest wait between attempts, in milliseconds.
pub const RETRY_MAX_MS: u64 = 600_000;
/// Shortest time between two refreshes, in milliseconds, whatever the server grants.
const REFRESH_MIN_MS: u64 = 5_000;

/// One upper server that wants a REGISTER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundSettings {
    /// The server's account.
    pub server: AccountId,
    /// Host (and port) of the registrar as it stands in the Request-URI.
    pub domain: Box<str>,
    /// Our name there.
    pub username: Box<str>,
    /// Our password there.
    pub password: Secret,
    /// Where to send it; none: not resolved yet, nothing is sent.
    pub address: Option<SocketAddr>,
    /// By what.
    pub carrier: Carrier,
    /// Our `host:port` for Via and Contact as the server sees us.
    pub local: Box<str>,
    /// Lifetime that is asked for, in seconds.
    pub expires_s: u32,
    /// User-Agent.
    pub user_agent: Box<str>,
}

/// How a registration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutboundState {
    /// A REGISTER is under way, none has succeeded yet.
    Registering,
    /// The server took it.
    Registered,
    /// Refused or unanswered; it is tried again later.
    Failed,
    /// Taken back.
    Unregistered,
}

/// What is known of one registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboundStatus {
    /// The server's account.
    pub server: AccountId,
    /// How it stands.
    pub state: OutboundState,
    /// Until when, where registered.
    pub expires: Option<Wall>,
    /// The last final status, 0 before the first, 408 where nobody answered.
    pub last_status: u16,
}

/// What the owner has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutboundOutput {
    /// Send to the server.
    Transmit {
        /// Whose registration.
        server: AccountId,
        /// Where.
        address: SocketAddr,
        /// By what.
        carrier: Carrier,
        /// The message.
        bytes: Arc<[u8]>,
    },
}

/// All registrations at upper servers.
pub struct Outbound {
    key: Key,
    counter: u64,
    clients: BTreeMap<AccountId, Client>,
    outputs: VecDeque<OutboundOutput>,
    buffer: Vec<u8>,
}

/// One registration.
struct Client {
    settings: OutboundSettings,
    state: OutboundState,
    call_id: String,
    tag: String,
    cseq: u32,
    running: Option<Running>,
    next_at: Option<Mono>,
    failures: u32,
    expires: Option<Wall>,
    last_status: u16,
    /// It is being taken back; the client vanishes with the answer.
    leaving: bool,
}

/// A REGISTER under way.
struct Running {
    transaction: ClientTransaction,
    /// A challenge was answered: another one means that the password is wrong.
    authenticated: bool,
    asked_s: u32,
}

impl Outbound {
    /// `seed` must be random: tags, branches and Call-IDs are made from it.
    #[must_use]
    pub const fn new(key: Key) -> Self {
        Self { key, counter: 0, clients: BTreeMap::new(), outputs: VecDeque::new(), buffer: Vec::new() }
    }

    /// The servers that want a registration now. One that is new or changed registers at once, one that is missing unregisters.
    pub fn set(&mut self, now: Now, wanted: Vec<OutboundSettings>) {
        let mut gone: Vec<AccountId> = self.clients.keys().copied().collect();
        for settings in wanted {
            gone.retain(|server| *server != settings.server);
            let known =
                self.clients.get(&settings.server).is_some_and(|c| c.settings == settings && !c.leaving);
            if !known {
                self.begin(now, settings);
            }
        }
        for server in gone {
            self.leave(now, server);
        }
    }

    /// Takes every registration back.
    pub fn leave_all(&mut self, now: Now) {
        self.set(now, Vec::new());
    }

    /// Registers everywhere anew at once; what was under way is forgotten. Returns how many.
    pub fn restart(&mut self, now: Now) -> usize {
        let staying = self.clients.values_mut().filter(|client| !client.leaving);
        let mut count = 0;
        for client in staying {
            client.running = None;
            client.state = OutboundState::Registering;
            client.failures = 0;
            client.next_at = Some(now.mono);
            count += 1;
        }
        self.handle_timeout(now);
        count
    }

    fn begin(&mut self, now: Now, settings: OutboundSettings) {
        let server = settings.server;
        let client = Client {
            call_id: self.unique(),
            tag: self.unique(),
            cseq: 0,
            state: OutboundState::Registering,
            running: None,
            next_at: Some(now.mono),
            failures: 0,
            expires: None,
            last_status: 0,
            leaving: false,
            settings,
        };
        self.clients.insert(server, client);
        self.handle_timeout(now);
    }

    fn leave(&mut self, now: Now, server: AccountId) {
        let Some(client) = self.clients.get_mut(&server) else { return };
        if client.leaving {
            return;
        }
        if client.state != OutboundState::Registered {
            self.clients.remove(&server);
            return;
        }
        client.leaving = true;
        client.next_at = None;
        client.state = OutboundState::Unregistered;
        self.send(now, server, 0, None);
    }

    /// A response that belongs to no call; false where it is not ours either. `from` is where it came from: credentials
    /// go to nobody but the server's own address.
    pub fn handle_response(&mut self, now: Now, response: &Message, from: SocketAddr) -> bool {
        let ours = |c: &Client| c.running.as_ref().is_some_and(|r| r.transaction.matches(response));
        let Some((&server, _)) = self.clients.iter().find(|(_, client)| ours(client)) else { return false };
        let Some(client) = self.clients.get_mut(&server) else { return false };
        let Some(running) = client.running.as_mut() else { return false };
        let deliver = matches!(running.transaction.handle_response(now.mono, response), Fate::Deliver);
        if deliver && response.status() >= 200 {
            let answered = running.authenticated;
            let asked_s = running.asked_s;
            client.running = None;
            client.last_status = response.status();
            let own_address = client.settings.address.is_some_and(|address| address.ip() == from.ip());
            match response.status() {
                401 | 407 if !answered && own_address => self.authenticate(now, server, response, asked_s),
                423 if asked_s > 0 => self.longer(now, server, response),
                200..=299 => self.succeeded(now, server, response, asked_s),
                _ => self.failed(now, server),
            }
        }
        true
    }

    fn authenticate(&mut self, now: Now, server: AccountId, response: &Message, asked_s: u32) {
        let cnonce = self.unique();
        let Some(client) = self.clients.get(&server) else { return };
        let Ok(asked) = digest::best_challenge(response) else {
            self.failed(now, server);
            return;
        };
        let uri = format!("sip:{}", client.settings.domain);
        let (user, password) = (&client.settings.username, client.settings.password.expose());
        let value = asked.answer(Method::Register.as_str(), &uri, user, password, &cnonce, 1);
        let header =
            if response.status() == 407 { HeaderId::ProxyAuthorization } else { HeaderId::Authorization };
        self.send(now, server, asked_s, Some((header, value)));
    }

    fn longer(&mut self, now: Now, server: AccountId, response: &Message) {
        let least = response.min_expires().unwrap_or(None);
        let Some(client) = self.clients.get_mut(&server) else { return };
        match least {
            Some(least_s) if least_s > client.settings.expires_s => {
                client.settings.expires_s = least_s;
                self.send(now, server, least_s, None);
            }
            _ => self.failed(now, server),
        }
    }

    fn succeeded(&mut self, now: Now, server: AccountId, response: &Message, asked_s: u32) {
        let Some(client) = self.clients.get_mut(&server) else { return };
        if client.leaving || asked_s == 0 {
            self.clients.remove(&server);
            return;
        }
        let granted_s = granted(response, &client.settings).unwrap_or(asked_s).max(1);
        client.state = OutboundState::Registered;
        client.failures = 0;
        client.expires = Some(now.wall.plus_ms(i64::from(granted_s) * 1000));
        let refresh_ms = (u64::from(granted_s) * 800).max(REFRESH_MIN_MS);
        client.next_at = Some(now.mono.plus_ms(refresh_ms));
    }

    fn failed(&mut self, now: Now, server: AccountId) {
        let Some(client) = self.clients.get_mut(&server) else { return };
        if client.leaving {
            self.clients.remove(&server);
            return;
        }
        client.state = OutboundState::Failed;
        client.expires = None;
        let wait_ms = RETRY_FIRST_MS.saturating_mul(1 << client.failures.min(10)).min(RETRY_MAX_MS);
        client.failures = client.failures.saturating_add(1);
        client.next_at = Some(now.mono.plus_ms(wait_ms));
    }

    /// Retransmits, refreshes and retries what is due. Harmless when early.
    pub fn handle_timeout(&mut self, now: Now) {
        let servers: Vec<AccountId> = self.clients.keys().copied().collect();
        for server in servers {
            let Some(client) = self.clients.get_mut(&server) else { continue };
            if let Some(running) = client.running.as_mut() {
                running.transaction.handle_timeout(now.mono);
                self.drain(now, server);
                continue;
            }
            if client.next_at.is_some_and(|at| at <= now.mono) {
                client.next_at = None;
                let expires_s = client.settings.expires_s;
                self.send(now, server, expires_s, None);
            }
        }
    }

    /// When [`Outbound::handle_timeout`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        let of = |client: &Client| match &client.running {
            Some(running) => running.transaction.deadline().map(|(at, _)| at),
            None => client.next_at,
        };
        self.clients.values().filter_map(of).min()
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<OutboundOutput> {
        self.outputs.pop_front()
    }

    /// How every registration stands, by server.
    pub fn states(&self) -> impl Iterator<Item = OutboundStatus> {
        self.clients.iter().map(|(server, client)| OutboundStatus {
            server: *server,
            state: client.state,
            expires: client.expires,
            last_status: client.last_status,
        })
    }

    fn send(&mut self, now: Now, server: AccountId, expires_s: u32, auth: Option<(HeaderId, String)>) {
        let branch = self.unique();
        let Some(client) = self.clients.get_mut(&server) else { return };
        if client.settings.address.is_none() {
            client.last_status = 0;
            self.failed(now, server);
            return;
        }
        client.cseq += 1;
        let authenticated = auth.is_some();
        write_register(&mut self.buffer, client, &branch, expires_s, auth);
        let Ok(message) = Message::parse(&self.buffer, Framing::Datagram) else {
            self.failed(now, server);
            return;
        };
        let reliable = client.settings.carrier != Carrier::Udp;
        let transaction = ClientTransaction::new(now.mono, &message, reliable);
        client.running = Some(Running { transaction, authenticated, asked_s: expires_s });
        self.drain(now, server);
    }

    fn drain(&mut self, now: Now, server: AccountId) {
        let Some(client) = self.clients.get_mut(&server) else { return };
        let Some(running) = client.running.as_mut() else { return };
        let mut dead = false;
        while let Some(output) = running.transaction.poll_output() {
            match (output, client.settings.address) {
                (Output::Transmit(bytes), Some(address)) => {
                    let carrier = client.settings.carrier;
                    self.outputs.push_back(OutboundOutput::Transmit { server, address, carrier, bytes });
                }
                (Output::TimedOut(_) | Output::TransportFailed, _) => dead = true,
                _ => {}
            }
        }
        if dead {
            client.running = None;
            client.last_status = 408;
            self.failed(now, server);
        }
    }

    /// A text that nobody can guess and that never repeats.
    fn unique(&mut self) -> String {
        self.counter += 1;
        format!("{:016x}{:x}", self.key.of(&[b"outbound", &self.counter.to_le_bytes()]), self.counter)
    }
}

/// The lifetime that the server gave to our own contact.
fn granted(response: &Message, settings: &OutboundSettings) -> Option<u32> {
    let header = response.expires().unwrap_or(None);
    let Ok(strowger_sip::Contacts::List(list)) = response.contacts() else { return header };
    let ours = list.iter().find(|contact| {
        contact.uri.user_decoded() == *settings.username && settings.local.starts_with(contact.uri.host)
    });
    ours.and_then(|contact| contact.expires().unwrap_or(None)).or(header)
}

fn write_register(
    out: &mut Vec<u8>,
    client: &Client,
    branch: &str,
    expires_s: u32,
    auth: Option<(HeaderId, String)>,
) {
    let settings = &client.settings;
    let user = escape_user(&settings.username);
    let (transport, param) = match settings.carrier {
        Carrier::Udp => ("UDP", ""),
        Carrier::Tcp => ("TCP", ";transport=tcp"),
        Carrier::Tls => ("TLS", ";transport=tls"),
        Carrier::Ws => ("WS", ";transport=ws"),
        Carrier::Wss => ("WSS", ";transport=ws"),
    };
    let mut request = Builder::request(out, Method::Register.as_str(), &format!("sip:{}", settings.domain));
    request
        .header(
            HeaderId::Via,
            format_args!("SIP/2.0/{transport} {};branch=z9hG4bK{branch};rport", settings.local),
        )
        .header(HeaderId::MaxForwards, 70)
        .header(HeaderId::From, format_args!("<sip:{user}@{}>;tag={}", settings.domain, client.tag))
        .header(HeaderId::To, format_args!("<sip:{user}@{}>", settings.domain))
        .header(HeaderId::CallId, &client.call_id)
        .header(HeaderId::CSeq, format_args!("{} REGISTER", client.cseq))
        .header(HeaderId::Contact, format_args!("<sip:{user}@{}{param}>", settings.local))
        .header(HeaderId::Expires, expires_s)
        .header_unless_empty(HeaderId::UserAgent, &settings.user_agent);
    if let Some((header, value)) = auth {
        request.header(header, value);
    }
    request.finish();
}
