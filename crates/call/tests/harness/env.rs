//! The surroundings of the calls: three accounts, two trunks, one price, a pool of ports.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use strowger_billing::{PriceEntry, PriceList, TimeType};
use strowger_call::{App, AppEvent, AppOrder, Carrier, Env, Hop, Local, Service, Settings, Target};
use strowger_model::account::Server;
use strowger_model::media::{Slot, Source};
use strowger_model::{Account, AccountId, AccountKind, Amount, Mint, Now, Secret, SlotId, Unit, Wall};
use strowger_route::{Change, RoutingRule, Snapshot};

use super::{ALICE, BOB, CAROL, EAST, WEST};

#[derive(Debug)]
struct Player(Service);

impl App for Player {
    fn handle(&mut self, event: AppEvent) -> Vec<AppOrder> {
        let source = if self.0 == Service::Echo { Source::Echo } else { Source::Music };
        match event {
            AppEvent::Started => vec![AppOrder::Answer, AppOrder::Source(source)],
            AppEvent::Dtmf('#') => vec![AppOrder::Hangup],
            _ => Vec::new(),
        }
    }
}

pub struct TestEnv {
    pub settings: Settings,
    pub routes: Arc<Snapshot>,
    pub contacts: BTreeMap<AccountId, Vec<SocketAddr>>,
    pub trunks: BTreeMap<AccountId, SocketAddr>,
    pub down: Arc<BTreeMap<AccountId, Wall>>,
    pub mint: Mint,
    pub seed: u64,
    pub free_slots: u32,
    pub next_slot: u32,
    /// The so many-th random number panics.
    pub panic_in: Option<u32>,
    /// How well slots are heard.
    pub scores: BTreeMap<SlotId, u16>,
}

pub fn hop(address: SocketAddr) -> Hop {
    Hop { carrier: Carrier::Udp, address, listener: 0, flow: None }
}

impl Env for TestEnv {
    fn settings(&self) -> &Settings {
        &self.settings
    }
    fn routes(&self) -> Arc<Snapshot> {
        self.routes.clone()
    }
    fn contacts(&self, _now: Now, account: AccountId) -> Vec<Target> {
        let contacts = self.contacts.get(&account).cloned().unwrap_or_default();
        contacts
            .into_iter()
            .map(|at| Target { uri: format!("sip:x@{at}").into(), hop: hop(at), path: Vec::new() })
            .collect()
    }
    fn trunk(&self, _now: Now, account: AccountId) -> Vec<Hop> {
        self.trunks.get(&account).map(|at| hop(*at)).into_iter().collect()
    }
    fn down(&self) -> Arc<BTreeMap<AccountId, Wall>> {
        self.down.clone()
    }
    fn local(&self, _hop: &Hop) -> Local {
        Local { sip: "10.0.0.1:5060".into(), media_ip: [10, 0, 0, 1].into() }
    }
    fn claim_slot(&mut self, _beside: Option<SlotId>) -> Option<Slot> {
        self.free_slots = self.free_slots.checked_sub(1)?;
        self.next_slot += 1;
        let id = SlotId { thread: 0, index: self.next_slot, generation: 1 };
        Some(Slot { id, rtp_port: u16::try_from(20_000 + self.next_slot * 2).unwrap() })
    }
    fn mos(&self, slot: SlotId, codec: &str) -> Option<u16> {
        assert!(!codec.is_empty(), "a score is one of a codec");
        self.scores.get(&slot).copied()
    }
    fn mint(&mut self) -> &mut Mint {
        &mut self.mint
    }
    fn random(&mut self) -> u64 {
        if let Some(left) = &mut self.panic_in {
            *left = left.checked_sub(1).expect("a panic that was asked for");
        }
        // Sebastiano Vigna's splitmix64 step.
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn app(&self, service: Service) -> Option<Box<dyn App>> {
        service.is_served().then(|| -> Box<dyn App> { Box::new(Player(service)) })
    }
}

pub fn account(id: AccountId, kind: AccountKind, username: &str) -> Account {
    Account { password: Secret::new("secret"), ..Account::new(id, kind, username) }
}

/// alice, bob and carol; trunks east and west for 44…, in this order; 0.60 USD a minute.
pub fn exchange() -> (Snapshot, BTreeMap<AccountId, SocketAddr>) {
    let mut routes = Snapshot::new(strowger_route::Settings::default());
    for (id, name) in [(ALICE, "alice"), (BOB, "bob"), (CAROL, "carol")] {
        let mut account = account(id, AccountKind::Enduser, name);
        account.display_name = name.to_uppercase().into();
        routes.apply(Change::Account(Box::new(account)));
    }
    let mut trunks = BTreeMap::new();
    for (id, name, last, priority) in [(EAST, "east", 11_u8, 1), (WEST, "west", 12, 2)] {
        let ip = [192, 0, 2, last].into();
        let server = Server { ip: Some(ip), port: 5060, sends_traffic: true, ..Server::default() };
        let mut trunk = account(id, AccountKind::SipServer, name);
        trunk.server = Some(Box::new(server));
        routes.apply(Change::Account(Box::new(trunk)));
        routes.apply(Change::Rule(RoutingRule {
            id: i64::from(priority),
            name: name.into(),
            prefix: "44".into(),
            caller: "".into(),
            server: id,
            priority,
            weight: 1,
            time: TimeType::Off,
            enabled: true,
        }));
        trunks.insert(id, SocketAddr::new(ip, 5060));
    }
    let list = PriceList { id: 1, name: "".into(), reseller: None, currency: Unit::USD, is_default: true };
    routes.apply(Change::PriceList(list));
    routes.apply(Change::Entry(PriceEntry::flat(1, 1, "44", "UK", Amount(600_000))));
    (routes, trunks)
}
