//! Sessions of WebRTC clients (`wsuser`). They end with the process, as the connections do.

use std::collections::{BTreeMap, BTreeSet};

use strowger_model::{AccountId, Wall};

/// Sessions at a time; the oldest goes first.
const MAX_SESSIONS: usize = 100_000;

/// One session an account.
#[derive(Default)]
pub struct WebClients {
    by_account: BTreeMap<AccountId, Wall>,
    by_age: BTreeSet<(Wall, AccountId)>,
}

impl WebClients {
    /// Begins a session, or begins it anew.
    pub fn begin(&mut self, account: AccountId, now: Wall) {
        self.end(account);
        if self.by_account.len() >= MAX_SESSIONS
            && let Some((_, oldest)) = self.by_age.first().copied()
        {
            self.end(oldest);
        }
        self.by_age.insert((now, account));
        self.by_account.insert(account, now);
    }

    /// Ends a session, if there is one.
    pub fn end(&mut self, account: AccountId) {
        if let Some(since) = self.by_account.remove(&account) {
            self.by_age.remove(&(since, account));
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_account.len()
    }
}
