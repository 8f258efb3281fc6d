//! A store that keeps credit, holds, journals and records in memory.

use std::collections::BTreeMap;

use strowger_model::cdr::Cdr;
use strowger_model::payment::{
    Charge, ChargeKind, Journal, MoneyEvent, MoneyOrder, PayerHold, Refusal, StepId,
};
use strowger_model::{AccountId, Amount};

/// Credit, holds and records.
#[derive(Default)]
pub struct Store {
    pub credit: BTreeMap<AccountId, i64>,
    pub held: BTreeMap<StepId, Vec<(AccountId, i64)>>,
    pub cdrs: Vec<Cdr>,
    pub charges: Vec<Charge>,
    pub journals: BTreeMap<StepId, Journal>,
    pub orders: Vec<MoneyOrder>,
    pub fenced: bool,
    pub unwell: bool,
}

impl Store {
    fn available(&self, account: AccountId) -> i64 {
        let held: i64 = self.held.values().flatten().filter(|(who, _)| *who == account).map(|(_, m)| m).sum();
        self.credit.get(&account).copied().unwrap_or(0) - held
    }

    fn grant(&mut self, step: StepId, hold: StepId, payers: &[PayerHold], max_steps: u32) -> MoneyEvent {
        let mut steps = i64::from(max_steps);
        for payer in payers {
            let Some(floor) = payer.floor else { continue };
            let room = self.available(payer.account) - floor.0 - payer.least.0;
            if room < 0 {
                let why = Refusal::NoCredit { account: payer.account, unit: payer.unit };
                return MoneyEvent::Refused { step, why };
            }
            if payer.step.0 > 0 {
                steps = steps.min(room / payer.step.0);
            }
        }
        let held = payers.iter().map(|p| (p.account, p.least.0 + p.step.0 * steps));
        self.held.entry(hold).or_default().extend(held);
        let left = payers.first().map(|p| Amount(self.available(p.account)));
        MoneyEvent::Held { step, steps: u32::try_from(steps).unwrap(), left }
    }

    pub fn perform(&mut self, order: &MoneyOrder) -> MoneyEvent {
        self.orders.push(order.clone());
        let step = order.step();
        if self.fenced {
            return MoneyEvent::Fenced { step };
        }
        match order {
            MoneyOrder::Hold { .. } if self.unwell => MoneyEvent::Refused { step, why: Refusal::StoreUnwell },
            MoneyOrder::Hold { payers, max_steps, journal, .. } => {
                let answer = self.grant(step, step, payers, *max_steps);
                if matches!(answer, MoneyEvent::Held { .. }) {
                    self.journals.insert(step, (**journal).clone());
                }
                answer
            }
            MoneyOrder::Extend { hold, payers, max_steps, journal, .. } => {
                self.journals.insert(*hold, (**journal).clone());
                self.grant(step, *hold, payers, *max_steps)
            }
            MoneyOrder::Settle { hold, charges, cdr, .. } => {
                for charge in charges {
                    let sign = if charge.kind == ChargeKind::Provider { 1 } else { -1 };
                    *self.credit.entry(charge.account).or_default() += sign * charge.amount.0;
                }
                self.charges.extend(charges);
                self.cdrs.push((**cdr).clone());
                if let Some(hold) = hold {
                    self.held.remove(hold);
                    self.journals.remove(hold);
                }
                MoneyEvent::Settled { step }
            }
            MoneyOrder::Release { hold, .. } => {
                self.held.remove(hold);
                self.journals.remove(hold);
                MoneyEvent::Settled { step }
            }
        }
    }
}
