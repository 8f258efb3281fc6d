//! All price lists, ready for lookup. Lists and entries are replaced one by one, so that a changed
//! price costs what one entry costs, whatever the number of prefixes.

use std::collections::BTreeMap;
use std::sync::Arc;

use strowger_model::{AccountId, Wall};

use crate::calendar::BillingTime;
use crate::prefix::PrefixIndex;
use crate::prices::{PriceEntry, PriceList};

/// Price lists with their entries and billing times.
#[derive(Debug, Clone, Default)]
pub struct PriceBook {
    lists: BTreeMap<i64, PriceList>,
    indexes: BTreeMap<i64, PrefixIndex>,
    /// Shared, so that a copy of the book copies no texts.
    slots: Vec<Option<Arc<PriceEntry>>>,
    free_slots: Vec<u32>,
    slot_of: BTreeMap<i64, u32>,
    times: BTreeMap<i64, Vec<BillingTime>>,
    entry_of_time: BTreeMap<i64, i64>,
}

impl PriceBook {
    /// Adds or replaces a list; its entries stay.
    pub fn put_list(&mut self, list: PriceList) {
        self.lists.insert(list.id, list);
    }

    /// Removes a list and its entries.
    pub fn remove_list(&mut self, id: i64) {
        self.lists.remove(&id);
        self.clear_entries(id);
    }

    /// Replaces all entries of a list.
    pub fn replace_entries(&mut self, list: i64, entries: Vec<PriceEntry>) {
        self.clear_entries(list);
        for entry in entries {
            self.put_entry(PriceEntry { list, ..entry });
        }
    }

    /// Adds or replaces an entry. False where its prefix cannot be dialled: it could never
    /// match and is not kept.
    pub fn put_entry(&mut self, entry: PriceEntry) -> bool {
        self.remove_entry(entry.id);
        let slot = match self.free_slots.pop() {
            Some(slot) => slot,
            None => match u32::try_from(self.slots.len()) {
                Ok(slot) => {
                    self.slots.push(None);
                    slot
                }
                Err(_) => return false,
            },
        };
        if !self.indexes.entry(entry.list).or_default().insert(&entry.prefix, slot) {
            self.free_slots.push(slot);
            return false;
        }
        self.slot_of.insert(entry.id, slot);
        self.slots[slot as usize] = Some(Arc::new(entry));
        true
    }

    /// Removes an entry. Its billing times stay, for an entry that comes again.
    pub fn remove_entry(&mut self, id: i64) {
        let Some(slot) = self.slot_of.remove(&id) else { return };
        if let Some(entry) = self.slots[slot as usize].take()
            && let Some(index) = self.indexes.get_mut(&entry.list)
        {
            index.remove(&entry.prefix, slot);
        }
        self.free_slots.push(slot);
    }

    /// Adds or replaces a billing time.
    pub fn put_time(&mut self, time: BillingTime) {
        self.remove_time(time.id);
        self.entry_of_time.insert(time.id, time.entry);
        let rows = self.times.entry(time.entry).or_default();
        let at = rows.partition_point(|t| t.id < time.id);
        rows.insert(at, time);
    }

    /// Removes a billing time.
    pub fn remove_time(&mut self, id: i64) {
        let Some(entry) = self.entry_of_time.remove(&id) else { return };
        if let Some(rows) = self.times.get_mut(&entry) {
            rows.retain(|t| t.id != id);
            if rows.is_empty() {
                self.times.remove(&entry);
            }
        }
    }

    /// A list by its id.
    #[must_use]
    pub fn list(&self, id: i64) -> Option<&PriceList> {
        self.lists.get(&id)
    }

    /// All lists, by id.
    pub fn lists(&self) -> impl Iterator<Item = &PriceList> {
        self.lists.values()
    }

    /// The list for everybody: marked as default and without a reseller; the lowest id.
    #[must_use]
    pub fn default_list(&self) -> Option<&PriceList> {
        self.lists.values().find(|l| l.is_default && l.reseller.is_none())
    }

    /// The list for a reseller's customers: its default one, else its first.
    #[must_use]
    pub fn reseller_list(&self, reseller: AccountId) -> Option<&PriceList> {
        let mut own = self.lists.values().filter(|l| l.reseller == Some(reseller));
        let first = own.next()?;
        if first.is_default { Some(first) } else { own.find(|l| l.is_default).or(Some(first)) }
    }

    /// The entry with the longest prefix of the number among those that hold at `at`; of two with the
    /// same prefix the one that began later, then the one with the higher id.
    #[must_use]
    pub fn lookup(&self, list: i64, number: &str, at: Wall) -> Option<&PriceEntry> {
        self.indexes.get(&list)?.matches(number).find_map(|slots| {
            let valid = slots.iter().filter_map(|s| self.entry_at(*s)).filter(|e| e.is_valid(at));
            valid.max_by_key(|e| (e.valid_from, e.id))
        })
    }

    /// The billing times of an entry, by id.
    #[must_use]
    pub fn times(&self, entry: i64) -> &[BillingTime] {
        self.times.get(&entry).map_or(&[], Vec::as_slice)
    }

    /// An entry by its id.
    #[must_use]
    pub fn entry(&self, id: i64) -> Option<&PriceEntry> {
        self.slot_of.get(&id).and_then(|s| self.entry_at(*s))
    }

    /// The entries of a list in the order of their prefixes.
    pub fn entries(&self, list: i64) -> impl Iterator<Item = &PriceEntry> {
        let slots = self.indexes.get(&list).map(PrefixIndex::values).unwrap_or_default();
        slots.into_iter().filter_map(|s| self.entry_at(s))
    }

    fn entry_at(&self, slot: u32) -> Option<&PriceEntry> {
        self.slots.get(slot as usize).and_then(Option::as_deref)
    }

    fn clear_entries(&mut self, list: i64) {
        let Some(index) = self.indexes.remove(&list) else { return };
        for slot in index.values() {
            if let Some(entry) = self.slots[slot as usize].take() {
                self.slot_of.remove(&entry.id);
                self.free_slots.push(slot);
            }
        }
    }
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
