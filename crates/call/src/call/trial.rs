//! One dialled target (A→B): its plan, its meter, and what its record will say. A fork is one trial,
//! failover over several trunks is one trial, a forward is another.

use strowger_billing::Meter;
use strowger_model::cdr::EndedBy;
use strowger_model::payment::{PayerHold, StepId};
use strowger_model::{AccountId, LegId, Mono, Now};
use strowger_route::Plan;

use super::ways::Planned;
use crate::reasons::Reason;

/// One dialled target.
#[derive(Debug)]
pub struct Trial {
    /// The id under which it is billed and recorded.
    pub leg: LegId,
    /// Where it goes.
    pub plan: Plan,
    /// The step of the plan being tried.
    pub step: usize,
    /// What it costs.
    pub meter: Meter,
    /// When the dialling began.
    pub start: Now,
    /// When it first rang.
    pub rang: Option<Mono>,
    /// When it was answered.
    pub answered: Option<Now>,
    /// What is dialled as soon as the step's money is held.
    pub planned: Vec<Planned>,
    /// The journal does not know yet whom the step dials.
    pub unwritten: bool,
    /// The legs that are being tried, or the one that answered.
    pub branches: Vec<LegId>,
    /// The best final status of the branches that failed.
    pub failed: Option<u16>,
    /// Somebody gave up on it when it rang this long.
    pub ring_until: Option<Mono>,
    /// A trunk that was not heard of by then is given up.
    pub hear_until: Option<Mono>,
    /// The trunk in use.
    pub server: Option<AccountId>,
    /// The number that was sent to it.
    pub sent: String,
    /// The Call-ID of the leg that was dialled last, or that answered.
    pub call_id: String,
    /// The codec of the conversation.
    pub codec: String,
    /// The worst score of legs that have left it.
    pub mos: Option<u16>,
    /// What the first payer holds for each of the steps granted.
    pub first_payer: Option<PayerHold>,
    /// The settlement that was ordered.
    pub settlement: Option<StepId>,
    /// The settlement is durable, or not wanted.
    pub settled: bool,
    /// Target of a 3xx of a phone.
    pub redirect: Option<String>,
}

/// How a trial ended, for its record.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// The SIP status.
    pub status: u16,
    /// Why.
    pub reason: Reason,
    /// Who.
    pub by: EndedBy,
    /// The record's mark; empty: the plan's, or FAIL.
    pub mark: &'static str,
}

impl Trial {
    /// A trial of a plan that has not begun.
    pub fn new(leg: LegId, plan: Plan, meter: Meter, start: Now) -> Self {
        Self {
            leg,
            plan,
            step: 0,
            meter,
            start,
            rang: None,
            answered: None,
            planned: Vec::new(),
            unwritten: true,
            branches: Vec::new(),
            failed: None,
            ring_until: None,
            hear_until: None,
            server: None,
            sent: String::new(),
            call_id: String::new(),
            codec: String::new(),
            mos: None,
            first_payer: None,
            settlement: None,
            settled: false,
            redirect: None,
        }
    }

    /// It was not settled yet.
    pub const fn is_open(&self) -> bool {
        self.settlement.is_none() && !self.settled
    }

    /// When it has something to do.
    pub fn deadline(&self) -> Option<Mono> {
        if !self.is_open() {
            return None;
        }
        let meter = self.meter.deadline().map(|(at, _)| at);
        self.ring_until.into_iter().chain(self.hear_until).chain(meter).min()
    }

    /// A branch failed with this status: of several the most telling counts.
    pub fn note_failure(&mut self, status: u16) {
        let rank = |status: u16| match status {
            600..=699 => 0,
            486 => 1,
            300..=399 => 2,
            480 => 3,
            408 => 6,
            400..=499 => 4,
            _ => 5,
        };
        let better = self.failed.is_none_or(|before| rank(status) < rank(before));
        if better {
            self.failed = Some(status);
        }
    }
}
