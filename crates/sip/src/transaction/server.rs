//! The server machines: INVITE (RFC 3261 17.2.1, RFC 6026 8.5) and all others (17.2.2).

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strowger_model::Mono;

use super::timer::{GIVE_UP_MS, T2_MS, T4_MS, Timer};
use super::{Fate, Output, Repeat, earlier, wire};
use crate::message::Message;
use crate::method::Method;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    /// `Trying` and `Proceeding`.
    Proceeding,
    Completed,
    /// INVITE only: the ACK to a 300–699 came.
    Confirmed,
    /// INVITE only: a 2xx was sent (RFC 6026). Repeating it is [`super::Unacknowledged`]'s.
    Accepted,
    Terminated,
}

/// A request of theirs and our responses.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServerTransaction {
    method: Method,
    reliable: bool,
    state: State,
    status: u16,
    /// The last response; empty before the first.
    #[serde(with = "wire")]
    response: Arc<[u8]>,
    resend: Option<Repeat>,
    end: Option<(Mono, Timer)>,
    outputs: VecDeque<Output>,
}

impl ServerTransaction {
    /// Begins with a request that no other transaction matched. The caller passes it up.
    ///
    /// `reliable`: TCP, TLS or WebSocket.
    #[must_use]
    pub fn new(_now: Mono, request: &Message, reliable: bool) -> Self {
        Self {
            method: request.method(),
            reliable,
            state: State::Proceeding,
            status: 0,
            response: Arc::from([]),
            resend: None,
            end: None,
            outputs: VecDeque::new(),
        }
    }

    /// Takes a further request with this transaction's key: its repetition, or its ACK.
    pub fn handle_request(&mut self, now: Mono, request: &Message) -> Fate {
        if request.method() == Method::Ack && self.method == Method::Invite {
            return self.handle_ack(now);
        }
        let answer = matches!(self.state, State::Proceeding | State::Completed);
        if answer && !self.response.is_empty() {
            self.outputs.push_back(Output::Transmit(self.response.clone()));
        }
        Fate::Absorbed
    }

    fn handle_ack(&mut self, now: Mono) -> Fate {
        match self.state {
            State::Accepted => Fate::Deliver,
            State::Completed => {
                self.resend = None;
                if self.reliable {
                    self.terminate();
                } else {
                    self.state = State::Confirmed;
                    self.end = Some((now.plus_ms(T4_MS), Timer::I));
                }
                Fate::Absorbed
            }
            _ => Fate::Absorbed,
        }
    }

    /// Sends a response. After a final one only further 2xx of an INVITE go out (RFC 6026 8.5).
    pub fn respond(&mut self, now: Mono, status: u16, response: impl Into<Arc<[u8]>>) {
        let invite = self.method == Method::Invite;
        match self.state {
            State::Proceeding => {}
            State::Accepted if (200..300).contains(&status) => {
                self.outputs.push_back(Output::Transmit(response.into()));
                return;
            }
            _ => return,
        }
        self.status = status;
        self.response = response.into();
        self.outputs.push_back(Output::Transmit(self.response.clone()));
        match status {
            0..200 => {}
            200..300 if invite => {
                self.state = State::Accepted;
                self.end = Some((now.plus_ms(GIVE_UP_MS), Timer::L));
            }
            _ if invite => {
                self.state = State::Completed;
                self.resend = (!self.reliable).then(|| Repeat::first(now, Timer::G));
                self.end = Some((now.plus_ms(GIVE_UP_MS), Timer::H));
            }
            _ if self.reliable => self.terminate(),
            _ => {
                self.state = State::Completed;
                self.end = Some((now.plus_ms(GIVE_UP_MS), Timer::J));
            }
        }
    }

    /// The transport could not send (RFC 3261 17.2.4). An accepted INVITE lives on.
    pub fn handle_transport_error(&mut self, _now: Mono) {
        if !matches!(self.state, State::Terminated | State::Accepted | State::Confirmed) {
            self.outputs.push_back(Output::TransportFailed);
            self.terminate();
        }
    }

    /// Does what is due; harmless when nothing is.
    pub fn handle_timeout(&mut self, now: Mono) {
        if let Some((at, timer)) = self.end
            && at <= now
        {
            if timer == Timer::H {
                self.outputs.push_back(Output::TimedOut(timer));
            }
            self.terminate();
            return;
        }
        if let Some(repeat) = self.resend
            && repeat.at <= now
        {
            self.resend = Some(repeat.next(now, T2_MS));
            self.outputs.push_back(Output::Transmit(self.response.clone()));
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

    /// The status of the last response; 0 before the first.
    #[must_use]
    pub const fn last_status(&self) -> u16 {
        self.status
    }
}
