//! Who lives where in a run: accounts, prices, routes, parties and their manners, all drawn from the seed.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use strowger_billing::{PriceEntry, PriceList, TimeType};
use strowger_model::account::{Forwarding, Server};
use strowger_model::{Account, AccountId, AccountKind, Amount, NeedAuth, Secret, Unit};
use strowger_route::{Change, RoutingRule, Settings, Snapshot};

use crate::agent::{Agent, Manner};
use crate::dice::Dice;
use crate::network::Link;

/// The reseller above every third phone.
const RESELLER: AccountId = AccountId(50);
/// The list of prices to endusers.
const LIST: i64 = 1;
/// The reseller's own prices.
const RESELLER_LIST: i64 = 2;
/// What trunks cost.
const PROVIDER_LIST: i64 = 3;
/// The password of everybody.
const PASSWORD: &str = "open sesame";

/// Everybody's currency.
pub const UNIT: Unit = Unit::USD;

/// One price, as plain as it gets: the independent calculation of what a call costs.
#[derive(Debug, Clone, Copy)]
pub struct Price {
    /// The number begins with it.
    pub prefix: &'static str,
    /// Micro-units per minute.
    pub minute: i64,
    /// Micro-units for the connection.
    pub fee: i64,
    /// What the time costs at least, in micro-units.
    pub minimum: i64,
    /// Billing step in seconds.
    pub step_s: i64,
}

/// To endusers.
pub const PRICES: [Price; 3] = [
    Price { prefix: "44", minute: 600_000, fee: 0, minimum: 0, step_s: 1 },
    Price { prefix: "4420", minute: 1_200_000, fee: 50_000, minimum: 0, step_s: 6 },
    Price { prefix: "49", minute: 300_000, fee: 0, minimum: 100_000, step_s: 30 },
];
/// To the reseller.
const RESELLER_PRICE: Price = Price { prefix: "4", minute: 240_000, fee: 0, minimum: 0, step_s: 1 };
/// Of the trunks.
const PROVIDER_PRICE: Price = Price { prefix: "", minute: 120_000, fee: 0, minimum: 0, step_s: 1 };

/// What a call to a number costs the enduser: the longest prefix, whole steps.
#[must_use]
pub fn expected_cost(number: &str, duration_ms: u64) -> Option<Amount> {
    let price = PRICES.iter().filter(|p| number.starts_with(p.prefix)).max_by_key(|p| p.prefix.len())?;
    let seconds = i64::try_from(duration_ms.div_ceil(1000)).ok()?;
    let billed = (seconds + price.step_s - 1) / price.step_s * price.step_s;
    let time = billed * price.minute / 60;
    Some(Amount(price.fee + time.max(price.minimum)))
}

/// Everything that a run begins with.
pub struct Town {
    /// For routing and identification.
    pub snapshot: Snapshot,
    /// Account, first credit, prepaid.
    pub credits: Vec<(AccountId, Amount, bool)>,
    /// Phones first, then trunks.
    pub agents: Vec<Agent>,
    /// To the switch and from it, by agent.
    pub links: Vec<(Link, Link)>,
    /// Trunks that want to be registered at.
    pub upstream: Vec<AccountId>,
    /// How many of the agents are phones.
    pub phones: usize,
    /// What phones may dial.
    pub numbers: Vec<String>,
    /// What trunks may dial.
    pub pool: Vec<String>,
    /// Accounts of endusers.
    pub users: Vec<AccountId>,
}

impl Town {
    /// The town of a seed. `badness` of the network: 0 (perfect) to 3.
    #[must_use]
    pub fn drawn(dice: &mut Dice, badness: u64) -> Self {
        let settings = Settings { no_answer_ms: 15_000, trunk_ring_ms: 30_000, ..Settings::default() };
        let mut town = Self {
            snapshot: Snapshot::new(settings),
            credits: vec![(RESELLER, Amount::units(50), true)],
            agents: Vec::new(),
            links: Vec::new(),
            upstream: Vec::new(),
            phones: 0,
            numbers: vec!["5005".into(), "5002".into(), "nobody".into(), "77123".into()],
            pool: Vec::new(),
            users: Vec::new(),
        };
        let mut reseller = account(RESELLER, AccountKind::Reseller, "reseller");
        reseller.price_list = Some(RESELLER_LIST);
        town.snapshot.apply(Change::Account(Box::new(reseller)));
        town.prices();
        for number in 1..=dice.between(3, 5) {
            town.user(dice, number);
        }
        if dice.chance(300) {
            let address = SocketAddr::from(([10, 9, 0, 1], 5060));
            let manner = Manner { stranger: true, ..phone_manner(dice) };
            town.agents.push(Agent::new("user1", "wrong", address, manner, dice.split()));
        }
        town.phones = town.agents.len();
        for number in 1..=dice.between(1, 3) {
            town.trunk(dice, number);
        }
        for _ in 0..3 {
            town.numbers.extend(["44123", "442012", "49301", "44999"].map(String::from));
        }
        for agent in &town.agents {
            let badness = if agent.is_tcp() { 0 } else { badness };
            town.links.push((Link::drawn(dice, badness), Link::drawn(dice, badness)));
        }
        town
    }

    fn prices(&mut self) {
        let list = |id, reseller, is_default| {
            Change::PriceList(PriceList { id, name: "".into(), reseller, currency: Unit::USD, is_default })
        };
        self.snapshot.apply(list(LIST, None, true));
        self.snapshot.apply(list(RESELLER_LIST, None, false));
        self.snapshot.apply(list(PROVIDER_LIST, None, false));
        for (id, price) in (1..).zip(&PRICES) {
            self.snapshot.apply(entry(id, LIST, price));
        }
        self.snapshot.apply(entry(20, RESELLER_LIST, &RESELLER_PRICE));
        self.snapshot.apply(entry(30, PROVIDER_LIST, &PROVIDER_PRICE));
    }

    fn user(&mut self, dice: &mut Dice, number: u64) {
        let id = AccountId(i64::try_from(number).unwrap_or(0));
        let name = format!("user{number}");
        let mut user = account(id, AccountKind::Enduser, &name);
        user.parent = number.is_multiple_of(3).then_some(RESELLER);
        user.postpaid = dice.chance(200);
        user.max_lines = dice.chance(150).then_some(2);
        let other = format!("user{}", number % 3 + 1);
        let elsewhere = *dice.pick(&["44777", "442055", other.as_str()]);
        user.forwarding = match dice.between(0, 9) {
            0 => Forwarding { always: elsewhere.into(), ..Forwarding::default() },
            1 => Forwarding { on_busy: elsewhere.into(), ..Forwarding::default() },
            2 => Forwarding {
                on_no_answer: elsewhere.into(),
                no_answer_ms: Some(4000),
                ..Forwarding::default()
            },
            _ => Forwarding::default(),
        };
        let credit = if dice.chance(500) { Amount::units(10) } else { Amount(dice_credit(dice)) };
        self.credits.push((id, credit, !user.postpaid));
        let pool: Box<str> = format!("3610000{number}").into();
        self.snapshot.apply(Change::Number { number: pool.clone(), account: Some(id) });
        self.snapshot.apply(Change::Account(Box::new(user)));
        self.users.push(id);
        self.pool.push(pool.into());
        self.numbers.extend([name.clone(), name.clone(), name.clone()]);
        // Several phones of one account ring together.
        let phones = if dice.chance(300) { dice.between(2, 3) } else { 1 };
        for contact in 0..phones {
            let last = u8::try_from(number).unwrap_or(1);
            let address = SocketAddr::from(([10, 1, last, 1 + u8::try_from(contact).unwrap_or(0)], 5060));
            let manner = Manner { tcp: dice.chance(200), ..phone_manner(dice) };
            self.agents.push(Agent::new(&name, PASSWORD, address, manner, dice.split()));
        }
    }

    fn trunk(&mut self, dice: &mut Dice, number: u64) {
        let id = AccountId(10 + i64::try_from(number).unwrap_or(0));
        let name = format!("trunk{number}");
        let ip = IpAddr::V4(Ipv4Addr::new(10, 2, 0, u8::try_from(number).unwrap_or(1)));
        let mut trunk = account(id, AccountKind::SipServer, &name);
        trunk.need_auth = NeedAuth::Ip;
        trunk.postpaid = true;
        trunk.price_list = Some(PROVIDER_LIST);
        let register = dice.chance(250);
        if register {
            self.upstream.push(id);
        }
        let server = Server { ip: Some(ip), port: 5060, sends_traffic: true, register, ..Server::default() };
        trunk.server = Some(Box::new(server));
        self.snapshot.apply(Change::Account(Box::new(trunk)));
        for (offset, prefix) in [(0_i64, "44"), (100, "49")] {
            self.snapshot.apply(Change::Rule(RoutingRule {
                id: id.0 + offset,
                name: name.as_str().into(),
                prefix: prefix.into(),
                caller: "".into(),
                server: id,
                priority: i32::try_from(dice.between(1, 2)).unwrap_or(1),
                weight: u32::try_from(dice.between(0, 3)).unwrap_or(1),
                time: TimeType::Off,
                enabled: true,
            }));
        }
        self.credits.push((id, Amount::ZERO, false));
        let address = SocketAddr::new(ip, 5060);
        self.agents.push(Agent::new(&name, PASSWORD, address, trunk_manner(dice), dice.split()));
    }
}

/// Little credit, so that calls end for want of it.
const fn dice_credit(dice: &mut Dice) -> i64 {
    dice.between(0, 60) as i64 * 10_000
}

fn entry(id: i64, list: i64, price: &Price) -> Change {
    let mut entry = PriceEntry::flat(id, list, price.prefix, "somewhere", Amount(price.minute));
    entry.connect_fee = Amount(price.fee);
    entry.minimum = Amount(price.minimum);
    entry.step_s = u32::try_from(price.step_s).unwrap_or(1);
    Change::Entry(entry)
}

fn phone_manner(dice: &mut Dice) -> Manner {
    let codecs = [vec![0, 8], vec![8, 0], vec![8], vec![0]];
    let codecs = if dice.chance(700) { &codecs[..2] } else { &codecs[..] };
    Manner {
        trunk: false,
        challenges: false,
        tcp: false,
        stranger: false,
        silent: 30,
        busy: 100,
        decline: 50,
        fail: 30,
        unattended: 100,
        early_media: 50,
        ring_ms: (20, 800),
        answer_ms: (50, 6000),
        talk_ms: (100, if dice.chance(200) { 90_000 } else { 20_000 }),
        hold: 200,
        chatty: 150,
        late_offer: 100,
        redirect: 20,
        vanish: 15,
        reboot: 20,
        cancel: 120,
        codecs: dice.pick(codecs).clone(),
    }
}

fn trunk_manner(dice: &mut Dice) -> Manner {
    let bad = dice.chance(300);
    Manner {
        trunk: true,
        challenges: dice.chance(400),
        silent: if bad { 400 } else { 10 },
        busy: 100,
        decline: 10,
        fail: if bad { 400 } else { 50 },
        early_media: 300,
        vanish: 5,
        reboot: 5,
        cancel: 100,
        codecs: vec![0, 8],
        ..phone_manner(dice)
    }
}

fn account(id: AccountId, kind: AccountKind, username: &str) -> Account {
    Account { password: Secret::new(PASSWORD), ..Account::new(id, kind, username) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_by_hand() {
        for (number, ms, micros) in [
            ("44123", 1, 10_000),
            ("44123", 60_000, 600_000),
            ("442012", 6001, 290_000),
            ("49301", 1000, 150_000),
        ] {
            assert_eq!(expected_cost(number, ms), Some(Amount(micros)), "{number} {ms}");
        }
        assert_eq!(expected_cost("user1", 1000), None);
    }
}
