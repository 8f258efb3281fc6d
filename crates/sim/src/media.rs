//! The media engine as the switch sees it: slots are handed out, claimed, freed, rest and come again. Who speaks is
//! asked of the parties, so that silence is reported where there is silence.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use strowger_model::SlotId;
use strowger_model::media::{MediaEvent, MediaOrder, MediaRefusal, Remote, Slot, SlotStats};

/// How long a freed pair rests, in microseconds.
const REST_US: u64 = 10_000_000;
/// The first port of the range.
const FIRST_PORT: u16 = 20_000;

/// A pair in use.
#[derive(Debug)]
struct InUse {
    remote: Remote,
    heard_at: u64,
    reported: bool,
}

/// What a pair does.
#[derive(Debug)]
enum State {
    /// Handed to the shard, not claimed.
    Ready,
    InUse(Box<InUse>),
    Resting(u64),
}

/// The engine.
#[derive(Debug)]
pub struct Media {
    slots: BTreeMap<u32, (u32, State)>,
}

impl Media {
    /// An engine with so many pairs, and the event that hands them out.
    #[must_use]
    pub fn new(pairs: u32, generation: u32) -> (Self, MediaEvent) {
        let slots: BTreeMap<u32, (u32, State)> =
            (0..pairs).map(|i| (i, (generation, State::Ready))).collect();
        let event = MediaEvent::Slots { slots: slots.iter().map(|(i, (g, _))| slot(*i, *g)).collect() };
        (Self { slots }, event)
    }

    /// Performs an order and answers where that is due.
    ///
    /// # Errors
    /// The switch gave an order that it may never give.
    pub fn perform(&mut self, now: u64, order: &MediaOrder) -> Result<Option<MediaEvent>, String> {
        let id = slot_of(order);
        let Some((generation, state)) = self.slots.get_mut(&id.index) else {
            return Err(format!("an order for a slot that does not exist: {order:?}"));
        };
        if *generation != id.generation {
            return Err(format!("an order for a slot that was freed: {order:?}"));
        }
        match (order, state) {
            (MediaOrder::Claim { remote, .. }, State::InUse(used)) => {
                (used.heard_at, used.reported) = (now, false);
                used.remote = (**remote).clone();
            }
            (MediaOrder::Claim { remote, .. }, state @ State::Ready) => {
                let remote = (**remote).clone();
                *state = State::InUse(Box::new(InUse { remote, heard_at: now, reported: false }));
            }
            (MediaOrder::Free { .. }, state @ (State::Ready | State::InUse(_))) => {
                *state = State::Resting(now + REST_US);
                *generation += 1;
                return Ok(Some(MediaEvent::Stats { slot: id, stats: SlotStats::default() }));
            }
            (MediaOrder::Tap { .. } | MediaOrder::Mix { .. } | MediaOrder::Secure { .. }, _) => {
                let why = MediaRefusal::NotAvailable;
                return Ok(Some(MediaEvent::Refused { slot: id, why }));
            }
            // Nothing was joined to a pair that is not in use: parting it changes nothing.
            (_, State::InUse(_)) | (MediaOrder::Patch { to: None, .. }, State::Ready) => {}
            (order, state) => return Err(format!("{order:?} for a slot that is {state:?}")),
        }
        Ok(None)
    }

    /// What the engine reports by itself: silences, and pairs that have rested.
    pub fn tick(&mut self, now: u64, speaks: impl Fn(SocketAddr) -> bool) -> Vec<MediaEvent> {
        let mut events = Vec::new();
        let mut rested = Vec::new();
        for (index, (generation, state)) in &mut self.slots {
            match state {
                State::Ready => {}
                State::Resting(until) if *until <= now => {
                    *state = State::Ready;
                    rested.push(slot(*index, *generation));
                }
                State::Resting(_) => {}
                State::InUse(used) => {
                    let silent_us = used.remote.silent_ms.map(|ms| u64::from(ms) * 1000);
                    if !used.remote.receive || used.remote.rtp.is_some_and(&speaks) {
                        (used.heard_at, used.reported) = (now, false);
                    } else if silent_us.is_some_and(|limit| now - used.heard_at >= limit) && !used.reported {
                        used.reported = true;
                        events.push(MediaEvent::Silent { slot: slot(*index, *generation).id });
                    }
                }
            }
        }
        if !rested.is_empty() {
            events.push(MediaEvent::Slots { slots: rested });
        }
        events
    }

    /// All pairs.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.slots.len()
    }

    /// Pairs that a call has.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.slots.values().filter(|(_, state)| matches!(state, State::InUse(_))).count()
    }

    /// Pairs that the shard must have in its pool, as long as it has taken none.
    #[must_use]
    pub fn ready(&self) -> usize {
        self.slots.values().filter(|(_, state)| matches!(state, State::Ready)).count()
    }
}

fn slot(index: u32, generation: u32) -> Slot {
    let port = FIRST_PORT + 2 * u16::try_from(index).unwrap_or(0);
    Slot { id: SlotId { thread: 0, index, generation }, rtp_port: port }
}

const fn slot_of(order: &MediaOrder) -> SlotId {
    match order {
        MediaOrder::Claim { slot, .. }
        | MediaOrder::Patch { from: slot, .. }
        | MediaOrder::Source { slot, .. }
        | MediaOrder::Tap { slot, .. }
        | MediaOrder::Mix { slot, .. }
        | MediaOrder::Secure { slot, .. }
        | MediaOrder::Free { slot } => *slot,
    }
}
