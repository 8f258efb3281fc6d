//! Who owns what: the indexes and the timer queue, brought in line after each piece of work.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use strowger_model::{AccountId, CallId, LegId, Now, SlotId};

use super::{Calls, Entry, Owner, Retired};
use crate::call::{Call, Context};
use crate::env::Env;
use crate::input::{CallOutput, LineState};
use crate::leg::Leg;
use crate::lines::Lines;

impl Calls {
    /// Takes a new call in and lets it begin.
    pub(super) fn begin(
        &mut self,
        now: Now,
        id: CallId,
        call: Call,
        env: &mut dyn Env,
        start: impl FnOnce(&mut Call, &mut Context<'_>),
    ) {
        let entry = Entry {
            call: Box::new(call),
            deadline: None,
            legs: BTreeSet::new(),
            slots: BTreeSet::new(),
            lines: BTreeMap::new(),
        };
        self.calls.insert(id, entry);
        self.with(now, id, env, start);
    }

    /// Lets a call work on something, and clears up behind it.
    pub(super) fn with(
        &mut self,
        now: Now,
        id: CallId,
        env: &mut dyn Env,
        work: impl FnOnce(&mut Call, &mut Context<'_>),
    ) {
        if !self.calls.contains_key(&id) {
            return;
        }
        // From here on: what panics while the call is being prepared is the call's end too.
        self.running = Some(id);
        let full = self.calls.len() > env.settings().max_calls;
        let Some(entry) = self.calls.get_mut(&id) else { return };
        let lines = (&self.lines, &entry.lines);
        let mut context = context(now, env, (&mut self.out, &mut self.sequence), lines, full);
        work(&mut entry.call, &mut context);
        let retired = context.retired;
        self.running = None;
        self.retire(retired);
        self.tidy(id);
    }

    /// Lets a leg without a call work. It is taken out meanwhile: if it panics it is gone.
    pub(super) fn with_retired(&mut self, id: LegId, work: impl FnOnce(&mut Leg)) {
        let Some(mut retired) = self.retired.remove(&id) else { return };
        if let Some(at) = retired.deadline.take() {
            self.timers.remove(&(at, Owner::Retired(id)));
        }
        work(&mut retired.leg);
        self.retire(vec![*retired.leg]);
    }

    /// Keeps legs until nothing is left of them.
    pub(super) fn retire(&mut self, legs: Vec<Leg>) {
        for mut leg in legs {
            let id = leg.id();
            while let Some((to, bytes)) = leg.poll_transmit() {
                self.out.push_back(CallOutput::Transmit { to, bytes });
            }
            // Nobody is left who would hear them.
            while leg.poll_event().is_some() {}
            if leg.is_gone() {
                if let Some(key) = self.invite_of.remove(&id) {
                    self.invites.remove(&key);
                }
                continue;
            }
            leg.slim();
            let deadline = leg.deadline();
            if let Some(at) = deadline {
                self.timers.insert((at, Owner::Retired(id)));
            }
            self.retired.insert(id, Retired { leg: Box::new(leg), deadline });
        }
    }

    /// Brings the indexes in line with a call, and drops it when it is over.
    pub(super) fn tidy(&mut self, id: CallId) {
        let Some(entry) = self.calls.get_mut(&id) else { return };
        let legs: BTreeSet<LegId> = entry.call.legs().collect();
        let slots: BTreeSet<SlotId> = entry.call.slots().collect();
        for gone in entry.legs.difference(&legs) {
            self.legs.remove(gone);
        }
        for new in legs.difference(&entry.legs) {
            self.legs.insert(*new, id);
        }
        for gone in entry.slots.difference(&slots) {
            self.slots.remove(gone);
        }
        for new in slots.difference(&entry.slots) {
            self.slots.insert(*new, id);
        }
        (entry.legs, entry.slots) = (legs, slots);
        let lines = entry.call.lines();
        for (account, state) in self.lines.change(&entry.lines, &lines) {
            self.out.push_back(CallOutput::Line { account, state });
        }
        entry.lines = lines;
        let deadline = entry.call.deadline();
        if deadline != entry.deadline {
            if let Some(at) = entry.deadline {
                self.timers.remove(&(at, Owner::Call(id)));
            }
            if let Some(at) = deadline {
                self.timers.insert((at, Owner::Call(id)));
            }
            entry.deadline = deadline;
        }
        if entry.call.is_gone()
            && let Some(entry) = self.calls.remove(&id)
        {
            self.forget_indexes(id, &entry);
        }
    }

    /// Legs that were lost in a panic have no transactions any more.
    pub(super) fn forget_lost_invites(&mut self) {
        let (legs, retired) = (&self.legs, &self.retired);
        self.invite_of.retain(|leg, _| legs.contains_key(leg) || retired.contains_key(leg));
        let invite_of = &self.invite_of;
        self.invites.retain(|_, leg| invite_of.contains_key(leg));
    }

    pub(super) fn forget_indexes(&mut self, id: CallId, entry: &Entry) {
        for leg in &entry.legs {
            self.legs.remove(leg);
        }
        for slot in &entry.slots {
            self.slots.remove(slot);
        }
        if let Some(at) = entry.deadline {
            self.timers.remove(&(at, Owner::Call(id)));
        }
    }
}

pub(super) fn context<'a>(
    now: Now,
    env: &'a mut dyn Env,
    (out, sequence): (&'a mut VecDeque<CallOutput>, &'a mut u64),
    (lines, own_lines): (&'a Lines, &'a BTreeMap<AccountId, LineState>),
    full: bool,
) -> Context<'a> {
    Context { now, env, out, sequence, lines, own_lines, full, retired: Vec::new() }
}
