//! Named API keys beside the one of the configuration: each has scopes, and may have an account, addresses and
//! an end. The key itself is shown once and never kept; it is recognised by its SHA-256.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use sha2::{Digest as _, Sha256};
use strowger_config::Addresses;
use strowger_model::{AccountId, Wall};
use strowger_store::ApiKeyRow;

use super::Source;
use crate::declare::{Access, Command, Effect, Group};
use crate::reply::Failure;

/// What named keys begin with.
pub const API_KEY_MARK: &str = "swk_";
/// `last used` is written at most this often, in milliseconds.
const USED_EVERY_MS: i64 = 60_000;

/// What a key may be used for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ScopeOf {
    Everything,
    /// Commands that change nothing.
    Reading,
    Group(Group),
    /// Commands up to this access.
    Access(Access),
    /// A command, or a row of `tb_api` that makes one.
    Command(String),
}

/// Scopes as they are written: commands by name, `group:NAME`, `access:LEVEL`, `read`, `all`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scopes(Vec<ScopeOf>);

const ACCESSES: [Access; 6] =
    [Access::Open, Access::Public, Access::User, Access::Admin, Access::Sensitive, Access::Host];

impl Scopes {
    /// Reads a list separated by commas or spaces; `own` tells the commands that `tb_api` makes.
    ///
    /// # Errors
    /// The first word that means nothing.
    pub fn parse(text: &str, own: impl Fn(&str) -> bool) -> Result<Self, String> {
        let known = |word: &str| {
            let scope = one(word)?;
            let made = matches!(&scope, ScopeOf::Command(name) if crate::dispatch::find(name).is_none());
            (!made || own(word)).then_some(scope)
        };
        words(text).map(|word| known(&word).ok_or(word)).collect::<Result<_, _>>().map(Self)
    }

    /// A stored list; what this version does not know allows nothing.
    fn stored(text: &str) -> Self {
        Self(words(text).filter_map(|word| one(&word)).collect())
    }

    /// Nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The command may be called by this name. What `tb_api` makes belongs to no group and no access.
    pub fn allow(&self, command: &Command, name: &str) -> bool {
        let made = crate::dispatch::find(name).is_none();
        self.0.iter().any(|scope| match scope {
            ScopeOf::Everything => true,
            ScopeOf::Reading => command.effect == Effect::Read,
            ScopeOf::Group(group) => command.group == *group && !made,
            ScopeOf::Access(access) => command.access <= *access && !made,
            ScopeOf::Command(allowed) => name == allowed,
        })
    }
}

fn words(text: &str) -> impl Iterator<Item = String> {
    let words = text.split([',', ' ', ';']).map(str::trim).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase)
}

fn one(word: &str) -> Option<ScopeOf> {
    match word.split_once(':') {
        Some(("group", name)) => Group::ALL.into_iter().find(|g| g.name() == name).map(ScopeOf::Group),
        Some(("access", name)) => ACCESSES.into_iter().find(|a| a.name() == name).map(ScopeOf::Access),
        Some(_) => None,
        None if word == "all" => Some(ScopeOf::Everything),
        None if word == "read" => Some(ScopeOf::Reading),
        None => {
            let name = crate::dispatch::find(word).map_or(word, |command| command.name);
            Some(ScopeOf::Command(name.to_owned()))
        }
    }
}

/// One key, ready to be asked.
#[derive(Debug)]
pub struct ApiKey {
    pub row: ApiKeyRow,
    scopes: Scopes,
    /// None: the stored list cannot be read, so that no address fits.
    addresses: Option<Addresses>,
    used_ms: AtomicI64,
}

impl ApiKey {
    fn of(row: ApiKeyRow) -> Self {
        Self {
            scopes: Scopes::stored(&row.scopes),
            addresses: Addresses::parse(&row.addresses),
            used_ms: AtomicI64::new(row.last_used.map_or(0, |at| at.0)),
            row,
        }
    }

    /// When it was last used, as far as this process knows.
    pub fn last_used(&self) -> Option<Wall> {
        Some(self.used_ms.load(Ordering::Relaxed)).filter(|ms| *ms > 0).map(Wall)
    }

    /// The account that it acts as.
    pub fn account(&self) -> Option<AccountId> {
        self.row.account
    }

    /// It may be used now, from here, for this command. Who gets the reason has the key.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&self, now: Wall, source: &Source, command: &Command, called: &str) -> Result<(), Failure> {
        let name = &self.row.name;
        let auth =
            |why: &str| Failure::new(crate::reply::Kind::AuthFailed, format!("key {name} {why} NORETRY"));
        if !self.row.enabled {
            return Err(auth("is switched off"));
        }
        if self.row.expires.is_some_and(|expires| expires <= now) {
            return Err(auth("has expired"));
        }
        // A datagram's address proves nothing: a key that is bound to addresses does not work by UDP.
        let here = self
            .addresses
            .as_ref()
            .is_some_and(|list| list.is_empty() || (list.contains(source.address) && !source.unproven));
        if !here {
            return Err(Failure::denied(format!("key {name} is not for this address")));
        }
        if !self.scopes.allow(command, called) {
            return Err(Failure::denied(format!("key {name} is not for {called}")));
        }
        Ok(())
    }

    /// Notes the use; true where that is to be written down.
    pub fn touch(&self, now: Wall) -> bool {
        let before = self.used_ms.load(Ordering::Relaxed);
        now.0 - before >= USED_EVERY_MS
            && self.used_ms.compare_exchange(before, now.0, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// Every named key.
#[derive(Debug, Default)]
pub struct ApiKeys {
    by_digest: HashMap<String, Arc<ApiKey>>,
}

impl ApiKeys {
    pub fn of(rows: Vec<ApiKeyRow>) -> Self {
        let keys = rows.into_iter().map(|row| (row.digest.clone(), Arc::new(ApiKey::of(row))));
        Self { by_digest: keys.collect() }
    }

    /// The key that was sent, if it is one of these. It is found by its digest, so that the time tells nothing
    /// about others.
    pub fn find(&self, sent: &str) -> Option<&Arc<ApiKey>> {
        if self.by_digest.is_empty() || sent.is_empty() { None } else { self.by_digest.get(&digest(sent)) }
    }

    pub fn by_id(&self, id: i64) -> Option<&Arc<ApiKey>> {
        self.by_digest.values().find(|key| key.row.id == id)
    }

    /// By their names.
    pub fn sorted(&self) -> Vec<&Arc<ApiKey>> {
        let mut all: Vec<_> = self.by_digest.values().collect();
        all.sort_by(|a, b| a.row.name.cmp(&b.row.name));
        all
    }

    /// Names of keys that are new, gone, and different from `before`.
    pub fn changes_since(&self, before: &Self) -> [Vec<String>; 3] {
        let same = |a: &ApiKeyRow, b: &ApiKeyRow| {
            ApiKeyRow { last_used: None, ..a.clone() } == ApiKeyRow { last_used: None, ..b.clone() }
        };
        let find = |keys: &Self, id| keys.by_id(id).map(|key| key.row.clone());
        let (mut added, mut removed, mut changed) = (Vec::new(), Vec::new(), Vec::new());
        for key in self.sorted() {
            match find(before, key.row.id) {
                None => added.push(key.row.name.clone()),
                Some(old) if !same(&old, &key.row) => changed.push(key.row.name.clone()),
                Some(_) => {}
            }
        }
        for key in before.sorted() {
            if self.by_id(key.row.id).is_none() {
                removed.push(key.row.name.clone());
            }
        }
        [added, removed, changed]
    }
}

/// The SHA-256 of a key or token in lower-case hexadecimal digits.
pub fn digest(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// The SHA-256 of several parts, each with its length, so that no two lists of parts look alike.
pub fn digest_of(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex(&hash.finalize())
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Place;
    use super::*;
    use crate::dispatch::find;

    fn row(scopes: &str, addresses: &str) -> ApiKeyRow {
        ApiKeyRow {
            id: 1,
            name: "web".into(),
            digest: digest("secret"),
            scopes: scopes.into(),
            account: None,
            addresses: addresses.into(),
            expires: Some(Wall(1_000)),
            enabled: true,
            created: Wall(0),
            last_used: None,
        }
    }

    #[test]
    fn scopes_allow_what_they_name_and_nothing_else() {
        for (scopes, allowed, refused) in [
            ("balance,cdr", &["balance", "cdr"] as &[&str], &["rating", "version", "db"] as &[&str]),
            ("group:diagnostics", &["version", "info"], &["balance", "db"]),
            ("access:user", &["apitest", "balance", "p2p"], &["version", "db"]),
            ("read", &["balance", "version"], &["p2p", "newuseri", "login"]),
            ("all", &["db", "balance"], &[]),
            ("", &[], &["balance", "apitest"]),
        ] {
            let scopes = Scopes::parse(scopes, |_| false).unwrap();
            assert!(allowed.iter().all(|name| scopes.allow(find(name).unwrap(), name)), "{scopes:?}");
            assert!(refused.iter().all(|name| !scopes.allow(find(name).unwrap(), name)), "{scopes:?}");
        }
        assert_eq!(Scopes::parse("balance nosuch", |_| false), Err("nosuch".into()));
        assert_eq!(Scopes::parse("group:nosuch", |_| true), Err("group:nosuch".into()));
        // A command that tb_api makes is allowed by its name, and by no group or access.
        let own = Scopes::parse("mine", |name| name == "mine").unwrap();
        let (reads, status) = (find("balance").unwrap(), find("status").unwrap());
        assert!(own.allow(reads, "mine") && !own.allow(reads, "yours") && !own.allow(status, "status"));
        for scopes in ["access:host", "group:user"] {
            assert!(!Scopes::parse(scopes, |_| false).unwrap().allow(reads, "mine"), "{scopes}");
        }
    }

    #[test]
    fn a_key_says_why_it_does_not_do() {
        let balance = find("balance").unwrap();
        let here = Source::plain(Place::Loopback, false);
        let at = |row: ApiKeyRow, now, source: &Source| {
            ApiKey::of(row)
                .admit(Wall(now), source, balance, "balance")
                .map_err(|failure| failure.to_string())
        };
        assert_eq!(at(row("all", ""), 999, &here), Ok(()));
        assert_eq!(at(row("all", "127.0.0.1"), 0, &here), Ok(()));
        for (row, now, source, wanted) in [
            (row("all", ""), 1_000, here, "auth failed: key web has expired NORETRY"),
            (
                ApiKeyRow { enabled: false, ..row("all", "") },
                0,
                here,
                "auth failed: key web is switched off NORETRY",
            ),
            (row("all", "192.0.2.1"), 0, here, "access denied: key web is not for this address"),
            (
                row("all", "127.0.0.1"),
                0,
                Source::plain(Place::Loopback, true),
                "access denied: key web is not for this address",
            ),
            (row("all", "nonsense"), 0, here, "access denied: key web is not for this address"),
            (row("cdr", ""), 0, here, "access denied: key web is not for balance"),
        ] {
            assert_eq!(at(row, now, &source), Err(wanted.to_owned()));
        }
    }

    #[test]
    fn a_reload_knows_what_changed() {
        let keys = |rows: &[(i64, &str)]| {
            ApiKeys::of(
                rows.iter()
                    .map(|(id, scopes)| ApiKeyRow {
                        id: *id,
                        name: format!("k{id}"),
                        digest: digest(&id.to_string()),
                        ..row(scopes, "")
                    })
                    .collect(),
            )
        };
        let (before, after) =
            (keys(&[(1, "all"), (2, "all"), (3, "all")]), keys(&[(2, "all"), (3, "cdr"), (4, "all")]));
        assert_eq!(
            after.changes_since(&before),
            [vec!["k4".to_owned()], vec!["k1".into()], vec!["k3".into()]]
        );
        assert!(after.find("4").is_some() && after.find("1").is_none());
    }

    #[test]
    fn the_last_use_is_noted_once_a_minute() {
        let key = ApiKey::of(row("all", ""));
        assert!(key.touch(Wall(100_000)));
        assert!(!key.touch(Wall(159_999)));
        assert!(key.touch(Wall(160_000)));
        assert_eq!(key.last_used(), Some(Wall(160_000)));
    }
}
