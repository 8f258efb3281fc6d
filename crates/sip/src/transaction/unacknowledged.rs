//! Repeating a response until it is acknowledged: a 2xx to INVITE until its ACK (RFC 3261 13.3.1.4), a
//! reliable provisional one until its PRACK (RFC 3262 3). Both repeat over every transport.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strowger_model::Mono;

use super::timer::{GIVE_UP_MS, T2_MS, Timer};
use super::{Output, Repeat, earlier, wire};

/// A response that waits for its acknowledgement. Sending it the first time is the transaction's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Unacknowledged {
    #[serde(with = "wire")]
    response: Arc<[u8]>,
    cap_ms: u64,
    repeat: Option<Repeat>,
    end: Option<(Mono, Timer)>,
    outputs: Vec<Output>,
}

impl Unacknowledged {
    /// A 2xx to an INVITE: T1 doubling up to T2. Without an ACK after 64 × T1 the core sends BYE.
    #[must_use]
    pub fn answer(now: Mono, response: impl Into<Arc<[u8]>>) -> Self {
        Self::new(now, response.into(), T2_MS)
    }

    /// A reliable provisional response: T1 doubling. Without a PRACK after 64 × T1 the core refuses with 5xx.
    #[must_use]
    pub fn provisional(now: Mono, response: impl Into<Arc<[u8]>>) -> Self {
        Self::new(now, response.into(), u64::MAX)
    }

    fn new(now: Mono, response: Arc<[u8]>, cap_ms: u64) -> Self {
        Self {
            response,
            cap_ms,
            repeat: Some(Repeat::first(now, Timer::G)),
            end: Some((now.plus_ms(GIVE_UP_MS), Timer::H)),
            outputs: Vec::new(),
        }
    }

    /// The ACK or PRACK came.
    pub fn acknowledge(&mut self) {
        self.repeat = None;
        self.end = None;
        self.outputs.clear();
    }

    /// Does what is due; harmless when nothing is.
    pub fn handle_timeout(&mut self, now: Mono) {
        if self.end.is_some_and(|(at, _)| at <= now) {
            self.acknowledge();
            self.outputs.push(Output::TimedOut(Timer::H));
        } else if let Some(repeat) = self.repeat.filter(|repeat| repeat.at <= now) {
            self.repeat = Some(repeat.next(now, self.cap_ms));
            self.outputs.push(Output::Transmit(self.response.clone()));
        }
    }

    /// The next thing to do: `Transmit`, or `TimedOut` at the end of patience.
    pub fn poll_output(&mut self) -> Option<Output> {
        if self.outputs.is_empty() { None } else { Some(self.outputs.remove(0)) }
    }

    /// When `handle_timeout` has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<(Mono, Timer)> {
        earlier(self.repeat, self.end)
    }

    /// Acknowledged or given up.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.end.is_none()
    }
}
