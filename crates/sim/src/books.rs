//! The way of a money order: to the store, which commits in order and late, and back as an answer.

use strowger_model::payment::{MoneyEvent, MoneyOrder, Refusal};

use crate::sabotage::{Sabotage, second, tampered};
use crate::world::{Event, World, brief};

impl World {
    /// An order is on its way to the store, which commits in order.
    pub(crate) fn money(&mut self, order: MoneyOrder) {
        self.report.money_steps += 1;
        self.note(&format!("order: {}", brief(&order)));
        let gather = self.dice.between(500, 8000);
        self.last_commit = self.last_commit.max(self.stalled_until).max(self.now + gather);
        if self.sabotaged(Sabotage::EarlyAnswer) && matches!(order, MoneyOrder::Hold { .. }) {
            let answer = MoneyEvent::Held { step: order.step(), steps: 10, left: None };
            self.at(self.now, Event::Answer(self.life, answer));
        }
        self.at(self.last_commit, Event::Commit(self.life, Box::new(order)));
    }

    pub(crate) fn commit(&mut self, life: u32, order: &MoneyOrder) {
        if life != self.life {
            return;
        }
        let sabotaged = self.sabotage.and_then(|sabotage| tampered(order, sabotage));
        let order = sabotaged.as_ref().unwrap_or(order);
        if matches!(order, MoneyOrder::Settle { .. }) && self.sabotaged(Sabotage::NoSettle) {
            return self.after(1000, Event::Answer(life, MoneyEvent::Settled { step: order.step() }));
        }
        if let Some(again) = second(order).filter(|_| self.sabotaged(Sabotage::SettleTwice)) {
            self.after(5000, Event::Commit(life, Box::new(again)));
        }
        let answer = match self.bank.perform(order) {
            Ok(answer) => answer,
            Err(what) => return self.fail(what),
        };
        if let Some(durable) = &self.durable
            && !matches!(answer, MoneyEvent::Refused { why: Refusal::StoreUnwell, .. })
        {
            match durable.perform(order) {
                Ok(real) if real == answer => {}
                Ok(real) => return self.fail(format!("the store says {real:?}, the reference {answer:?}")),
                Err(what) => return self.fail(what),
            }
        }
        // A commit whose success was not heard of is done again.
        if self.dice.chance(50) && self.bank.perform(order).as_ref() != Ok(&answer) {
            return self.fail(format!("I6: {} was answered differently", order.step()));
        }
        if let Err(what) = self.bank.check() {
            return self.fail(what);
        }
        self.committed(order, &answer);
        let delay = self.dice.between(0, 1000);
        if self.dice.chance(20) {
            self.after(delay + 3000, Event::Answer(life, answer.clone()));
        }
        self.after(delay, Event::Answer(life, answer));
    }
}
