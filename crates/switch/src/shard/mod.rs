//! One call shard without sockets, clocks or threads: messages, orders and time go in, messages and orders
//! come out. The driver runs it in production, the simulator in virtual time.
//!
//! It has no rules of its own about money, routes or media: it identifies who sends something, and gives it to the machine
//! that knows.

mod address;
mod answer;
mod api;
mod health;
mod invite;
mod io;
mod letters;
mod listen;
mod message;
mod orders;
mod presence;
mod probe;
mod register;
mod regstat;
mod route_test;
mod rules;
mod sip;
mod world;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use strowger_call::{CallInput, CallOutput, Calls, LineState};
use strowger_config::Config;
use strowger_guard::Guard;
use strowger_location::{
    Authenticator, BindingRecord, Key, Messenger, Outbound, OutboundOutput, Presence, Registrar,
    RegistrarOutput,
};
use strowger_model::event::{CallStep, Notice};
use strowger_model::id::ShardId;
use strowger_model::media::MediaEvent;
use strowger_model::{AccountId, Mint, Mono, Now};
use strowger_route::Snapshot;

pub use address::{Addresses, MAIN, RouteLookup, SIP};
pub use api::ApiInSip;
pub use health::{REST_MS, TrunkHealth};
pub use io::{Answer, Order, PeopleAnswer, PeopleOrder, ShardInput, ShardOutput, Statistics};
pub use message::MAX_BODY_BYTES;
pub use probe::{Endpoint, MAX_ENDPOINTS, PATIENCE_MS};
pub use regstat::{RATE_WINDOW_S, RegisterStatistics};
pub use rules::Rules;
pub use world::{Ears, Pool, Random, World};

use probe::Probes;
use regstat::Rate;

use crate::handle::types::LineStatus;

/// Nonces of phones that are remembered per shard, so that none is used twice.
const MAX_NONCES: usize = 262_144;
/// What keeps a NAT open (RFC 5626 section 3.5.1).
const PING: &[u8] = b"\r\n\r\n";

/// What a shard is made of.
pub struct ShardSetup {
    /// The node's number.
    pub node: u8,
    /// The shard's number.
    pub shard: ShardId,
    /// The boot epoch that the store handed out.
    pub epoch: u32,
    /// True randomness in production; the run's seed in a simulation.
    pub seed: u64,
    /// The configuration.
    pub config: Arc<Config>,
    /// Accounts, prices and routes; swapped when they change.
    pub routes: Arc<ArcSwap<Snapshot>>,
    /// The limiter that all doors share.
    pub guard: Arc<Mutex<Guard>>,
    /// Our ports and addresses.
    pub addresses: Addresses,
    /// The bindings log's records.
    pub bindings: Vec<BindingRecord>,
}

/// One call shard.
pub struct Shard {
    calls: Calls,
    world: World,
    outputs: VecDeque<ShardOutput>,
    statistics: Statistics,
    registers: RegisterStatistics,
    register_rate: Rate,
    probes: Probes,
    /// Requests that proved to be an account's.
    hits: std::collections::BTreeMap<AccountId, u64>,
    starts: VecDeque<Mono>,
    lines: std::collections::BTreeMap<AccountId, LineState>,
    waiting: orders::Waiting,
    api: api::ApiTransactions,
    letters: letters::Letters,
    buffer: Vec<u8>,
}

impl Shard {
    /// A shard that starts at `now`.
    #[must_use]
    pub fn new(setup: ShardSetup, now: Now) -> Self {
        let mut random = Random::new(setup.seed);
        let rules = Rules::of(&setup.config);
        let mut registrar = Registrar::new(rules.registrar.clone());
        registrar.restore(now, setup.bindings);
        let nonce_ms = u64::from(setup.config.nonceexpires) * 1000;
        let world = World {
            registrar,
            authenticator: Authenticator::new(random.bytes(), nonce_ms, MAX_NONCES),
            outbound: Outbound::new(Key::new(random.bytes())),
            messenger: Messenger::new(Key::new(random.bytes())),
            presence: Presence::new(Key::new(random.bytes()), rules.presence),
            health: TrunkHealth::default(),
            pool: Pool::default(),
            ears: None,
            mint: Mint::new(setup.node, setup.shard, setup.epoch),
            tags: Key::new(random.bytes()),
            random,
            rules,
            routes: setup.routes,
            guard: setup.guard,
            addresses: setup.addresses,
            panic_after: std::cell::Cell::default(),
        };
        let mut shard = Self {
            calls: Calls::new(setup.shard),
            world,
            outputs: VecDeque::new(),
            statistics: Statistics::default(),
            registers: RegisterStatistics::default(),
            register_rate: Rate::default(),
            probes: Probes::default(),
            hits: std::collections::BTreeMap::new(),
            starts: VecDeque::new(),
            lines: std::collections::BTreeMap::new(),
            waiting: orders::Waiting::default(),
            api: api::ApiTransactions::default(),
            letters: letters::Letters::default(),
            buffer: Vec::with_capacity(2048),
        };
        shard.drain(now);
        shard
    }

    /// Whom to ask how well parties are heard.
    pub fn listen_with(&mut self, ears: Ears) {
        self.world.ears = Some(ears);
    }

    /// The number of a socket at a local address, for [`ShardInput::Sip`].
    pub fn listener(&mut self, base: u8, local: IpAddr) -> u8 {
        self.world.addresses.listener(base, local)
    }

    /// The socket ([`SIP`] or [`MAIN`]) of a listener number, and the local address to send from.
    #[must_use]
    pub fn socket(&self, listener: u8) -> (u8, IpAddr) {
        self.world.addresses.socket(listener)
    }

    /// Performs one input. An input that panics ends the call that was being worked on, and no other.
    pub fn handle_input(&mut self, now: Now, input: ShardInput<'_>) {
        let message = if let ShardInput::Sip { from, bytes } = &input { Some((*from, *bytes)) } else { None };
        if catch_unwind(AssertUnwindSafe(|| self.input(now, input))).is_err() {
            self.statistics.panics += 1;
            self.after_panic(now, message);
        }
        if catch_unwind(AssertUnwindSafe(|| self.drain(now))).is_err() {
            self.statistics.panics += 1;
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<ShardOutput> {
        self.outputs.pop_front()
    }

    /// When [`ShardInput::Time`] is due.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Mono> {
        let world = &self.world;
        let people = [world.messenger.deadline(), world.presence.deadline(), self.letters.deadline()];
        let all = [self.calls.next_deadline(), world.registrar.deadline(), world.outbound.deadline()];
        all.into_iter().chain(people).flatten().min()
    }

    /// Calls that have not been settled.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// Nothing is left of any call.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.calls.is_empty()
    }

    /// The counters.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        Statistics {
            calls: count(self.calls.len()),
            bindings: count(self.world.registrar.len()),
            registered_accounts: count(self.world.registrar.accounts()),
            slots_used: count(self.calls.slots()),
            slots_ready: count(self.world.pool.ready()),
            calls_last_10_s: count(self.starts.len()),
            outbound: count(self.world.outbound.states().count()),
            ..self.statistics
        }
    }

    fn sizes(&self) -> Vec<(&'static str, usize, usize)> {
        vec![
            ("bindings", self.world.registrar.len(), size_of::<strowger_location::Binding>()),
            ("calls", self.calls.len(), size_of::<strowger_call::CallView>()),
            ("lines", self.lines.len(), size_of::<(AccountId, LineState)>()),
            ("sip hits", self.hits.len(), size_of::<(AccountId, u64)>()),
            (
                "trunk registrations",
                self.world.outbound.states().count(),
                size_of::<strowger_location::OutboundStatus>(),
            ),
            ("media slots ready", self.world.pool.ready(), size_of::<strowger_model::media::Slot>()),
        ]
    }

    fn register_statistics(&self, now: Now) -> RegisterStatistics {
        let mut transports = std::collections::BTreeMap::new();
        for (_, binding) in self.world.registrar.bindings(None) {
            *transports.entry(binding.reach().carrier.name()).or_default() += 1;
        }
        RegisterStatistics {
            succeeded_lately: self.register_rate.sum(now.mono),
            registrar: self.world.registrar.counters(),
            transports,
            ..self.registers.clone()
        }
    }

    /// After so many more questions of calls to their surroundings, the call that asks panics: for simulations.
    pub fn panic_after(&mut self, questions: u32) {
        self.world.panic_after.set(Some(questions));
    }

    /// Every leg goes through its own snapshot, as if it moved: for simulations.
    ///
    /// # Errors
    /// A leg that cannot be read back.
    pub fn readopt(&mut self) -> Result<(), strowger_call::leg::NotASnapshot> {
        self.calls.readopt()
    }

    fn input(&mut self, now: Now, input: ShardInput<'_>) {
        match input {
            ShardInput::Sip { from, bytes } => self.sip(now, from, bytes),
            ShardInput::FlowClosed(flow) => {
                self.world.registrar.flow_closed(flow);
                self.world.presence.handle_flow_closed(flow);
                self.call(now, CallInput::FlowClosed(flow));
            }
            ShardInput::SendFailed { to, branch } => {
                self.world.messenger.handle_send_failed(now, &branch);
                self.world.presence.handle_send_failed(now, &branch);
                self.call(now, CallInput::SendFailed { to, branch });
            }
            ShardInput::People(answer) => self.people_answer(now, answer),
            ShardInput::Order { token, order } => self.order(now, token, order),
            ShardInput::Media(MediaEvent::Slots { slots }) => self.world.pool.add(slots),
            ShardInput::Media(event) => self.call(now, CallInput::Media(event)),
            ShardInput::Money(event) => self.call(now, CallInput::Money(event)),
            ShardInput::Adopt { snapshot } => self.call(now, CallInput::Adopt { snapshot }),
            ShardInput::Time => self.time(now),
        }
    }

    fn time(&mut self, now: Now) {
        let due = |at: Option<Mono>| at.is_some_and(|at| at <= now.mono);
        if due(self.world.registrar.deadline()) {
            self.world.registrar.handle_timeout(now);
        }
        if due(self.world.outbound.deadline()) {
            self.world.outbound.handle_timeout(now);
        }
        if due(self.world.messenger.deadline()) {
            self.world.messenger.handle_timeout(now);
        }
        if due(self.world.presence.deadline()) {
            self.world.presence.handle_timeout(now);
        }
        if due(self.letters.deadline()) {
            self.letters_due(now);
        }
        if due(self.calls.next_deadline()) {
            self.calls.handle_timeout(now, &mut self.world);
        }
    }

    fn call(&mut self, now: Now, input: CallInput) {
        self.calls.handle_input(now, input, &mut self.world);
    }

    fn after_panic(&mut self, now: Now, message: Option<(strowger_call::Hop, &[u8])>) {
        let Some(call) = self.calls.running() else {
            tracing::error!("an input outside of calls panicked");
            if let Some((from, bytes)) = message {
                // Over a stream the sender would otherwise wait for its time-outs.
                let answer = AssertUnwindSafe(|| self.internal_error(from, bytes));
                let _ = catch_unwind(answer);
            }
            return;
        };
        tracing::error!(%call, "a call panicked; it is abandoned");
        let abandon = AssertUnwindSafe(|| self.calls.abandon(now, call, &mut self.world));
        if catch_unwind(abandon).is_err() {
            tracing::error!(%call, "abandoning the call panicked too; its journal will settle it");
        }
    }

    /// Turns what the machines want into the shard's outputs.
    fn drain(&mut self, now: Now) {
        while let Some(output) = self.calls.poll_output() {
            self.call_output(now, output);
        }
        while let Some(output) = self.world.registrar.poll_output() {
            match output {
                RegistrarOutput::Log(frames) => self.outputs.push_back(ShardOutput::Binding(frames)),
                RegistrarOutput::Ping(reach) => self.transmit(world::hop_of(reach), PING.into()),
                RegistrarOutput::Line { account, registered } => {
                    self.line_changed(now, account);
                    if registered {
                        self.deliver_waiting(account);
                    }
                    let contacts = self.world.registrar.contacts(account);
                    let contact = contacts.first().map(|best| best.uri().to_owned()).unwrap_or_default();
                    let notice = Notice::Registered { account, registered, contact };
                    self.outputs.push_back(ShardOutput::Notice(notice));
                }
                RegistrarOutput::CloseFlow(flow) => self.outputs.push_back(ShardOutput::CloseFlow(flow)),
            }
        }
        while let Some(OutboundOutput::Transmit { address, carrier, bytes, .. }) =
            self.world.outbound.poll_output()
        {
            let listener = self.world.default_listener();
            let carrier = world::carrier_of(carrier);
            self.transmit(strowger_call::Hop { carrier, address, listener, flow: None }, bytes);
        }
        self.drain_people(now);
    }

    fn drain_people(&mut self, now: Now) {
        while let Some((to, bytes)) = self.letters.table.poll_output() {
            self.transmit(to, bytes);
        }
        while let Some(account) = self.world.presence.poll_changed() {
            self.show_presence(now, account);
        }
        while let Some(delivery) = self.world.messenger.poll_delivery() {
            self.delivered(now, delivery);
        }
        while let Some((to, bytes)) = self.letters.table.poll_output() {
            self.transmit(to, bytes);
        }
        let world = &mut self.world;
        while let Some(sent) = world.messenger.poll_transmit().or_else(|| world.presence.poll_transmit()) {
            self.statistics.sent += 1;
            let to = world::hop_of(sent.to);
            self.outputs.push_back(ShardOutput::Transmit { to, bytes: sent.bytes });
        }
    }

    fn call_output(&mut self, now: Now, output: CallOutput) {
        match output {
            CallOutput::Transmit { to, bytes } => self.transmit(to, bytes),
            CallOutput::Media(order) => self.outputs.push_back(ShardOutput::Media(order)),
            CallOutput::Money(order) => self.outputs.push_back(ShardOutput::Money(order)),
            CallOutput::Notice(notice) => self.outputs.push_back(ShardOutput::Notice(notice)),
            CallOutput::Changed(changed) => {
                self.count_call(now, &changed.what);
                self.outputs.push_back(ShardOutput::Changed(changed));
            }
            CallOutput::Reply { token, outcome } => self.call_reply(token, outcome),
            CallOutput::TrunkSeen { trunk, hop, alive } => {
                let addresses = world::addresses_of(&self.world.routes.load(), trunk);
                self.world.health.seen(now, trunk, hop.address, alive, &addresses);
            }
            CallOutput::Line { account, state } => {
                match state {
                    LineState::Idle => self.lines.remove(&account),
                    busy => self.lines.insert(account, busy),
                };
                self.line_changed(now, account);
            }
        }
    }

    fn count_call(&mut self, now: Now, step: &CallStep) {
        match step {
            CallStep::Started { .. } => {
                self.statistics.calls_total += 1;
                self.starts.push_back(now.mono);
            }
            CallStep::Ended { status: 200, .. } => self.statistics.answered_total += 1,
            _ => {}
        }
        while self.starts.front().is_some_and(|at| now.mono.ms_since(*at) > RATE_WINDOW_S * 1000) {
            self.starts.pop_front();
        }
    }

    fn transmit(&mut self, to: strowger_call::Hop, bytes: Arc<[u8]>) {
        self.statistics.sent += 1;
        self.outputs.push_back(ShardOutput::Transmit { to, bytes });
    }

    fn line_changed(&mut self, now: Now, account: AccountId) {
        let status = self.line(account);
        self.outputs.push_back(ShardOutput::LineState { account, status });
        self.show_presence(now, account);
    }

    fn line(&self, account: AccountId) -> LineStatus {
        match self.lines.get(&account) {
            Some(LineState::Speaking) => LineStatus::Speaking,
            Some(LineState::Calling) => LineStatus::Calling,
            _ if !self.world.registrar.contacts(account).is_empty() => LineStatus::Online,
            _ if self.world.routes.load().account(account).is_some() => LineStatus::Offline,
            _ => LineStatus::Unknown,
        }
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
