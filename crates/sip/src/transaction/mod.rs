//! The four transaction machines of RFC 3261 17 with RFC 6026, in virtual time.
//!
//! A machine is a value: it is told what arrived or that time passed, and its outputs are polled. It owns
//! no socket and no timer; `deadline()` says when it wants to be called. Serialised, it is a leg's baggage.
//! Deliberately not here: the choice of transports, DNS, and timer C, which a B2BUA's ring time-out replaces.

mod client;
mod key;
mod server;
mod table;
mod timer;
mod unacknowledged;
mod wire;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strowger_model::Mono;

pub use client::ClientTransaction;
pub use key::TransactionKey;
pub use server::ServerTransaction;
pub use table::{Admission, MAX_TRANSACTIONS, ServerTable};
pub use timer::{GIVE_UP_MS, T1_MS, T2_MS, T4_MS, TIMER_D_MS, Timer};
pub use unacknowledged::Unacknowledged;

/// What becomes of the message that was handed to a machine.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is news: pass it up.
    Deliver,
    /// A retransmission, or an acknowledgement that concerns the transaction alone.
    Absorbed,
}

/// What a machine wants done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// Send these bytes to the transaction's peer.
    Transmit(#[serde(with = "wire")] Arc<[u8]>),
    /// The peer did not answer in time: for a client as a 408 (RFC 3261 8.1.3.1). Followed by `Terminated`.
    TimedOut(Timer),
    /// The transport failed: for a client as a 503. Followed by `Terminated`.
    TransportFailed,
    /// Nothing more will come; the machine can be dropped.
    Terminated,
}

/// A repeated action: when next, and how long the interval is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Repeat {
    at: Mono,
    interval_ms: u64,
    timer: Timer,
}

impl Repeat {
    fn first(now: Mono, timer: Timer) -> Self {
        Self { at: now.plus_ms(T1_MS), interval_ms: T1_MS, timer }
    }

    /// The next one, the interval doubled up to `cap_ms`.
    fn next(self, now: Mono, cap_ms: u64) -> Self {
        let interval_ms = self.interval_ms.saturating_mul(2).min(cap_ms);
        Self { at: now.plus_ms(interval_ms), interval_ms, timer: self.timer }
    }
}

/// The earlier of a repetition and an end.
fn earlier(repeat: Option<Repeat>, end: Option<(Mono, Timer)>) -> Option<(Mono, Timer)> {
    let repeat = repeat.map(|r| (r.at, r.timer));
    match (repeat, end) {
        (Some(a), Some(b)) => Some(if a.0 < b.0 { a } else { b }),
        (one, other) => one.or(other),
    }
}
