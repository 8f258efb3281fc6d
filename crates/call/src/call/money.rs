//! The call's side of its meters: holds before dialling, extensions while talking, the journal with each.

use strowger_billing::{CutReason, MeterAction};
use strowger_model::cdr::EndedBy;
use strowger_model::event::Notice;
use strowger_model::payment::{Journal, MoneyEvent, MoneyOrder, Refusal};
use strowger_model::{Amount, Now, Unit};

use super::Call;
use super::context::Context;
use super::ways::Planned;
use crate::input::CallOutput;
use crate::input::CallRating;
use crate::reasons::Reason;

impl Call {
    /// Asks for what must be held before the step is dialled.
    pub(super) fn hold(&mut self, context: &mut Context<'_>, index: usize) {
        let journal = self.journal(context, index);
        let Some(trial) = self.trials.get_mut(index) else { return };
        trial.unwritten = false;
        let order = trial.meter.hold(context.now, journal);
        if let MoneyOrder::Hold { payers, .. } = &order {
            trial.first_payer = payers.first().copied();
        }
        context.money(order);
    }

    /// Writes the journal afresh, and asks for more where that is due.
    pub(super) fn extend(&mut self, context: &mut Context<'_>, index: usize) {
        let journal = self.journal(context, index);
        if let Some(trial) = self.trials.get_mut(index) {
            trial.unwritten = false;
            let order = trial.meter.extend(context.now, journal);
            context.money(order);
        }
    }

    /// Everything that settles the trial and ends its legs after a crash.
    fn journal(&self, context: &Context<'_>, index: usize) -> Journal {
        let cdr = self.draft(context.now, index);
        let planned = self.trials.get(index).into_iter().flat_map(|trial| &trial.planned);
        let planned = planned.filter_map(Planned::farewell);
        let legs = self.legs.values().filter_map(|member| member.leg.farewell()).chain(planned).collect();
        Journal { cdr, meter: String::new(), answered: None, billed_ms: 0, legs }
    }

    /// The store's answer to an order of this call.
    pub fn handle_money(&mut self, context: &mut Context<'_>, event: &MoneyEvent) {
        let step = event.step();
        let Some(index) = self.trials.iter().position(|trial| trial.leg == step.leg) else { return };
        let Some(trial) = self.trials.get_mut(index) else { return };
        if matches!(event, MoneyEvent::Fenced { .. }) {
            return self.give_up_money(context, Reason::Fenced);
        }
        if trial.settlement.is_some() {
            // Refused is final as well: the store has written it elsewhere, or cannot.
            trial.settled |= trial.settlement == Some(step);
            return self.report_test(context);
        }
        let action = trial.meter.handle_money(context.now, event);
        if let MoneyEvent::Held { steps, .. } = event
            && action == Some(MeterAction::Go)
        {
            self.tell_credit(index, *steps);
        }
        if matches!(event, MoneyEvent::Held { .. })
            && self.trials.get(index).is_some_and(|trial| trial.meter.is_well_off(context.now))
        {
            self.credit_left(context, index, 0, false);
        }
        if let Some(action) = action {
            self.act(context, index, action);
        }
    }

    /// What the meters have due.
    pub(super) fn handle_meters(&mut self, context: &mut Context<'_>) {
        for index in 0..self.trials.len() {
            while let Some(trial) = self.trials.get_mut(index).filter(|trial| trial.is_open()) {
                let Some(action) = trial.meter.handle_timeout(context.now) else { break };
                self.act(context, index, action);
            }
        }
    }

    fn act(&mut self, context: &mut Context<'_>, index: usize, action: MeterAction) {
        match action {
            MeterAction::Go => {
                self.placed_reply_at_launch(context);
                self.test_launched(context);
                self.launch(context, index);
            }
            MeterAction::HoldAgain => self.hold(context, index),
            MeterAction::Refused(why) => {
                let reason = match why {
                    Refusal::NoCredit { .. } => Reason::NoCredit,
                    Refusal::NoAccount { .. } => Reason::Forbidden,
                    Refusal::StoreUnwell => Reason::StoreUnwell,
                    Refusal::Conflict => Reason::Internal,
                };
                self.end(context, EndedBy::Server, reason, Some(reason.status()));
            }
            MeterAction::Extend | MeterAction::Touch => self.extend(context, index),
            MeterAction::Cut(why) => {
                let reason = match why {
                    CutReason::NoCredit => Reason::NoCredit,
                    CutReason::NoAnswer => Reason::StoreUnwell,
                    CutReason::AccountGone => Reason::Administrator,
                };
                self.end(context, EndedBy::Server, reason, None);
            }
            MeterAction::Drop => self.give_up_money(context, Reason::Fenced),
            MeterAction::Warn { left_s } => self.credit_left(context, index, left_s, true),
            MeterAction::Settled => {}
        }
    }

    /// The call ends and its money is somebody else's business.
    pub fn give_up_money(&mut self, context: &mut Context<'_>, reason: Reason) {
        self.fenced = true;
        for trial in &mut self.trials {
            trial.settled = true;
        }
        self.end(context, EndedBy::Server, reason, None);
    }

    /// What the call costs; none before anybody is dialled.
    pub fn rating(&self, now: Now, max_ms: u64) -> Option<CallRating> {
        // Of a placed call both sides may cost something: the one that was dialled last and does.
        let paid = self.trials.iter().rev().find(|trial| trial.is_open() && !trial.meter.is_free());
        let trial = paid.or(self.trials.last())?;
        let (held, free_s) = trial.meter.covered();
        Some(CallRating {
            payer: trial.plan.payer,
            rating: trial.meter.chain().enduser().filter(|rating| !rating.is_free()).cloned(),
            dialled: trial.plan.dialled.clone(),
            answered: trial.answered.map(|at| at.wall),
            talked_ms: trial.meter.duration_ms(now),
            held,
            free_s,
            max_ms,
        })
    }

    /// Tells whoever watches that the payer's credit is low, or is not.
    fn credit_left(&self, context: &mut Context<'_>, index: usize, left_s: u64, low: bool) {
        let enduser = self.trials.get(index).and_then(|trial| trial.meter.chain().enduser());
        let Some(account) = enduser.map(|rating| rating.account) else { return };
        context.out.push_back(CallOutput::Notice(Notice::CreditLeft { call: self.id, account, left_s, low }));
    }

    /// `Credit` and `Rating` for the caller, where it is the paying enduser.
    fn tell_credit(&mut self, index: usize, steps: u32) {
        let Some(trial) = self.trials.get(index) else { return };
        if self.caller.trunk || trial.plan.payer.is_none() || trial.plan.payer != self.caller.account {
            return;
        }
        // What this very hold took is the caller's until the call has cost it.
        let credit = trial.first_payer.zip(trial.meter.left()).and_then(|(payer, (left, unit))| {
            let held = payer.least + payer.step.times(i64::from(steps));
            let money = matches!(unit, Unit::Currency(_)) && payer.unit == unit;
            money.then(|| format!("{} {unit}", two_digits(left + held)))
        });
        let rating = trial.meter.chain().rating_text();
        if let Some(member) = self.a.and_then(|a| self.legs.get_mut(&a)) {
            member.leg.set_notice(credit, rating);
        }
    }
}

/// An amount with at least two digits after the point: `9.80`.
fn two_digits(amount: Amount) -> String {
    let text = amount.to_string();
    match text.split_once('.') {
        None => format!("{text}.00"),
        Some((_, fraction)) if fraction.len() < 2 => format!("{text}0"),
        Some(_) => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_has_two_digits_at_least() {
        for (micros, text) in
            [(9_800_000, "9.80"), (10_000_000, "10.00"), (-500, "-0.0005"), (1_234_000, "1.234")]
        {
            assert_eq!(two_digits(Amount(micros)), text);
        }
    }
}
