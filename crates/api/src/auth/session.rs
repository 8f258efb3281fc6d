//! Session tokens of `login`: bearer tokens that die with the password they were made for.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

use strowger_model::{Account, AccountId, Mono, Secret};

/// Sessions that live at once; the oldest go first.
const MAX_SESSIONS: usize = 100_000;

struct Session {
    account: AccountId,
    address: IpAddr,
    expires: Mono,
    password: u64,
}

/// Every session, by a keyed hash of its token, so that looking one up tells nothing about others by time.
#[derive(Default)]
pub struct Sessions {
    alive: HashMap<u64, Session>,
    order: VecDeque<u64>,
    hasher: RandomState,
}

impl Sessions {
    /// Opens a session with a token made of random bytes.
    pub fn open(
        &mut self,
        now: Mono,
        account: &Account,
        address: IpAddr,
        lifetime_ms: u64,
        random: [u8; 32],
    ) -> String {
        let token: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let name = self.hasher.hash_one(&token);
        let password = self.hasher.hash_one(account.password.expose());
        let session = Session { account: account.id, address, expires: now.plus_ms(lifetime_ms), password };
        self.alive.insert(name, session);
        self.order.push_back(name);
        while self.order.len() > MAX_SESSIONS {
            if let Some(oldest) = self.order.pop_front() {
                self.alive.remove(&oldest);
            }
        }
        token
    }

    /// The account of a token, if it is alive.
    pub fn account(&self, now: Mono, token: &Secret) -> Option<AccountId> {
        let session = self.alive.get(&self.hasher.hash_one(token.expose()))?;
        (session.expires >= now).then_some(session.account)
    }

    /// The token belongs to this account as it is, its password unchanged.
    pub fn fits(&self, token: &Secret, account: &Account) -> bool {
        let password = self.hasher.hash_one(account.password.expose());
        let session = self.alive.get(&self.hasher.hash_one(token.expose()));
        session.is_some_and(|s| s.account == account.id && s.password == password)
    }

    /// The account logged in, from this address where one is demanded.
    pub fn is_logged_in(&self, now: Mono, account: AccountId, address: Option<IpAddr>) -> bool {
        let fits =
            |s: &&Session| s.account == account && s.expires >= now && address.is_none_or(|a| a == s.address);
        self.alive.values().any(|session| fits(&session))
    }
}
