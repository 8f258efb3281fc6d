//! The accounts and every way to find one: id, username, phone, address, tech prefix, parent.

use std::borrow::{Borrow, Cow};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use strowger_model::account::IpRange;
use strowger_model::{Account, AccountId, NeedAuth};

use crate::buckets::{Buckets, Spread};
use crate::numbers::plain;

/// Parents above an account at most; a longer chain is cut.
const MAX_LEVELS: usize = 16;

#[derive(Debug, Clone, Default)]
pub(crate) struct Directory {
    accounts: Buckets<i64, Arc<Account>>,
    usernames: Buckets<Box<str>, AccountId>,
    /// Several accounts may show one number; the lowest id is meant.
    phones: Buckets<Box<str>, Vec<AccountId>>,
    /// `name` in lower case; several accounts may bear one.
    names: Buckets<Box<str>, Vec<AccountId>>,
    /// By a digest of the PIN, so that the index shows none.
    pins: Buckets<i64, Vec<AccountId>>,
    /// Parent and child.
    children: Buckets<(i64, i64), ()>,
    /// Accounts that are known by one address.
    addresses: Arc<BTreeMap<IpAddr, BTreeSet<AccountId>>>,
    /// Accounts that are known by a range of addresses.
    ranges: Arc<BTreeMap<AccountId, Vec<IpRange>>>,
    /// Accounts that are known by a tech prefix alone.
    prefixes: Arc<BTreeMap<Box<str>, BTreeSet<AccountId>>>,
    resolved: Arc<BTreeMap<AccountId, Arc<[SocketAddr]>>>,
}

impl Directory {
    pub(crate) fn put(&mut self, account: Account) {
        let id = account.id;
        self.remove(id);
        self.usernames.insert::<str>(lower(&account.username), id);
        if !account.phone.is_empty() {
            enter::<_, str>(&mut self.phones, plain(&account.phone).into(), id);
        }
        if !account.name.is_empty() {
            enter::<_, str>(&mut self.names, lower(&account.name), id);
        }
        if !account.pin.is_empty() {
            enter::<_, i64>(&mut self.pins, pin_key(account.pin.expose()), id);
        }
        if let Some(parent) = account.parent {
            self.children.insert::<(i64, i64)>((parent.0, id.0), ());
        }
        if account.need_auth == NeedAuth::Prefix && !account.tech_prefix.is_empty() {
            Arc::make_mut(&mut self.prefixes).entry(account.tech_prefix.clone()).or_default().insert(id);
        }
        self.accounts.insert::<i64>(id.0, Arc::new(account));
        self.index_addresses(id);
    }

    pub(crate) fn remove(&mut self, id: AccountId) {
        self.forget_addresses(id);
        let Some(old) = self.accounts.remove(&id.0) else { return };
        let name = lower(&old.username);
        if self.usernames.get::<str>(&name) == Some(&id) {
            self.usernames.remove::<str>(&name);
        }
        leave::<_, str>(&mut self.phones, plain(&old.phone).into(), id);
        leave::<_, str>(&mut self.names, lower(&old.name), id);
        leave::<_, i64>(&mut self.pins, pin_key(old.pin.expose()), id);
        if let Some(parent) = old.parent {
            self.children.remove(&(parent.0, id.0));
        }
        if self.prefixes.get(&old.tech_prefix).is_some_and(|s| s.contains(&id)) {
            let prefixes = Arc::make_mut(&mut self.prefixes);
            if let Some(set) = prefixes.get_mut(&old.tech_prefix) {
                set.remove(&id);
            }
        }
    }

    pub(crate) fn resolve(&mut self, trunk: AccountId, addresses: Vec<SocketAddr>) {
        self.forget_addresses(trunk);
        let resolved = Arc::make_mut(&mut self.resolved);
        if addresses.is_empty() {
            resolved.remove(&trunk);
        } else {
            resolved.insert(trunk, addresses.into());
        }
        self.index_addresses(trunk);
    }

    pub(crate) fn get(&self, id: AccountId) -> Option<&Arc<Account>> {
        self.accounts.get(&id.0)
    }

    pub(crate) fn by_username(&self, name: &str) -> Option<&Arc<Account>> {
        self.get(*self.usernames.get::<str>(&folded(name))?)
    }

    pub(crate) fn by_phone(&self, number: &str) -> Option<&Arc<Account>> {
        self.get(*self.phones.get::<str>(&plain(number))?.first()?)
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<&Arc<Account>> {
        self.get(*self.names.get::<str>(&folded(name))?.first()?)
    }

    pub(crate) fn by_pin(&self, pin: &str) -> Option<&Arc<Account>> {
        let same = self.pins.get::<i64>(&pin_key(pin))?;
        same.iter().filter_map(|id| self.get(*id)).find(|account| account.pin.expose() == pin)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.accounts.values()
    }

    pub(crate) const fn len(&self) -> usize {
        self.accounts.len()
    }

    pub(crate) fn children(&self, parent: AccountId) -> impl Iterator<Item = AccountId> {
        let of_parent = (parent.0, i64::MIN)..=(parent.0, i64::MAX);
        self.children.range(of_parent).map(|(_, child)| AccountId(*child))
    }

    /// The parents upwards; a loop ends where it closes.
    pub(crate) fn ancestors(&self, account: AccountId) -> Vec<&Arc<Account>> {
        let mut found: Vec<&Arc<Account>> = Vec::new();
        let mut next = self.get(account).and_then(|a| a.parent);
        while let Some(parent) = next.and_then(|id| self.get(id)) {
            let seen = parent.id == account || found.iter().any(|a| a.id == parent.id);
            if seen || found.len() == MAX_LEVELS {
                break;
            }
            found.push(parent);
            next = parent.parent;
        }
        found
    }

    /// Accounts that are known by this address.
    pub(crate) fn at_address(&self, source: IpAddr) -> Vec<AccountId> {
        let exact = self.addresses.get(&source).into_iter().flatten().copied();
        let ranges = self.ranges.iter().filter(|(_, r)| r.iter().any(|r| r.contains(source)));
        let mut found: Vec<_> = exact.chain(ranges.map(|(id, _)| *id)).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Accounts whose tech prefix the number has, the longest first.
    pub(crate) fn by_tech_prefix(&self, number: &str) -> Vec<AccountId> {
        let cuts = (1..=number.len()).rev().filter_map(|n| number.get(..n));
        cuts.filter_map(|p| self.prefixes.get(p)).flatten().copied().collect()
    }

    pub(crate) fn resolved(&self, trunk: AccountId) -> &[SocketAddr] {
        self.resolved.get(&trunk).map_or(&[], |a| a)
    }

    fn index_addresses(&mut self, id: AccountId) {
        let Some(account) = self.get(id).cloned() else { return };
        let mut single: Vec<IpAddr> = self.resolved(id).iter().map(|a| a.ip().to_canonical()).collect();
        single.extend(account.server.as_ref().and_then(|s| s.ip).map(|ip| ip.to_canonical()));
        let mut ranges = Vec::new();
        for range in &account.auth_ip {
            if range.first == range.last {
                single.push(range.first.to_canonical());
            } else {
                ranges.push(*range);
            }
        }
        if !single.is_empty() {
            let addresses = Arc::make_mut(&mut self.addresses);
            for ip in single {
                addresses.entry(ip).or_default().insert(id);
            }
        }
        if !ranges.is_empty() {
            Arc::make_mut(&mut self.ranges).insert(id, ranges);
        }
    }

    fn forget_addresses(&mut self, id: AccountId) {
        let Some(account) = self.get(id).cloned() else { return };
        let mut single: Vec<IpAddr> = self.resolved(id).iter().map(|a| a.ip().to_canonical()).collect();
        single.extend(account.server.as_ref().and_then(|s| s.ip).map(|ip| ip.to_canonical()));
        single.extend(account.auth_ip.iter().map(|r| r.first.to_canonical()));
        for ip in single {
            if self.addresses.get(&ip).is_some_and(|s| s.contains(&id)) {
                let addresses = Arc::make_mut(&mut self.addresses);
                let emptied = addresses.get_mut(&ip).is_some_and(|s| s.remove(&id) && s.is_empty());
                if emptied {
                    addresses.remove(&ip);
                }
            }
        }
        if self.ranges.contains_key(&id) {
            Arc::make_mut(&mut self.ranges).remove(&id);
        }
    }
}

fn lower(name: &str) -> Box<str> {
    name.to_lowercase().into()
}

/// The same for a look: most names are in lower case already.
fn folded(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        name.into()
    } else {
        name.to_lowercase().into()
    }
}

fn pin_key(pin: &str) -> i64 {
    pin.spread().cast_signed()
}

/// Adds an account to those that share a key, the lowest id first.
fn enter<K: Ord + Clone + Borrow<Q>, Q: Ord + Spread + ?Sized>(
    index: &mut Buckets<K, Vec<AccountId>>,
    key: K,
    id: AccountId,
) {
    let mut same = index.remove(key.borrow()).unwrap_or_default();
    same.push(id);
    same.sort_unstable();
    index.insert::<Q>(key, same);
}

/// Takes an account from those that share a key.
fn leave<K: Ord + Clone + Borrow<Q>, Q: Ord + Spread + ?Sized>(
    index: &mut Buckets<K, Vec<AccountId>>,
    key: K,
    id: AccountId,
) {
    let Some(mut same) = index.remove(key.borrow()) else { return };
    same.retain(|a| *a != id);
    if !same.is_empty() {
        index.insert::<Q>(key, same);
    }
}
