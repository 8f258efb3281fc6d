//! The registrar (RFC 3261 section 10.3): which contacts an account has, until when, and where they
//! really are. It decides nothing about who may register: the request was authenticated before.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use strowger_model::id::FlowId;
use strowger_model::{AccountId, Mono, Now};
use strowger_sip::{Builder, HeaderId, Message, quote};

use crate::binding::Binding;
use crate::reach::Reach;
use crate::record::{BindingRecord, encode_put, encode_remove};
use crate::request::{Asked, Change, RegisterRefusal, asked};

/// An account's registration is announced again after this long, in milliseconds, so that its `statusdate`
/// is never older than an hour while it is registered.
const ANNOUNCE_MS: u64 = 30 * 60 * 1000;
/// Spreads the first pings of many phones over the interval.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The bounds of registrations.
#[derive(Debug, Clone)]
pub struct RegistrarSettings {
    /// Contacts per account; the one refreshed longest ago gives way.
    pub max_contacts: usize,
    /// Shorter lifetimes are refused with 423, in seconds.
    pub min_expires_s: u32,
    /// Longer lifetimes are cut, in seconds.
    pub max_expires_s: u32,
    /// Where the request names none, in seconds.
    pub default_expires_s: u32,
    /// Between two pings to a phone behind NAT; none: no pings.
    pub ping_ms: Option<u64>,
}

impl Default for RegistrarSettings {
    fn default() -> Self {
        Self {
            max_contacts: 10,
            min_expires_s: 60,
            max_expires_s: 3600,
            default_expires_s: 300,
            ping_ms: Some(25_000),
        }
    }
}

/// A REGISTER that was performed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Contacts of the account afterwards.
    pub contacts: usize,
}

/// What the owner has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistrarOutput {
    /// Append to the log: one or more whole frames.
    Log(Vec<u8>),
    /// Send CRLF CRLF there, so that the NAT stays open.
    Ping(Reach),
    /// The account has its first contact, has lost its last, or is still registered after half an hour.
    Line {
        /// Whose.
        account: AccountId,
        /// It has contacts.
        registered: bool,
    },
    /// Nobody is registered over this connection any more: close it.
    CloseFlow(FlowId),
}

/// Seconds between a registration and its refresh: a refresh is counted below the first of these that is not shorter.
pub const REFRESH_BOUNDS_S: [u64; 7] = [30, 60, 120, 300, 600, 1_800, 3_600];

/// What the registrar did since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RegistrarCounters {
    /// Contacts that came.
    pub added: u64,
    /// Contacts that were refreshed.
    pub refreshed: u64,
    /// Contacts that were taken back by their phone or an operator, or gave way to newer ones.
    pub removed: u64,
    /// Contacts that were not refreshed in time.
    pub expired: u64,
    /// Refreshes by the time since the last one: up to each of [`REFRESH_BOUNDS_S`], and longer.
    pub intervals: [u64; REFRESH_BOUNDS_S.len() + 1],
}

impl RegistrarCounters {
    /// Adds another registrar's.
    pub fn add(&mut self, other: &Self) {
        self.added += other.added;
        self.refreshed += other.refreshed;
        self.removed += other.removed;
        self.expired += other.expired;
        for (sum, count) in self.intervals.iter_mut().zip(other.intervals) {
            *sum += count;
        }
    }
}

/// The contacts of one account.
#[derive(Default)]
struct Entry {
    /// Best q first, then the most recent.
    bindings: Vec<Binding>,
    announced: Mono,
}

/// All bindings.
pub struct Registrar {
    settings: RegistrarSettings,
    entries: BTreeMap<AccountId, Entry>,
    expiries: BTreeSet<(Mono, AccountId, u32)>,
    pings: BTreeSet<(Mono, AccountId, u32)>,
    flows: BTreeSet<(FlowId, AccountId)>,
    outputs: VecDeque<RegistrarOutput>,
    next_id: u32,
    count: usize,
    counters: RegistrarCounters,
}

impl Registrar {
    /// An empty registrar.
    #[must_use]
    pub const fn new(settings: RegistrarSettings) -> Self {
        Self {
            settings,
            entries: BTreeMap::new(),
            expiries: BTreeSet::new(),
            pings: BTreeSet::new(),
            flows: BTreeSet::new(),
            outputs: VecDeque::new(),
            next_id: 0,
            count: 0,
            counters: RegistrarCounters { added: 0, refreshed: 0, removed: 0, expired: 0, intervals: [0; 8] },
        }
    }

    /// Other bounds for later requests.
    pub fn set_settings(&mut self, settings: RegistrarSettings) {
        self.settings = settings;
    }

    /// Replays a log at start. Connections did not survive, so only contacts come back that are reached by datagrams or accept
    /// connections; half a lifetime is added, because refreshes that only moved the expiry were not written.
    pub fn restore(&mut self, now: Now, records: impl IntoIterator<Item = BindingRecord>) {
        for record in records {
            match record {
                BindingRecord::Put { account, binding } => self.restore_one(now, account, binding),
                BindingRecord::Remove { account, uri } => {
                    self.remove_where(account, |b| b.uri() == &*uri);
                }
                BindingRecord::RemoveAll { account } => {
                    self.remove_where(account, |_| true);
                }
            }
        }
        self.outputs.clear();
        self.counters = RegistrarCounters::default();
        let registered: Vec<AccountId> = self.entries.keys().copied().collect();
        for account in registered {
            self.outputs.push_back(RegistrarOutput::Line { account, registered: true });
        }
    }

    fn restore_one(&mut self, now: Now, account: AccountId, mut binding: Binding) {
        let until = binding.stored_until.plus_ms(i64::from(binding.lifetime_s) * 500);
        let left_ms = until.0.saturating_sub(now.wall.0).min(i64::from(binding.lifetime_s) * 1500);
        binding.reach.flow = None;
        let reachable = binding.reach.carrier == crate::reach::Carrier::Udp || binding.accepts_connections();
        match u64::try_from(left_ms) {
            Ok(left_ms) if left_ms > 0 && reachable => {
                binding.expires = now.mono.plus_ms(left_ms);
                self.insert(now, account, binding);
            }
            _ => {
                self.remove_where(account, |b| b.is_same_contact(&binding));
            }
        }
    }

    /// Performs an authenticated REGISTER for `account` that came by `reach`, wholly or not at all.
    ///
    /// # Errors
    /// The status to answer with where nothing was changed.
    pub fn register(
        &mut self,
        now: Now,
        account: AccountId,
        request: &Message,
        reach: Reach,
    ) -> Result<Accepted, RegisterRefusal> {
        let asked = asked(request, &self.settings, reach)?;
        self.check_order(account, request, &asked)?;
        match asked {
            Asked::Query => {}
            Asked::RemoveAll => {
                self.remove_where(account, |_| true);
            }
            Asked::Changes(changes) => {
                for change in changes {
                    self.change(now, account, change);
                }
            }
        }
        Ok(Accepted { contacts: self.contacts(account).len() })
    }

    /// RFC 3261 section 10.3 step 7: within one Call-ID an older request may not undo a newer one.
    fn check_order(
        &self,
        account: AccountId,
        request: &Message,
        asked: &Asked,
    ) -> Result<(), RegisterRefusal> {
        let touched = |known: &Binding| match asked {
            Asked::Query => false,
            Asked::RemoveAll => true,
            Asked::Changes(changes) => changes.iter().any(|c| known.is_same_contact(&c.binding)),
        };
        let older = |known: &Binding| known.call_id() == request.call_id() && request.cseq() < known.cseq;
        if self.contacts(account).iter().any(|known| older(known) && touched(known)) {
            return Err(RegisterRefusal::new(500, "Request Out Of Order"));
        }
        Ok(())
    }

    fn change(&mut self, now: Now, account: AccountId, change: Change) {
        let Change { mut binding, lifetime_s } = change;
        if lifetime_s == 0 {
            self.remove_where(account, |b| b.is_same_contact(&binding));
            return;
        }
        binding.expires = now.mono.plus_ms(u64::from(lifetime_s) * 1000);
        binding.registered = now.wall;
        self.count_change(now, account, &binding);
        self.insert(now, account, binding);
    }

    fn count_change(&mut self, now: Now, account: AccountId, binding: &Binding) {
        let old = self.contacts(account).iter().find(|known| known.is_same_contact(binding));
        let Some(old) = old else {
            self.counters.added += 1;
            return;
        };
        let until = old.expires.0.saturating_sub(u64::from(old.lifetime_s) * 1_000_000);
        let interval_s = now.mono.0.saturating_sub(until) / 1_000_000;
        let slot = REFRESH_BOUNDS_S.iter().position(|bound| interval_s <= *bound);
        self.counters.refreshed += 1;
        self.counters.intervals[slot.unwrap_or(REFRESH_BOUNDS_S.len())] += 1;
    }

    /// Takes a binding in, in place of the same contact, and logs it where the log would lose something.
    fn insert(&mut self, now: Now, account: AccountId, mut binding: Binding) {
        let lifetime_ms = i64::from(binding.lifetime_s) * 1000;
        let mut write = true;
        let mut same_way = false;
        if let Some(old) = self.take_same(account, &binding) {
            binding.registered = old.registered;
            // A refresh that only moves the expiry is written when half of what the log knows is gone.
            let left_ms = old.stored_until.0 - now.wall.0;
            write = !binding.is_refresh_of(&old) || left_ms * 2 < lifetime_ms;
            binding.stored_until = old.stored_until;
            same_way = old.reach == binding.reach && old.uri() == binding.uri();
            binding.id = old.id;
        }
        if write {
            binding.stored_until = now.wall.plus_ms(lifetime_ms);
            let mut frame = Vec::with_capacity(512);
            encode_put(account, &binding, &mut frame);
            self.outputs.push_back(RegistrarOutput::Log(frame));
        }
        if !same_way {
            self.next_id = self.next_id.wrapping_add(1);
            binding.id = self.next_id;
            self.schedule_pings(now, account, &binding);
        }
        self.index(account, &binding);
        let entry = self.entries.entry(account).or_default();
        let due = entry.bindings.is_empty() || now.mono.ms_since(entry.announced) >= ANNOUNCE_MS;
        let place = entry.bindings.partition_point(|other| other.q > binding.q);
        entry.bindings.reserve_exact(1);
        entry.bindings.insert(place, binding);
        self.count += 1;
        if due {
            entry.announced = now.mono;
            self.outputs.push_back(RegistrarOutput::Line { account, registered: true });
        }
        self.evict(account);
    }

    fn index(&mut self, account: AccountId, binding: &Binding) {
        self.expiries.insert((binding.expires, account, binding.id));
        if let Some(flow) = binding.reach.flow {
            self.flows.insert((flow, account));
        }
    }

    /// The first ping of a contact; one that finds its contact gone when it is due ends the series.
    fn schedule_pings(&mut self, now: Now, account: AccountId, binding: &Binding) {
        if let Some(ping_ms) = self.settings.ping_ms.filter(|_| binding.needs_pings()) {
            let spread = u64::from(binding.id).wrapping_mul(SPREAD) >> 33;
            let first_ms = ping_ms / 2 + spread % (ping_ms / 2).max(1);
            self.pings.insert((now.mono.plus_ms(first_ms), account, binding.id));
        }
    }

    /// Takes the same contact out without a trace; it is about to be replaced.
    fn take_same(&mut self, account: AccountId, binding: &Binding) -> Option<Binding> {
        let entry = self.entries.get_mut(&account)?;
        let at = entry.bindings.iter().position(|known| known.is_same_contact(binding))?;
        let old = entry.bindings.remove(at);
        self.unindex(account, &old);
        Some(old)
    }

    /// More contacts than allowed: the one refreshed longest ago gives way.
    fn evict(&mut self, account: AccountId) {
        while self.contacts(account).len() > self.settings.max_contacts.max(1) {
            let refreshed = |b: &&Binding| b.expires.0.saturating_sub(u64::from(b.lifetime_s) * 1_000_000);
            let Some(oldest) = self.contacts(account).iter().min_by_key(refreshed).map(|b| b.id) else {
                return;
            };
            self.remove_where(account, |b| b.id == oldest);
        }
    }

    /// Removes the contacts that fit; returns how many.
    fn remove_where(&mut self, account: AccountId, fits: impl Fn(&Binding) -> bool) -> usize {
        let Some(entry) = self.entries.get_mut(&account) else { return 0 };
        let gone: Vec<Binding> = entry.bindings.extract_if(.., |b| fits(b)).collect();
        let empty = entry.bindings.is_empty();
        if gone.is_empty() {
            return 0;
        }
        self.counters.removed += gone.len() as u64;
        let mut frames = Vec::new();
        for binding in &gone {
            encode_remove(account, binding.uri(), &mut frames);
            self.unindex(account, binding);
        }
        self.outputs.push_back(RegistrarOutput::Log(frames));
        if empty {
            self.entries.remove(&account);
            self.outputs.push_back(RegistrarOutput::Line { account, registered: false });
        }
        gone.len()
    }

    fn unindex(&mut self, account: AccountId, binding: &Binding) {
        self.count -= 1;
        self.expiries.remove(&(binding.expires, account, binding.id));
        if let Some(flow) = binding.reach.flow {
            let others = self.contacts(account).iter().any(|b| b.reach.flow == Some(flow));
            if !others {
                self.flows.remove(&(flow, account));
            }
        }
    }

    /// The account's contacts, best first. Empty: not registered.
    #[must_use]
    pub fn contacts(&self, account: AccountId) -> &[Binding] {
        self.entries.get(&account).map_or(&[], |entry| &entry.bindings)
    }

    /// Writes the Contact headers of the 200 to a REGISTER.
    pub fn write_contacts(&self, now: Now, account: AccountId, out: &mut Builder<'_>) {
        for binding in self.contacts(account) {
            let mut value = String::with_capacity(binding.uri().len() + 64);
            write_contact(binding, now, &mut value);
            out.header(HeaderId::Contact, value);
        }
    }

    /// Removes the account's contacts that fit (all, or by URI, or by source). With `close`, connections over which nobody is
    /// registered any more are to be closed. Returns how many went.
    pub fn unregister(&mut self, account: AccountId, close: bool, fits: impl Fn(&Binding) -> bool) -> usize {
        let flows: Vec<FlowId> =
            self.contacts(account).iter().filter(|b| fits(b)).filter_map(|b| b.reach.flow).collect();
        let gone = self.remove_where(account, fits);
        if close {
            for flow in flows {
                let used = self.flows.range((flow, AccountId(i64::MIN))..=(flow, AccountId(i64::MAX))).next();
                if used.is_none() {
                    self.outputs.push_back(RegistrarOutput::CloseFlow(flow));
                }
            }
        }
        gone
    }

    /// A connection is gone, and with it every contact that can be reached by no other.
    pub fn flow_closed(&mut self, flow: FlowId) {
        let range = (flow, AccountId(i64::MIN))..=(flow, AccountId(i64::MAX));
        let accounts: Vec<AccountId> = self.flows.range(range).map(|(_, account)| *account).collect();
        for account in accounts {
            self.remove_where(account, |b| b.reach.flow == Some(flow) && !b.accepts_connections());
            self.flows.remove(&(flow, account));
            let kept = self.entries.get_mut(&account).map_or(&mut [][..], |entry| &mut entry.bindings);
            for binding in kept.iter_mut().filter(|b| b.reach.flow == Some(flow)) {
                binding.reach.flow = None;
            }
        }
    }

    /// Every binding of accounts above `after`, by account.
    pub fn bindings(&self, after: Option<AccountId>) -> impl Iterator<Item = (AccountId, &Binding)> {
        let from = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        self.entries
            .range((from, std::ops::Bound::Unbounded))
            .flat_map(|(account, entry)| entry.bindings.iter().map(move |b| (*account, b)))
    }

    /// The whole state as log frames: a compacted log.
    #[must_use]
    pub fn compacted(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.count * 384);
        for (account, binding) in self.bindings(None) {
            encode_put(account, binding, &mut out);
        }
        out
    }

    /// Drops what has expired and sends the pings that are due. Harmless when early.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some(&(at, account, id)) = self.expiries.first() {
            if at > now.mono {
                break;
            }
            let gone = self.remove_where(account, |b| b.id == id) as u64;
            self.counters.removed -= gone;
            self.counters.expired += gone;
            if gone == 0 {
                self.expiries.pop_first();
            }
        }
        while let Some(&(at, account, id)) = self.pings.first() {
            if at > now.mono {
                break;
            }
            self.pings.pop_first();
            let reach = self.contacts(account).iter().find(|b| b.id == id).map(Binding::destination);
            if let (Some(reach), Some(ping_ms)) = (reach, self.settings.ping_ms) {
                self.outputs.push_back(RegistrarOutput::Ping(reach));
                self.pings.insert((now.mono.plus_ms(ping_ms), account, id));
            }
        }
    }

    /// When [`Registrar::handle_timeout`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        let expiry = self.expiries.first().map(|(at, ..)| *at);
        let ping = self.pings.first().map(|(at, ..)| *at);
        match (expiry, ping) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<RegistrarOutput> {
        self.outputs.pop_front()
    }

    /// What it did since the start.
    #[must_use]
    pub const fn counters(&self) -> RegistrarCounters {
        self.counters
    }

    /// Bindings.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Nobody is registered.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Accounts with at least one binding.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.entries.len()
    }
}

fn write_contact(binding: &Binding, now: Now, out: &mut String) {
    use std::fmt::Write as _;
    out.push('<');
    out.push_str(binding.uri());
    out.push('>');
    out.push_str(binding.params());
    if binding.q != 1000 {
        let _ = write!(out, ";q=0.{:03}", binding.q);
    }
    if !binding.instance().is_empty() {
        let _ = write!(out, ";+sip.instance={}", quote(binding.instance()));
    }
    if let Some(reg_id) = binding.reg_id {
        let _ = write!(out, ";reg-id={reg_id}");
    }
    let _ = write!(out, ";expires={}", binding.expires_s(now));
}
