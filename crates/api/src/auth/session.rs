//! Session tokens of `login`: bearer tokens that outlive a restart and die with the password they were made for.
//! Only digests are kept, here and in the store.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use strowger_model::{Account, AccountId, Secret, Wall};
use strowger_store::SessionRow;

use super::apikey::{digest, digest_of, hex};

/// Sessions that live at once; the oldest go first.
pub const MAX_SESSIONS: usize = 100_000;
/// Sessions of one account that live at once; its oldest go first.
const MAX_PER_ACCOUNT: usize = 256;

/// Every session by the digest of its token, so that looking one up tells nothing about others by time.
#[derive(Default)]
pub struct Sessions {
    alive: HashMap<String, SessionRow>,
    order: VecDeque<String>,
    per_account: HashMap<AccountId, VecDeque<String>>,
}

/// What ties a token to the password of its account; of no use to who has only the database.
fn check_value(token: &str, account: &Account) -> String {
    digest_of(&[token, account.password.expose()])
}

impl Sessions {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.alive.len()
    }

    /// Opens a session with a token made of random bytes; the row is to be kept.
    pub fn open(
        &mut self,
        account: &Account,
        address: IpAddr,
        expires: Wall,
        random: [u8; 32],
        key: Option<i64>,
    ) -> (String, SessionRow) {
        let token = hex(&random);
        let check_value = check_value(&token, account);
        let row =
            SessionRow { digest: digest(&token), account: account.id, address, expires, check_value, key };
        self.insert(row.clone());
        (token, row)
    }

    /// A session that was kept.
    pub fn insert(&mut self, row: SessionRow) {
        let own = self.per_account.entry(row.account).or_default();
        own.push_back(row.digest.clone());
        let surplus = if own.len() > MAX_PER_ACCOUNT { own.pop_front() } else { None };
        if let Some(surplus) = surplus {
            self.alive.remove(&surplus);
        }
        self.order.push_back(row.digest.clone());
        self.alive.insert(row.digest.clone(), row);
        while self.order.len() > MAX_SESSIONS {
            self.forget_oldest();
        }
    }

    /// The session of a token, if it is alive.
    pub fn find(&self, now: Wall, token: &Secret) -> Option<&SessionRow> {
        self.alive.get(&digest(token.expose())).filter(|session| session.expires > now)
    }

    /// The session belongs to this account as it is, its password unchanged.
    pub fn fits(session: &SessionRow, token: &Secret, account: &Account) -> bool {
        session.account == account.id && session.check_value == check_value(token.expose(), account)
    }

    /// The account logged in, from this address where one is demanded.
    pub fn is_logged_in(&self, now: Wall, account: AccountId, address: Option<IpAddr>) -> bool {
        let own = self.per_account.get(&account).into_iter().flatten();
        own.filter_map(|name| self.alive.get(name))
            .any(|session| session.expires > now && address.is_none_or(|a| a == session.address))
    }

    fn forget_oldest(&mut self) {
        let Some(name) = self.order.pop_front() else { return };
        let Some(session) = self.alive.remove(&name) else { return };
        if let Some(own) = self.per_account.get_mut(&session.account) {
            own.retain(|known| *known != name);
            if own.is_empty() {
                self.per_account.remove(&session.account);
            }
        }
    }
}
