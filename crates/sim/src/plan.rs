//! What the people of a town do in a run, and what befalls the switch meanwhile, all drawn before it begins.

use crate::faults::Fault;
use crate::town::Town;
use crate::world::{Event, SECOND, World};

impl World {
    /// What the people of the town do, and what befalls them.
    pub(crate) fn plan(&mut self, town: Town) {
        let Town { agents, phones, numbers, pool, .. } = town;
        self.agents = agents;
        for agent in &mut self.agents[..phones] {
            let after = self.dice.between(0, 1000);
            agent.begin_registering(0, after);
        }
        let length = self.dice.between(40, 100) * SECOND;
        self.actions_end = length;
        for _ in 0..self.dice.between(10, 30) {
            let at = self.dice.between(3 * SECOND, length);
            let (agent, number, shown) = if self.dice.chance(750) {
                let agent = self.dice.between(0, phones as u64 - 1);
                (agent, self.dice.pick(&numbers).clone(), String::new())
            } else {
                let agent = self.dice.between(phones as u64, self.agents.len() as u64 - 1);
                (agent, self.dice.pick(&pool).clone(), "442071838750".to_owned())
            };
            self.at(at, Event::Dial(usize::try_from(agent).unwrap_or(0), number, shown));
        }
        for _ in 0..self.dice.between(0, 2) {
            let at = self.dice.between(3 * SECOND, length);
            let (first, second) = (self.dice.pick(&numbers).clone(), self.dice.pick(&numbers).clone());
            let user = self.dice.between(0, self.users.len() as u64 - 1);
            self.at(at, Event::P2p(usize::try_from(user).unwrap_or(0), first, second));
        }
        if self.dice.chance(200) {
            let at = self.dice.between(3 * SECOND, length);
            let user = usize::try_from(self.dice.between(0, 3)).unwrap_or(0);
            self.at(at, Event::Disconnect(user));
        }
        for fault in Fault::drawn(&mut self.dice) {
            let at = self.dice.between(5 * SECOND, length);
            self.at(at, Event::Fault(fault));
        }
        let hang_up = length + self.dice.between(0, 30) * SECOND;
        self.at(hang_up, Event::HangUpAll);
        self.at(SECOND, Event::MediaTick);
    }
}
