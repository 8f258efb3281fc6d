//! Full billed calls: authenticated INVITE from an account, a trunk that answers, BYE. The generator plays both ends.
//!
//! Each call is `INVITE 100 180 200 ACK BYE 200` on both sides of the server, with its price looked up, credit held,
//! and its record durable. The nonce of an account is reused with its count going up, as phones do; the first call of
//! each account is challenged.

use std::collections::{BTreeMap, HashMap};
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use crate::latency::Latency;
use crate::report::{Line, Meter};
use crate::server::{Server, StartError};
use crate::sip::{self, Credentials};
use crate::udp::{self, Pace};

const ACCOUNTS: usize = 50;
/// Calls that are neither answered nor refused after this long are lost.
const PATIENCE: Duration = Duration::from_secs(4);

/// Both ends of the calls.
pub struct Exchange {
    caller: UdpSocket,
    trunk: UdpSocket,
    caller_port: u16,
    trunk_port: u16,
    credentials: Vec<Credentials>,
    calls: HashMap<u64, Call>,
    next: u64,
    /// Calls answered and standing, for the media measurement: what to send where.
    pub standing: Vec<Standing>,
    /// Where both ends send and receive voice.
    pub media_ports: (u16, u16),
    hang_up: bool,
    done: u64,
    refused: u64,
    refusals: BTreeMap<String, u64>,
    /// From the INVITE to its 200.
    latency: Latency,
}

/// The server's audio ports of one answered call.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    pub caller_side: u16,
    pub trunk_side: u16,
}

struct Call {
    account: usize,
    cseq: u32,
    started: Instant,
    to: String,
    target: String,
    trunk_side: u16,
}

impl Exchange {
    pub fn create(server: &Server) -> Result<Self, StartError> {
        let failed = |error: std::io::Error| StartError::Process(error.to_string());
        let (caller, trunk) = (udp::socket().map_err(failed)?, udp::socket().map_err(failed)?);
        let caller_port = caller.local_addr().map_err(failed)?.port();
        let trunk_port = trunk.local_addr().map_err(failed)?.port();
        let mut credentials = Vec::new();
        for number in 0..ACCOUNTS {
            let user = format!("c{number:04}");
            server.api(&format!(
                "apientry=newuseri&u_username={user}&u_password=pw-{user}&u_currency=USD&credit=1000000"
            ))?;
            credentials.push(Credentials::new(&user, &format!("pw-{user}")));
        }
        server.api(&format!(
            "apientry=addserver&u_type=9&u_username=trunk&u_password=x&u_ip=127.0.0.1&u_port={trunk_port}&u_routing=null"
        ))?;
        let sql = |text: &str| server.api(&format!("apientry=db&sql={}", text.replace(' ', "%20")));
        sql("insert into tb_routing (name, prefix, serverid, priority, weight, enabled) \
             select 'bench', '49', id, 1, 1, 1 from tb_users where username = 'trunk'")?;
        sql("insert into tb_billsources (id, name, currency, isdefault) values (77, 'bench', 'USD', 1)")?;
        sql(
            "insert into tb_billentries (billsourceid, prefix, direction, price, billingstep, connectfee, currency) \
             values (77, '49', 'Germany', 0.06, 1, 0.01, 'USD')",
        )?;
        // The switch follows the database within a second.
        std::thread::sleep(Duration::from_millis(1500));
        Ok(Self {
            caller,
            trunk,
            caller_port,
            trunk_port,
            credentials,
            calls: HashMap::new(),
            next: 0,
            standing: Vec::new(),
            media_ports: (caller_port, trunk_port),
            hang_up: true,
            done: 0,
            refused: 0,
            refusals: BTreeMap::new(),
            latency: Latency::default(),
        })
    }

    pub fn measure(&mut self, server: &Server, rate: u32, window: Duration) -> Line {
        self.run(server, f64::from(rate), window / 4);
        (self.done, self.refused) = (0, 0);
        self.refusals.clear();
        self.latency.clear();
        let meter = Meter::start(server);
        self.run(server, f64::from(rate), window);
        let lost = self.refused
            + self.calls.values().filter(|call| call.started.elapsed() > PATIENCE).count() as u64;
        if !self.refusals.is_empty() {
            eprintln!("answers that ended calls before they began, by status: {:#?}", self.refusals);
        }
        meter.finish(format!("billed calls, {rate}/s"), "call", self.done, lost).that_took(&self.latency)
    }

    /// Sets up so many calls that stay, within 30 seconds.
    pub fn set_up(
        &mut self,
        server: &Server,
        count: usize,
        media_ports: (u16, u16),
    ) -> Result<(), StartError> {
        (self.hang_up, self.media_ports) = (false, media_ports);
        let (started, mut pace) = (Instant::now(), Pace::new(200.0));
        let mut begun = 0;
        while self.standing.len() < count {
            if started.elapsed() > Duration::from_secs(30) || self.refused > 0 {
                let (stand, refused) = (self.standing.len(), self.refused);
                return Err(StartError::Process(format!(
                    "only {stand} of {count} calls stand, {refused} were refused"
                )));
            }
            for _ in 0..pace.due().min((count - begun) as u64) {
                self.invite_new(server);
                begun += 1;
            }
            self.turn(server);
        }
        Ok(())
    }

    fn run(&mut self, server: &Server, rate: f64, window: Duration) {
        let (started, mut pace) = (Instant::now(), Pace::new(rate));
        while started.elapsed() < window {
            for _ in 0..pace.due() {
                self.invite_new(server);
            }
            self.turn(server);
        }
        let drained = Instant::now();
        while !self.calls.is_empty() && drained.elapsed() < Duration::from_secs(1) {
            self.turn(server);
        }
    }

    /// Reads everything that waits on both sockets.
    fn turn(&mut self, server: &Server) {
        let mut buffer = [0; 8192];
        loop {
            let mut idle = true;
            if let Some((text, from)) = udp::receive(&self.trunk, &mut buffer) {
                let text = text.to_owned();
                self.trunk_side(&text, from);
                idle = false;
            }
            if let Some((text, _)) = udp::receive(&self.caller, &mut buffer) {
                let text = text.to_owned();
                self.caller_side(server, &text);
                idle = false;
            }
            if idle {
                return;
            }
        }
    }

    fn invite_new(&mut self, server: &Server) {
        self.next += 1;
        let number = self.next;
        let account = usize::try_from(number).unwrap_or(0) % ACCOUNTS;
        let call = Call {
            account,
            cseq: 0,
            started: Instant::now(),
            to: String::new(),
            target: String::new(),
            trunk_side: 0,
        };
        self.calls.insert(number, call);
        self.invite(server, number);
    }

    fn invite(&mut self, server: &Server, number: u64) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        call.cseq += 1;
        let (cseq, credentials) = (call.cseq, &mut self.credentials[call.account]);
        let uri = format!("sip:49{number:010}@{}", server.sip());
        let authorization = if credentials.has_nonce() {
            format!("Proxy-Authorization: {}\r\n", credentials.answer("INVITE", &uri))
        } else {
            String::new()
        };
        let (user, port, body) = (&credentials.user, self.caller_port, sip::description(self.media_ports.0));
        let request = format!(
            "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bKi{number}x{cseq};rport\r\n\
             From: <sip:{user}@127.0.0.1>;tag=b{number}\r\nTo: <{uri}>\r\nCall-ID: k{number}@bench\r\nCSeq: {cseq} INVITE\r\n\
             Contact: <sip:{user}@127.0.0.1:{port}>\r\nMax-Forwards: 70\r\n{authorization}Content-Type: application/sdp\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let _ = self.caller.send_to(request.as_bytes(), server.sip());
    }

    fn caller_side(&mut self, server: &Server, text: &str) {
        let Some(number) = number_of(text) else { return };
        let (status, method) = (sip::status(text), sip::header(text, "CSeq").unwrap_or_default());
        if status == 0 || !self.calls.contains_key(&number) {
            return;
        }
        match (status, method.ends_with("INVITE")) {
            (100..=199, _) => {}
            (200, true) => {
                if let Some(call) = self.calls.get(&number) {
                    self.latency.took(call.started);
                }
                self.remember(number, text);
                self.in_dialog(server, number, "ACK");
                if self.hang_up {
                    self.in_dialog(server, number, "BYE");
                } else if let (Some(caller_side), Some(call)) =
                    (sip::media_port(text), self.calls.remove(&number))
                {
                    self.standing.push(Standing { caller_side, trunk_side: call.trunk_side });
                }
            }
            (200, false) => {
                self.calls.remove(&number);
                self.done += 1;
            }
            (401 | 407, true) => {
                self.remember(number, text);
                self.in_dialog(server, number, "ACK");
                let account = self.calls.get(&number).map_or(0, |call| call.account);
                self.credentials[account].challenged(text);
                self.invite(server, number);
            }
            _ => {
                self.remember(number, text);
                self.in_dialog(server, number, "ACK");
                self.calls.remove(&number);
                self.refused += 1;
                let reason = sip::header(text, "Reason").or(sip::header(text, "Warning")).unwrap_or_default();
                *self.refusals.entry(format!("{status} {reason}")).or_default() += 1;
            }
        }
    }

    fn remember(&mut self, number: u64, text: &str) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        sip::header(text, "To").unwrap_or_default().clone_into(&mut call.to);
        sip::contact_uri(text).unwrap_or_default().clone_into(&mut call.target);
    }

    fn in_dialog(&mut self, server: &Server, number: u64, method: &str) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        let acked = call.cseq;
        if method == "BYE" {
            call.cseq += 1;
        }
        let answered = !call.target.is_empty();
        // The ACK of a refusal belongs to the INVITE's transaction, that of a 200 does not (RFC 3261 section 17.1.1.3).
        let branch = if method == "ACK" && !answered {
            format!("z9hG4bKi{number}x{acked}")
        } else {
            format!("z9hG4bK{method}{number}x{}", call.cseq)
        };
        let uri = if answered { call.target.clone() } else { format!("sip:49{number:010}@{}", server.sip()) };
        let (user, port) = (&self.credentials[call.account].user, self.caller_port);
        let request = format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch={branch};rport\r\n\
             From: <sip:{user}@127.0.0.1>;tag=b{number}\r\nTo: {}\r\nCall-ID: k{number}@bench\r\nCSeq: {} {method}\r\n\
             Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            call.to, call.cseq
        );
        let _ = self.caller.send_to(request.as_bytes(), server.sip());
    }

    /// The trunk rings and answers at once, and accepts every BYE.
    fn trunk_side(&mut self, text: &str, from: std::net::SocketAddr) {
        let port = self.trunk_port;
        if text.starts_with("INVITE ") {
            let number = called_number(text);
            if let (Some(call), Some(media)) = (self.calls.get_mut(&number), sip::media_port(text)) {
                call.trunk_side = media;
            }
            let _ = self.trunk.send_to(response(text, "180 Ringing", number, port, "").as_bytes(), from);
            let answer = response(text, "200 OK", number, port, &sip::description(self.media_ports.1));
            let _ = self.trunk.send_to(answer.as_bytes(), from);
        } else if !text.starts_with("ACK ") && !text.starts_with("SIP/2.0") {
            let _ = self.trunk.send_to(response(text, "200 OK", 0, port, "").as_bytes(), from);
        }
    }
}

fn number_of(text: &str) -> Option<u64> {
    sip::header(text, "Call-ID")?.strip_prefix('k')?.split('@').next()?.parse().ok()
}

/// The number behind the prefix 49 of the Request-URI.
fn called_number(text: &str) -> u64 {
    let user = text.split("sip:49").nth(1).and_then(|rest| rest.split('@').next());
    user.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

fn response(request: &str, status: &str, number: u64, port: u16, body: &str) -> String {
    let mut text = format!("SIP/2.0 {status}\r\n");
    for line in request.split("\r\n").skip(1).take_while(|line| !line.is_empty()) {
        let name = line.split(':').next().unwrap_or_default();
        match name {
            "Via" | "From" | "Call-ID" | "CSeq" | "Record-Route" => text.push_str(&format!("{line}\r\n")),
            "To" if line.contains(";tag=") => text.push_str(&format!("{line}\r\n")),
            "To" => text.push_str(&format!("{line};tag=t{number}\r\n")),
            _ => {}
        }
    }
    text.push_str(&format!("Contact: <sip:trunk@127.0.0.1:{port}>\r\n"));
    if !body.is_empty() {
        text.push_str("Content-Type: application/sdp\r\n");
    }
    text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    text
}
