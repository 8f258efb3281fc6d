//! Everything that decisions look at, at one moment. Cheap to copy: the large parts are shared, and a
//! change copies only the piece that it touches.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use strowger_billing::{ExchangeRate, PriceBook, Rating};
use strowger_model::{Account, AccountId, Unit, Wall};

use crate::buckets::Buckets;
use crate::change::{Change, Cli, Ported, RoutingRule};
use crate::directory::Directory;
use crate::numbers::{normalise, plain};
use crate::price;
use crate::rules::{Blacklist, Rules};
use crate::settings::Settings;

/// Accounts, numbers, routes, prices and settings.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    directory: Directory,
    numbers: Buckets<Box<str>, Option<AccountId>>,
    clis: Buckets<Box<str>, Cli>,
    rules: Arc<Rules>,
    blacklist: Arc<Blacklist>,
    ported: Buckets<Box<str>, Ported>,
    prices: Arc<PriceBook>,
    packets: Arc<BTreeMap<i64, Option<i64>>>,
    rates: Arc<BTreeMap<Unit, ExchangeRate>>,
    settings: Arc<Settings>,
}

impl Snapshot {
    /// An empty snapshot.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings: Arc::new(settings), ..Self::default() }
    }

    /// Makes one change.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Account(account) => self.directory.put(*account),
            Change::AccountGone(id) => self.directory.remove(id),
            Change::PriceList(list) => Arc::make_mut(&mut self.prices).put_list(list),
            Change::PriceListGone(id) => Arc::make_mut(&mut self.prices).remove_list(id),
            Change::Entries { list, entries } => {
                Arc::make_mut(&mut self.prices).replace_entries(list, entries);
            }
            Change::Entry(entry) => {
                Arc::make_mut(&mut self.prices).put_entry(entry);
            }
            Change::EntryGone(id) => Arc::make_mut(&mut self.prices).remove_entry(id),
            Change::Time(time) => Arc::make_mut(&mut self.prices).put_time(time),
            Change::TimeGone(id) => Arc::make_mut(&mut self.prices).remove_time(id),
            Change::Rule(rule) => Arc::make_mut(&mut self.rules).put(rule),
            Change::RuleGone(id) => Arc::make_mut(&mut self.rules).remove(id),
            Change::Number { number, account } => {
                self.numbers.insert::<str>(plain(&number).into(), account);
            }
            Change::NumberGone(number) => {
                self.numbers.remove::<str>(&plain(&number));
            }
            Change::Cli { number, cli } => {
                self.clis.insert::<str>(plain(&number).into(), cli);
            }
            Change::CliGone(number) => {
                self.clis.remove::<str>(&plain(&number));
            }
            Change::Packet { id, price_list } => {
                Arc::make_mut(&mut self.packets).insert(id, price_list);
            }
            Change::PacketGone(id) => {
                Arc::make_mut(&mut self.packets).remove(&id);
            }
            Change::Blacklist(prefix) => Arc::make_mut(&mut self.blacklist).put(&prefix),
            Change::BlacklistGone(prefix) => Arc::make_mut(&mut self.blacklist).remove(&prefix),
            Change::Ported { number, to } => {
                self.ported.insert::<str>(plain(&number).into(), to);
            }
            Change::PortedGone(number) => {
                self.ported.remove::<str>(&plain(&number));
            }
            Change::Rate { unit, in_default } => {
                Arc::make_mut(&mut self.rates).insert(unit, in_default);
            }
            Change::TrunkAddresses { trunk, addresses } => self.directory.resolve(trunk, addresses),
            Change::Settings(settings) => self.settings = Arc::from(settings),
        }
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The price lists.
    #[must_use]
    pub fn prices(&self) -> &PriceBook {
        &self.prices
    }

    /// An account by its id.
    #[must_use]
    pub fn account(&self, id: AccountId) -> Option<&Arc<Account>> {
        self.directory.get(id)
    }

    /// An account by its username, without regard to case.
    #[must_use]
    pub fn by_username(&self, name: &str) -> Option<&Arc<Account>> {
        self.directory.by_username(name)
    }

    /// The account that a number belongs to: by the pool, else a username, else `phone`. A number of the
    /// pool that is nobody's yet is nobody's.
    #[must_use]
    pub fn by_number(&self, number: &str) -> Option<&Arc<Account>> {
        if let Some(owner) = self.numbers.get::<str>(&plain(number)) {
            return owner.and_then(|id| self.account(id)).or_else(|| self.by_phone(number));
        }
        self.by_username(number).or_else(|| self.by_phone(number))
    }

    /// By which account a caller's number is known without a PIN.
    #[must_use]
    pub fn by_cli(&self, number: &str) -> Option<Cli> {
        self.clis.get::<str>(&plain(number)).copied()
    }

    /// The local account that a message or subscription to this number or name reaches, the number as dialled by somebody in
    /// that country. Disabled accounts and servers are reached by none.
    #[must_use]
    pub fn recipient(&self, called: &str, country: &str) -> Option<&Arc<Account>> {
        let called = called.trim();
        let normal = || normalise(&self.settings.numbering, country, called);
        let found = self.by_number(called).or_else(|| self.by_number(&normal()));
        found.filter(|account| account.active && account.server.is_none())
    }

    /// An account by username, id or phone, in this order.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<&Arc<Account>> {
        let text = text.trim();
        let by_id = || text.parse().ok().and_then(|id| self.account(AccountId(id)));
        self.by_username(text).or_else(by_id).or_else(|| self.by_number(text))
    }

    /// An account by its `name` without regard to case, else by its PIN. Costs the same whether there is one or not.
    #[must_use]
    pub fn by_name_or_pin(&self, text: &str) -> Option<&Arc<Account>> {
        self.directory.by_name(text).or_else(|| self.directory.by_pin(text))
    }

    /// Every account, in no useful order.
    pub fn accounts(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.directory.all()
    }

    /// How many accounts there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.directory.len()
    }

    /// The tables with their entries, and the bytes that an entry takes at least.
    #[must_use]
    pub fn sizes(&self) -> Vec<(&'static str, usize, usize)> {
        vec![
            ("accounts", self.directory.len(), size_of::<Account>()),
            ("numbers", self.numbers.len(), size_of::<(Box<str>, Option<AccountId>)>()),
            ("packets", self.packets.len(), size_of::<(i64, Option<i64>)>()),
            ("rates", self.rates.len(), size_of::<(Unit, ExchangeRate)>()),
        ]
    }

    /// There are no accounts.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.directory.len() == 0
    }

    /// The accounts directly below one.
    pub fn children(&self, parent: AccountId) -> impl Iterator<Item = AccountId> {
        self.directory.children(parent)
    }

    /// The parents of an account upwards; a loop ends where it closes.
    pub fn ancestors(&self, account: AccountId) -> impl Iterator<Item = &Arc<Account>> {
        self.directory.ancestors(account).into_iter()
    }

    /// One account lies below another, at any distance.
    #[must_use]
    pub fn is_below(&self, account: AccountId, ancestor: AccountId) -> bool {
        self.ancestors(account).any(|a| a.id == ancestor)
    }

    /// The accounts that are known by an address.
    #[must_use]
    pub fn trunks_at(&self, source: IpAddr) -> Vec<AccountId> {
        self.directory.at_address(source.to_canonical())
    }

    /// What a trunk's names resolved to; empty where nothing was handed in, so that its `ip` and `port` hold.
    #[must_use]
    pub fn trunk_addresses(&self, trunk: AccountId) -> &[SocketAddr] {
        self.directory.resolved(trunk)
    }

    /// What calls to a number cost an account, by the whole chain of lists; none without a price.
    #[must_use]
    pub fn price_for(&self, account: AccountId, number: &str, at: Wall) -> Option<Rating> {
        price::enduser(self, self.account(account)?, number, at, &mut Vec::new())
    }

    /// The exchange rate, from one unit to another, that is missing for [`Self::price_for`] to give the price that the
    /// number has; none where it has none, or where no rate is missing.
    #[must_use]
    pub fn missing_rate(&self, account: AccountId, number: &str, at: Wall) -> Option<(Unit, Unit)> {
        price::missing_rate(self, self.account(account)?, number, at)
    }

    pub(crate) fn by_phone(&self, number: &str) -> Option<&Arc<Account>> {
        self.directory.by_phone(number)
    }

    pub(crate) fn by_tech_prefix(&self, number: &str) -> Vec<AccountId> {
        self.directory.by_tech_prefix(number)
    }

    pub(crate) fn rules_for(&self, number: &str) -> Vec<&RoutingRule> {
        self.rules.matching(number)
    }

    /// Calls to the number are refused.
    #[must_use]
    pub fn is_blacklisted(&self, number: &str) -> bool {
        self.blacklist.contains(number)
    }

    /// Where a number is that moved to another operator.
    #[must_use]
    pub fn ported(&self, number: &str) -> Option<&Ported> {
        self.ported.get(number)
    }

    /// Numbers that moved are known: of any other it can be said that it did not.
    #[must_use]
    pub fn knows_ported(&self) -> bool {
        self.ported.len() > 0
    }

    pub(crate) fn packet_list(&self, packet: i64) -> Option<i64> {
        self.packets.get(&packet).copied().flatten()
    }

    /// From one unit to another; none where a rate is missing.
    #[must_use]
    pub fn rate(&self, from: Unit, to: Unit) -> Option<ExchangeRate> {
        if from == to {
            return Some(ExchangeRate::ONE);
        }
        let worth = |unit| {
            let known = self.rates.get(&unit).copied();
            if unit == self.settings.currency { Some(ExchangeRate::ONE) } else { known }
        };
        worth(from)?.then(worth(to)?.inverse())
    }
}
