//! What the lines of accounts do, over all calls of the shard.

use std::collections::{BTreeMap, BTreeSet};

use strowger_model::AccountId;

use crate::input::LineState;

/// How many calls an account has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    calling: u32,
    speaking: u32,
}

impl Count {
    const fn state(self) -> LineState {
        match (self.calling, self.speaking) {
            (_, 1..) => LineState::Speaking,
            (1.., 0) => LineState::Calling,
            (0, 0) => LineState::Idle,
        }
    }

    const fn of(&mut self, state: LineState) -> Option<&mut u32> {
        match state {
            LineState::Idle => None,
            LineState::Calling => Some(&mut self.calling),
            LineState::Speaking => Some(&mut self.speaking),
        }
    }
}

/// The lines of all accounts that have calls.
#[derive(Debug, Default)]
pub struct Lines(BTreeMap<AccountId, Count>);

impl Lines {
    /// Nobody calls.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Nobody calls.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One call's part changed: the accounts whose line does something else now.
    pub fn change(
        &mut self,
        before: &BTreeMap<AccountId, LineState>,
        after: &BTreeMap<AccountId, LineState>,
    ) -> Vec<(AccountId, LineState)> {
        if before == after {
            return Vec::new();
        }
        let accounts: BTreeSet<AccountId> = before.keys().chain(after.keys()).copied().collect();
        let mut changed = Vec::new();
        for account in accounts {
            let count = self.0.entry(account).or_default();
            let shown = count.state();
            if let Some(number) = before.get(&account).and_then(|state| count.of(*state)) {
                *number = number.saturating_sub(1);
            }
            if let Some(number) = after.get(&account).and_then(|state| count.of(*state)) {
                *number += 1;
            }
            let state = count.state();
            if *count == Count::default() {
                self.0.remove(&account);
            }
            if shown != state {
                changed.push((account, state));
            }
        }
        changed
    }

    /// How many calls the account takes part in.
    pub fn calls(&self, account: AccountId) -> u32 {
        self.0.get(&account).map_or(0, |count| count.calling + count.speaking)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_speaks_while_one_of_its_calls_does() {
        let (one, mut lines) = (AccountId(1), Lines::new());
        let at = |state| BTreeMap::from([(one, state)]);
        let none = BTreeMap::new();
        assert_eq!(lines.change(&none, &at(LineState::Calling)), [(one, LineState::Calling)]);
        assert_eq!(
            lines.change(&at(LineState::Calling), &at(LineState::Speaking)),
            [(one, LineState::Speaking)]
        );
        assert_eq!(lines.change(&none, &at(LineState::Calling)), []);
        assert_eq!(lines.calls(one), 2);
        assert_eq!(lines.change(&at(LineState::Speaking), &none), [(one, LineState::Calling)]);
        assert_eq!(lines.change(&at(LineState::Calling), &none), [(one, LineState::Idle)]);
        assert!(lines.is_empty());
    }
}
