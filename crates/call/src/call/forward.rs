//! When a trial fails: another number, where the called account wishes so; else the end.

use strowger_model::cdr::EndedBy;
use strowger_route::{Forward, Origin};

use super::Call;
use super::context::Context;
use super::trial::Outcome;
use crate::reasons::Reason;

/// The mark of records of forwarded calls.
const FORWARDED: &str = "FWD";

impl Call {
    /// All steps are used up.
    pub(super) fn trial_failed(
        &mut self,
        context: &mut Context<'_>,
        index: usize,
        status: u16,
        reason: Reason,
    ) {
        let by = if matches!(reason, Reason::Busy | Reason::Declined | Reason::Forwarded) {
            EndedBy::Called
        } else {
            EndedBy::Server
        };
        let mut refusal = None;
        if let Some(forward) = self.next_target(index, reason) {
            match self.decide(context, &forward.to, Origin::Forward { by: forward.by, hops: forward.hops }) {
                Ok(plan) => {
                    let outcome = Outcome { status, reason, by, mark: FORWARDED };
                    self.settle(context, index, outcome);
                    self.hops = forward.hops;
                    return self.try_plan(context, plan);
                }
                Err(refuse) => refusal = Some(refuse),
            }
        }
        // What a phone answered with 3xx is no answer for the caller.
        let (status, reason) = match refusal {
            Some(refuse) if reason == Reason::Forwarded => {
                (refuse.status, Reason::of_refusal(refuse.status, refuse.reason))
            }
            _ if reason == Reason::Forwarded => (480, Reason::NoAnswer),
            _ => (status, reason),
        };
        self.end(context, by, reason, Some(status));
    }

    /// Where the called account wants its calls to go on to.
    fn next_target(&mut self, index: usize, reason: Reason) -> Option<Forward> {
        let hops = self.hops;
        let trial = self.trials.get_mut(index)?;
        match reason {
            Reason::Busy => trial.plan.on_busy.take(),
            Reason::NoAnswer | Reason::NotRegistered | Reason::Unreachable => trial.plan.on_no_answer.take(),
            Reason::Forwarded => {
                let (to, by) = (trial.redirect.take()?, trial.plan.called?);
                Some(Forward { by, to, hops: hops.saturating_add(1) })
            }
            _ => None,
        }
    }
}
