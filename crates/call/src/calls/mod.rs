//! The calls of one shard: who owns which message, one timer for all, and the clearing away of what is over.
//!
//! A call that panics can be [abandoned](Calls::abandon) without the others: the collection names the call it
//! is working on, and keeps no state about it that the call itself has to put right.

mod index;
mod inputs;
mod orders;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use strowger_model::{AccountId, CallId, LegId, Mono, Now, ShardId, SlotId};
use strowger_sip::{Message, Method, TransactionKey};

use crate::call::{Call, NotAudible, Voices};
use crate::env::Env;
use crate::ids;
use crate::input::{Belongs, CallInput, CallOutput, CallRating, CallView, LineState};
use crate::leg::{Leg, NotASnapshot};
use crate::lines::Lines;
use index::context;

/// Serving one deadline may make another one due; a deadline that stays in the past holds up nobody for longer.
const MAX_ROUNDS: usize = 8;

/// Who has something to do at a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Call(CallId),
    Retired(LegId),
}

/// A call and what the collection's indexes say of it.
#[derive(Debug)]
struct Entry {
    call: Box<Call>,
    deadline: Option<Mono>,
    legs: BTreeSet<LegId>,
    slots: BTreeSet<SlotId>,
    lines: BTreeMap<AccountId, LineState>,
}

/// A leg without a call, until its transactions have run out.
#[derive(Debug)]
struct Retired {
    leg: Box<Leg>,
    deadline: Option<Mono>,
}

/// The calls of one shard.
#[derive(Debug)]
pub struct Calls {
    shard: ShardId,
    calls: BTreeMap<CallId, Entry>,
    retired: BTreeMap<LegId, Retired>,
    legs: BTreeMap<LegId, CallId>,
    slots: BTreeMap<SlotId, CallId>,
    /// INVITEs that opened legs: their repetitions and CANCELs carry no tag of ours.
    invites: BTreeMap<TransactionKey, LegId>,
    invite_of: BTreeMap<LegId, TransactionKey>,
    timers: BTreeSet<(Mono, Owner)>,
    lines: Lines,
    out: VecDeque<CallOutput>,
    sequence: u64,
    running: Option<CallId>,
}

impl Calls {
    /// No calls yet.
    #[must_use]
    pub const fn new(shard: ShardId) -> Self {
        Self {
            shard,
            calls: BTreeMap::new(),
            retired: BTreeMap::new(),
            legs: BTreeMap::new(),
            slots: BTreeMap::new(),
            invites: BTreeMap::new(),
            invite_of: BTreeMap::new(),
            timers: BTreeSet::new(),
            lines: Lines::new(),
            out: VecDeque::new(),
            sequence: 0,
            running: None,
        }
    }

    /// Takes an input in; drain [`Calls::poll_output`] afterwards.
    pub fn handle_input(&mut self, now: Now, input: CallInput, env: &mut dyn Env) {
        self.running = None;
        match input {
            CallInput::Sip { message, from } => self.handle_sip(now, &message, from, env),
            CallInput::Invite { message, from, caller, trunk, called } => {
                self.handle_invite(now, &message, from, (caller, trunk, called), env);
            }
            CallInput::Media(event) => self.handle_media(now, &event, env),
            CallInput::Money(event) => self.handle_money(now, &event, env),
            CallInput::Order { token, order } => self.handle_order(now, token, order, env),
            CallInput::Adopt { snapshot } => self.handle_adopt(now, &snapshot),
            CallInput::FlowClosed(flow) => self.handle_flow_closed(now, flow, env),
            CallInput::SendFailed { branch, .. } => {
                let Some(leg) = ids::leg_of_branch(&branch) else { return };
                if let Some(id) = self.legs.get(&leg).copied() {
                    self.with(now, id, env, |call, context| {
                        call.handle_send_failed(context, leg, &branch);
                    });
                } else {
                    self.with_retired(leg, |leg| leg.handle_send_failed(now, &branch));
                }
            }
        }
    }

    /// Whatever is due. Harmless when early.
    pub fn handle_timeout(&mut self, now: Now, env: &mut dyn Env) {
        self.running = None;
        for _ in 0..MAX_ROUNDS {
            let due: Vec<(Mono, Owner)> =
                self.timers.iter().take_while(|(at, _)| *at <= now.mono).copied().collect();
            if due.is_empty() {
                return;
            }
            for (at, owner) in due {
                self.serve(now, at, owner, env);
            }
        }
    }

    /// The next thing to do for the driver.
    pub fn poll_output(&mut self) -> Option<CallOutput> {
        self.out.pop_front()
    }

    /// When [`Calls::handle_timeout`] has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Mono> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Whose a message is.
    #[must_use]
    pub fn belongs(&self, message: &Message) -> Belongs {
        let known = |leg: Option<LegId>| {
            leg.filter(|leg| self.legs.contains_key(leg) || self.retired.contains_key(leg))
        };
        let belongs = |leg: Option<LegId>, otherwise: Belongs| known(leg).map_or(otherwise, Belongs::Leg);
        if !message.is_request() {
            return belongs(ids::leg_of_branch(message.branch()), Belongs::Stray);
        }
        let tagged = !message.to_tag().is_empty();
        let invite = || self.invites.get(&TransactionKey::of_request(message)).copied();
        match message.method() {
            Method::Ack if !tagged => belongs(invite(), Belongs::Stray),
            Method::Ack => belongs(ids::leg_of_tag(message.to_tag()), Belongs::Stray),
            Method::Cancel => {
                let cancelled = TransactionKey::of_cancelled(message);
                let open = self.invites.get(&cancelled).copied();
                belongs(open.or_else(|| ids::leg_of_tag(message.to_tag())), Belongs::NoSuchDialog)
            }
            _ if tagged => belongs(ids::leg_of_tag(message.to_tag()), Belongs::NoSuchDialog),
            Method::Invite => belongs(invite(), Belongs::NewInvite),
            Method::Bye | Method::Prack | Method::Info | Method::Update => Belongs::NoSuchDialog,
            _ => Belongs::NotOurs,
        }
    }

    /// The call that was being worked on when a panic came through [`Calls::handle_input`] or
    /// [`Calls::handle_timeout`].
    #[must_use]
    pub const fn running(&self) -> Option<CallId> {
        self.running
    }

    /// Ends a call that cannot be trusted any more: slots freed, settled to this moment, BYE on both legs.
    pub fn abandon(&mut self, now: Now, call: CallId, env: &mut dyn Env) {
        self.running = None;
        let Some(mut entry) = self.calls.remove(&call) else { return };
        self.forget_indexes(call, &entry);
        let lines = (&self.lines, &entry.lines);
        let mut context = context(now, env, (&mut self.out, &mut self.sequence), lines, false);
        entry.call.abandon(&mut context);
        let retired = context.retired;
        entry.deadline = None;
        entry.legs.clear();
        entry.slots.clear();
        self.calls.insert(call, entry);
        self.retire(retired);
        self.tidy(call);
        self.forget_lost_invites();
    }

    /// Every leg goes through its snapshot, as if it moved to another shard: for tests of the snapshot's
    /// completeness.
    ///
    /// # Errors
    /// The first leg that could not be read back.
    pub fn readopt(&mut self) -> Result<(), NotASnapshot> {
        self.retired.values_mut().try_for_each(|retired| retired.leg.readopt())?;
        self.calls.values_mut().try_for_each(|entry| entry.call.readopt())
    }

    /// Calls that are not settled yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// No call, no leg whose transactions have to run out, no timer, no slot.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
            && self.retired.is_empty()
            && self.timers.is_empty()
            && self.legs.is_empty()
            && self.slots.is_empty()
            && self.invites.is_empty()
            && self.invite_of.is_empty()
            && self.lines.is_empty()
    }

    /// What is left beside calls, in words: for messages of tests and of the heartbeat.
    #[must_use]
    pub fn leftovers(&self) -> Vec<String> {
        let legs = self.retired.iter().map(|(id, retired)| {
            format!("leg {id}: {:?}, due {:?}, {}", retired.leg.stage(), retired.deadline, retired.leg.open())
        });
        let counts = [
            ("legs", self.legs.len()),
            ("slots", self.slots.len()),
            ("timers", self.timers.len()),
            ("invites", self.invites.len().max(self.invite_of.len())),
        ];
        let counts = counts.iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{what}: {n}"));
        legs.chain(counts).collect()
    }

    /// Slots in use.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The shard that the calls live on.
    #[must_use]
    pub const fn shard(&self) -> ShardId {
        self.shard
    }

    /// All calls as shown to operators.
    #[must_use]
    pub fn list(&self, now: Now) -> Vec<CallView> {
        self.calls.values().map(|entry| entry.call.view(now)).collect()
    }

    /// One call as shown to operators.
    #[must_use]
    pub fn get(&self, now: Now, call: CallId) -> Option<CallView> {
        self.calls.get(&call).map(|entry| entry.call.view(now))
    }

    /// Fills in what a call costs so far and how well it is heard.
    pub fn detail(&self, now: Now, env: &dyn Env, view: &mut CallView) {
        if let Some(entry) = self.calls.get(&view.call) {
            entry.call.detail(now, env, view);
        }
    }

    /// Where the voice of a call's parties arrives, for whoever is to listen to it.
    ///
    /// # Errors
    /// [`NotAudible`].
    pub fn voices(&self, call: CallId) -> Result<Voices, NotAudible> {
        self.calls.get(&call).ok_or(NotAudible::Over)?.call.voices()
    }

    /// What a running call costs: by its last dialled target.
    #[must_use]
    pub fn rating(&self, now: Now, call: CallId, env: &dyn Env) -> Option<CallRating> {
        self.calls.get(&call)?.call.rating(now, env.settings().max_call_ms)
    }

    fn serve(&mut self, now: Now, at: Mono, owner: Owner, env: &mut dyn Env) {
        // Taken out first: a call that panics here must not come up again at once.
        if !self.timers.remove(&(at, owner)) {
            return;
        }
        match owner {
            Owner::Call(id) => {
                if let Some(entry) = self.calls.get_mut(&id) {
                    entry.deadline = None;
                }
                self.with(now, id, env, Call::handle_timeout);
            }
            Owner::Retired(id) => {
                if let Some(retired) = self.retired.get_mut(&id) {
                    retired.deadline = None;
                }
                self.with_retired(id, |leg| leg.handle_timeout(now));
            }
        }
    }
}
