//! The invariants of `docs`' reliability rules, each looked at as soon as it can be.

use std::collections::BTreeSet;

use strowger_model::cdr::{Cdr, EndedBy};
use strowger_model::event::{CallChanged, CallStep};
use strowger_model::payment::{ChargeKind, MoneyEvent, MoneyOrder};
use strowger_model::{Amount, CallId};

use crate::agent::Stage;
use crate::bank::Recovered;
use crate::observer::Truth;
use crate::panics;
use crate::town::expected_cost;
use crate::world::{Event, SECOND, World};

/// A record's duration may be off by so much, in milliseconds.
const TOLERANCE_MS: u64 = 20;
/// The grain of the timers.
const TICK_MS: u64 = 10;
/// What a crash may take from a duration: one slice and the way to the store, in milliseconds.
const SLICE_MS: u64 = 60_000 + 4_000;
/// A hold may outlive its call by so much, in microseconds.
const GRACE_US: u64 = 15 * SECOND;
/// A party that is there hears of the end of its call within so much, in microseconds.
const FAREWELL_US: u64 = 45 * SECOND;

/// Something to look at later.
#[derive(Debug, Clone)]
pub enum Check {
    /// I4: the call reserves nothing any more.
    NothingHeld(CallId),
    /// Nobody believes to be in a conversation with these Call-IDs.
    NobodyTalks(Vec<String>),
    /// Nobody is called in one of these.
    NobodyRings(Vec<String>),
}

impl World {
    /// A step of a call was announced.
    pub(crate) fn changed(&mut self, changed: &CallChanged) {
        self.note(&format!("call {}: {:?}", changed.call, changed.what));
        match changed.what {
            CallStep::Started { .. } => self.report.calls += 1,
            CallStep::Dialling { leg, .. } => {
                self.dialled.insert(changed.call);
                let held = self.bank.open_legs().any(|(_, call)| call == changed.call);
                if !held && changed.call.epoch() == self.bank.epoch {
                    self.fail(format!("leg {leg} of call {} is dialled without a hold", changed.call));
                }
            }
            CallStep::Ended { .. } => {
                self.ended.insert(changed.call, self.now);
                self.after(GRACE_US, Event::Check(Check::NothingHeld(changed.call)));
            }
            _ => {}
        }
    }

    /// An order was carried out.
    pub(crate) fn committed(&mut self, order: &MoneyOrder, answer: &MoneyEvent) {
        match (order, answer) {
            (MoneyOrder::Settle { cdr, charges, .. }, MoneyEvent::Settled { .. }) => {
                self.report.records += 1;
                let charged =
                    charges.iter().any(|c| c.kind == ChargeKind::Enduser && c.amount > Amount::ZERO);
                self.report.charged += u64::from(charged);
                self.check_record(cdr);
                self.nobody_talks(vec![cdr.sip_call_id.clone(), cdr.sip_call_id_b.clone()]);
            }
            (
                MoneyOrder::Extend { journal, .. } | MoneyOrder::Hold { journal, .. },
                MoneyEvent::Held { .. },
            ) if self.dice.chance(300) => {
                for leg in &journal.legs {
                    self.move_leg(leg);
                }
            }
            _ => {}
        }
    }

    /// Duration and cost of a record that the switch wrote.
    fn check_record(&mut self, cdr: &Cdr) {
        let truth = self.observer.truth(cdr, self.now);
        self.note(&format!(
            "record {} {} ms, true {truth:?}, {}",
            cdr.leg, cdr.duration_ms, cdr.cost_enduser
        ));
        if cdr.status == 200 {
            self.report.answered += 1;
        }
        match truth {
            _ if self.noise > 0 => {}
            // The call failed with the connection it rang on; that it was answered on the next one came too late.
            Truth::Lasted(_) if cdr.duration_ms == 0 && !self.flows.cut.is_empty() => {}
            // The order took its time to the store, so a conversation that nobody ended seems longer.
            Truth::Lasted(true_ms) if cdr.duration_ms.abs_diff(true_ms) > TOLERANCE_MS => {
                let what = format!("record {} says {} ms, the wire {true_ms} ms", cdr.leg, cdr.duration_ms);
                self.fail(what);
            }
            Truth::Unanswered if cdr.duration_ms > 0 => {
                self.fail(format!("record {} says {} ms, but nobody answered", cdr.leg, cdr.duration_ms));
            }
            _ => {}
        }
        self.check_cost(cdr);
    }

    /// The enduser's price, calculated by hand.
    fn check_cost(&mut self, cdr: &Cdr) {
        let paid = cdr.cost_enduser;
        let expected = match (cdr.status, cdr.server) {
            (200, Some(_)) if cdr.duration_ms > 0 => expected_cost(&cdr.sent, cdr.duration_ms),
            (200, _) => return,
            _ => Some(Amount::ZERO),
        };
        // Whoever is cut at the end of credit does not pay for the timer's being late; nor who hangs up in that moment.
        let late_ms = if cdr.ended_by == EndedBy::Server { TOLERANCE_MS } else { TICK_MS };
        let cut = expected_cost(&cdr.sent, cdr.duration_ms.saturating_sub(late_ms)) == Some(paid);
        if expected.is_some_and(|expected| expected != paid) && cdr.payer.is_some() && !cut {
            let ms = cdr.duration_ms;
            self.fail(format!(
                "record {} to {} of {ms} ms costs {paid}, not {expected:?}",
                cdr.leg, cdr.sent
            ));
        }
    }

    /// I7: what recovery wrote.
    pub(crate) fn check_recovered(&mut self, recovered: &[Recovered]) {
        for call in recovered {
            self.report.records += 1;
            self.report.recovered += 1;
            let written = call.cdr.duration_ms;
            if let Truth::Lasted(true_ms) = self.observer.truth(&call.cdr, self.now)
                && self.noise == 0
                && !(true_ms.saturating_sub(SLICE_MS)..=true_ms + 1000).contains(&written)
            {
                self.fail(format!(
                    "I7: recovered record {} says {written} ms, truth {true_ms} ms",
                    call.cdr.leg
                ));
            }
        }
        if let Err(what) = self.bank.check() {
            self.fail(what);
        }
    }

    /// From a while after this on, nobody may believe to be in these calls.
    pub(crate) fn nobody_talks(&mut self, call_ids: Vec<String>) {
        if self.noise > 0 {
            return;
        }
        self.after(FAREWELL_US, Event::Check(Check::NobodyTalks(call_ids)));
    }

    /// From a while after this on, nobody may be called in these calls.
    pub(crate) fn nobody_rings(&mut self, call_ids: Vec<String>) {
        if self.noise == 0 {
            self.after(FAREWELL_US, Event::Check(Check::NobodyRings(call_ids)));
        }
    }

    pub(crate) fn check(&mut self, check: Check) {
        match check {
            Check::NobodyRings(call_ids) => {
                let rings = |(index, agent): &(usize, &crate::agent::Agent)| {
                    let called = |talk: &crate::agent::Talk| talk.stage == Stage::Opening && !talk.outgoing;
                    agent.alive
                        && !self.flows.cut.contains(index)
                        && agent.talks.iter().any(|talk| called(talk) && call_ids.contains(&talk.call_id))
                };
                if let Some((_, agent)) = self.agents.iter().enumerate().find(rings) {
                    let what = format!("{} still rings in one of {call_ids:?}", agent.name);
                    self.fail(what);
                }
            }
            Check::NothingHeld(call) => {
                let open = self.bank.open_legs().find(|(_, of)| *of == call);
                if let Some((leg, _)) = open {
                    self.fail(format!("I4: leg {leg} of call {call} holds though the call is over"));
                }
            }
            Check::NobodyTalks(call_ids) => {
                let since = self.now - FAREWELL_US;
                let talks = |(index, agent): &(usize, &crate::agent::Agent)| {
                    agent.alive
                        && !self.flows.cut.contains(index)
                        && agent.talks.iter().any(|talk| {
                            talk.stage == Stage::Up
                                && call_ids.contains(&talk.call_id)
                                && talk.up_at.is_some_and(|at| at <= since)
                        })
                };
                if let Some((_, agent)) = self.agents.iter().enumerate().find(talks) {
                    let what = format!("{} still talks in one of {call_ids:?}", agent.name);
                    self.fail(what);
                }
            }
        }
    }

    /// I2, I4, I6, I8: what must hold when everything is over.
    pub(crate) fn check_end(&mut self) {
        let statistics = self.shard.statistics();
        let live = self.live_calls();
        self.report.panics = u64::from(panics::asked_for());
        let (in_use, ready) = (self.media.in_use(), self.media.ready() as u64);
        let unpaid = self.bank.granted.keys().find(|leg| !self.bank.settled.contains_key(leg)).copied();
        let held = self.bank.open_legs().next();
        let stranger = self.upstream.iter().map(|id| format!("trunk{}", id.0 - 10)).find(|name| {
            let of_name = |agent: &&crate::agent::Agent| agent.name == *name && agent.alive;
            self.agents.iter().find(of_name).is_some_and(|agent| !agent.knows_switch)
        });
        let recorded: BTreeSet<CallId> = self.bank.settled.values().map(|settled| settled.cdr.call).collect();
        // A crash between giving a hold back and asking for the next one leaves nothing to settle.
        let unrecorded = self.dialled.difference(&recorded).next().filter(|_| self.deaths.is_empty());
        let what = match () {
            () if stranger.is_some() && self.noise == 0 => format!("nobody registered at {stranger:?}"),
            () if !live.is_empty() => format!("I8: calls are left: {live:?}"),
            () if !self.shard.is_idle() => "I8: transactions or timers of calls are left".to_owned(),
            () if statistics.slots_used != 0 => format!("I8: {} slots are in use", statistics.slots_used),
            () if in_use != 0 => format!("I8: {in_use} slots were not freed"),
            () if statistics.slots_ready != ready => {
                format!("I8: {} slots are in the pool, {ready} were handed out", statistics.slots_ready)
            }
            () if held.is_some() => format!("I4: {held:?} is held at the end"),
            () if unrecorded.is_some() => format!("I2: call {unrecorded:?} was dialled and has no record"),
            () if self.silences() > 0 => "an INVITE was not answered at all".to_owned(),
            () if unpaid.is_some() => format!("I2: leg {unpaid:?} has no record"),
            () => match self.check_books() {
                Ok(()) => return,
                Err(what) => what,
            },
        };
        self.fail(what);
    }

    /// INVITEs that heard nothing, where neither network nor crash can be the reason.
    fn silences(&self) -> usize {
        let lost = self.badness > 0 || self.noise > 0 || !self.flows.cut.is_empty();
        let excused = lost || !self.deaths.is_empty();
        if excused { 0 } else { self.agents.iter().map(|agent| agent.silences).sum() }
    }

    /// The books once more, as they are, after a replay, and as the real store has them.
    fn check_books(&mut self) -> Result<(), String> {
        self.bank.replay()?;
        self.bank.check()?;
        self.durable.as_ref().map_or(Ok(()), |store| store.compare(&self.bank))
    }
}
