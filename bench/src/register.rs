//! REGISTER with digest: with a fresh nonce (401, then 200) and with a nonce already held (200 at once).

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use crate::latency::Latency;
use crate::report::{Line, Meter};
use crate::server::{Server, StartError};
use crate::sip::{self, Credentials};
use crate::udp;

const OUTSTANDING: usize = 64;

/// Where the nonce of a registration comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nonce {
    /// A challenge each time.
    Fresh,
    /// The last one, with its count going up.
    Held,
}

/// Phones with accounts on the server.
pub struct Phones {
    socket: UdpSocket,
    port: u16,
    phones: Vec<(Credentials, u32)>,
    latency: Latency,
}

impl Phones {
    pub fn create(server: &Server, count: usize) -> Result<Self, StartError> {
        let socket = udp::socket().map_err(|error| StartError::Process(error.to_string()))?;
        let port = socket.local_addr().map_err(|error| StartError::Process(error.to_string()))?.port();
        let mut phones = Vec::new();
        for number in 0..count {
            let user = format!("u{number:06}");
            server
                .api(&format!("apientry=newuseri&u_username={user}&u_password=pw-{user}&u_currency=USD"))?;
            phones.push((Credentials::new(&user, &format!("pw-{user}")), 0));
        }
        Ok(Self { socket, port, phones, latency: Latency::default() })
    }

    pub fn measure(&mut self, server: &Server, nonce: Nonce, window: Duration) -> Line {
        let (mut next, mut done, mut failed, mut buffer) = (0, 0_u64, 0_u64, [0; 4096]);
        let mut last_seen = Instant::now();
        for _ in 0..OUTSTANDING.min(self.phones.len()) {
            self.begin(server, next, nonce);
            next += 1;
        }
        let warm_up = Instant::now();
        let mut meter: Option<(Meter, Instant)> = None;
        loop {
            if meter.is_none() && warm_up.elapsed() > window / 4 {
                (meter, done, failed) = (Some((Meter::start(server), Instant::now())), 0, 0);
                self.latency.clear();
            }
            if meter.as_ref().is_some_and(|(_, since)| since.elapsed() > window) {
                break;
            }
            while let Some((text, _)) = udp::receive(&self.socket, &mut buffer) {
                last_seen = Instant::now();
                let Some(phone) = phone_of(text) else { continue };
                match sip::status(text) {
                    401 => {
                        self.phones[phone].0.challenged(text);
                        self.send(server, phone);
                        continue;
                    }
                    200 => {
                        done += 1;
                        self.latency.end(phone as u64);
                    }
                    _ => failed += 1,
                }
                self.begin(server, next % self.phones.len(), nonce);
                next += 1;
            }
            if last_seen.elapsed() > Duration::from_millis(500) {
                // Everything outstanding was lost: begin again.
                failed += OUTSTANDING as u64;
                last_seen = Instant::now();
                for _ in 0..OUTSTANDING.min(self.phones.len()) {
                    self.begin(server, next % self.phones.len(), nonce);
                    next += 1;
                }
            }
        }
        let (meter, _) = meter.expect("the warm-up ended");
        let kind = if nonce == Nonce::Fresh { "401 + 200" } else { "nonce held" };
        let line = meter.finish(
            format!("REGISTER, {kind}, {} users, w:{OUTSTANDING}", self.phones.len()),
            "registration",
            done,
            failed,
        );
        line.that_took(&self.latency)
    }

    fn begin(&mut self, server: &Server, phone: usize, nonce: Nonce) {
        if nonce == Nonce::Fresh {
            self.phones[phone].0.forget_nonce();
        }
        self.latency.begin(phone as u64);
        self.send(server, phone);
    }

    fn send(&mut self, server: &Server, phone: usize) {
        let (credentials, cseq) = &mut self.phones[phone];
        *cseq += 1;
        let uri = format!("sip:{}", server.sip());
        let authorization = if credentials.has_nonce() {
            format!("Authorization: {}\r\n", credentials.answer("REGISTER", &uri))
        } else {
            String::new()
        };
        let (user, port) = (&credentials.user, self.port);
        let request = format!(
            "REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{phone}x{cseq};rport\r\n\
             From: <sip:{user}@127.0.0.1>;tag=b{phone}\r\nTo: <sip:{user}@127.0.0.1>\r\nCall-ID: r{phone}@bench\r\n\
             CSeq: {cseq} REGISTER\r\nContact: <sip:{user}@127.0.0.1:{port}>\r\nExpires: 600\r\nMax-Forwards: 70\r\n\
             {authorization}Content-Length: 0\r\n\r\n"
        );
        let _ = self.socket.send_to(request.as_bytes(), server.sip());
    }
}

/// The phone that a response is for, from its Call-ID.
fn phone_of(text: &str) -> Option<usize> {
    sip::header(text, "Call-ID")?.strip_prefix('r')?.split('@').next()?.parse().ok()
}
