//! Limits, failures and bans.

use std::net::IpAddr;

use strowger_model::account::IpRange;
use strowger_model::{Mono, Now, Wall};

use crate::lately::Lately;
use crate::rate::Bucket;
use crate::subject::Subject;
use crate::tracked::Tracked;

/// A network is banned at this multiple of an address's failures: one bad neighbour is not enough.
const NETWORK_FACTOR: u32 = 4;
/// A whole account is banned at this multiple of an address's failures, and for this part of the time: strangers
/// who know a name must not be able to lock its owner out, nor may many of them guess on for ever.
const ACCOUNT_FACTOR: u32 = 10;
/// Addresses from which an account was used rightly that are remembered; the one that is quiet longest goes.
const GOOD_ADDRESSES: usize = 4;
/// How often in a second an address that cannot be believed is told that it is limited.
const TOLD_PER_SECOND: u32 = 1;
/// Bytes of a ban's reason that are kept.
const MAX_REASON: usize = 200;

/// The limits; zero switches one off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// `banfailures`: failures that lead to a ban.
    pub ban_failures: u32,
    /// `banwindow`: milliseconds in which they are counted.
    pub ban_window_ms: u64,
    /// `bantime`: milliseconds that a ban lasts.
    pub ban_time_ms: u64,
    /// `ratelimitip`: requests per second of one address.
    pub rate_ip: u32,
    /// `ratelimituser`: requests per second of one account.
    pub rate_user: u32,
    /// `ratelimitglobal`: requests per second of all.
    pub rate_global: u32,
    /// `trustediplist`: limited, never banned.
    pub trusted: Vec<IpRange>,
    /// Addresses and accounts that are remembered, and as many bans.
    pub max_tracked: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ban_failures: 10,
            ban_window_ms: 300_000,
            ban_time_ms: 600_000,
            rate_ip: 0,
            rate_user: 0,
            rate_global: 0,
            trusted: Vec::new(),
            max_tracked: 65_536,
        }
    }
}

/// Where something came in; stands in the reason of a ban.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The API.
    Api,
    /// SIP.
    Sip,
    /// The portal.
    Portal,
    /// The console.
    Console,
    /// TURN.
    Turn,
    /// SMS and other messages.
    Message,
}

impl Door {
    const fn name(self) -> &'static str {
        match self {
            Self::Api => "API",
            Self::Sip => "SIP",
            Self::Portal => "portal",
            Self::Console => "console",
            Self::Turn => "TURN",
            Self::Message => "messages",
        }
    }
}

/// What a door does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Serve it.
    Pass,
    /// Too many requests.
    Limited {
        /// Milliseconds until one passes again.
        retry_after_ms: u64,
    },
    /// Banned.
    Banned {
        /// Milliseconds until the ban ends.
        retry_after_ms: u64,
    },
}

impl Verdict {
    /// It may be served.
    #[must_use]
    pub const fn is_pass(self) -> bool {
        matches!(self, Self::Pass)
    }
}

/// One ban, as `bannedlist` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// Who.
    pub subject: Subject,
    /// Why.
    pub reason: Box<str>,
    /// Since when.
    pub since: Wall,
    /// Until when.
    pub until: Wall,
    /// Requests that it has refused.
    pub hits: u32,
}

/// Bans that wait to be told of.
const MAX_FRESH: usize = 1_000;

/// The reputation of everybody who was noticed lately.
#[derive(Debug, Clone)]
pub struct Guard {
    limits: Limits,
    failures: Tracked<Subject, Failures>,
    bans: Tracked<Subject, Option<Banned>>,
    rates: Tracked<Subject, Bucket>,
    /// Who was told lately that it is limited.
    told: Tracked<Subject, Bucket>,
    /// The addresses from which an account was used rightly, the last one at the end.
    good: Tracked<Subject, Vec<IpAddr>>,
    lately: Lately,
    global: Bucket,
    /// Bans that nobody was told of yet.
    fresh: Vec<Ban>,
}

/// Failures in the window that began with the first of them.
#[derive(Debug, Clone, Copy, Default)]
struct Failures {
    since: Mono,
    count: u32,
    /// Those of them that a login does not excuse.
    guesses: u32,
}

#[derive(Debug, Clone)]
struct Banned {
    until: Mono,
    ban: Ban,
}

impl Guard {
    /// Nobody is known yet.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        let max = limits.max_tracked;
        Self {
            failures: Tracked::new(max),
            bans: Tracked::new(max),
            rates: Tracked::new(max),
            told: Tracked::new(max),
            good: Tracked::new(max),
            lately: Lately::new(),
            global: Bucket::new(),
            fresh: Vec::new(),
            limits,
        }
    }

    /// Changes the limits; what was counted stays.
    pub fn set_limits(&mut self, limits: Limits) {
        self.failures.set_limit(limits.max_tracked);
        self.bans.set_limit(limits.max_tracked);
        self.rates.set_limit(limits.max_tracked);
        self.told.set_limit(limits.max_tracked);
        self.good.set_limit(limits.max_tracked);
        self.limits = limits;
    }

    /// The limits.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// One request: bans, then the rate limits, in which it is counted.
    pub fn admit(&mut self, now: Now, source: IpAddr, user: Option<&str>) -> Verdict {
        self.serve(now, source, user, user)
    }

    /// One request before anybody is proven: bans, then the limits of the address and of all. Naming an account uses
    /// up none of its requests.
    pub fn admit_source(&mut self, now: Now, source: IpAddr, user: Option<&str>) -> Verdict {
        self.serve(now, source, user, None)
    }

    /// Whether an address that cannot be believed, as that of a datagram, is told of a verdict: of a limit once in a
    /// second, of a ban never. Whoever's address it really is must not be sent as much as somebody asks for.
    pub fn is_told(&mut self, now: Mono, source: IpAddr, verdict: Verdict) -> bool {
        match verdict {
            Verdict::Pass => true,
            Verdict::Banned { .. } => false,
            Verdict::Limited { .. } => {
                let told = self.told.touch(now, &Subject::address(source.to_canonical()));
                told.pass(now, TOLD_PER_SECOND).is_ok()
            }
        }
    }

    /// One request of an account that is proven.
    pub fn admit_account(&mut self, now: Mono, user: &str) -> Verdict {
        let rate = self.limits.rate_user;
        if rate == 0 {
            return Verdict::Pass;
        }
        self.rates
            .touch(now, &Subject::account(user))
            .pass(now, rate)
            .map_or_else(|retry_after_ms| Verdict::Limited { retry_after_ms }, |()| Verdict::Pass)
    }

    /// Whether a ban holds; counts nothing.
    #[must_use]
    pub fn check(&self, now: Now, source: IpAddr, user: Option<&str>) -> Verdict {
        match self.banned(now, source.to_canonical(), user) {
            Some((_, retry_after_ms)) => Verdict::Banned { retry_after_ms },
            None => Verdict::Pass,
        }
    }

    /// Wrong credentials, a wrong PIN or recharge code. The verdict says whether that led to a ban.
    pub fn failure(&mut self, now: Now, source: IpAddr, user: Option<&str>, door: Door) -> Verdict {
        let source = source.to_canonical();
        if self.limits.ban_failures == 0 || self.is_trusted(source) {
            return Verdict::Pass;
        }
        let (limit, for_ms) = (self.limits.ban_failures, self.limits.ban_time_ms);
        self.count_failure(now, Subject::address(source), limit, for_ms, door);
        if let Some(network) = Subject::network(source) {
            self.count_failure(now, network, limit.saturating_mul(NETWORK_FACTOR), for_ms, door);
        }
        if let Some(user) = user.filter(|u| !u.trim().is_empty()) {
            // Where the whole address is out, its accounts need no ban of their own.
            if self.check(now, source, None).is_pass() {
                self.count_failure(now, Subject::account_at(user, source), limit, for_ms, door);
            }
            let (limit, for_ms) = (limit.saturating_mul(ACCOUNT_FACTOR), for_ms / u64::from(ACCOUNT_FACTOR));
            self.count_failure(now, Subject::account(user), limit, for_ms, door);
        }
        self.check(now, source, user)
    }

    /// Right credentials: the counters of the address and the account begin anew.
    pub fn success(&mut self, now: Now, source: IpAddr, user: Option<&str>) {
        let source = source.to_canonical();
        if user.is_some_and(|user| self.lately.again(now.mono, source, user)) {
            return;
        }
        if let Some(failures) = self.failures.get_mut(&Subject::address(source)) {
            failures.count = failures.guesses;
        }
        if let Some(user) = user {
            let account = Subject::account(user);
            if !self.failures.is_empty() {
                for subject in [&account, &Subject::account_at(user, source)] {
                    if let Some(failures) = self.failures.get_mut(subject) {
                        failures.count = failures.guesses;
                    }
                }
            }
            let good = self.good.touch(now.mono, &account);
            if good.last() != Some(&source) {
                good.retain(|known| *known != source);
                if good.len() >= GOOD_ADDRESSES {
                    good.remove(0);
                }
                good.push(source);
            }
        }
    }

    /// A wrong recharge code of somebody who is logged in: a failure that the next login does not excuse.
    pub fn guess(&mut self, now: Now, source: IpAddr, user: Option<&str>, door: Door) -> Verdict {
        let verdict = self.failure(now, source, user, door);
        let source = source.to_canonical();
        let at = user.map(|user| Subject::account_at(user, source));
        let subjects = [Some(Subject::address(source)), user.map(Subject::account), at];
        for subject in subjects.iter().flatten() {
            if let Some(failures) = self.failures.get_mut(subject).filter(|failures| failures.count > 0) {
                failures.guesses = failures.guesses.saturating_add(1).min(failures.count);
            }
        }
        verdict
    }

    /// Bans somebody by hand. A ban that runs longer already stays.
    pub fn ban(&mut self, now: Now, subject: &Subject, for_ms: u64, reason: &str) {
        let until = now.mono.plus_ms(for_ms);
        if for_ms == 0 || self.bans.get(subject).is_some_and(|b| b.as_ref().is_some_and(|b| b.until > until))
        {
            return;
        }
        let reason = reason.chars().take(MAX_REASON).collect::<String>().into();
        let ban = Ban {
            subject: subject.clone(),
            reason,
            since: now.wall,
            until: now.wall.plus_ms(i64::try_from(for_ms).unwrap_or(i64::MAX)),
            hits: 0,
        };
        if self.fresh.len() < MAX_FRESH {
            self.fresh.push(ban.clone());
        }
        *self.bans.touch(now.mono, subject) = Some(Banned { until, ban });
    }

    /// The bans since the last time this was asked, for whoever tells of them; of very many not all.
    pub fn take_new_bans(&mut self) -> Vec<Ban> {
        std::mem::take(&mut self.fresh)
    }

    /// How much is remembered.
    #[must_use]
    pub fn sizes(&self) -> [(&'static str, usize); 4] {
        [
            ("guard failures", self.failures.len()),
            ("guard bans", self.bans.len()),
            ("guard rates", self.rates.len()),
            ("guard good addresses", self.good.len()),
        ]
    }

    /// The bans that hold, by subject.
    #[must_use]
    pub fn bans(&self, now: Now) -> Vec<Ban> {
        let held = self.bans.values().flatten().filter(|b| b.until > now.mono);
        held.map(|b| b.ban.clone()).collect()
    }

    /// Lifts one ban and forgets the failures that led to it; an account's ban everywhere goes with those at
    /// single addresses. False where there was none.
    pub fn lift(&mut self, subject: &Subject) -> bool {
        let mut lifted = self.lift_one(subject);
        if let Subject::Account(name) = subject {
            let everywhere = |known: &&Subject| matches!(known, Subject::AccountAt(n, _) if n == name);
            let at: Vec<Subject> =
                self.failures.keys().chain(self.bans.keys()).filter(everywhere).cloned().collect();
            for subject in &at {
                lifted |= self.lift_one(subject);
            }
        }
        lifted
    }

    fn lift_one(&mut self, subject: &Subject) -> bool {
        if let Some(failures) = self.failures.get_mut(subject) {
            (failures.count, failures.guesses) = (0, 0);
        }
        self.bans.get_mut(subject).is_some_and(|b| b.take().is_some())
    }

    /// Lifts the bans of an address, of its network and of accounts at this address; gives their number.
    pub fn lift_address(&mut self, source: IpAddr) -> usize {
        let source = source.to_canonical();
        let here = |known: &&Subject| matches!(known, Subject::AccountAt(_, at) if *at == source);
        let mut subjects: Vec<Subject> =
            self.failures.keys().chain(self.bans.keys()).filter(here).cloned().collect();
        subjects.push(Subject::address(source));
        subjects.extend(Subject::network(source));
        subjects.iter().filter(|s| self.lift_one(s)).count()
    }

    /// Lifts every ban and forgets every failure; gives the number of bans, lapsed ones included.
    pub fn lift_all(&mut self) -> usize {
        let lifted = self.bans.values().flatten().count();
        self.bans = Tracked::new(self.limits.max_tracked);
        self.failures = Tracked::new(self.limits.max_tracked);
        lifted
    }

    fn is_trusted(&self, source: IpAddr) -> bool {
        self.limits.trusted.iter().any(|range| range.contains(source))
    }

    /// Asks for the bans of `user` and counts for the limits of `counted`.
    fn serve(&mut self, now: Now, source: IpAddr, user: Option<&str>, counted: Option<&str>) -> Verdict {
        let source = source.to_canonical();
        if let Some((subject, retry_after_ms)) = self.banned(now, source, user) {
            if let Some(Some(banned)) = self.bans.get_mut(&subject) {
                banned.ban.hits = banned.ban.hits.saturating_add(1);
            }
            return Verdict::Banned { retry_after_ms };
        }
        self.count_request(now.mono, source, counted)
            .map_or_else(|retry_after_ms| Verdict::Limited { retry_after_ms }, |()| Verdict::Pass)
    }

    /// The ban that refuses, and the milliseconds that it still runs.
    fn banned(&self, now: Now, source: IpAddr, user: Option<&str>) -> Option<(Subject, u64)> {
        if self.bans.is_empty() || self.is_trusted(source) {
            return None;
        }
        let at = user.map(|user| Subject::account_at(user, source));
        // Where the owner was seen before, strangers' guesses do not count.
        let account = user.map(Subject::account);
        let account = account.filter(|a| self.good.get(a).is_none_or(|good| !good.contains(&source)));
        let subjects = [Some(Subject::address(source)), Subject::network(source), at, account];
        subjects.into_iter().flatten().find_map(|subject| {
            let until = self.bans.get(&subject)?.as_ref()?.until;
            (until > now.mono).then(|| (subject, (until - now.mono).div_ceil(1000)))
        })
    }

    fn count_failure(&mut self, now: Now, subject: Subject, limit: u32, for_ms: u64, door: Door) {
        let window_ms = self.limits.ban_window_ms;
        self.lately.forget();
        let failures = self.failures.touch(now.mono, &subject);
        if failures.count == 0 || now.mono.ms_since(failures.since) >= window_ms {
            *failures = Failures { since: now.mono, ..Failures::default() };
        }
        failures.count = failures.count.saturating_add(1);
        if failures.count >= limit {
            let Failures { count, .. } = std::mem::take(failures);
            let reason = format!("{count} failures, the last by {}", door.name());
            self.ban(now, &subject, for_ms, &reason);
        }
    }

    fn count_request(&mut self, now: Mono, source: IpAddr, user: Option<&str>) -> Result<(), u64> {
        let Limits { rate_ip, rate_user, rate_global, .. } = self.limits;
        let address = Subject::address(source);
        let account = user.filter(|_| rate_user != 0).map(Subject::account);
        // First all are asked, then all are counted, so that a refused request fills no bucket.
        self.global.early(now, rate_global)?;
        let bucket = |guard: &Self, s: &Subject| guard.rates.get(s).copied().unwrap_or_default();
        bucket(self, &address).early(now, rate_ip)?;
        if let Some(account) = &account {
            bucket(self, account).early(now, rate_user)?;
        }
        self.global.pass(now, rate_global)?;
        if rate_ip != 0 {
            self.rates.touch(now, &address).pass(now, rate_ip)?;
        }
        match account {
            Some(account) => self.rates.touch(now, &account).pass(now, rate_user),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
