//! The meter of one billed leg: orders holds before and during the call, says when it must be cut,
//! and settles it at the end.
//!
//! It sends nothing. The call sends the orders that it makes, brings the answers back, and asks for the
//! next deadline after every step. It also numbers the leg's money steps.

use serde::{Deserialize, Serialize};
use strowger_model::cdr::Cdr;
use strowger_model::money::{Amount, Unit};
use strowger_model::payment::{Journal, MoneyEvent, MoneyOrder, PayerHold, Refusal, StepId};
use strowger_model::{AccountId, CallId, LegId, Mono, Now, Wall};

use crate::chain::Chain;
use crate::reserve::{self, Ask};
use crate::settlement::Settlement;

pub use crate::terms::{CutReason, MeterAction, MeterDeadline, MeterJson, MeterSettings};

/// Milliseconds before the end of credit when more is asked for once again: the account may have been
/// recharged since it was refused.
const LAST_TRY_MS: u64 = 2_000;
/// Part of a slice that is kept as a reserve for the answer to an extension: one fifth.
const RESERVE_PART: u64 = 5;

/// What one payer level holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) account: AccountId,
    pub(crate) unit: Unit,
    pub(crate) level: u8,
    pub(crate) amount: Amount,
}

/// An order for money that the store has not answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Pending {
    step: StepId,
    /// Payers with their levels.
    asked: Vec<(u8, PayerHold)>,
    /// Seconds that `least` alone adds.
    base_s: u64,
    quantum_s: u64,
    max_steps: u32,
    /// The enduser's part is asked in free seconds.
    seconds: bool,
}

/// The meter of one leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    call: CallId,
    leg: LegId,
    pub(crate) chain: Chain,
    settings: MeterSettings,
    sequence: u32,
    hold: Option<StepId>,
    granted: bool,
    pending: Option<Pending>,
    pub(crate) held: Vec<Held>,
    /// Seconds of conversation that are covered.
    pub(crate) paid_s: u64,
    /// How many of them by free seconds.
    pub(crate) free_s: u64,
    /// Free seconds are still worth asking for.
    try_seconds: bool,
    /// The last slice's seconds.
    slice_s: u64,
    #[serde(skip)]
    answered: Option<Mono>,
    answered_wall: Option<Wall>,
    #[serde(skip)]
    touched: Option<Mono>,
    /// An action was given out that the call has not followed yet.
    #[serde(skip)]
    asked: bool,
    stop: Option<CutReason>,
    /// After a refusal the store was asked once more.
    last_try: bool,
    cut: bool,
    ended: bool,
    left: Option<(Amount, Unit)>,
    /// The warning of little credit was given, and nothing has come since.
    #[serde(default)]
    warned: bool,
}

impl Meter {
    /// A meter that has held nothing.
    #[must_use]
    pub fn new(call: CallId, leg: LegId, chain: Chain, settings: MeterSettings) -> Self {
        let try_seconds = chain.free_seconds && !chain.is_free();
        Self {
            call,
            leg,
            chain,
            settings,
            sequence: 0,
            hold: None,
            granted: false,
            pending: None,
            held: Vec::new(),
            paid_s: 0,
            free_s: 0,
            try_seconds,
            slice_s: 0,
            answered: None,
            answered_wall: None,
            touched: None,
            asked: false,
            stop: None,
            last_try: false,
            cut: false,
            ended: false,
            left: None,
            warned: false,
        }
    }

    /// The order that must be granted before the INVITE leaves. `journal.meter` is filled here.
    pub fn hold(&mut self, now: Now, mut journal: Journal) -> MoneyOrder {
        let step = self.next_step();
        self.hold = Some(step);
        self.granted = false;
        self.touched = Some(now.mono);
        self.held.clear();
        (self.paid_s, self.free_s) = (0, 0);
        let quantum = reserve::quantum_s(&self.chain);
        let max_steps = (u64::from(self.settings.first_slice_s) / quantum).saturating_sub(1);
        let max_steps = u32::try_from(max_steps).unwrap_or(u32::MAX);
        let to = now.wall.plus_ms(ms(self.settings.ring_allowance_ms));
        let to = to.plus_ms(ms(self.slice_ms(quantum) / 2));
        let asked = self.asks(quantum, now.wall, to, true);
        let payers = asked.iter().map(|(_, p)| *p).collect();
        let seconds = self.try_seconds;
        self.pending = Some(Pending { step, asked, base_s: quantum, quantum_s: quantum, max_steps, seconds });
        let max_steps = if self.chain.is_free() { 0 } else { max_steps };
        journal.meter = self.journal_json();
        MoneyOrder::Hold { step, payers, max_steps, journal: Box::new(journal) }
    }

    /// The order that a [`MeterAction::Extend`] or [`MeterAction::Touch`] asks for; may also be made at any
    /// other time to touch the journal, as right after the answer. Fills `journal.meter`, `answered` and
    /// `billed_ms`.
    pub fn extend(&mut self, now: Now, mut journal: Journal) -> MoneyOrder {
        let step = self.next_step();
        self.asked = false;
        self.touched = Some(now.mono);
        journal.answered = self.answered_wall;
        journal.billed_ms = self.duration_ms(now);
        journal.meter = self.journal_json();
        let hold = self.hold.unwrap_or(step);
        let (payers, max_steps) = if self.extend_at().is_some_and(|at| at <= now.mono) {
            self.ask_more(now, step)
        } else {
            (Vec::new(), 0)
        };
        MoneyOrder::Extend { step, hold, payers, max_steps, journal: Box::new(journal) }
    }

    /// Takes the store's answer to one of this meter's orders.
    pub fn handle_money(&mut self, now: Now, event: &MoneyEvent) -> Option<MeterAction> {
        if event.step().call != self.call || event.step().leg != self.leg {
            return None;
        }
        match event {
            MoneyEvent::Fenced { .. } => {
                self.ended = true;
                Some(MeterAction::Drop)
            }
            MoneyEvent::Settled { .. } => self.ended.then_some(MeterAction::Settled),
            MoneyEvent::Held { step, steps, left } => self.on_held(now, *step, *steps, *left),
            MoneyEvent::Refused { step, why } => self.on_refused(now, *step, *why),
        }
    }

    /// The conversation begins.
    pub const fn answered(&mut self, now: Now) {
        if self.answered.is_none() {
            self.answered = Some(now.mono);
            self.answered_wall = Some(now.wall);
        }
    }

    /// What is due. Call until it gives nothing.
    pub fn handle_timeout(&mut self, now: Now) -> Option<MeterAction> {
        let (at, what) = self.deadline()?;
        if at > now.mono {
            return None;
        }
        match what {
            MeterDeadline::Cut => {
                self.cut = true;
                Some(MeterAction::Cut(self.stop.unwrap_or(CutReason::NoAnswer)))
            }
            MeterDeadline::Extend => {
                self.asked = true;
                Some(MeterAction::Extend)
            }
            MeterDeadline::Touch => {
                self.asked = true;
                Some(MeterAction::Touch)
            }
            MeterDeadline::Warn => {
                self.warned = true;
                Some(MeterAction::Warn { left_s: self.left_s(now) })
            }
        }
    }

    /// The next moment at which [`Meter::handle_timeout`] has something to do, and what.
    #[must_use]
    pub fn deadline(&self) -> Option<(Mono, MeterDeadline)> {
        if self.ended || self.cut {
            return None;
        }
        let cut = self.cut_at().map(|at| (at, MeterDeadline::Cut));
        let extend = self.extend_at().filter(|_| !self.asked).map(|at| (at, MeterDeadline::Extend));
        let touch = self.touch_at().filter(|_| !self.asked).map(|at| (at, MeterDeadline::Touch));
        let warn = self.warn_at().map(|at| (at, MeterDeadline::Warn));
        [cut, extend, touch, warn].into_iter().flatten().min()
    }

    /// Of a fork whose dearest branch was held, this one answered.
    pub fn take_branch(&mut self, chain: Chain) {
        self.chain = chain;
    }

    /// The next target has another price. Gives the release of what was held, after which
    /// [`Meter::hold`] asks anew; nothing where the payers' prices stay and the hold may be kept.
    pub fn reprice(&mut self, chain: Chain) -> Option<MoneyOrder> {
        if self.chain.same_payers(&chain) {
            self.chain = chain;
            return None;
        }
        let release = self.release();
        self.try_seconds = chain.free_seconds && !chain.is_free();
        self.chain = chain;
        self.ended = false;
        (self.stop, self.last_try) = (None, false);
        release
    }

    /// The last order: charges, record and costs. Fills the record's duration and money fields.
    pub fn settle(&mut self, now: Now, mut cdr: Cdr) -> MoneyOrder {
        cdr.duration_ms = self.duration_ms(now);
        let settlement = Settlement::of(self, cdr.duration_ms, self.answered_wall);
        settlement.write_to(&mut cdr);
        self.ended = true;
        let step = self.next_step();
        let Settlement { charges, costs, .. } = settlement;
        MoneyOrder::Settle { step, hold: self.hold.take(), charges, cdr: Box::new(cdr), costs }
    }

    /// Gives back what is held, without a record.
    pub fn release(&mut self) -> Option<MoneyOrder> {
        self.ended = true;
        self.pending = None;
        self.held.clear();
        (self.paid_s, self.free_s) = (0, 0);
        let hold = self.hold.take()?;
        Some(MoneyOrder::Release { step: self.next_step(), hold })
    }

    /// What the enduser would be charged if the conversation ended now; none: nobody pays.
    #[must_use]
    pub fn cost(&self, now: Now) -> Option<(Amount, Unit)> {
        let enduser = self.chain.enduser()?;
        let so_far = Settlement::of(self, self.duration_ms(now), self.answered_wall);
        Some((so_far.cost_enduser, enduser.unit))
    }

    /// What the enduser had left at the last answer of the store.
    #[must_use]
    pub const fn left(&self) -> Option<(Amount, Unit)> {
        self.left
    }

    /// What the enduser's money holds for this leg cover, and the seconds that free seconds cover.
    #[must_use]
    pub fn covered(&self) -> (Amount, u64) {
        let held = self.chain.enduser().map(|rating| self.held_by(0, rating.account, rating.unit));
        (held.unwrap_or(Amount::ZERO), self.free_s)
    }

    /// Seconds that the conversation can go on with what the enduser has, by what the store said last.
    fn left_s(&self, now: Now) -> u64 {
        self.lasts_s().unwrap_or(self.paid_s).saturating_sub(self.duration_ms(now) / 1000)
    }

    /// How long the conversation may last in all; none: its end is not a matter of the enduser's money.
    fn lasts_s(&self) -> Option<u64> {
        let enduser =
            self.chain.enduser().filter(|rating| rating.floor.is_some() && rating.price > Amount::ZERO)?;
        let (left, _) = self.left.filter(|(_, unit)| *unit == enduser.unit)?;
        let more_s = i128::from(left.0.max(0)) * 60 / i128::from(enduser.price.0);
        Some(self.paid_s.saturating_add(u64::try_from(more_s).unwrap_or(u64::MAX)))
    }

    /// When the credit will last no longer than the warning is early.
    fn warn_at(&self) -> Option<Mono> {
        let answered = self.answered.filter(|_| self.settings.warn_s > 0 && !self.warned)?;
        let begins_s = self.lasts_s()?.saturating_sub(self.settings.warn_s.into());
        Some(answered.plus_ms(begins_s.saturating_mul(1000)))
    }

    /// What is known of the credit lasts longer than the warning is early.
    #[must_use]
    pub fn is_well_off(&self, now: Now) -> bool {
        let least_s = u64::from(self.settings.warn_s) + self.duration_ms(now) / 1000;
        self.settings.warn_s > 0 && self.lasts_s().is_some_and(|lasts_s| lasts_s > least_s)
    }

    /// The payer chain.
    #[must_use]
    pub const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Milliseconds of conversation.
    #[must_use]
    pub fn duration_ms(&self, now: Now) -> u64 {
        self.answered.map_or(0, |at| now.mono.ms_since(at))
    }

    /// The last order was made.
    #[must_use]
    pub const fn settled(&self) -> bool {
        self.ended
    }

    /// Nobody pays.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.chain.is_free()
    }

    /// The meter as text. Monotonic readings are left out: they mean nothing to another process.
    #[must_use]
    pub fn snapshot(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// A meter from its text.
    ///
    /// # Errors
    /// The text is not one of [`Meter::snapshot`].
    pub fn restore(json: &str) -> Result<Self, MeterJson> {
        Ok(serde_json::from_str(json)?)
    }

    /// The meter goes on in another shard of the same process: the answer's monotonic reading, which a
    /// snapshot does not carry.
    pub const fn adopt(&mut self, answered: Option<Mono>, now: Now) {
        self.answered = answered;
        self.touched = Some(now.mono);
    }

    fn on_held(&mut self, now: Now, step: StepId, steps: u32, left: Option<Amount>) -> Option<MeterAction> {
        let pending = self.pending.take_if(|p| p.step == step)?;
        if self.ended {
            return None;
        }
        let steps = steps.min(pending.max_steps);
        for (level, payer) in &pending.asked {
            self.keep(*level, payer, steps);
        }
        // Where the enduser's own level is free the first payer is a reseller, whose credit is not shown.
        if let (Some((0, enduser)), Some(left)) = (pending.asked.first(), left) {
            self.left = Some((left, enduser.unit));
        }
        let more_s = pending.base_s + u64::from(steps) * pending.quantum_s;
        if more_s == 0 {
            return self.nothing_more(pending.seconds, CutReason::NoCredit);
        }
        self.slice_s = more_s;
        self.paid_s += more_s;
        self.free_s += if pending.seconds { more_s } else { 0 };
        (self.stop, self.last_try) = (None, false);
        if self.warned {
            // More credit than at the warning: there will be another.
            let answered = self.answered.unwrap_or_default();
            let begins_s = self.lasts_s().unwrap_or(0).saturating_sub(self.settings.warn_s.into());
            self.warned = answered.plus_ms(begins_s.saturating_mul(1000)) <= now.mono;
        }
        let first = !std::mem::replace(&mut self.granted, true);
        first.then(|| self.begin(pending.asked.first(), left))
    }

    /// The first hold is granted: the call may begin, unless the prepaid enduser had less than
    /// `least_credit` before it.
    fn begin(&self, first: Option<&(u8, PayerHold)>, left: Option<Amount>) -> MeterAction {
        if let (Some((0, enduser)), Some(left)) = (first, left)
            && matches!(enduser.unit, Unit::Currency(_))
            && enduser.floor.is_some()
            && self.settings.least_credit > Amount::ZERO
            && left + self.held_by(0, enduser.account, enduser.unit) < self.settings.least_credit
        {
            return MeterAction::Refused(Refusal::NoCredit { account: enduser.account, unit: enduser.unit });
        }
        MeterAction::Go
    }

    fn on_refused(&mut self, now: Now, step: StepId, why: Refusal) -> Option<MeterAction> {
        let pending = self.pending.take_if(|p| p.step == step)?;
        if self.ended {
            return None;
        }
        let seconds = pending.seconds && matches!(why, Refusal::NoCredit { unit: Unit::Seconds, .. });
        if self.granted {
            self.touched = Some(now.mono);
            let reason = match why {
                Refusal::NoCredit { .. } => CutReason::NoCredit,
                Refusal::NoAccount { .. } => CutReason::AccountGone,
                Refusal::StoreUnwell | Refusal::Conflict => CutReason::NoAnswer,
            };
            return self.nothing_more(seconds, reason);
        }
        self.hold = None;
        if seconds {
            self.try_seconds = false;
            return Some(MeterAction::HoldAgain);
        }
        Some(MeterAction::Refused(why))
    }

    /// An extension brought nothing: money after free seconds, else the end of what is paid.
    const fn nothing_more(&mut self, seconds: bool, reason: CutReason) -> Option<MeterAction> {
        if seconds && self.try_seconds {
            self.try_seconds = false;
            self.asked = true;
            return Some(MeterAction::Extend);
        }
        self.stop = Some(reason);
        None
    }

    fn keep(&mut self, level: u8, payer: &PayerHold, steps: u32) {
        let amount = payer.least + payer.step.times(i64::from(steps));
        let same = |h: &&mut Held| h.level == level && h.unit == payer.unit && h.account == payer.account;
        if let Some(held) = self.held.iter_mut().find(same) {
            held.amount += amount;
        } else {
            self.held.push(Held { account: payer.account, unit: payer.unit, level, amount });
        }
    }

    pub(crate) fn held_by(&self, level: u8, account: AccountId, unit: Unit) -> Amount {
        let same = |h: &&Held| h.level == level && h.unit == unit && h.account == account;
        self.held.iter().filter(same).map(|h| h.amount).sum()
    }

    fn next_step(&mut self) -> StepId {
        let step = StepId { call: self.call, leg: self.leg, sequence: self.sequence };
        self.sequence += 1;
        step
    }

    /// The payers' parts. `covered_s` counts from the answer; the enduser's money starts where its free
    /// seconds end.
    fn asks(&self, covered_s: u64, from: Wall, to: Wall, first: bool) -> Vec<(u8, PayerHold)> {
        let quantum_s = reserve::quantum_s(&self.chain);
        let mut asked = Vec::with_capacity(self.chain.payers.len());
        for (index, rating) in self.chain.payers.iter().enumerate().filter(|(_, r)| !r.is_free()) {
            if index == 0 && self.try_seconds {
                let least_s = if first { covered_s } else { 0 };
                asked.push((rating.level, reserve::seconds(rating, least_s, quantum_s)));
                continue;
            }
            let own_s = if index == 0 { covered_s.saturating_sub(self.free_s) } else { covered_s };
            let held = self.held_by(rating.level, rating.account, rating.unit);
            asked.push((
                rating.level,
                reserve::money(rating, &Ask { covered_s: own_s, quantum_s, from, to, held }),
            ));
        }
        asked
    }

    fn ask_more(&mut self, now: Now, step: StepId) -> (Vec<PayerHold>, u32) {
        let quantum_s = reserve::quantum_s(&self.chain);
        self.last_try = self.stop.is_some();
        // The first money after free seconds carries the connection fee, the minimum and one step.
        let money_begins = self.free_s > 0 && self.free_s == self.paid_s && !self.try_seconds;
        let base_s = if money_begins { quantum_s } else { 0 };
        let covered_s = self.paid_s + base_s;
        let steps = (u64::from(self.settings.first_slice_s) / quantum_s).max(1) - u64::from(money_begins);
        let max_steps = u32::try_from(steps).unwrap_or(u32::MAX);
        let start = self.answered_wall.unwrap_or(now.wall);
        let from = start.plus_ms(ms(self.duration_ms(now) / 2));
        let to = start.plus_ms(ms((covered_s * 1000 + self.slice_ms(quantum_s)) / 2));
        let asked = self.asks(covered_s, from, to, false);
        let payers = asked.iter().map(|(_, p)| *p).collect();
        self.pending = Some(Pending { step, asked, base_s, quantum_s, max_steps, seconds: self.try_seconds });
        (payers, max_steps)
    }

    fn slice_ms(&self, quantum_s: u64) -> u64 {
        u64::from(self.settings.first_slice_s).max(quantum_s) * 1000
    }

    /// The meter as the journal keeps it; nothing for a free call, which costs nothing to settle.
    fn journal_json(&self) -> String {
        if self.chain.is_free() && self.chain.provider.is_none() { String::new() } else { self.snapshot() }
    }

    fn paid_until(&self) -> Option<Mono> {
        let answered = self.answered.filter(|_| !self.chain.is_free())?;
        Some(answered.plus_ms(self.paid_s * 1000))
    }

    fn extend_at(&self) -> Option<Mono> {
        if self.pending.is_some() {
            return None;
        }
        let reserve_ms = match self.stop {
            None => u64::from(self.settings.reserve_s).max(self.slice_s / RESERVE_PART) * 1000,
            Some(CutReason::NoCredit) if !self.last_try => LAST_TRY_MS,
            Some(_) => return None,
        };
        let answered = self.answered.filter(|_| !self.chain.is_free())?;
        Some(answered.plus_ms((self.paid_s * 1000).saturating_sub(reserve_ms)))
    }

    fn cut_at(&self) -> Option<Mono> {
        let paid_until = self.paid_until()?;
        let prepaid = self.chain.payers.iter().any(|r| r.floor.is_some() && !r.is_free());
        let grace = if prepaid || self.stop.is_some() { 0 } else { self.settings.grace_ms };
        Some(paid_until.plus_ms(grace))
    }

    fn touch_at(&self) -> Option<Mono> {
        self.answered?;
        self.touched.map(|at| at.plus_ms(self.settings.touch_ms))
    }
}

fn ms(milliseconds: u64) -> i64 {
    i64::try_from(milliseconds).unwrap_or(i64::MAX)
}
