//! Test calls: the server calls a number as an account would, lets whoever answers hear a tone for a while, hangs up
//! and reports. Routing, money and the record are those of any call of the account; only its phone is missing.

use strowger_model::cdr::{Cdr, EndedBy};
use strowger_model::event::CallStep;
use strowger_model::media::{MediaEvent, SlotStats, Source};
use strowger_model::{AccountId, CallId, LegId, Mono, Now, SlotId};
use strowger_route::Origin;

use super::context::Context;
use super::place::account_as_caller;
use super::{Call, Caller};
use crate::env::Env;
use crate::input::{CallOutput, Done, OrderError, TestReport};
use crate::reasons::Reason;

/// What the called party hears, in hertz: the test frequency of ITU-T O.133.
const TONE_HZ: u16 = 1020;

/// How long the report waits for the media engine's figures and for the store, in milliseconds.
const REPORT_MS: u64 = 2_000;

/// What is to be tried.
#[derive(Debug)]
pub struct Trying {
    /// Who calls and pays.
    pub account: AccountId,
    /// The number dialled.
    pub called: String,
    /// How long the conversation lasts, in seconds.
    pub seconds: u32,
    /// The order to reply to.
    pub token: u64,
}

/// What a test call still has to do and to say.
#[derive(Debug)]
pub struct TestCall {
    /// The order to reply to; none when that is done.
    token: Option<u64>,
    account: AccountId,
    seconds: u32,
    /// When the first INVITE left.
    launched: Option<Mono>,
    /// How it ended, and when.
    ended: Option<(u16, Reason, Mono)>,
    /// The port pair of the answered leg, freed: its figures are still to come.
    slot: Option<SlotId>,
    heard: Option<SlotStats>,
    cdr: Option<Box<Cdr>>,
    /// The report waits no longer.
    report_by: Option<Mono>,
}

impl TestCall {
    /// Somebody waits for its report.
    pub const fn is_open(&self) -> bool {
        self.token.is_some()
    }

    /// When it has something to do.
    pub const fn deadline(&self) -> Option<Mono> {
        self.report_by
    }

    /// The port pair whose figures are awaited.
    pub const fn slot(&self) -> Option<SlotId> {
        self.slot
    }

    /// The record as it is being written.
    pub fn note_record(&mut self, cdr: &Cdr) {
        self.cdr = Some(Box::new(cdr.clone()));
    }
}

impl Call {
    /// A test call. It begins with [`Call::start_test`].
    pub fn test(id: CallId, now: Now, trying: Trying, env: &dyn Env) -> Self {
        let caller: Caller = account_as_caller(trying.account, None, env);
        let mut call = Self::new(id, now, caller, trying.called);
        call.test = Some(Box::new(TestCall {
            token: Some(trying.token),
            account: trying.account,
            seconds: trying.seconds,
            launched: None,
            ended: None,
            slot: None,
            heard: None,
            cdr: None,
            report_by: None,
        }));
        call
    }

    /// Dials, as if the account had.
    pub fn start_test(&mut self, context: &mut Context<'_>) {
        let Some(account) = self.test.as_ref().map(|test| test.account) else { return };
        let dialled = self.dialled.clone();
        let step = CallStep::Started { leg: None, caller: Some(account), dialled: dialled.clone() };
        context.changed(self.id, step);
        match self.decide(context, &dialled, Origin::Caller) {
            Ok(plan) => self.try_plan(context, plan),
            Err(refuse) => self.refuse(context, &refuse),
        }
    }

    /// The first INVITE is about to leave.
    pub(super) fn test_launched(&mut self, context: &Context<'_>) {
        if let Some(test) = &mut self.test {
            test.launched.get_or_insert(context.now.mono);
        }
    }

    /// Somebody answered: it hears the tone until the time is over.
    pub(super) fn test_answered(&mut self, context: &mut Context<'_>, leg: LegId) {
        let Some(test) = &self.test else { return };
        self.ends_at = Some(context.now.mono.plus_ms(u64::from(test.seconds) * 1_000));
        self.a = Some(leg);
        if let Some(member) = self.legs.get(&leg) {
            member.leg.call_id().clone_into(&mut self.sip_call_id);
        }
        self.claim(context, leg);
        self.play_to_a(context, Source::Tone { hz: TONE_HZ });
    }

    /// The longest conversation is over; of a test call that is its purpose.
    pub(super) fn time_is_over(&mut self, context: &mut Context<'_>) {
        let (by, reason) = match self.test {
            Some(_) => (EndedBy::Caller, Reason::Normal),
            None => (EndedBy::Server, Reason::MaxDuration),
        };
        self.end(context, by, reason, None);
    }

    /// The answered leg leaves the call: what its port pair has seen is told when it is freed.
    pub(super) fn test_freed(&mut self, leg: LegId, slot: SlotId) {
        if let Some(test) = &mut self.test
            && self.a == Some(leg)
        {
            test.slot = Some(slot);
        }
    }

    /// What the port pair has seen.
    pub(super) fn test_heard(&mut self, context: &mut Context<'_>, event: &MediaEvent) {
        if let (Some(test), MediaEvent::Stats { slot, stats }) = (&mut self.test, event)
            && test.slot == Some(*slot)
        {
            (test.slot, test.heard) = (None, Some(*stats));
            self.report_test(context);
        }
    }

    /// The call is over.
    pub(super) fn test_ended(&mut self, context: &mut Context<'_>, status: u16, reason: Reason) {
        if let Some(test) = &mut self.test
            && test.ended.is_none()
        {
            test.ended = Some((status, reason, context.now.mono));
            test.report_by = Some(context.now.mono.plus_ms(REPORT_MS));
            self.report_test(context);
        }
    }

    /// Reports as soon as everything is known that the report says, or when that takes too long.
    pub(super) fn report_test(&mut self, context: &mut Context<'_>) {
        let settled = self.trials.iter().all(|trial| trial.settled);
        let last = self.trials.last();
        let (rang, answered) = (last.and_then(|t| t.rang), last.and_then(|t| t.answered).map(|at| at.mono));
        let Some(test) = &mut self.test else { return };
        let Some((status, reason, ended)) = test.ended else { return };
        let late = test.report_by.is_none_or(|at| at <= context.now.mono);
        let known = settled && test.slot.is_none();
        if !late && !known {
            return;
        }
        (test.slot, test.report_by) = (None, None);
        let Some(token) = test.token.take() else { return };
        let phrase = reason.phrase().to_owned();
        let outcome = match (test.launched, test.cdr.take()) {
            (Some(launched), Some(cdr)) => {
                let sign = rang.or(answered).unwrap_or(ended);
                Ok(Done::Tested(Box::new(TestReport {
                    call: self.id,
                    post_dial_ms: sign.ms_since(launched),
                    ringing_ms: rang.map_or(0, |rang| answered.unwrap_or(ended).ms_since(rang)),
                    cdr: *cdr,
                    media: test.heard,
                })))
            }
            (Some(_), None) => Err(OrderError::Failed { call: self.id, status, reason: phrase }),
            (None, _) => Err(OrderError::Refused { status, reason: phrase }),
        };
        context.out.push_back(CallOutput::Reply { token, outcome });
    }
}
