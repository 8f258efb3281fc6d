//! The client machines: INVITE (RFC 3261 17.1.1, RFC 6026 8.4) and all others (17.1.2).

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strowger_model::Mono;

use super::timer::{GIVE_UP_MS, T2_MS, T4_MS, TIMER_D_MS, Timer};
use super::{Fate, Output, Repeat, earlier, wire};
use crate::header::HeaderId;
use crate::lex::find_separator;
use crate::message::{Builder, Framing, Message};
use crate::method::Method;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    /// `Calling` of an INVITE, `Trying` of others.
    Calling,
    Proceeding,
    Completed,
    /// INVITE only (RFC 6026).
    Accepted,
    Terminated,
}

/// A request of ours and its responses.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClientTransaction {
    method: Method,
    method_text: Box<str>,
    branch: Box<str>,
    #[serde(with = "wire")]
    request: Arc<[u8]>,
    /// The ACK to a 300–699; empty before.
    #[serde(with = "wire")]
    ack: Arc<[u8]>,
    reliable: bool,
    state: State,
    resend: Option<Repeat>,
    end: Option<(Mono, Timer)>,
    outputs: VecDeque<Output>,
}

impl ClientTransaction {
    /// Begins with the request as it goes out; the first `Transmit` is queued.
    ///
    /// `reliable`: TCP, TLS or WebSocket.
    #[must_use]
    pub fn new(now: Mono, request: &Message, reliable: bool) -> Self {
        let method = request.method();
        let (again, give_up) =
            if method == Method::Invite { (Timer::A, Timer::B) } else { (Timer::E, Timer::F) };
        Self {
            method,
            method_text: request.method_text().into(),
            branch: request.branch().into(),
            request: request.bytes().clone(),
            ack: Arc::from([]),
            reliable,
            state: State::Calling,
            resend: (!reliable).then(|| Repeat::first(now, again)),
            end: Some((now.plus_ms(GIVE_UP_MS), give_up)),
            outputs: VecDeque::from([Output::Transmit(request.bytes().clone())]),
        }
    }

    /// Takes up an INVITE that another life of the process has sent: nothing is sent again, and a CANCEL may be.
    /// It has no end of its own before a final response: whoever takes it up has one.
    #[must_use]
    pub fn resumed(request: &Message, reliable: bool) -> Self {
        let fresh = Self::new(Mono::from_ms(0), request, reliable);
        Self { state: State::Proceeding, resend: None, end: None, outputs: VecDeque::new(), ..fresh }
    }

    /// Takes a response that [`ClientTransaction::matches`]; any other is absorbed.
    pub fn handle_response(&mut self, now: Mono, response: &Message) -> Fate {
        if !self.matches(response) {
            return Fate::Absorbed;
        }
        let status = response.status();
        match (self.state, self.method == Method::Invite) {
            (State::Calling | State::Proceeding, true) => self.invite_response(now, status, response),
            (State::Calling | State::Proceeding, false) => self.other_response(now, status),
            (State::Completed, true) if status >= 300 => {
                self.outputs.push_back(Output::Transmit(self.ack.clone()));
                Fate::Absorbed
            }
            (State::Accepted, _) if (200..300).contains(&status) => Fate::Deliver,
            _ => Fate::Absorbed,
        }
    }

    fn invite_response(&mut self, now: Mono, status: u16, response: &Message) -> Fate {
        self.resend = None;
        match status {
            0..200 => {
                self.state = State::Proceeding;
                self.end = None;
            }
            200..300 => {
                self.state = State::Accepted;
                self.end = Some((now.plus_ms(GIVE_UP_MS), Timer::M));
            }
            _ => {
                self.ack = self.build_ack(response);
                self.outputs.push_back(Output::Transmit(self.ack.clone()));
                self.complete(now, TIMER_D_MS, Timer::D);
            }
        }
        Fate::Deliver
    }

    fn other_response(&mut self, now: Mono, status: u16) -> Fate {
        if status >= 200 {
            self.complete(now, T4_MS, Timer::K);
        } else {
            self.state = State::Proceeding;
            // RFC 3261 17.1.2.2: in Proceeding the request repeats every T2.
            self.resend = self.resend.map(|repeat| Repeat { interval_ms: T2_MS, ..repeat });
        }
        Fate::Deliver
    }

    /// A final response came: wait out repetitions, where the transport has them.
    fn complete(&mut self, now: Mono, linger_ms: u64, timer: Timer) {
        self.resend = None;
        if self.reliable {
            self.terminate();
        } else {
            self.state = State::Completed;
            self.end = Some((now.plus_ms(linger_ms), timer));
        }
    }

    /// The transport could not send (RFC 3261 17.1.4).
    pub fn handle_transport_error(&mut self, _now: Mono) {
        if self.state != State::Terminated && self.state != State::Accepted {
            self.outputs.push_back(Output::TransportFailed);
            self.terminate();
        }
    }

    /// Does what is due; harmless when nothing is.
    pub fn handle_timeout(&mut self, now: Mono) {
        if let Some((at, timer)) = self.end
            && at <= now
        {
            if matches!(timer, Timer::B | Timer::F) {
                self.outputs.push_back(Output::TimedOut(timer));
            }
            self.terminate();
            return;
        }
        if let Some(repeat) = self.resend
            && repeat.at <= now
        {
            let cap_ms = if self.method == Method::Invite { u64::MAX } else { T2_MS };
            self.resend = Some(repeat.next(now, cap_ms));
            self.outputs.push_back(Output::Transmit(self.request.clone()));
        }
    }

    fn terminate(&mut self) {
        self.state = State::Terminated;
        self.resend = None;
        self.end = None;
        self.outputs.push_back(Output::Terminated);
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When `handle_timeout` has something to do, and which timer that is.
    #[must_use]
    pub fn deadline(&self) -> Option<(Mono, Timer)> {
        earlier(self.resend, self.end)
    }

    /// Nothing more will come.
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        self.state == State::Terminated
    }

    /// The request's method.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// The request's branch.
    #[must_use]
    pub fn branch(&self) -> &str {
        &self.branch
    }

    /// The request as sent.
    #[must_use]
    pub const fn request(&self) -> &Arc<[u8]> {
        &self.request
    }

    /// The response belongs to this transaction (RFC 3261 17.1.3).
    #[must_use]
    pub fn matches(&self, response: &Message) -> bool {
        !response.is_request()
            && response.branch() == &*self.branch
            && response.cseq_method_text() == &*self.method_text
    }

    /// A CANCEL may be sent: an INVITE with a provisional and without a final response (RFC 3261 9.1).
    #[must_use]
    pub fn can_cancel(&self) -> bool {
        self.method == Method::Invite && self.state == State::Proceeding
    }

    /// Writes the CANCEL of this request. It is a transaction of its own.
    pub fn cancel(&self, out: &mut Vec<u8>) {
        out.clear();
        if let Ok(request) = Message::parse(&self.request, Framing::Datagram) {
            let to = request.value(HeaderId::To).unwrap_or(b"");
            follow(&request, Method::Cancel, to, out);
        }
    }

    fn build_ack(&self, response: &Message) -> Arc<[u8]> {
        let mut out = Vec::with_capacity(512);
        if let Ok(request) = Message::parse(&self.request, Framing::Datagram) {
            let to = response.value(HeaderId::To).unwrap_or(b"");
            follow(&request, Method::Ack, to, &mut out);
        }
        Arc::from(out)
    }
}

/// ACK to a 300–699 or CANCEL: same URI, top Via, Route, From, Call-ID and CSeq number as the request
/// (RFC 3261 9.1, 17.1.1.3).
fn follow(request: &Message, method: Method, to: &[u8], out: &mut Vec<u8>) {
    let mut builder = Builder::request(out, method.as_str(), request.uri_text());
    let via = request.value(HeaderId::Via).unwrap_or(b"");
    builder.raw(b"Via", &via[..find_separator(via, b',').unwrap_or(via.len())]);
    builder.header(HeaderId::MaxForwards, 70);
    builder.copy(request, HeaderId::Route).copy(request, HeaderId::From).raw(b"To", to);
    builder.copy(request, HeaderId::CallId);
    builder.header(HeaderId::CSeq, format_args!("{} {method}", request.cseq())).finish();
}
