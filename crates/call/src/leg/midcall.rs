//! What happens within the dialog of a leg besides offers: keys, keep-alives, and every other request.

use std::net::IpAddr;

use strowger_model::Now;
use strowger_sip::{Dialog, Fate, HeaderId, Message, Method, Uri, decode_text};

use super::compose::{ALLOW, SDP};
use super::transactions::Purpose;
use super::{Ending, Kind, Leg, LegEvent, OrderRefused, Stage};
use crate::hop::Hop;

/// Requests of one party whose transactions are kept; further ones go unanswered until one has run out.
const MAX_REQUESTS: usize = 64;

/// How long a key counts as held where INFO does not say, in milliseconds.
const DTMF_MS: u32 = 160;

impl Leg {
    /// A request that names this leg.
    pub(super) fn handle_request(&mut self, now: Now, message: &Message, from: Hop) {
        if let Some(at) = self.server_of(message) {
            // A repetition gets the last response again; an ACK to a 2xx comes through.
            if self.servers[at].transaction.handle_request(now.mono, message) == Fate::Absorbed {
                return;
            }
        }
        match message.method() {
            Method::Ack => return self.handle_ack(now, message),
            Method::Cancel => return self.handle_cancel(now, message, from),
            _ => {}
        }
        if self.servers.len() >= MAX_REQUESTS {
            return;
        }
        let known = self.dialog_of_request(message);
        let server = self.admit(now, message, from);
        if !known || matches!(self.stage, Stage::Over | Stage::Leaving) {
            return self.refuse_outside(now, server, message);
        }
        if let Some(dialog) = &mut self.dialog {
            if dialog.receive(message).is_err() {
                return self.respond_plainly(now, server, 500);
            }
            if matches!(message.method(), Method::Invite | Method::Update) {
                dialog.refresh_target(message);
            }
        }
        if self.kind == Kind::Phone {
            // A phone behind NAT is where its messages come from, not where its Contact says.
            self.hop = from;
        }
        match message.method() {
            Method::Bye => self.receive_bye(now, server),
            Method::Invite | Method::Update => self.receive_offer(now, server, message),
            Method::Info => self.receive_info(now, server, message),
            Method::Options => {
                self.respond(now, server, 200, |builder| {
                    builder.header(HeaderId::Allow, ALLOW).header(HeaderId::Accept, SDP).finish();
                });
            }
            Method::Refer => self.receive_refer(now, server, message),
            Method::Notify => self.respond_plainly(now, server, 200),
            _ => {
                self.respond(now, server, 405, |builder| {
                    builder.header(HeaderId::Allow, ALLOW).finish();
                });
            }
        }
    }

    /// The transaction that the request repeats or, for an ACK, belongs to.
    fn server_of(&self, message: &Message) -> Option<usize> {
        let method = if message.method() == Method::Ack { Method::Invite } else { message.method() };
        self.servers.iter().position(|server| {
            server.transaction.method() == method
                && server.cseq == message.cseq()
                && (message.method() == Method::Ack || *server.branch == *message.branch())
        })
    }

    fn dialog_of_request(&self, message: &Message) -> bool {
        let early = self.early.iter().any(|early| early.dialog.matches(message));
        early || self.dialog.as_ref().is_some_and(|dialog| dialog.matches(message))
    }

    /// A request for a dialog that is not, or not any more: a crossing BYE is content with 200.
    fn refuse_outside(&mut self, now: Now, server: usize, message: &Message) {
        let ours = self.dialog.as_ref().is_some_and(|dialog| dialog.matches(message));
        let status = if ours && message.method() == Method::Bye { 200 } else { 481 };
        self.respond_plainly(now, server, status);
    }

    fn receive_bye(&mut self, now: Now, server: usize) {
        self.respond_plainly(now, server, 200);
        // RFC 3261 section 15.1.2: what is still open is refused with 487.
        while let Some(open) = self.open_server(&[Method::Invite, Method::Update]) {
            self.respond_plainly(now, open, 487);
        }
        self.unacked = None;
        if self.stage == Stage::Early && self.outgoing {
            // A callee may not end an early dialog so (RFC 3261 section 15); one that does will not answer.
            self.finish(480, Ending::Party, None);
            return self.cancel(now);
        }
        self.finish(200, Ending::Party, None);
    }

    fn receive_info(&mut self, now: Now, server: usize, message: &Message) {
        let key = read_key(message);
        let status = if key.is_some() || message.body().is_empty() { 200 } else { 415 };
        self.respond_plainly(now, server, status);
        if let Some((digit, duration_ms)) = key {
            self.events.push_back(LegEvent::Dtmf { digit, duration_ms });
        }
    }

    /// INFO with a key.
    pub(super) fn send_dtmf(&mut self, now: Now, digit: char, duration_ms: u32) -> Result<(), OrderRefused> {
        if self.stage != Stage::Up {
            return Err(OrderRefused::Stage);
        }
        let body = format!("Signal={digit}\r\nDuration={duration_ms}\r\n");
        self.send_within(now, Method::Info, Purpose::Info, |builder| {
            builder.body("application/dtmf-relay", body.as_bytes());
        });
        self.pump(now);
        Ok(())
    }

    fn receive_refer(&mut self, now: Now, server: usize, message: &Message) {
        let to = message.name_addrs(HeaderId::ReferTo).next().and_then(Result::ok);
        match to {
            Some(to) if self.stage == Stage::Up => {
                let to = to.uri.user_decoded().into_owned();
                self.events.push_back(LegEvent::Referred { to });
            }
            Some(_) => self.respond_plainly(now, server, 491),
            None => self.respond_plainly(now, server, 400),
        }
    }

    /// OPTIONS within the dialog: a party that has vanished does not answer it.
    pub(super) fn ask_alive(&mut self, now: Now) {
        if self.stage == Stage::Up {
            self.send_within(now, Method::Options, Purpose::Alive, |builder| {
                builder.header(HeaderId::Accept, SDP).finish();
            });
        }
    }

    pub(super) fn handle_alive_response(&mut self, now: Now, response: &Message) {
        match response.status() {
            100..=199 => {}
            status @ (408 | 481) if self.stage == Stage::Up => {
                self.send_bye(now, Some(102));
                self.finish(status, Ending::Silence, None);
            }
            _ if self.stage == Stage::Up => self.schedule_alive(now),
            _ => {}
        }
    }

    /// Where requests within the dialog go.
    pub(super) fn dialog_hop(&self) -> Hop {
        self.dialog.as_ref().map_or(self.hop, |dialog| self.hop_of(dialog))
    }

    /// A phone is reached where its messages come from. A trunk may have named another machine in
    /// Record-Route or Contact; a private address behind a public one is not believed.
    pub(super) fn hop_of(&self, dialog: &Dialog) -> Hop {
        if self.kind == Kind::Phone {
            return self.hop;
        }
        let Ok(uri) = Uri::parse(dialog.next_hop().as_bytes()) else { return self.hop };
        match uri.ip() {
            Some(ip) if !is_inner(ip) || is_inner(self.hop.address.ip()) => {
                let address = (ip, uri.port_or_default()).into();
                let flow = self.hop.flow.filter(|_| address == self.hop.address);
                Hop { address, flow, ..self.hop }
            }
            _ => self.hop,
        }
    }
}

/// An address that has no meaning outside its own network.
fn is_inner(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_loopback() || ip.is_unspecified(),
    }
}

/// The key of an INFO: `application/dtmf-relay` with `Signal=` and `Duration=`, or `application/dtmf` with the bare key.
fn read_key(message: &Message) -> Option<(char, u32)> {
    let kind = message.content_type()?;
    let text = decode_text(message.body());
    let key = |text: &str| -> Option<char> {
        let mut rest = text.trim().chars();
        let digit = rest.next()?.to_ascii_uppercase();
        let known = digit.is_ascii_digit() || "*#ABCD".contains(digit);
        (known && rest.next().is_none()).then_some(digit)
    };
    if kind.is("application", "dtmf") {
        return Some((key(&text)?, DTMF_MS));
    }
    if !kind.is("application", "dtmf-relay") {
        return None;
    }
    let field = |name: &str| {
        text.lines().find_map(|line| {
            let (found, value) = line.split_once('=')?;
            found.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let duration = field("duration").and_then(|value| value.parse().ok()).unwrap_or(DTMF_MS);
    Some((key(&field("signal")?)?, duration.min(10_000)))
}
