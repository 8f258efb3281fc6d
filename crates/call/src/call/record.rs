//! Call detail records: what the call knows goes in here, money and durations are the meter's.

use strowger_billing::{Chain, Meter};
use strowger_model::cdr::{Cdr, EndedBy};
use strowger_model::payment::MoneyOrder;
use strowger_model::{Amount, Now, Unit};
use strowger_route::{Forward, Plan};

use super::Call;
use super::context::Context;
use super::trial::{Outcome, Trial};
use crate::reasons::Reason;

/// The mark of records of calls that failed without either party's doing.
const FAILED: &str = "FAIL";

/// The mark of records of forwarded calls.
const FORWARDED: &str = "FWD";

impl Call {
    /// The record as it would be written if the call ended here and nobody knew why.
    pub(super) fn draft(&self, now: Now, index: usize) -> Cdr {
        let status = match self.trials.get(index) {
            Some(trial) if trial.answered.is_some() => 200,
            _ => Reason::Internal.status(),
        };
        let outcome = Outcome { status, reason: Reason::Internal, by: EndedBy::Recovery, mark: "" };
        self.record(now, index, outcome)
    }

    fn record(&self, now: Now, index: usize, outcome: Outcome) -> Cdr {
        let trial = &self.trials[index];
        let plan = &trial.plan;
        let mark = match (outcome.mark, plan.mark) {
            ("", "") if trial.answered.is_none() && outcome.reason.is_failure() => FAILED,
            ("", mark) | (mark, _) => mark,
        };
        Cdr {
            call: self.id,
            leg: trial.leg,
            start: trial.start.wall,
            end: now.wall,
            caller: plan.caller.or(self.caller.account),
            payer: plan.payer,
            called: plan.called,
            server: trial.server,
            presented: plan.presented.clone(),
            dialled: plan.dialled.clone(),
            sent: trial.sent.clone(),
            sip_call_id: self.sip_call_id.clone(),
            sip_call_id_b: trial.call_id.clone(),
            duration_ms: 0,
            total_ms: now.mono.ms_since(trial.start.mono),
            ring_ms: trial.rang.map(|rang| rang.ms_since(trial.start.mono)),
            currency: Unit::USD,
            cost_enduser: Amount::ZERO,
            cost_provider: Amount::ZERO,
            provider_currency: Unit::USD,
            unit_price: Amount::ZERO,
            billing_step: 0,
            price_entry: None,
            reseller: None,
            mark: mark.to_owned(),
            direction: String::new(),
            status: outcome.status,
            reason: outcome.reason.phrase().to_owned(),
            ended_by: outcome.by,
            codec: trial.codec.clone(),
            mos: None,
        }
    }

    /// Orders the settlement of a trial: charges and its one record.
    pub(super) fn settle(&mut self, context: &mut Context<'_>, index: usize, outcome: Outcome) {
        if !self.trials.get(index).is_some_and(Trial::is_open) {
            return;
        }
        let mut cdr = self.record(context.now, index, outcome);
        cdr.mos = self.mos(&*context.env, index);
        let trial = &mut self.trials[index];
        let order = trial.meter.settle(context.now, cdr);
        trial.settlement = Some(order.step());
        if let (Some(test), MoneyOrder::Settle { cdr, .. }) = (&mut self.test, &order) {
            test.note_record(cdr);
        }
        (trial.ring_until, trial.hear_until) = (None, None);
        context.money(order);
    }

    /// The record of an account that was called and forwards everything: nothing was dialled there.
    pub(super) fn record_skipped(&mut self, context: &mut Context<'_>, plan: &Plan, forward: &Forward) {
        let leg = context.env.mint().leg();
        let meter = Meter::new(self.id, leg, Chain::default(), context.env.settings().meter);
        let skipped = Plan {
            steps: Vec::new(),
            dialled: self.dialled.clone(),
            number: self.dialled.clone(),
            called: Some(forward.by),
            payer: None,
            on_busy: None,
            on_no_answer: None,
            forwarded: None,
            mark: FORWARDED,
            ..plan.clone()
        };
        self.trials.push(Trial::new(leg, skipped, meter, context.now));
        let reason = Reason::Forwarded;
        let outcome = Outcome { status: reason.status(), reason, by: EndedBy::Called, mark: FORWARDED };
        self.settle(context, self.trials.len() - 1, outcome);
        self.hops = forward.hops;
    }
}
