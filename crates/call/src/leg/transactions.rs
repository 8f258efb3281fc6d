//! The transactions of a leg, and how their outputs become transmissions and events.

use serde::{Deserialize, Serialize};
use strowger_model::{Mono, Now};
use strowger_sip::{ClientTransaction, Message, Method, Output, ServerTransaction, Unacknowledged};

use super::{Leg, LegEvent, Stage, wire};
use crate::hop::Hop;

/// What a request of ours is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Purpose {
    /// The INVITE that opens the leg.
    Invite,
    /// An INVITE within the dialog.
    Reinvite,
    /// CANCEL of the opening INVITE.
    Cancel,
    /// The end of a dialog.
    Bye,
    /// Is the party still there?
    Alive,
    /// INFO with a key.
    Info,
}

/// A request of ours.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Client {
    pub transaction: ClientTransaction,
    pub purpose: Purpose,
    pub to: Hop,
    /// A final response came.
    pub answered: bool,
}

impl Client {
    /// The opening INVITE.
    pub fn is_invite(&self) -> bool {
        self.purpose == Purpose::Invite
    }
}

/// A request of the party.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Server {
    pub transaction: ServerTransaction,
    pub cseq: u32,
    pub branch: Box<str>,
    /// Until its final response: what follows needs no more of it than the two fields above.
    #[serde(with = "wire::kept")]
    pub request: Option<Message>,
    pub reply: Hop,
}

impl Server {
    /// It waits for a final response of ours.
    pub fn is_open(&self) -> bool {
        self.transaction.last_status() < 200
    }
}

/// A 2xx of ours until its ACK.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Unacked {
    pub cseq: u32,
    pub reply: Hop,
    pub repeat: Unacknowledged,
}

/// How a request of ours failed below SIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    TimedOut,
    Transport,
}

impl Leg {
    /// When the earliest of the transactions has something to do.
    pub(super) fn transaction_deadlines(&self) -> Option<Mono> {
        let clients = self.clients.iter().filter_map(|client| client.transaction.deadline());
        let servers = self.servers.iter().filter_map(|server| server.transaction.deadline());
        let unacked = self.unacked.iter().filter_map(|unacked| unacked.repeat.deadline());
        clients.chain(servers).chain(unacked).map(|(at, _)| at).min()
    }

    pub(super) fn handle_transaction_timeouts(&mut self, now: Now) {
        for client in &mut self.clients {
            client.transaction.handle_timeout(now.mono);
        }
        for server in &mut self.servers {
            server.transaction.handle_timeout(now.mono);
        }
        if let Some(unacked) = &mut self.unacked {
            unacked.repeat.handle_timeout(now.mono);
        }
    }

    /// Moves what the transactions want to send to the output, and acts on their ends.
    pub(super) fn pump(&mut self, now: Now) {
        let mut faults = Vec::new();
        for client in &mut self.clients {
            while let Some(output) = client.transaction.poll_output() {
                match output {
                    Output::Transmit(bytes) => self.out.push_back((client.to, bytes)),
                    Output::TimedOut(_) => faults.push((client.purpose, Fault::TimedOut)),
                    Output::TransportFailed => faults.push((client.purpose, Fault::Transport)),
                    Output::Terminated => {}
                }
            }
        }
        for server in &mut self.servers {
            while let Some(output) = server.transaction.poll_output() {
                if let Output::Transmit(bytes) = output {
                    self.out.push_back((server.reply, bytes));
                }
            }
        }
        self.clients.retain(|client| !client.transaction.is_terminated());
        self.servers.retain(|server| !server.transaction.is_terminated());
        let unacknowledged = self.pump_unacked();
        for (purpose, fault) in faults {
            self.handle_fault(now, purpose, fault);
        }
        if unacknowledged {
            self.never_acknowledged(now);
        }
    }

    /// True when the 200 was given up on.
    fn pump_unacked(&mut self) -> bool {
        let Some(unacked) = &mut self.unacked else { return false };
        let mut given_up = false;
        while let Some(output) = unacked.repeat.poll_output() {
            match output {
                Output::Transmit(bytes) => self.out.push_back((unacked.reply, bytes)),
                _ => given_up = true,
            }
        }
        if given_up || unacked.repeat.is_done() {
            self.unacked = None;
        }
        given_up
    }

    fn handle_fault(&mut self, now: Now, purpose: Purpose, fault: Fault) {
        match (purpose, self.stage) {
            (Purpose::Invite, Stage::Early) => {
                let status = if fault == Fault::TimedOut { 408 } else { 503 };
                self.end_silently(status);
            }
            (Purpose::Invite, Stage::Leaving) => self.stage = Stage::Over,
            // RFC 3261 section 12.2.1.2: no answer within a dialog ends it.
            (Purpose::Reinvite | Purpose::Alive, Stage::Up) => {
                self.send_bye(now, Some(102));
                self.end_silently(408);
                self.pump(now);
            }
            _ => {}
        }
    }

    /// The leg is over without a word of the party.
    pub(super) fn end_silently(&mut self, status: u16) {
        self.finish(status, super::Ending::Silence, None);
    }

    /// The leg is over; said once.
    pub(super) fn finish(&mut self, status: u16, by: super::Ending, redirect: Option<String>) {
        self.alive_at = None;
        if matches!(self.stage, Stage::Early | Stage::Up) {
            self.stage = Stage::Over;
            self.events.push_back(LegEvent::Ended { status, by, redirect });
        } else {
            self.stage = Stage::Over;
        }
    }

    /// An INVITE or UPDATE, ours or the party's, has no final response yet.
    pub(super) fn has_open_invite(&self) -> bool {
        let theirs = self.servers.iter().any(|server| {
            server.is_open() && matches!(server.transaction.method(), Method::Invite | Method::Update)
        });
        theirs || self.clients.iter().any(|c| c.purpose == Purpose::Reinvite && !c.answered)
    }

    /// The request of the party that waits for our final response.
    pub(super) fn open_server(&self, wanted: &[Method]) -> Option<usize> {
        self.servers.iter().position(|s| s.is_open() && wanted.contains(&s.transaction.method()))
    }
}
