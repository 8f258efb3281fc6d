//! How well the parties are heard, and what the call costs so far: figures for records and operators.

use strowger_model::{LegId, Now};

use super::Call;
use super::trial::Trial;
use crate::env::Env;
use crate::input::CallView;

impl Call {
    /// Fills in what takes more than a look at the call.
    pub fn detail(&self, now: Now, env: &dyn Env, view: &mut CallView) {
        // Of a placed call both sides cost something: in the currency of the one that was dialled last and does.
        let costs = self.trials.iter().filter_map(|trial| trial.meter.cost(now));
        view.cost = costs.reduce(
            |(sum, had), (amount, unit)| {
                if had == unit { (sum + amount, unit) } else { (amount, unit) }
            },
        );
        view.mos = (0..self.trials.len()).filter_map(|index| self.mos(env, index)).min();
    }

    /// A leg is about to give its port pair back: what was heard of it stays with the trials that it spoke in.
    pub(super) fn note_quality(&mut self, env: &dyn Env, leg: LegId) {
        let Some(slot) = self.legs.get(&leg).and_then(|member| member.slot) else { return };
        let calling = self.a == Some(leg);
        for trial in self.trials.iter_mut().filter(|trial| speaks(trial, leg, calling)) {
            trial.mos = worse(trial.mos, env.mos(slot.id, &trial.codec));
        }
    }

    /// The score of a trial's worse side: of legs that are gone by what was noted, of the others as of now.
    pub(super) fn mos(&self, env: &dyn Env, index: usize) -> Option<u16> {
        let trial = self.trials.get(index)?;
        self.legs.iter().fold(trial.mos, |mos, (leg, member)| match member.slot {
            Some(slot) if speaks(trial, *leg, self.a == Some(*leg)) => {
                worse(mos, env.mos(slot.id, &trial.codec))
            }
            _ => mos,
        })
    }
}

/// The leg takes part in the conversation that the trial led to.
fn speaks(trial: &Trial, leg: LegId, calling: bool) -> bool {
    trial.answered.is_some() && !trial.codec.is_empty() && (calling || trial.branches.contains(&leg))
}

fn worse(one: Option<u16>, other: Option<u16>) -> Option<u16> {
    one.into_iter().chain(other).min()
}
