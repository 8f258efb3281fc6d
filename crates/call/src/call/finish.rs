//! The end of a call, from whatever it is doing: legs, ports, money, record, and the word to everybody else.

use strowger_model::LegId;
use strowger_model::cdr::EndedBy;
use strowger_model::event::CallStep;
use strowger_model::media::MediaOrder;

use super::context::Context;
use super::trial::Outcome;
use super::{Activity, Call};
use crate::app::AppEvent;
use crate::reasons::Reason;

impl Call {
    /// Ends the call. `status` is for whoever still waits for an answer; none: the reason's.
    pub fn end(&mut self, context: &mut Context<'_>, by: EndedBy, reason: Reason, status: Option<u16>) {
        let before = std::mem::replace(&mut self.activity, Activity::Over);
        match before {
            Activity::Over => return,
            Activity::App(mut app) => {
                app.handle(AppEvent::Ended);
            }
            Activity::Dial | Activity::Bridged(_) => {}
        }
        let legs: Vec<LegId> = self.legs.keys().copied().collect();
        for leg in legs {
            self.hang_up(context, leg, reason, status);
        }
        self.settle_all(context, by, reason, status);
        let status = status.unwrap_or_else(|| reason.status());
        self.placed_failed(context, status, reason);
        let status = if self.answered().is_some() { 200 } else { status };
        self.announce_end(context, status, reason);
        self.test_ended(context, status, reason);
    }

    /// Ends a call that has panicked: what must not leak first, what may panic again last.
    pub fn abandon(&mut self, context: &mut Context<'_>) {
        let held = self.legs.values_mut().filter_map(|member| member.slot.take());
        for slot in held.chain(self.loose.take()) {
            context.media(MediaOrder::Free { slot: slot.id });
        }
        self.activity = Activity::Over;
        // The store's word on an earlier settlement may be what panicked: it was ordered, and that is all.
        for trial in &mut self.trials {
            trial.settled |= trial.settlement.is_some();
        }
        let reason = Reason::Internal;
        self.settle_all(context, EndedBy::Server, reason, None);
        self.placed_failed(context, reason.status(), reason);
        self.announce_end(context, reason.status(), reason);
        self.test_ended(context, reason.status(), reason);
        let legs: Vec<LegId> = self.legs.keys().copied().collect();
        for leg in legs {
            self.hang_up(context, leg, reason, None);
        }
    }

    fn settle_all(&mut self, context: &mut Context<'_>, by: EndedBy, reason: Reason, status: Option<u16>) {
        for index in 0..self.trials.len() {
            let answered = self.trials[index].answered.is_some();
            let status = if answered { 200 } else { status.unwrap_or_else(|| reason.status()) };
            let by = self.seen_from(index, by);
            self.settle(context, index, Outcome { status, reason, by, mark: "" });
        }
    }

    /// The first party of a placed call is the called one of its own record.
    fn seen_from(&self, index: usize, by: EndedBy) -> EndedBy {
        let first = self.placed.is_some() && self.a.is_some_and(|a| self.trials[index].branches.contains(&a));
        match by {
            EndedBy::Caller if first => EndedBy::Called,
            EndedBy::Called if first => EndedBy::Caller,
            by => by,
        }
    }

    fn announce_end(&mut self, context: &mut Context<'_>, status: u16, reason: Reason) {
        self.ends_at = None;
        if !std::mem::replace(&mut self.announced_end, true) {
            let reason = reason.phrase().to_owned();
            context.changed(self.id, CallStep::Ended { status, reason });
        }
    }
}
