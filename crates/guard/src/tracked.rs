//! A bounded table: where it is full, the entry that was touched longest ago makes room.

use std::collections::{BTreeMap, BTreeSet};

use strowger_model::Mono;

/// An entry that was touched within this time keeps its place in the order, in microseconds: most requests come from
/// those who were here a moment ago.
const SAME_AGE_US: u64 = 100_000;

#[derive(Debug, Clone)]
pub(crate) struct Tracked<K, V> {
    entries: BTreeMap<K, (Mono, V)>,
    by_age: BTreeSet<(Mono, K)>,
    limit: usize,
}

impl<K: Ord + Clone, V: Default> Tracked<K, V> {
    pub(crate) const fn new(limit: usize) -> Self {
        Self { entries: BTreeMap::new(), by_age: BTreeSet::new(), limit }
    }

    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
        while self.entries.len() > limit {
            self.forget_oldest();
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// The entry, made where it is missing, as touched now.
    pub(crate) fn touch(&mut self, now: Mono, key: &K) -> &mut V {
        match self.entries.get(key).map(|(at, _)| *at) {
            Some(at) if now - at < SAME_AGE_US => {}
            Some(at) => {
                self.by_age.remove(&(at, key.clone()));
                self.enter(now, key);
            }
            None => {
                if self.entries.len() >= self.limit.max(1) {
                    self.forget_oldest();
                }
                self.enter(now, key);
            }
        }
        &mut self.entries.entry(key.clone()).or_default().1
    }

    fn enter(&mut self, now: Mono, key: &K) {
        self.by_age.insert((now, key.clone()));
        self.entries.entry(key.clone()).or_default().0 = now;
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).map(|(_, value)| value)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Every key, in order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.entries.keys()
    }

    /// Every value, in the order of the keys.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.values().map(|(_, value)| value)
    }

    pub(crate) fn len(&self) -> usize {
        assert_eq!(self.entries.len(), self.by_age.len());
        self.entries.len()
    }

    fn forget_oldest(&mut self) {
        if let Some((_, key)) = self.by_age.pop_first() {
            self.entries.remove(&key);
        }
    }
}
