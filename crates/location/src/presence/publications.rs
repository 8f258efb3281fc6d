//! What phones publish of their accounts (RFC 3903): soft state with entity tags.

use std::collections::{BTreeMap, BTreeSet};

use strowger_model::{AccountId, Mono, Now};
use strowger_sip::{HeaderId, Message};

use super::{Accepted, PresenceRefusal, PresenceSettings, pidf};
use crate::mac::Key;

/// Publications of one account: one for each of its phones. The oldest gives way.
const MAX_OF_ACCOUNT: usize = 10;

/// What a phone published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The account can be reached.
    pub open: bool,
    /// The activity or note.
    pub word: Option<Box<str>>,
}

struct Publication {
    etag: Box<str>,
    published: Published,
    since: Mono,
    expires: Mono,
}

/// All publications.
pub(crate) struct Publications {
    key: Key,
    count: u64,
    of: BTreeMap<AccountId, Vec<Publication>>,
    expiries: BTreeSet<(Mono, AccountId)>,
}

impl Publications {
    pub(crate) const fn new(key: Key) -> Self {
        Self { key, count: 0, of: BTreeMap::new(), expiries: BTreeSet::new() }
    }

    /// The publication of an account that was changed last, and when.
    pub(crate) fn newest(&self, account: AccountId) -> Option<(Mono, &Published)> {
        let newest = self.of.get(&account)?.iter().max_by_key(|publication| publication.since)?;
        Some((newest.since, &newest.published))
    }

    /// RFC 3903 section 6.
    pub(crate) fn publish(
        &mut self,
        now: Now,
        account: AccountId,
        request: &Message,
        settings: &PresenceSettings,
    ) -> Result<Accepted, PresenceRefusal> {
        if request.text(HeaderId::Event).is_none_or(|event| !event.trim().eq_ignore_ascii_case("presence")) {
            return Err(PresenceRefusal::new(489, "Bad Event"));
        }
        let expires_s = settings.granted(request.expires().unwrap_or(None))?;
        let published = match request.body() {
            [] => None,
            body => Some(document(request, body)?),
        };
        let old = match request.text(HeaderId::SipIfMatch) {
            None => None,
            Some(etag) => {
                let found =
                    self.of.get(&account).and_then(|all| all.iter().position(|p| *p.etag == *etag.trim()));
                Some(found.ok_or(PresenceRefusal::new(412, "Conditional Request Failed"))?)
            }
        };
        if old.is_none() && published.is_none() {
            return Err(PresenceRefusal::new(400, "A First Publication Needs a Body"));
        }
        let before = old.map(|at| self.take(account, at));
        self.count += 1;
        let etag: Box<str> =
            format!("{:x}{:016x}", self.count, self.key.of(&[b"etag", &self.count.to_be_bytes()])).into();
        if expires_s > 0 {
            let since =
                if published.is_some() { now.mono } else { before.as_ref().map_or(now.mono, |b| b.since) };
            let Some(published) = published.or(before.map(|before| before.published)) else {
                return Err(PresenceRefusal::new(400, "A First Publication Needs a Body"));
            };
            let expires = now.mono.plus_ms(u64::from(expires_s) * 1000);
            self.put(account, Publication { etag: etag.clone(), published, since, expires });
        }
        Ok(Accepted { etag, expires_s })
    }

    /// Ends what has expired; whose that was.
    pub(crate) fn expire(&mut self, now: Now) -> Vec<AccountId> {
        let mut changed = Vec::new();
        while let Some(&(at, account)) = self.expiries.first() {
            if at > now.mono {
                break;
            }
            self.expiries.pop_first();
            self.retain(account, |publication| publication.expires > now.mono);
            changed.push(account);
        }
        changed
    }

    pub(crate) fn forget(&mut self, account: AccountId) {
        self.retain(account, |_| false);
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.expiries.first().map(|(at, _)| *at)
    }

    fn put(&mut self, account: AccountId, publication: Publication) {
        let all = self.of.entry(account).or_default();
        self.expiries.insert((publication.expires, account));
        all.push(publication);
        if all.len() > MAX_OF_ACCOUNT {
            self.take(account, 0);
        }
    }

    fn take(&mut self, account: AccountId, at: usize) -> Publication {
        let all = self.of.entry(account).or_default();
        let taken = all.remove(at);
        let shared = all.iter().any(|publication| publication.expires == taken.expires);
        if all.is_empty() {
            self.of.remove(&account);
        }
        if !shared {
            self.expiries.remove(&(taken.expires, account));
        }
        taken
    }

    fn retain(&mut self, account: AccountId, keep: impl Fn(&Publication) -> bool) {
        let Some(all) = self.of.get_mut(&account) else { return };
        for gone in all.extract_if(.., |publication| !keep(publication)) {
            self.expiries.remove(&(gone.expires, account));
        }
        let kept: Vec<Mono> = all.iter().map(|publication| publication.expires).collect();
        if kept.is_empty() {
            self.of.remove(&account);
        }
        self.expiries.extend(kept.into_iter().map(|at| (at, account)));
    }
}

fn document(request: &Message, body: &[u8]) -> Result<Published, PresenceRefusal> {
    let known = request.content_type().is_some_and(|kind| kind.is("application", "pidf+xml"));
    if !known {
        return Err(PresenceRefusal::new(415, "Unsupported Media Type"));
    }
    pidf::read(body).ok_or(PresenceRefusal::new(400, "Malformed Presence Document"))
}
