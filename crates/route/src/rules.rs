//! Routing rules and the blacklist, by prefix.

use std::collections::BTreeMap;

use strowger_billing::PrefixIndex;

use crate::change::RoutingRule;

#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    index: PrefixIndex,
    slots: Vec<Option<RoutingRule>>,
    free: Vec<u32>,
    slot_of: BTreeMap<i64, u32>,
}

impl Rules {
    pub(crate) fn put(&mut self, rule: RoutingRule) {
        self.remove(rule.id);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        if !self.index.insert(&rule.prefix, slot) {
            self.free.push(slot);
            return;
        }
        self.slot_of.insert(rule.id, slot);
        if let Some(place) = self.slots.get_mut(slot as usize) {
            *place = Some(rule);
        }
    }

    pub(crate) fn remove(&mut self, id: i64) {
        let Some(slot) = self.slot_of.remove(&id) else { return };
        if let Some(rule) = self.slots.get_mut(slot as usize).and_then(Option::take) {
            self.index.remove(&rule.prefix, slot);
        }
        self.free.push(slot);
    }

    /// The rules whose prefix the number has, the longest prefix first.
    pub(crate) fn matching(&self, number: &str) -> Vec<&RoutingRule> {
        let slots = self.index.matches(number).flatten();
        slots.filter_map(|s| self.slots.get(*s as usize).and_then(Option::as_ref)).collect()
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Blacklist(PrefixIndex);

impl Blacklist {
    pub(crate) fn put(&mut self, prefix: &str) {
        self.remove(prefix);
        // An empty prefix would forbid every call; that is what `enabledprefixes` is for.
        if !prefix.is_empty() {
            self.0.insert(prefix, 1);
        }
    }

    pub(crate) fn remove(&mut self, prefix: &str) {
        self.0.remove(prefix, 1);
    }

    pub(crate) fn contains(&self, number: &str) -> bool {
        self.0.matches(number).flatten().next().is_some()
    }
}
