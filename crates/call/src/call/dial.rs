//! Dialling: from a number to a plan, from a plan's step to legs, and on to the next step where one fails.

use strowger_billing::{Chain, Meter};
use strowger_model::LegId;
use strowger_model::cdr::EndedBy;
use strowger_model::event::CallStep;
use strowger_model::media::MediaOrder;
use strowger_route::{Origin, Plan, Query, Refuse, Target, TargetKind, decide};

use super::context::Context;
use super::trial::Trial;
use super::ways::Planned;
use super::{Call, Member};
use crate::input::CallOutput;
use crate::leg::{Description, Dial, Ending, Incoming, Leg, LegEvent, LegOrder, Presented};
use crate::negotiation::Port;
use crate::reasons::Reason;

impl Call {
    /// The calling leg's INVITE was read: may it call, and where does it go?
    pub(super) fn begin(&mut self, context: &mut Context<'_>, facts: Incoming) {
        if context.full || context.env.settings().draining {
            return self.end(context, EndedBy::Server, Reason::Overload, Some(503));
        }
        let account = self.caller.account.and_then(|id| context.env.routes().account(id).cloned());
        let display = match &account {
            Some(account) if !self.caller.trunk && !account.display_name.is_empty() => {
                account.display_name.to_string()
            }
            _ => facts.display,
        };
        let number = match facts.asserted {
            Some(asserted) if self.caller.trunk => asserted,
            _ => facts.from_user,
        };
        self.caller.presented = Presented { display, number, private: facts.private };
        self.caller.max_forwards = facts.max_forwards.saturating_sub(1);
        let dialled = self.dialled.clone();
        match self.decide(context, &dialled, Origin::Caller) {
            Ok(plan) => self.try_plan(context, plan),
            Err(refuse) => self.refuse(context, &refuse),
        }
    }

    /// Asks routing.
    pub(super) fn decide(
        &self,
        context: &mut Context<'_>,
        called: &str,
        origin: Origin,
    ) -> Result<Plan, Refuse> {
        let (seed, routes, down) = (context.env.random(), context.env.routes(), context.env.down());
        let caller = self.caller.account;
        let payer = match origin {
            Origin::Caller => caller,
            Origin::Forward { by, .. } | Origin::Initiated { by } => Some(by),
        };
        let lines = payer.map_or(0, |payer| context.other_calls(payer));
        let presented = &self.caller.presented.number;
        let query =
            Query { caller, called, presented, now: context.now.wall, origin, seed, down: &down, lines };
        decide(&routes, &query).plan
    }

    /// Routing does not want the call.
    pub(super) fn refuse(&mut self, context: &mut Context<'_>, refuse: &Refuse) {
        let reason = Reason::of_refusal(refuse.status, refuse.reason);
        self.end(context, EndedBy::Server, reason, Some(refuse.status));
    }

    /// Begins with a plan: money first.
    pub(super) fn try_plan(&mut self, context: &mut Context<'_>, plan: Plan) {
        if let Some(forward) = plan.forwarded.clone() {
            self.record_skipped(context, &plan, &forward);
        }
        let Some(chain) = plan.steps.first().and_then(dearest) else {
            return self.end(context, EndedBy::Server, Reason::NoRoute, None);
        };
        let leg = context.env.mint().leg();
        let meter = Meter::new(self.id, leg, chain, context.env.settings().meter);
        self.trials.push(Trial::new(leg, plan, meter, context.now));
        self.plan_legs(context, self.trials.len() - 1);
        self.hold(context, self.trials.len() - 1);
    }

    /// The hold is granted: the step's targets are dialled.
    pub(super) fn launch(&mut self, context: &mut Context<'_>, index: usize) {
        let Some(trial) = self.trials.get_mut(index) else { return };
        let Some(step) = trial.plan.steps.get(trial.step).cloned() else { return };
        trial.failed = None;
        let planned = std::mem::take(&mut trial.planned);
        let mut failure = (503, Reason::NoRoute);
        let mut trunk = false;
        for target in &step.targets {
            match target.to {
                TargetKind::Service(service) => return self.start_app(context, index, service),
                TargetKind::Account(_) => failure = (480, Reason::NotRegistered),
                TargetKind::Trunk(_) => trunk = true,
            }
        }
        let mut launched = Vec::new();
        for leg in planned {
            let Some(target) = step.targets.get(leg.target) else { continue };
            match self.dial(context, index, target, leg) {
                Ok(leg) => launched.push(leg),
                Err(why) => failure = (why.status(), why),
            }
        }
        if launched.is_empty() {
            return self.step_failed(context, index, failure.0, failure.1);
        }
        let settings = context.env.settings();
        let ring_ms = if step.ring_ms == 0 { settings.ring_timeout_ms } else { u64::from(step.ring_ms) };
        if let Some(trial) = self.trials.get_mut(index) {
            trial.ring_until = Some(context.now.mono.plus_ms(ring_ms));
            trial.hear_until = trunk.then(|| context.now.mono.plus_ms(settings.trunk_timeout_ms));
            // After a failover that needed no other hold nobody has written down who rings now.
            if trial.unwritten {
                self.extend(context, index);
            }
        }
        for leg in launched {
            self.work(context, leg);
        }
    }

    /// One INVITE.
    fn dial(
        &mut self,
        context: &mut Context<'_>,
        index: usize,
        target: &Target,
        Planned { id: (id, nonce), callee, .. }: Planned,
    ) -> Result<LegId, Reason> {
        self.ensure_slot_of_a(context)?;
        let a = self.a.and_then(|a| self.legs.get(&a));
        let beside = a.and_then(|member| member.slot).map(|slot| slot.id);
        let heard = a.and_then(|member| member.leg.negotiation().remote());
        let offer = heard.cloned().map_or(Description::Local, Description::Relay);
        let slot = context.env.claim_slot(beside).ok_or(Reason::Overload)?;
        self.loose = Some(slot);
        let port = Port { ip: callee.local.media_ip, rtp: slot.rtp_port };
        let dial = Dial { callee, port, offer };
        let manner = context.manner();
        let Ok(leg) = Leg::dial(context.now, (id, nonce), dial, manner) else {
            self.loose = None;
            context.media(MediaOrder::Free { slot: slot.id });
            return Err(Reason::Media);
        };
        let (account, trunk) = match target.to {
            TargetKind::Account(account) => (Some(account), None),
            TargetKind::Trunk(trunk) => (None, Some(trunk)),
            TargetKind::Service(_) => (None, None),
        };
        if let Some(trial) = self.trials.get_mut(index) {
            trial.branches.push(id);
            trial.server = trunk;
            trial.sent.clone_from(&target.sent);
            leg.call_id().clone_into(&mut trial.call_id);
        }
        let target = Some(Box::new(target.clone()));
        let leg = Box::new(leg);
        let member = Member { leg, slot: Some(slot), account, trunk, target, early: None, rings: false };
        self.legs.insert(id, member);
        self.loose = None;
        self.claim(context, id);
        context.changed(self.id, CallStep::Dialling { leg: id, account });
        Ok(id)
    }

    /// The trial in which the leg is being tried.
    pub(super) fn trial_of(&self, leg: LegId) -> Option<usize> {
        self.trials
            .iter()
            .position(|trial| trial.is_open() && trial.answered.is_none() && trial.branches.contains(&leg))
    }

    /// A branch gave a sign of life.
    pub(super) fn heard(&mut self, context: &mut Context<'_>, leg: LegId) {
        if let Some(trial) = self.trial_of(leg).and_then(|index| self.trials.get_mut(index)) {
            trial.hear_until = None;
        }
        self.trunk_seen(context, leg, true);
    }

    fn trunk_seen(&self, context: &mut Context<'_>, leg: LegId, alive: bool) {
        let Some(member) = self.legs.get(&leg) else { return };
        if let Some(trunk) = member.trunk {
            context.out.push_back(CallOutput::TrunkSeen { trunk, hop: member.leg.hop(), alive });
        }
    }

    /// A branch came to its end unanswered.
    pub(super) fn branch_ended(
        &mut self,
        context: &mut Context<'_>,
        leg: LegId,
        index: usize,
        end: &LegEvent,
    ) {
        let LegEvent::Ended { status, by, redirect } = end else { return };
        if *by == Ending::Silence {
            self.trunk_seen(context, leg, false);
        }
        let phone = self.legs.get(&leg).is_some_and(|member| member.account.is_some());
        self.dismiss(context, leg, *status);
        let Some(trial) = self.trials.get_mut(index) else { return };
        trial.branches.retain(|branch| *branch != leg);
        trial.note_failure(*status);
        if phone && trial.redirect.is_none() {
            trial.redirect.clone_from(redirect);
        }
        // RFC 3261 section 16.7: 6xx speaks for the callee wherever it is.
        if *status >= 600 {
            self.drop_branches(context, index, Reason::Declined, None);
        }
        let Some(trial) = self.trials.get(index) else { return };
        if trial.branches.is_empty() {
            let status = trial.failed.unwrap_or(*status);
            self.step_failed(context, index, status, Reason::of_status(status));
        } else {
            self.early_media(context, index);
        }
    }

    /// Ends every branch of a trial but one.
    pub(super) fn drop_branches(
        &mut self,
        context: &mut Context<'_>,
        index: usize,
        reason: Reason,
        keep: Option<LegId>,
    ) {
        let Some(trial) = self.trials.get_mut(index) else { return };
        let dropped: Vec<_> = trial.branches.iter().copied().filter(|leg| Some(*leg) != keep).collect();
        trial.branches.retain(|leg| Some(*leg) == keep);
        for leg in dropped {
            self.hang_up(context, leg, reason, None);
        }
    }

    /// Nobody of the step is left: the next step, where the plan wants that.
    pub(super) fn step_failed(
        &mut self,
        context: &mut Context<'_>,
        index: usize,
        status: u16,
        reason: Reason,
    ) {
        let Some(trial) = self.trials.get_mut(index) else { return };
        (trial.ring_until, trial.hear_until) = (None, None);
        let wants = trial.plan.steps.get(trial.step).is_some_and(|step| step.failover.wants(status));
        let next = trial.plan.steps.get(trial.step + 1).and_then(dearest);
        let Some(chain) = next.filter(|_| wants) else {
            return self.trial_failed(context, index, status, reason);
        };
        trial.step += 1;
        let release = trial.meter.reprice(chain);
        self.plan_legs(context, index);
        match release {
            None => self.launch(context, index),
            Some(release) => {
                context.money(release);
                self.hold(context, index);
            }
        }
    }

    /// What rang too long, or was never heard of.
    pub(super) fn handle_ring_timeouts(&mut self, context: &mut Context<'_>) {
        let now = context.now.mono;
        for index in 0..self.trials.len() {
            let Some(trial) = self.trials.get(index).filter(|trial| trial.is_open()) else { continue };
            if trial.hear_until.is_some_and(|at| at <= now) {
                for leg in trial.branches.clone() {
                    self.trunk_seen(context, leg, false);
                }
                self.drop_branches(context, index, Reason::Unreachable, None);
                self.step_failed(context, index, 408, Reason::Unreachable);
            } else if trial.ring_until.is_some_and(|at| at <= now) {
                self.drop_branches(context, index, Reason::NoAnswer, None);
                self.trial_failed(context, index, 480, Reason::NoAnswer);
            }
        }
    }

    /// Whoever hears it: the calling leg is told that it rings.
    pub(super) fn ring_a(&mut self, context: &mut Context<'_>) {
        if let Some(a) = self.a.filter(|_| !self.rung) {
            self.rung = self.order(context, a, LegOrder::Ring);
        }
    }
}

/// The dearest chain of a step's targets, which the hold must cover.
fn dearest(step: &strowger_route::Step) -> Option<Chain> {
    let mut chains: Vec<Chain> = step.targets.iter().map(|target| target.chain.clone()).collect();
    let dearest = Chain::dearest(&chains)?;
    Some(chains.swap_remove(dearest))
}
