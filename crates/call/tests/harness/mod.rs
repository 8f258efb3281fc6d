//! Calls between scripted parties in virtual time, over a network that may lose and repeat, with a store that
//! keeps credit and records, and the checks that hold after every test.

#![allow(dead_code, missing_docs, clippy::unwrap_used, reason = "helpers of tests; each binary uses a part")]

pub mod env;
pub mod phone;
pub mod store;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use env::{TestEnv, exchange, hop};
use phone::Phone;
use store::Store;
use strowger_call::{
    Belongs, CallInput, CallOrder, CallOutput, Calls, Done, Env, Hop, LineState, OrderError, Settings,
};
use strowger_model::cdr::Cdr;
use strowger_model::event::{CallChanged, CallStep};
use strowger_model::media::{MediaEvent, MediaOrder};
use strowger_model::payment::{MoneyEvent, MoneyOrder};
use strowger_model::{Account, AccountId, CallId, Mint, Mono, Now, ShardId, SlotId, Wall};
use strowger_route::Change;
use strowger_sip::{Builder, Framing, Message};

pub const ALICE: AccountId = AccountId(1);
pub const BOB: AccountId = AccountId(2);
pub const CAROL: AccountId = AccountId(3);
pub const EAST: AccountId = AccountId(11);
pub const WEST: AccountId = AccountId(12);

/// One way through the network, in milliseconds.
const DELAY_MS: u64 = 5;
/// The store's answer, in milliseconds.
const STORE_MS: u64 = 2;

enum Delivery {
    ToSwitch(usize, Arc<[u8]>),
    ToPhone(usize, Arc<[u8]>),
    Money(MoneyEvent),
}

pub struct World {
    pub now: Now,
    pub calls: Calls,
    pub env: TestEnv,
    pub phones: Vec<Phone>,
    pub store: Store,
    pub sent: Vec<(Hop, Arc<[u8]>)>,
    pub media: Vec<MediaOrder>,
    pub freed: Vec<SlotId>,
    pub changed: Vec<CallChanged>,
    pub replies: Vec<(u64, Result<Done, OrderError>)>,
    pub lines: BTreeMap<AccountId, LineState>,
    pub trunks_seen: Vec<(AccountId, bool)>,
    /// Every leg goes through its snapshot after every input.
    pub readopt: bool,
    pub loss_percent: u64,
    pub repeat_percent: u64,
    /// Beside so many messages to the switch a damaged copy arrives.
    pub garble_percent: u64,
    /// Calls ordered.
    pub placed: usize,
    accounts: BTreeMap<usize, (AccountId, bool)>,
    queue: BTreeMap<(Mono, u64), Delivery>,
    queued: u64,
}

impl World {
    /// alice, bob and carol with a phone each (0, 1, 2); trunks east and west (3, 4) for 44…; 0.60 USD a minute,
    /// ten dollars each.
    pub fn new() -> Self {
        let (routes, trunks) = exchange();
        let env = TestEnv {
            settings: Settings { keepalive_ms: 0, ..Settings::default() },
            routes: Arc::new(routes),
            contacts: BTreeMap::new(),
            trunks: trunks.clone(),
            down: Arc::default(),
            mint: Mint::new(0, ShardId(0), 1),
            seed: 7,
            free_slots: 1000,
            next_slot: 0,
            panic_in: None,
            scores: BTreeMap::new(),
        };
        let mut world = Self {
            now: Now { mono: Mono::from_ms(1000), wall: Wall(1_795_435_200_000) },
            calls: Calls::new(ShardId(0)),
            env,
            phones: Vec::new(),
            store: Store::default(),
            sent: Vec::new(),
            media: Vec::new(),
            freed: Vec::new(),
            changed: Vec::new(),
            replies: Vec::new(),
            lines: BTreeMap::new(),
            trunks_seen: Vec::new(),
            readopt: false,
            loss_percent: 0,
            repeat_percent: 0,
            garble_percent: 0,
            placed: 0,
            accounts: BTreeMap::new(),
            queue: BTreeMap::new(),
            queued: 0,
        };
        for (id, name, last) in [(ALICE, "alice", 1_u8), (BOB, "bob", 2), (CAROL, "carol", 3)] {
            world.add_phone(name, id, SocketAddr::from(([198, 51, 100, last], 5060 + u16::from(last))));
            world.store.credit.insert(id, 10_000_000);
        }
        for (id, name) in [(EAST, "east"), (WEST, "west")] {
            let at = world.phones.len();
            world.phones.push(Phone::new(name, trunks[&id], world.switch()));
            world.accounts.insert(at, (id, true));
        }
        world
    }

    fn switch(&self) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], 5060))
    }

    /// A further phone, registered for the account.
    pub fn add_phone(&mut self, name: &str, account: AccountId, address: SocketAddr) -> usize {
        let at = self.phones.len();
        self.phones.push(Phone::new(name, address, self.switch()));
        self.accounts.insert(at, (account, false));
        self.env.contacts.entry(account).or_default().push(address);
        at
    }

    pub fn change_account(&mut self, id: AccountId, change: impl FnOnce(&mut Account)) {
        let mut account = (**self.env.routes.account(id).unwrap()).clone();
        change(&mut account);
        Arc::make_mut(&mut self.env.routes).apply(Change::Account(Box::new(account)));
    }

    pub fn invite(&mut self, phone: usize, number: &str) {
        let now = self.now.mono;
        self.phones[phone].invite(now, number, true, &[]);
        self.flush(phone);
    }

    /// Lets a phone do something.
    pub fn act(&mut self, phone: usize, act: impl FnOnce(&mut Phone, Mono)) {
        let now = self.now.mono;
        act(&mut self.phones[phone], now);
        self.flush(phone);
    }

    pub fn order(&mut self, token: u64, order: CallOrder) {
        self.placed += usize::from(matches!(order, CallOrder::Place { .. }));
        self.calls.handle_input(self.now, CallInput::Order { token, order }, &mut self.env);
        self.drain();
    }

    pub fn media_event(&mut self, event: MediaEvent) {
        self.calls.handle_input(self.now, CallInput::Media(event), &mut self.env);
        self.drain();
    }

    pub fn adopt(&mut self, snapshot: &str) {
        let input = CallInput::Adopt { snapshot: snapshot.into() };
        self.calls.handle_input(self.now, input, &mut self.env);
        self.drain();
    }

    pub fn abandon(&mut self, call: CallId) {
        self.calls.abandon(self.now, call, &mut self.env);
        self.drain();
    }

    /// An input that no phone sent; everything that leaves in answer to it.
    pub fn give(&mut self, input: CallInput) -> Vec<(Hop, Message)> {
        let before = self.sent.len();
        self.input(input);
        self.drain();
        let sent = self.sent[before..].iter();
        sent.map(|(to, bytes)| (*to, Message::parse(bytes, Framing::Datagram).unwrap())).collect()
    }

    fn push(&mut self, after_ms: u64, delivery: Delivery) {
        self.queued += 1;
        self.queue.insert((self.now.mono.plus_ms(after_ms), self.queued), delivery);
    }

    /// How many copies of a message arrive.
    fn copies(&mut self) -> u32 {
        if self.loss_percent + self.repeat_percent == 0 {
            return 1;
        }
        let roll = self.env.random() % 100;
        match roll {
            roll if roll < self.loss_percent => 0,
            roll if roll < self.loss_percent + self.repeat_percent => 2,
            _ => 1,
        }
    }

    /// A few bytes of the message are others, or missing, or doubled.
    fn garble(&mut self, bytes: &[u8]) -> Arc<[u8]> {
        let mut garbled = bytes.to_vec();
        for _ in 0..=self.env.random() % 4 {
            let at = usize::try_from(self.env.random()).unwrap() % garbled.len();
            let other = garbled[usize::try_from(self.env.random()).unwrap() % garbled.len()];
            match self.env.random() % 3 {
                0 => garbled[at] = other,
                1 => drop(garbled.remove(at)),
                _ => garbled.insert(at, other),
            }
        }
        garbled.into()
    }

    fn flush(&mut self, phone: usize) {
        let out: VecDeque<_> = std::mem::take(&mut self.phones[phone].out);
        for bytes in out {
            for copy in 0..self.copies() {
                self.push(DELAY_MS + u64::from(copy) * 3, Delivery::ToSwitch(phone, bytes.clone()));
            }
            if self.garble_percent > 0 && self.env.random() % 100 < self.garble_percent {
                let garbled = self.garble(&bytes);
                self.push(DELAY_MS, Delivery::ToSwitch(phone, garbled));
            }
        }
    }

    fn drain(&mut self) {
        if self.readopt {
            self.calls.readopt().unwrap();
        }
        while let Some(output) = self.calls.poll_output() {
            match output {
                CallOutput::Transmit { to, bytes } => {
                    self.sent.push((to, bytes.clone()));
                    let Some(phone) = self.phones.iter().position(|phone| phone.address == to.address) else {
                        assert!(self.garble_percent > 0, "nobody at {to:?}");
                        continue;
                    };
                    for copy in 0..self.copies() {
                        self.push(DELAY_MS + u64::from(copy) * 3, Delivery::ToPhone(phone, bytes.clone()));
                    }
                }
                CallOutput::Media(order) => {
                    if let MediaOrder::Free { slot } = order {
                        assert!(!self.freed.contains(&slot), "{slot:?} was freed twice");
                        self.freed.push(slot);
                    }
                    self.media.push(order);
                }
                CallOutput::Money(order) => {
                    let event = self.store.perform(&order);
                    self.push(STORE_MS, Delivery::Money(event));
                }
                CallOutput::Changed(changed) => {
                    assert_eq!(changed.sequence, self.changed.len() as u64);
                    self.changed.push(changed);
                }
                CallOutput::Notice(_) => {}
                CallOutput::Reply { token, outcome } => self.replies.push((token, outcome)),
                CallOutput::TrunkSeen { trunk, alive, .. } => self.trunks_seen.push((trunk, alive)),
                CallOutput::Line { account, state } => {
                    assert_ne!(self.lines.insert(account, state), Some(state));
                }
            }
        }
    }

    fn deliver(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::ToSwitch(phone, bytes) => self.receive(phone, &bytes),
            Delivery::ToPhone(phone, bytes) => {
                self.phones[phone].receive(self.now.mono, &bytes);
                self.flush(phone);
            }
            Delivery::Money(event) => self.input(CallInput::Money(event)),
        }
        self.drain();
    }

    fn receive(&mut self, phone: usize, bytes: &[u8]) {
        let Ok(message) = Message::parse(bytes, Framing::Datagram) else {
            assert!(self.garble_percent > 0, "{}", String::from_utf8_lossy(bytes));
            return;
        };
        let from = hop(self.phones[phone].address);
        let input = match self.calls.belongs(&message) {
            Belongs::Leg(_) => CallInput::Sip { message, from },
            Belongs::NewInvite => {
                let (caller, trunk) = self.accounts[&phone];
                let called = message.uri().map(|uri| uri.user_decoded().into_owned()).unwrap_or_default();
                CallInput::Invite { message, from, caller, trunk, called }
            }
            Belongs::NoSuchDialog => {
                let mut reply = Vec::new();
                Builder::response_to(&mut reply, &message, 481, "", "none", None).finish();
                self.push(DELAY_MS, Delivery::ToPhone(phone, reply.into()));
                return;
            }
            Belongs::Stray | Belongs::NotOurs => return,
        };
        self.input(input);
    }

    /// As the driver does it: a panic costs one call.
    fn input(&mut self, input: CallInput) {
        let work = || self.calls.handle_input(self.now, input, &mut self.env);
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err() {
            self.env.panic_in = None;
            if let Some(call) = self.calls.running() {
                self.calls.abandon(self.now, call, &mut self.env);
            }
        }
    }

    /// Everything that happens within so many milliseconds.
    pub fn run(&mut self, ms: u64) {
        let until = self.now.mono.plus_ms(ms);
        self.run_until(until);
        self.set_time(until);
    }

    fn set_time(&mut self, at: Mono) {
        let step = at - self.now.mono;
        self.now = Now { mono: at, wall: self.now.wall.plus_ms(i64::try_from(step / 1000).unwrap()) };
    }

    fn run_until(&mut self, until: Mono) {
        loop {
            let packet = self.queue.keys().next().map(|(at, _)| *at);
            let phone = self.phones.iter().filter_map(Phone::deadline).min();
            let calls = self.calls.next_deadline();
            let Some(next) = [packet, phone, calls].into_iter().flatten().min().filter(|at| *at <= until)
            else {
                return;
            };
            self.unannounced(next.max(self.now.mono));
            self.set_time(next.max(self.now.mono));
            if calls == Some(next) {
                self.calls.handle_timeout(self.now, &mut self.env);
                let after = self.calls.next_deadline();
                assert!(after.is_none_or(|at| at > self.now.mono), "a deadline that is not met: {after:?}");
                self.drain();
            } else if packet == Some(next) {
                let (_, delivery) = self.queue.pop_first().unwrap();
                self.deliver(delivery);
            } else {
                for phone in 0..self.phones.len() {
                    self.phones[phone].timeout(self.now.mono);
                    self.flush(phone);
                }
            }
        }
    }

    /// The contract of deadlines: before one that was announced nothing happens.
    fn unannounced(&mut self, next: Mono) {
        let early = Mono(next.0.saturating_sub(1));
        if early <= self.now.mono {
            return;
        }
        let deadline = self.calls.next_deadline();
        let before = Now { mono: early, ..self.now };
        self.calls.handle_timeout(before, &mut self.env);
        assert_eq!(self.calls.poll_output(), None, "something happened unannounced");
        assert_eq!(self.calls.next_deadline(), deadline, "a deadline changed unannounced");
    }

    /// Runs until nothing is left to happen, and checks what must hold then.
    pub fn finish(&mut self) {
        let limit = self.now.mono.plus_ms(4 * 3_600_000);
        self.run_until(limit);
        assert_eq!(self.calls.len(), 0, "calls: {:?}", self.calls.list(self.now));
        assert_eq!(self.calls.slots(), 0);
        assert_eq!(self.calls.next_deadline(), None);
        assert!(self.calls.is_empty(), "left behind: {:#?}", self.calls.leftovers());
        let claimed = usize::try_from(self.env.next_slot).unwrap();
        assert_eq!(self.freed.len(), claimed, "every slot is freed once");
        assert!(self.lines.values().all(|state| *state == LineState::Idle), "{:?}", self.lines);
        self.check_money();
        let started = self.steps(|step| matches!(step, CallStep::Started { .. }));
        let ended = self.steps(|step| matches!(step, CallStep::Ended { .. }));
        assert_eq!(started, ended, "every call that started has ended");
    }

    fn check_money(&self) {
        let mut legs: Vec<_> = self.store.cdrs.iter().map(|cdr| cdr.leg).collect();
        legs.sort();
        legs.dedup();
        assert_eq!(legs.len(), self.store.cdrs.len(), "one record per leg");
        if self.store.fenced {
            return;
        }
        assert!(self.store.held.is_empty(), "open holds: {:?}", self.store.held);
        assert!(self.store.journals.is_empty(), "open journals");
        assert!(self.store.credit.values().all(|credit| *credit >= 0), "{:?}", self.store.credit);
        for order in &self.store.orders {
            let leg = order.step().leg;
            let records = self.store.cdrs.iter().filter(|cdr| cdr.leg == leg).count();
            assert_eq!(records, 1, "every target that was tried has its record: {order:?}");
        }
        let mut steps: Vec<_> = self.store.orders.iter().map(MoneyOrder::step).collect();
        steps.sort();
        steps.dedup();
        assert_eq!(steps.len(), self.store.orders.len(), "step ids are unique");
    }

    pub fn steps(&self, wanted: impl Fn(&CallStep) -> bool) -> usize {
        self.changed.iter().filter(|changed| wanted(&changed.what)).count()
    }

    pub fn call(&self) -> CallId {
        self.calls.list(self.now).first().expect("a call").call
    }

    /// The only record.
    pub fn cdr(&self) -> &Cdr {
        assert_eq!(self.store.cdrs.len(), 1, "{:?}", self.store.cdrs);
        &self.store.cdrs[0]
    }

    /// The slot that the n-th claim for a party's description used: by the RTP port told to it.
    pub fn slot_of(&self, sdp: &str) -> SlotId {
        let line = sdp.lines().find(|line| line.starts_with("m=audio")).unwrap();
        let port: u32 = line.split(' ').nth(1).unwrap().parse().unwrap();
        SlotId { thread: 0, index: (port - 20_000) / 2, generation: 1 }
    }

    pub fn patched(&self, from: SlotId, to: SlotId) -> bool {
        let mut last = None;
        for order in &self.media {
            match order {
                MediaOrder::Patch { from: source, to } if *source == from => last = *to,
                _ => {}
            }
        }
        last == Some(to)
    }
}
