//! Reading tables anew because somebody asked for it, and saying what changed. The follower keeps memory up to date by
//! itself; this is for whoever wants to be sure, and to see what is in force.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};

use strowger_model::AccountId;
use strowger_store::{ReadError, Snapshot};

use super::Keeper;

/// The tables that can be named, in the order in which they are read.
const TABLES: [&str; 8] = [
    "tb_currencies",
    "tb_billsources",
    "tb_users",
    "tb_routing",
    "tb_phonenumbers",
    "tb_blacklist",
    "tb_portednumbers",
    "tb_holidays",
];

/// What reading a table anew found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableChange {
    /// Which; `tb_billsources` stands for all tables of prices.
    pub table: &'static str,
    /// Rows that are in force.
    pub rows: usize,
    /// Rows that are new since the start, or since the last time that somebody asked.
    pub added: usize,
    /// Rows with another content.
    pub changed: usize,
    /// Rows that are gone.
    pub removed: usize,
}

/// A table's rows by id, each with the digest of its content.
type Digests = BTreeMap<u64, u64>;

/// What the rows were when they were last looked at on request.
#[derive(Default)]
pub struct Baseline(BTreeMap<&'static str, Digests>);

impl Baseline {
    /// Of the rows at the start.
    pub fn of(rows: &Snapshot) -> Self {
        Self(BTreeMap::from([
            ("tb_currencies", digests(&rows.currencies)),
            ("tb_billsources", digests(&rows.prices.lists)),
            ("tb_routing", digests(&rows.routes)),
            ("tb_phonenumbers", digests(&rows.numbers)),
            ("tb_blacklist", digests(&rows.blacklist)),
            ("tb_portednumbers", digests(&rows.ported)),
            ("tb_holidays", digests(&rows.holidays)),
        ]))
    }

    fn compare(&mut self, table: &'static str, now: Digests) -> TableChange {
        let before = self.0.remove(table).unwrap_or_default();
        let added = now.keys().filter(|id| !before.contains_key(id)).count();
        let removed = before.keys().filter(|id| !now.contains_key(id)).count();
        let changed =
            now.iter().filter(|(id, digest)| before.get(id).is_some_and(|old| old != *digest)).count();
        let rows = now.len();
        self.0.insert(table, now);
        TableChange { table, rows, added, changed, removed }
    }
}

/// Rows are told apart by the first number or text of their content, which is their id.
fn digests<T: Debug>(rows: &[T]) -> Digests {
    rows.iter()
        .map(|row| {
            let text = format!("{row:?}");
            let head = text.split_once(',').map_or(text.as_str(), |(head, _)| head);
            (hash(head), hash(&text))
        })
        .collect()
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

impl Keeper {
    /// Reads the named tables, or all of them, and says what changed. They are published by the caller.
    pub(super) fn reread_tables(&mut self, tables: &[&'static str]) -> Result<Vec<TableChange>, ReadError> {
        let wanted = TABLES.into_iter().filter(|table| tables.is_empty() || tables.contains(table));
        wanted.map(|table| self.reread_table(table)).collect()
    }

    fn reread_table(&mut self, table: &'static str) -> Result<TableChange, ReadError> {
        let digests = match table {
            "tb_currencies" => {
                let rows = self.server.currencies()?;
                self.currencies(&rows);
                digests(&rows)
            }
            "tb_billsources" => {
                let rows = self.server.prices()?;
                self.prices(&rows);
                digests(&rows.lists)
            }
            "tb_users" => return self.reread_accounts(),
            "tb_routing" => {
                let rows = self.server.routes()?;
                self.rules(&rows);
                digests(&rows)
            }
            "tb_phonenumbers" => {
                let rows = self.server.numbers()?;
                self.numbers(&rows);
                digests(&rows)
            }
            "tb_blacklist" => {
                let rows = self.server.blacklist()?;
                self.blacklist(&rows);
                digests(&rows)
            }
            "tb_portednumbers" => {
                let rows = self.server.ported()?;
                self.ported(&rows);
                digests(&rows)
            }
            _ => {
                self.holidays = self.server.holidays()?;
                self.settings();
                digests(&self.holidays)
            }
        };
        Ok(self.baseline.compare(table, digests))
    }

    /// Every account, and those that were known and are gone; compared with what was in memory.
    fn reread_accounts(&mut self) -> Result<TableChange, ReadError> {
        let rows = self.server.load()?.accounts;
        let mut change =
            TableChange { table: "tb_users", rows: rows.len(), added: 0, changed: 0, removed: 0 };
        let found: BTreeSet<AccountId> = rows.iter().map(|account| account.id).collect();
        let gone: Vec<AccountId> =
            self.master.accounts().map(|account| account.id).filter(|id| !found.contains(id)).collect();
        change.removed = gone.len();
        for account in rows {
            match self.master.account(account.id) {
                None => change.added += 1,
                Some(known) => change.changed += usize::from(**known != account),
            }
            if !account.active {
                self.thrown_out.push(account.id);
            }
            self.account(account);
        }
        self.accounts(&gone)?;
        Ok(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_compared_with_those_of_the_last_time() {
        let mut baseline =
            Baseline(BTreeMap::from([("tb_routing", digests(&[(1, "a"), (2, "b"), (3, "c")]))]));
        let change = baseline.compare("tb_routing", digests(&[(1, "a"), (2, "x"), (4, "d"), (5, "e")]));
        assert_eq!((change.rows, change.added, change.changed, change.removed), (4, 2, 1, 1));
        let again = baseline.compare("tb_routing", digests(&[(1, "a"), (2, "x"), (4, "d"), (5, "e")]));
        assert_eq!((again.rows, again.added, again.changed, again.removed), (4, 0, 0, 0));
    }
}
