//! A call: the owner of its legs, of what is dialled on their behalf, and of the money that this costs.
//! It gives orders to legs and hears their events; it never sees a SIP message.
//!
//! One file per concern: `dial` tries targets, `forward` finds others, `bridge` connects, `service` lets an
//! app own the leg, `place` makes both legs itself, `testcall` one of them, `media` and `money` speak to engine and store, `record`
//! writes the CDR, `quality` knows how well it was heard, `listen` whether others may hear it, `finish` ends everything.

mod bridge;
mod context;
mod dial;
mod finish;
mod forward;
mod listen;
mod media;
mod money;
mod place;
mod progress;
mod quality;
mod record;
mod service;
mod testcall;
mod trial;
mod ways;

use std::collections::BTreeMap;

use strowger_model::event::CallStep;
use strowger_model::media::{MediaEvent, Slot};
use strowger_model::{AccountId, CallId, LegId, Mono, Now, SlotId};
use strowger_route::Target;
use strowger_sdp::Session;
use strowger_sip::Message;

use crate::app::App;
use crate::hop::Hop;
use crate::input::{CallView, LineState};
use crate::leg::{Leg, LegEvent, LegOrder, NotASnapshot, OrderRefused, Presented, Stage};
use crate::reasons::Reason;
use bridge::Bridge;
pub use context::{Context, manner};
pub use listen::{NotAudible, Voices};
use place::Placed;
pub use place::Wish;
use testcall::TestCall;
pub use testcall::Trying;
use trial::Trial;

/// Who owns the legs at the moment; exactly one does.
#[derive(Debug)]
enum Activity {
    /// Targets are being tried.
    Dial,
    /// Two parties talk.
    Bridged(Bridge),
    /// An app owns the calling leg.
    App(Box<dyn App>),
    /// The call is over; the store may still have to say so.
    Over,
}

/// A leg and what the call knows of it.
#[derive(Debug)]
struct Member {
    /// Boxed: a tree's node has room for eleven.
    leg: Box<Leg>,
    slot: Option<Slot>,
    /// The local account at the other end.
    account: Option<AccountId>,
    /// The trunk at the other end.
    trunk: Option<AccountId>,
    /// What it was dialled for; none for a leg that called us.
    target: Option<Box<Target>>,
    /// The last answer to our offer before the final one, and its early dialog.
    early: Option<(usize, Session)>,
    /// Ringing was announced.
    rings: bool,
}

/// Who calls, as far as the call is concerned.
#[derive(Debug, Clone, Default)]
struct Caller {
    /// The account, or the trunk that the call came by.
    account: Option<AccountId>,
    /// It is a trunk.
    trunk: bool,
    /// Name and number; the number is what routing presents.
    presented: Presented,
    /// Max-Forwards of what we send.
    max_forwards: u32,
}

/// One call.
#[derive(Debug)]
pub struct Call {
    id: CallId,
    started: Now,
    caller: Caller,
    dialled: String,
    /// The caller's Call-ID.
    sip_call_id: String,
    legs: BTreeMap<LegId, Member>,
    /// The calling side; of a placed call the first party once it has answered.
    a: Option<LegId>,
    activity: Activity,
    trials: Vec<Trial>,
    hops: u8,
    placed: Option<Placed>,
    /// Boxed: hardly any call is one.
    test: Option<Box<TestCall>>,
    /// The calling side was told that it rings.
    rung: bool,
    /// Taken from the pool, not with its leg yet.
    loose: Option<Slot>,
    ends_at: Option<Mono>,
    announced_end: bool,
    fenced: bool,
}

impl Call {
    fn new(id: CallId, now: Now, caller: Caller, dialled: String) -> Self {
        Self {
            id,
            started: now,
            caller,
            dialled,
            sip_call_id: String::new(),
            legs: BTreeMap::new(),
            a: None,
            activity: Activity::Dial,
            trials: Vec::new(),
            hops: 0,
            placed: None,
            test: None,
            rung: false,
            loose: None,
            ends_at: None,
            announced_end: false,
            fenced: false,
        }
    }

    /// A call for a leg that has just called us. It begins with [`Call::start`].
    pub fn incoming(id: CallId, now: Now, leg: Leg, account: AccountId, trunk: bool, called: String) -> Self {
        let caller = Caller { account: Some(account), trunk, ..Caller::default() };
        let mut call = Self::new(id, now, caller, called);
        let leg_id = leg.id();
        leg.call_id().clone_into(&mut call.sip_call_id);
        let (account, trunk) = if trunk { (None, Some(account)) } else { (Some(account), None) };
        let leg = Box::new(leg);
        let member = Member { leg, slot: None, account, trunk, target: None, early: None, rings: false };
        call.legs.insert(leg_id, member);
        call.a = Some(leg_id);
        call
    }

    /// Hears of the leg's INVITE.
    pub fn start(&mut self, context: &mut Context<'_>) {
        let Some(leg) = self.a else { return };
        let (caller, dialled) = (self.caller.account, self.dialled.clone());
        context.changed(self.id, CallStep::Started { leg: Some(leg), caller, dialled });
        self.work(context, leg);
    }

    /// A message for a leg.
    pub fn handle_message(&mut self, context: &mut Context<'_>, leg: LegId, message: &Message, from: Hop) {
        if let Some(member) = self.legs.get_mut(&leg) {
            member.leg.handle_message(context.now, message, from);
            self.work(context, leg);
        }
    }

    /// A request of a leg could not be sent.
    pub fn handle_send_failed(&mut self, context: &mut Context<'_>, leg: LegId, branch: &str) {
        if let Some(member) = self.legs.get_mut(&leg) {
            member.leg.handle_send_failed(context.now, branch);
            self.work(context, leg);
        }
    }

    /// A connection is gone.
    pub fn handle_flow_closed(&mut self, context: &mut Context<'_>, flow: strowger_model::id::FlowId) {
        let ids: Vec<LegId> = self.legs.keys().copied().collect();
        for id in ids {
            if let Some(member) = self.legs.get_mut(&id) {
                member.leg.handle_flow_closed(context.now, flow);
                self.work(context, id);
            }
        }
    }

    /// Something of the call goes over the connection.
    pub fn uses(&self, flow: strowger_model::id::FlowId) -> bool {
        self.legs.values().any(|member| member.leg.uses(flow))
    }

    /// A report of the media engine about a slot of this call.
    pub fn handle_media(&mut self, context: &mut Context<'_>, event: &MediaEvent) {
        match event {
            MediaEvent::Silent { slot } => self.handle_silence(context, *slot),
            MediaEvent::Dtmf { slot, digit, .. } => self.app_key(context, *slot, *digit),
            MediaEvent::Played { slot } => self.app_played(context, *slot),
            MediaEvent::Stats { .. } => self.test_heard(context, event),
            _ => {}
        }
    }

    /// Whatever is due. Harmless when early.
    pub fn handle_timeout(&mut self, context: &mut Context<'_>) {
        let now = context.now.mono;
        let due: Vec<LegId> = self
            .legs
            .iter()
            .filter(|(_, member)| member.leg.deadline().is_some_and(|at| at <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            if let Some(member) = self.legs.get_mut(&id) {
                member.leg.handle_timeout(context.now);
                self.work(context, id);
            }
        }
        self.handle_meters(context);
        self.handle_ring_timeouts(context);
        self.handle_retry(context);
        if self.ends_at.is_some_and(|at| at <= now) {
            self.ends_at = None;
            self.time_is_over(context);
        }
        if self.test.as_ref().and_then(|test| test.deadline()).is_some_and(|at| at <= now) {
            self.report_test(context);
        }
    }

    /// When [`Call::handle_timeout`] has something to do.
    pub fn deadline(&self) -> Option<Mono> {
        let legs = self.legs.values().filter_map(|member| member.leg.deadline());
        let trials = self.trials.iter().filter_map(Trial::deadline);
        let retry = match &self.activity {
            Activity::Bridged(bridge) => bridge.deadline(),
            Activity::Dial | Activity::App(_) | Activity::Over => None,
        };
        let report = self.test.as_ref().and_then(|test| test.deadline());
        legs.chain(trials).chain(self.ends_at).chain(retry).chain(report).min()
    }

    /// Nothing is left to do or to wait for.
    pub fn is_gone(&self) -> bool {
        matches!(self.activity, Activity::Over)
            && self.legs.is_empty()
            && self.trials.iter().all(|trial| trial.settled)
            && !self.test.as_ref().is_some_and(|test| test.is_open())
    }

    /// It was not ended yet.
    pub const fn runs(&self) -> bool {
        !matches!(self.activity, Activity::Over)
    }

    /// Its legs.
    pub fn legs(&self) -> impl Iterator<Item = LegId> + '_ {
        self.legs.keys().copied()
    }

    /// Its slots.
    pub fn slots(&self) -> impl Iterator<Item = SlotId> + '_ {
        let loose = self.loose.iter().map(|slot| slot.id);
        let awaited = self.test.as_ref().and_then(|test| test.slot());
        loose.chain(awaited).chain(self.legs.values().filter_map(|member| member.slot.map(|slot| slot.id)))
    }

    /// The account takes part in the call or pays for it.
    pub fn concerns(&self, account: AccountId) -> bool {
        let pays = self.trials.iter().any(|trial| trial.plan.payer == Some(account));
        let takes_part = self.legs.values().any(|m| m.account == Some(account) || m.trunk == Some(account));
        pays || takes_part || self.caller.account == Some(account)
    }

    /// What the lines of local accounts do in this call.
    pub fn lines(&self) -> BTreeMap<AccountId, LineState> {
        let mut lines = BTreeMap::new();
        let speaking = matches!(self.activity, Activity::Bridged(_))
            || (matches!(self.activity, Activity::App(_)) && self.answered().is_some());
        for member in self.legs.values() {
            let Some(account) = member.account else { continue };
            let up = speaking && member.leg.stage() == Stage::Up;
            let state = if up { LineState::Speaking } else { LineState::Calling };
            let line = lines.entry(account).or_insert(state);
            *line = state.max(*line);
        }
        lines
    }

    /// Every leg goes through its snapshot, as if it moved to another shard.
    ///
    /// # Errors
    /// The first leg that could not be read back.
    pub fn readopt(&mut self) -> Result<(), NotASnapshot> {
        self.legs.values_mut().try_for_each(|member| member.leg.readopt())
    }

    /// When the conversation began.
    fn answered(&self) -> Option<Now> {
        self.trials.iter().rev().find_map(|trial| trial.answered)
    }

    /// The call as shown to operators.
    pub fn view(&self, now: Now) -> CallView {
        let trial = self.trials.last();
        let answered = self.answered();
        let over = matches!(self.activity, Activity::Over);
        let ringing = trial.is_some_and(|trial| trial.rang.is_some());
        CallView {
            call: self.id,
            started: self.started.wall,
            sip_call_id: self.sip_call_id.clone(),
            caller: self.caller.account,
            payer: trial.and_then(|trial| trial.plan.payer),
            called: trial.and_then(|trial| trial.plan.called),
            server: trial.and_then(|trial| trial.server),
            presented: trial
                .map_or_else(|| self.caller.presented.number.clone(), |trial| trial.plan.presented.clone()),
            dialled: self.dialled.clone(),
            answered: answered.map(|at| at.wall),
            speaking_ms: answered.map_or(0, |at| now.mono.ms_since(at.mono)),
            state: match () {
                () if over => "ending",
                () if answered.is_some() => "speaking",
                () if ringing => "ringing",
                () => "dialling",
            },
            codec: trial.map(|trial| trial.codec.clone()).unwrap_or_default(),
            cost: None,
            mos: None,
            legs: self.legs.keys().copied().collect(),
        }
    }

    /// Lets the leg's transmissions out and acts on its events until there are none.
    fn work(&mut self, context: &mut Context<'_>, id: LegId) {
        loop {
            let Some(member) = self.legs.get_mut(&id) else { return };
            context.transmit(&mut member.leg);
            let Some(event) = member.leg.poll_event() else { return };
            self.handle_leg(context, id, event);
        }
    }

    fn handle_leg(&mut self, context: &mut Context<'_>, id: LegId, event: LegEvent) {
        if matches!(self.activity, Activity::Over) {
            return;
        }
        match event {
            LegEvent::Incoming(facts) => self.begin(context, *facts),
            LegEvent::Heard => self.heard(context, id),
            LegEvent::Progress { dialog, status, sdp } => self.progress(context, id, dialog, status, sdp),
            LegEvent::Answered { sdp } => self.branch_answered(context, id, sdp),
            LegEvent::Offered { sdp } => self.offered(context, id, sdp),
            LegEvent::Accepted { sdp } => self.accepted(context, id, &sdp),
            LegEvent::Refused { status } => self.refused(context, id, status),
            LegEvent::Dtmf { digit, duration_ms } => self.key(context, id, digit, duration_ms),
            // A transfer is a change of owner that this version does not make.
            LegEvent::Referred { .. } => {
                self.order(context, id, LegOrder::Reject { status: 603 });
            }
            LegEvent::Acknowledged => self.acknowledged(context),
            ref end @ LegEvent::Ended { status, by, .. } => {
                if let Some(index) = self.trial_of(id) {
                    return self.branch_ended(context, id, index, end);
                }
                self.dismiss(context, id, status);
                self.party_ended(context, id, status, by);
            }
        }
    }

    /// Gives an order to a leg and lets its transmissions out. False: it did not fit.
    fn order(&mut self, context: &mut Context<'_>, id: LegId, order: LegOrder) -> bool {
        self.try_order(context, id, order).is_ok()
    }

    /// The same, with the reason where it did not fit.
    fn try_order(
        &mut self,
        context: &mut Context<'_>,
        id: LegId,
        order: LegOrder,
    ) -> Result<(), OrderRefused> {
        let member = self.legs.get_mut(&id).ok_or(OrderRefused::Stage)?;
        let done = member.leg.order(context.now, order);
        context.transmit(&mut member.leg);
        done
    }

    /// Takes a leg out of the call: its slot is freed, its transactions run out elsewhere.
    fn dismiss(&mut self, context: &mut Context<'_>, id: LegId, status: u16) {
        self.note_quality(&*context.env, id);
        let Some(mut member) = self.legs.remove(&id) else { return };
        context.transmit(&mut member.leg);
        if let Some(slot) = member.slot.take() {
            context.media(strowger_model::media::MediaOrder::Free { slot: slot.id });
            self.test_freed(id, slot.id);
        }
        context.changed(self.id, CallStep::LegEnded { leg: id, status });
        context.retired.push(*member.leg);
    }

    /// Ends a leg by our will and takes it out.
    fn hang_up(&mut self, context: &mut Context<'_>, id: LegId, reason: Reason, status: Option<u16>) {
        self.order(context, id, LegOrder::Hangup { reason, status });
        self.dismiss(context, id, status.unwrap_or_else(|| reason.status()));
    }
}
