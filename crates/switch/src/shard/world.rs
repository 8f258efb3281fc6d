//! What the calls of a shard may ask of it: the implementation of `call::Env` over registrations, routes,
//! trunk health, listeners and the pool of media slots.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use strowger_call::{App, Carrier, Env, Hop, Local, Service, Settings, Target};
use strowger_guard::Guard;
use strowger_location::{Authenticator, Binding, Key, Messenger, Outbound, Presence, Reach, Registrar};
use strowger_model::media::Slot;
use strowger_model::{AccountId, Mint, Now, SlotId, Wall};
use strowger_route::Snapshot;

use super::address::{Addresses, MAIN, SIP};
use super::health::TrunkHealth;
use super::rules::Rules;

/// Says how well a slot's peer is heard with a codec, as [`Env::mos`].
pub type Ears = Box<dyn Fn(SlotId, &str) -> Option<u16> + Send>;

/// Everything of a shard but its calls.
pub struct World {
    pub(super) rules: Rules,
    pub(super) routes: Arc<ArcSwap<Snapshot>>,
    pub(super) guard: Arc<Mutex<Guard>>,
    pub(super) addresses: Addresses,
    pub(super) registrar: Registrar,
    pub(super) authenticator: Authenticator,
    pub(super) outbound: Outbound,
    pub(super) messenger: Messenger,
    pub(super) presence: Presence,
    pub(super) health: TrunkHealth,
    pub(super) pool: Pool,
    /// None: there is no media engine.
    pub(super) ears: Option<Ears>,
    pub(super) mint: Mint,
    pub(super) random: Random,
    /// Makes To tags of stateless responses: the same for a retransmission.
    pub(super) tags: Key,
    /// Asked of the surroundings so often, a call panics: for simulations.
    pub(super) panic_after: Cell<Option<u32>>,
}

impl World {
    pub(super) fn guard<R>(&self, ask: impl FnOnce(&mut Guard) -> R) -> R {
        ask(&mut self.guard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A call asks something.
    fn asked(&self) {
        match self.panic_after.get() {
            Some(0) => {
                self.panic_after.set(None);
                std::panic::panic_any("a panic that was asked for");
            }
            Some(left) => self.panic_after.set(Some(left - 1)),
            None => {}
        }
    }

    /// The socket that reaches a peer which has not told where it wants to be reached from.
    pub(super) fn default_listener(&self) -> u8 {
        if self.addresses.has(SIP) { SIP } else { MAIN }
    }
}

impl Env for World {
    fn settings(&self) -> &Settings {
        self.asked();
        &self.rules.calls
    }

    fn routes(&self) -> Arc<Snapshot> {
        self.asked();
        self.routes.load_full()
    }

    fn contacts(&self, _now: Now, account: AccountId) -> Vec<Target> {
        self.asked();
        self.registrar.contacts(account).iter().map(target_of).collect()
    }

    fn trunk(&self, now: Now, account: AccountId) -> Vec<Hop> {
        self.asked();
        let routes = self.routes.load();
        let carrier = routes
            .account(account)
            .and_then(|a| a.server.as_ref())
            .map_or(Carrier::Udp, |server| server.transport.into());
        let listener = self.default_listener();
        let hop = |address| Hop { carrier, address, listener, flow: None };
        self.health.ordered(now, account, &addresses_of(&routes, account)).into_iter().map(hop).collect()
    }

    fn down(&self) -> Arc<BTreeMap<AccountId, Wall>> {
        self.health.down()
    }

    fn local(&self, hop: &Hop) -> Local {
        self.asked();
        self.addresses.local(hop, &self.rules)
    }

    fn claim_slot(&mut self, beside: Option<SlotId>) -> Option<Slot> {
        self.asked();
        self.pool.claim(beside)
    }

    fn mos(&self, slot: SlotId, codec: &str) -> Option<u16> {
        self.ears.as_ref()?(slot, codec)
    }

    fn mint(&mut self) -> &mut Mint {
        self.asked();
        &mut self.mint
    }

    fn random(&mut self) -> u64 {
        self.asked();
        self.random.next()
    }

    fn app(&self, service: Service) -> Option<Box<dyn App>> {
        strowger_apps::service(service)
    }
}

fn target_of(binding: &Binding) -> Target {
    let path = path_values(binding.path());
    Target { uri: binding.uri().into(), hop: hop_of(binding.destination()), path }
}

/// The Path values one by one; commas within angle brackets or quotes do not divide.
fn path_values(joined: &str) -> Vec<Box<str>> {
    let (mut parts, mut start, mut angle, mut quoted) = (Vec::new(), 0, false, false);
    for (i, byte) in joined.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'<' if !quoted => angle = true,
            b'>' if !quoted => angle = false,
            b',' if !quoted && !angle => {
                parts.push(joined[start..i].trim());
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(joined[start..].trim());
    parts.into_iter().filter(|part| !part.is_empty()).map(Into::into).collect()
}

pub(super) fn hop_of(reach: Reach) -> Hop {
    Hop {
        carrier: carrier_of(reach.carrier),
        address: reach.source,
        listener: reach.listener,
        flow: reach.flow,
    }
}

pub(super) const fn carrier_of(carrier: strowger_location::Carrier) -> Carrier {
    match carrier {
        strowger_location::Carrier::Udp => Carrier::Udp,
        strowger_location::Carrier::Tcp => Carrier::Tcp,
        strowger_location::Carrier::Tls => Carrier::Tls,
        strowger_location::Carrier::Ws => Carrier::Ws,
        strowger_location::Carrier::Wss => Carrier::Wss,
    }
}

pub(super) const fn reach_of(hop: Hop) -> Reach {
    let carrier = match hop.carrier {
        Carrier::Udp => strowger_location::Carrier::Udp,
        Carrier::Tcp => strowger_location::Carrier::Tcp,
        Carrier::Tls => strowger_location::Carrier::Tls,
        Carrier::Ws => strowger_location::Carrier::Ws,
        Carrier::Wss => strowger_location::Carrier::Wss,
    };
    Reach { carrier, source: hop.address, listener: hop.listener, flow: hop.flow }
}

/// A trunk's addresses: what its name resolved to, else the configured one.
pub(super) fn addresses_of(routes: &Snapshot, trunk: AccountId) -> Vec<SocketAddr> {
    let resolved = routes.trunk_addresses(trunk);
    if !resolved.is_empty() {
        return resolved.to_vec();
    }
    let server = routes.account(trunk).and_then(|account| account.server.as_deref());
    // Where a proxy is to be used, nothing goes past it while its name is not resolved.
    let direct = server.filter(|server| server.proxy.is_empty());
    direct.and_then(|server| Some(SocketAddr::new(server.ip?, server.port))).into_iter().collect()
}

/// The media slots that are ready for use, by media thread.
#[derive(Debug, Default)]
pub struct Pool {
    ready: BTreeMap<u8, VecDeque<Slot>>,
}

impl Pool {
    /// More slots.
    pub fn add(&mut self, slots: Vec<Slot>) {
        for slot in slots {
            self.ready.entry(slot.id.thread).or_default().push_back(slot);
        }
    }

    /// One slot: of the thread of `beside`, else of the thread that has most.
    pub fn claim(&mut self, beside: Option<SlotId>) -> Option<Slot> {
        match beside {
            Some(beside) => self.ready.get_mut(&beside.thread)?.pop_front(),
            None => self.ready.values_mut().max_by_key(|slots| slots.len())?.pop_front(),
        }
    }

    /// Slots that are ready.
    #[must_use]
    pub fn ready(&self) -> usize {
        self.ready.values().map(VecDeque::len).sum()
    }
}

/// A seeded generator (SplitMix64, Steele and others 2014) for choices that need not be secret.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// From a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Sixteen bytes.
    pub fn bytes(&mut self) -> [u8; 16] {
        let wide = (u128::from(self.next()) << 64) | u128::from(self.next());
        wide.to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_divided_only_between_its_values() {
        let parts = path_values("<sip:a;x=1,2;lr>, \"b, c\" <sip:b;lr>,,<sip:c>");
        let parts: Vec<&str> = parts.iter().map(|p| &**p).collect();
        assert_eq!(parts, ["<sip:a;x=1,2;lr>", "\"b, c\" <sip:b;lr>", "<sip:c>"]);
        assert!(path_values("").is_empty());
    }

    #[test]
    fn slots_stay_on_the_thread_of_their_neighbour() {
        let slot = |thread, index| Slot { id: SlotId { thread, index, generation: 1 }, rtp_port: 20_000 };
        let mut pool = Pool::default();
        pool.add(vec![slot(0, 1), slot(1, 1), slot(1, 2)]);
        let first = pool.claim(None).unwrap();
        assert_eq!(first.id.thread, 1);
        assert_eq!(pool.claim(Some(first.id)).unwrap().id.thread, 1);
        assert_eq!(pool.claim(Some(first.id)), None);
        assert_eq!(pool.ready(), 1);
    }
}
