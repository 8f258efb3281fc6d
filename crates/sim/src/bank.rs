//! The reference store: what must become of money orders, in as few lines as possible and without a database. It
//! carries out each step once, keeps holds and journals, and recovers as the real one does.

use std::collections::BTreeMap;

use strowger_billing::settle_from_journal;
use strowger_model::cdr::{Cdr, EndedBy};
use strowger_model::payment::{
    Charge, ChargeKind, Journal, MoneyEvent, MoneyOrder, PayerHold, Refusal, StepId,
};
use strowger_model::{AccountId, Amount, CallId, LegId, Unit};

/// The account that everything is paid to, and that pays providers.
pub const HOUSE: AccountId = AccountId(-1);
/// Where credit comes from that nobody paid for in the run.
pub const CASH: AccountId = AccountId(-2);
/// What could not be charged.
pub const LOSS: AccountId = AccountId(-3);

/// One account in one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balance {
    /// What it has.
    pub settled: Amount,
    /// What of it is reserved.
    pub held: Amount,
    /// How many legs reserve.
    pub holds: i64,
}

/// What a leg reserves of one account.
#[derive(Debug, Clone, Copy)]
struct Held {
    amount: Amount,
    floor: Option<Amount>,
}

/// A settled leg.
#[derive(Debug, Clone)]
pub struct Settled {
    /// The record.
    pub cdr: Cdr,
    /// What was charged.
    pub charges: Vec<Charge>,
    /// By recovery.
    pub recovered: bool,
}

/// A leg that recovery settled.
#[derive(Debug, Clone)]
pub struct Recovered {
    /// The record.
    pub cdr: Cdr,
    /// The legs that want a BYE.
    pub legs: Vec<String>,
}

/// The store.
#[derive(Debug, Default)]
pub struct Bank {
    /// The epoch whose orders are taken.
    pub epoch: u32,
    /// New paid holds are refused.
    pub unwell: bool,
    /// Accounts that pay for nothing any more.
    pub disabled: Vec<AccountId>,
    /// Everything that was settled, by leg.
    pub settled: BTreeMap<LegId, Settled>,
    /// Open journals, with the call that each belongs to.
    pub journals: BTreeMap<LegId, (CallId, Journal)>,
    /// Legs that were granted a hold and did not give it back: each must have a record in the end.
    pub granted: BTreeMap<LegId, CallId>,
    /// What was written off, and for which leg.
    pub losses: Vec<(LegId, Amount)>,
    balances: BTreeMap<(AccountId, Unit), Balance>,
    /// Prepaid accounts: settled minus held never goes below zero.
    prepaid: Vec<AccountId>,
    entries: BTreeMap<(AccountId, Unit), Amount>,
    holds: BTreeMap<LegId, BTreeMap<(AccountId, Unit), Held>>,
    steps: BTreeMap<StepId, (MoneyOrder, MoneyEvent)>,
}

impl Bank {
    /// Gives an account its first credit.
    pub fn open(&mut self, account: AccountId, unit: Unit, credit: Amount, prepaid: bool) {
        self.post(CASH, account, unit, credit);
        if prepaid {
            self.prepaid.push(account);
        }
    }

    /// Carries out an order, or finds the answer of its first time. An error is a broken promise of the switch.
    ///
    /// # Errors
    /// The switch did what it may never do: the text says what.
    pub fn perform(&mut self, order: &MoneyOrder) -> Result<MoneyEvent, String> {
        let step = order.step();
        if let Some((first, answer)) = self.steps.get(&step) {
            return if first == order {
                Ok(answer.clone())
            } else {
                Err(format!("I6: step {step} came with other content: {first:?} / {order:?}"))
            };
        }
        if step.call.epoch() != self.epoch {
            return Ok(MoneyEvent::Fenced { step });
        }
        let event = match order {
            MoneyOrder::Hold { payers, max_steps, journal, .. } => {
                if self.settled.contains_key(&step.leg) {
                    return Err(format!("{step}: a hold of a leg that is settled"));
                }
                self.reserve(step, payers, *max_steps, journal, true)
            }
            MoneyOrder::Extend { payers, max_steps, journal, .. } => {
                if !self.journals.contains_key(&step.leg) {
                    return Err(format!("{step}: an extension without a hold"));
                }
                self.reserve(step, payers, *max_steps, journal, false)
            }
            MoneyOrder::Settle { charges, cdr, .. } => {
                if cdr.leg != step.leg || cdr.call != step.call {
                    return Err(format!("{step}: the record is of {} {}", cdr.call, cdr.leg));
                }
                if self.settled.contains_key(&step.leg) {
                    return Err(format!("I2: {step}: a second record of one leg"));
                }
                self.settle(charges, cdr, false);
                MoneyEvent::Settled { step }
            }
            MoneyOrder::Release { .. } => {
                self.close(step.leg);
                self.granted.remove(&step.leg);
                MoneyEvent::Settled { step }
            }
        };
        self.steps.insert(step, (order.clone(), event.clone()));
        Ok(event)
    }

    fn reserve(
        &mut self,
        step: StepId,
        payers: &[PayerHold],
        max: u32,
        journal: &Journal,
        first: bool,
    ) -> MoneyEvent {
        let refused = |why| MoneyEvent::Refused { step, why };
        if self.unwell && !payers.is_empty() {
            return refused(Refusal::StoreUnwell);
        }
        let mut sorted = payers.to_vec();
        sorted.sort_by_key(|payer| (payer.account, payer.unit));
        let mut steps = i64::from(max);
        for payer in sorted {
            if self.disabled.contains(&payer.account) {
                return refused(Refusal::NoAccount { account: payer.account });
            }
            let balance = self.balance(payer.account, payer.unit);
            let Some(floor) = payer.floor else { continue };
            let available = (balance.settled - balance.held - floor).0;
            if available < payer.least.0 {
                return refused(Refusal::NoCredit { account: payer.account, unit: payer.unit });
            }
            if payer.step.0 > 0 {
                steps = steps.min(granted(available, &payer, balance.holds, first));
            }
        }
        for payer in payers {
            let amount = payer.least + payer.step.times(steps);
            let of_leg = self.holds.entry(step.leg).or_default();
            let balance = self.balances.entry((payer.account, payer.unit)).or_default();
            let held = of_leg.entry((payer.account, payer.unit)).or_insert_with(|| {
                balance.holds += 1;
                Held { amount: Amount::ZERO, floor: payer.floor }
            });
            held.amount += amount;
            balance.held += amount;
        }
        self.journals.insert(step.leg, (step.call, journal.clone()));
        self.granted.insert(step.leg, step.call);
        let left = payers.first().map(|payer| {
            let balance = self.balance(payer.account, payer.unit);
            balance.settled - balance.held
        });
        MoneyEvent::Held { step, steps: u32::try_from(steps).unwrap_or(0), left }
    }

    fn close(&mut self, leg: LegId) -> BTreeMap<(AccountId, Unit), Held> {
        self.journals.remove(&leg);
        let holds = self.holds.remove(&leg).unwrap_or_default();
        for (key, held) in &holds {
            let balance = self.balances.entry(*key).or_default();
            balance.held -= held.amount;
            balance.holds -= 1;
        }
        holds
    }

    fn settle(&mut self, charges: &[Charge], cdr: &Cdr, recovered: bool) {
        let holds = self.close(cdr.leg);
        for charge in charges {
            let (account, unit, amount) = (charge.account, charge.unit, charge.amount);
            if charge.kind == ChargeKind::Provider {
                self.post(HOUSE, account, unit, amount);
                continue;
            }
            let floor = holds
                .get(&(account, unit))
                .map_or_else(|| self.prepaid.contains(&account).then_some(Amount::ZERO), |held| held.floor);
            let balance = self.balance(account, unit);
            let most =
                floor.map_or(amount, |floor| (balance.settled - balance.held - floor).max(Amount::ZERO));
            let paid = amount.min(most);
            self.post(account, HOUSE, unit, paid);
            if paid < amount {
                self.losses.push((cdr.leg, amount - paid));
                self.post(LOSS, HOUSE, unit, amount - paid);
            }
        }
        self.settled.insert(cdr.leg, Settled { cdr: cdr.clone(), charges: charges.to_vec(), recovered });
    }

    /// Settles everything that is open to its last touch, in a new epoch. Again, it finds nothing.
    ///
    /// # Errors
    /// A journal that cannot be read.
    pub fn recover(&mut self) -> Result<Vec<Recovered>, String> {
        self.epoch += 1;
        let open: Vec<Journal> = self.journals.values().map(|(_, journal)| journal.clone()).collect();
        let mut recovered = Vec::with_capacity(open.len());
        for journal in open {
            let settlement = settle_from_journal(&journal.meter, journal.billed_ms, journal.answered)
                .map_err(|error| format!("the meter of {} cannot be read: {error}", journal.cdr.leg))?;
            let mut cdr = journal.cdr;
            cdr.duration_ms = if journal.answered.is_some() { journal.billed_ms } else { 0 };
            cdr.status = if journal.answered.is_some() { 200 } else { 503 };
            cdr.ended_by = EndedBy::Recovery;
            settlement.write_to(&mut cdr);
            self.settle(&settlement.charges, &cdr, true);
            recovered.push(Recovered { cdr, legs: journal.legs });
        }
        Ok(recovered)
    }

    fn post(&mut self, from: AccountId, to: AccountId, unit: Unit, amount: Amount) {
        for (account, amount) in [(from, -amount), (to, amount)] {
            self.balances.entry((account, unit)).or_default().settled += amount;
            *self.entries.entry((account, unit)).or_default() += amount;
        }
    }

    /// An account as it stands.
    #[must_use]
    pub fn balance(&self, account: AccountId, unit: Unit) -> Balance {
        self.balances.get(&(account, unit)).copied().unwrap_or_default()
    }

    /// Legs that reserve something, and their calls.
    pub fn open_legs(&self) -> impl Iterator<Item = (LegId, CallId)> + '_ {
        self.journals.iter().map(|(leg, (call, _))| (*leg, *call))
    }

    /// I1 and I3, and that holds are what the accounts say.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), String> {
        let mut sums: BTreeMap<Unit, Amount> = BTreeMap::new();
        let mut held: BTreeMap<(AccountId, Unit), Amount> = BTreeMap::new();
        for (key, of_leg) in self.holds.values().flatten() {
            *held.entry(*key).or_default() += of_leg.amount;
        }
        for (key, balance) in &self.balances {
            *sums.entry(key.1).or_default() += balance.settled;
            if self.entries.get(key).copied().unwrap_or_default() != balance.settled {
                return Err(format!("I1: account {} is not the sum of its entries", key.0));
            }
            if held.get(key).copied().unwrap_or_default() != balance.held {
                return Err(format!("I4: account {} holds {} without legs for it", key.0, balance.held));
            }
            let available = balance.settled - balance.held;
            if self.prepaid.contains(&key.0) && (available.is_negative() || balance.settled.is_negative()) {
                return Err(format!(
                    "I3: account {} has {} of which {} are held",
                    key.0, balance.settled, balance.held
                ));
            }
        }
        match sums.iter().find(|(_, sum)| **sum != Amount::ZERO) {
            Some((unit, sum)) => Err(format!("I1: all accounts in {unit} sum to {sum}")),
            None => Ok(()),
        }
    }

    /// Performs every step once more, in any order: nothing may change (I6).
    ///
    /// # Errors
    /// What changed.
    pub fn replay(&mut self) -> Result<(), String> {
        let (balances, records) = (self.balances.clone(), self.settled.len());
        let steps: Vec<(MoneyOrder, MoneyEvent)> = self.steps.values().rev().cloned().collect();
        for (order, answer) in steps {
            if self.perform(&order)? != answer {
                return Err(format!("I6: {} was answered differently the second time", order.step()));
            }
        }
        let same = balances == self.balances && records == self.settled.len();
        if same { Ok(()) } else { Err("I6: a replay changed something".to_owned()) }
    }
}

/// Steps beyond the least: the open calls of an account share what it has, but none is cut while there is credit.
fn granted(available: i64, payer: &PayerHold, holds: i64, first: bool) -> i64 {
    let sharers = if first { holds + 1 } else { holds.max(1) };
    let fits = |budget: i64| (budget.max(payer.least.0) - payer.least.0) / payer.step.0;
    match fits(available / sharers) {
        0 if !first => fits(available).min(1),
        steps => steps,
    }
}
