//! The TCP connections between parties and switch: which one leads to whom.

use std::collections::{BTreeMap, BTreeSet};

use strowger_model::id::FlowId;
use strowger_switch::ShardInput;

use crate::world::World;

/// The open connections.
#[derive(Debug, Default)]
pub struct Flows {
    by_agent: BTreeMap<usize, FlowId>,
    opened: u64,
    /// Parties that have lost a connection once: what was said over it may be lost.
    pub cut: BTreeSet<usize>,
}

impl Flows {
    /// The connection of a party, opened where it has none.
    pub fn open(&mut self, agent: usize) -> FlowId {
        let opened = &mut self.opened;
        *self.by_agent.entry(agent).or_insert_with(|| {
            *opened += 1;
            FlowId(*opened)
        })
    }

    /// The connection leads to the party.
    #[must_use]
    pub fn leads(&self, flow: Option<FlowId>, agent: usize) -> bool {
        flow.is_some() && self.by_agent.get(&agent).copied() == flow
    }

    /// Ends a connection; gives whose it was.
    pub fn close(&mut self, flow: FlowId) -> Option<usize> {
        let agent = self.by_agent.iter().find(|(_, open)| **open == flow).map(|(agent, _)| *agent)?;
        self.by_agent.remove(&agent);
        self.cut.insert(agent);
        Some(agent)
    }

    /// All open connections.
    #[must_use]
    pub fn all(&self) -> Vec<FlowId> {
        self.by_agent.values().copied().collect()
    }
}

impl World {
    /// Every connection breaks; both ends notice.
    pub(crate) fn cut_flows(&mut self) {
        for flow in self.flows.all() {
            if let Some(agent) = self.flows.close(flow) {
                self.agents[agent].cut_off(self.now);
            }
            self.input(ShardInput::FlowClosed(flow));
        }
    }
}
