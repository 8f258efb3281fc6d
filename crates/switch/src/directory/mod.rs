//! Accounts, prices and routes in memory: built from the database, kept up with its changes, and published
//! as one snapshot that readers load without waiting.

mod names;
mod reread;
mod rows;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use strowger_config::Config;
use strowger_model::event::Notice;
use strowger_model::{Account, AccountId, Wall};
use strowger_route::{Change, Cli, Snapshot};
use strowger_store::{HolidayRow, PriceRows, ReadError, Server};
use tokio::sync::{broadcast, watch};

use crate::clock::Clock;
use crate::driver::inbox::{Inbox, Letter};
use crate::handle::types::{BindingFilter, UnregMode};
use crate::shard::Order;

pub use names::resolve_forever;
pub use reread::TableChange;

/// What the directory is told.
pub enum Job {
    /// Rows changed.
    Changes(Vec<strowger_store::Change>),
    /// The configuration changed; answered when the snapshot shows it.
    Configure(Arc<Config>, tokio::sync::oneshot::Sender<()>),
    /// A trunk's name was resolved.
    Resolved(AccountId, Vec<SocketAddr>),
    /// Read these tables anew, all of them where none is named; answered when the snapshot shows them.
    Reread(Vec<&'static str>, tokio::sync::oneshot::Sender<Result<Vec<TableChange>, ReadError>>),
    /// End the thread.
    Stop,
}

/// The directory's other end.
#[derive(Clone)]
pub struct Directory {
    jobs: Sender<Job>,
    /// The current snapshot.
    pub routes: Arc<ArcSwap<Snapshot>>,
    /// The last change that the snapshot contains.
    pub applied: watch::Receiver<i64>,
    /// Trunk names to be resolved.
    pub names: watch::Receiver<BTreeMap<AccountId, String>>,
    /// When each account was read.
    pub loaded: Loaded,
}

/// When each account was read from the database.
type Loaded = Arc<Mutex<BTreeMap<AccountId, Wall>>>;

impl Directory {
    /// Tells it something; silently nothing after its end.
    pub fn tell(&self, job: Job) {
        let _ = self.jobs.send(job);
    }
}

/// What the thread owns.
pub struct Keeper {
    server: Server,
    clock: Clock,
    config: Arc<Config>,
    master: Snapshot,
    known: Known,
    holidays: Vec<HolidayRow>,
    routes: Arc<ArcSwap<Snapshot>>,
    applied: watch::Sender<i64>,
    names: watch::Sender<BTreeMap<AccountId, String>>,
    loaded: Loaded,
    receiver: Receiver<Job>,
    inboxes: Vec<Inbox>,
    notices: Option<broadcast::Sender<Notice>>,
    /// To be told when the snapshot shows it.
    news: Vec<Notice>,
    thrown_out: Vec<AccountId>,
    /// What the rows were at the start or when they were last read anew on request.
    baseline: reread::Baseline,
    /// The last change that was applied.
    newest: i64,
}

/// Which rows the snapshot has, so that those that vanish are noticed when a table is read anew.
#[derive(Default)]
struct Known {
    lists: BTreeSet<i64>,
    times: BTreeSet<i64>,
    packets: BTreeSet<i64>,
    rules: BTreeSet<i64>,
    numbers: BTreeSet<Box<str>>,
    clis: BTreeSet<Box<str>>,
    blacklist: BTreeSet<Box<str>>,
    ported: BTreeSet<Box<str>>,
    upstream: BTreeSet<AccountId>,
    names: BTreeMap<AccountId, String>,
}

/// Loads everything. Blocks.
///
/// # Errors
/// The database cannot be read.
pub fn load(
    server: Server,
    config: Arc<Config>,
    clock: Clock,
) -> Result<(Directory, Keeper, i64), ReadError> {
    let rows = server.load()?;
    let (jobs, receiver) = channel();
    let (applied, applied_seen) = watch::channel(rows.seq);
    let (names, names_seen) = watch::channel(BTreeMap::new());
    let routes = Arc::new(ArcSwap::from_pointee(Snapshot::default()));
    let mut keeper = Keeper {
        server,
        clock,
        master: Snapshot::new(settings::of(&config, &rows.holidays, clock.now().wall)),
        config,
        known: Known::default(),
        baseline: reread::Baseline::of(&rows),
        holidays: rows.holidays,
        routes: Arc::clone(&routes),
        applied,
        names,
        loaded: Loaded::default(),
        receiver,
        inboxes: Vec::new(),
        notices: None,
        news: Vec::new(),
        thrown_out: Vec::new(),
        newest: rows.seq,
    };
    keeper.currencies(&rows.currencies);
    keeper.prices(&rows.prices);
    for account in rows.accounts {
        keeper.account(account);
    }
    keeper.rules(&rows.routes);
    keeper.numbers(&rows.numbers);
    keeper.clis(&rows.clis);
    keeper.blacklist(&rows.blacklist);
    keeper.ported(&rows.ported);
    keeper.publish();
    let loaded = Arc::clone(&keeper.loaded);
    Ok((Directory { jobs, routes, applied: applied_seen, names: names_seen, loaded }, keeper, rows.seq))
}

impl Keeper {
    /// Starts the thread that keeps the snapshot up to date. `inboxes`: of the shards, which learn of accounts that are gone and
    /// of servers that want a registration. `notices`: for who watches accounts come and go.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start(
        mut self,
        inboxes: Vec<Inbox>,
        notices: broadcast::Sender<Notice>,
    ) -> std::io::Result<JoinHandle<()>> {
        (self.inboxes, self.notices) = (inboxes, Some(notices));
        self.tell_upstream();
        std::thread::Builder::new().name("directory".into()).spawn(move || self.run())
    }

    fn run(mut self) {
        while let Ok(job) = self.receiver.recv() {
            let mut waiting = Vec::new();
            let mut rereads = Vec::new();
            let mut next = Some(job);
            // What has gathered meanwhile is published together.
            while let Some(job) = next {
                match job {
                    Job::Changes(changes) => self.changes(&changes),
                    Job::Configure(config, done) => {
                        self.config = config;
                        self.settings();
                        waiting.push(done);
                    }
                    Job::Resolved(trunk, addresses) => {
                        self.master.apply(Change::TrunkAddresses { trunk, addresses });
                    }
                    Job::Reread(tables, done) => rereads.push((self.reread_tables(&tables), done)),
                    Job::Stop => return,
                }
                next = self.receiver.try_recv().ok();
            }
            self.publish();
            self.tell_news();
            self.throw_out();
            self.tell_upstream();
            for (changes, done) in rereads {
                // Whoever asked may have gone.
                let _ = done.send(changes);
            }
            for done in waiting {
                // Whoever asked may have gone.
                let _ = done.send(());
            }
        }
    }

    fn changes(&mut self, changes: &[strowger_store::Change]) {
        self.newest = changes.iter().map(|change| change.seq).fold(self.newest, i64::max);
        let tables: BTreeSet<&str> = changes.iter().map(|change| change.table.as_str()).collect();
        for table in tables {
            let ids: Vec<AccountId> =
                changes.iter().filter(|c| c.table == table).map(|c| AccountId(c.id)).collect();
            if let Err(error) = self.reread(table, &ids) {
                tracing::error!(%error, table, "changed rows cannot be read; the old ones stay in force");
            }
        }
    }

    fn reread(&mut self, table: &str, ids: &[AccountId]) -> Result<(), ReadError> {
        match table {
            "account" => self.accounts(ids)?,
            "tb_billsources" | "tb_billentries" | "tb_billingtimes" | "tb_packets" => {
                let rows = self.server.prices()?;
                self.prices(&rows);
            }
            "tb_routing" => {
                let rows = self.server.routes()?;
                self.rules(&rows);
            }
            "tb_phonenumbers" => {
                let rows = self.server.numbers()?;
                self.numbers(&rows);
            }
            "tb_users_cli" => {
                let rows = self.server.clis()?;
                self.clis(&rows);
            }
            "tb_currencies" => {
                let rows = self.server.currencies()?;
                self.currencies(&rows);
            }
            "tb_blacklist" => {
                let rows = self.server.blacklist()?;
                self.blacklist(&rows);
            }
            "tb_portednumbers" => {
                let rows = self.server.ported()?;
                self.ported(&rows);
            }
            "tb_holidays" => {
                self.holidays = self.server.holidays()?;
                self.settings();
            }
            // Settings act on reload; other tables are nobody's here.
            _ => {}
        }
        Ok(())
    }

    fn accounts(&mut self, ids: &[AccountId]) -> Result<(), ReadError> {
        let rows = self.server.accounts(ids)?;
        let found: BTreeSet<AccountId> = rows.iter().map(|account| account.id).collect();
        for account in rows {
            if !account.active {
                self.thrown_out.push(account.id);
            }
            if self.master.account(account.id).is_none() {
                self.news.push(Notice::AccountAdded(account.id));
            }
            self.account(account);
        }
        for gone in ids.iter().filter(|id| !found.contains(id)) {
            if let Some(known) = self.master.account(*gone) {
                let above = self.master.ancestors(*gone).map(|parent| parent.id).collect();
                let username = known.username.to_string();
                self.news.push(Notice::AccountGone { account: *gone, username, above });
            }
            self.loaded.lock().unwrap_or_else(PoisonError::into_inner).remove(gone);
            self.master.apply(Change::AccountGone(*gone));
            self.known.upstream.remove(gone);
            self.known.names.remove(gone);
            self.thrown_out.push(*gone);
        }
        Ok(())
    }

    fn account(&mut self, account: Account) {
        let id = account.id;
        match rows::wants_registration(&account) {
            Some(_) => self.known.upstream.insert(id),
            None => self.known.upstream.remove(&id),
        };
        let before = self.known.names.get(&id).cloned();
        match account.server.as_deref().and_then(rows::name_of) {
            Some(name) => self.known.names.insert(id, name),
            None => self.known.names.remove(&id),
        };
        if before != self.known.names.get(&id).cloned() {
            // What another name resolved to is worth nothing.
            self.master.apply(Change::TrunkAddresses { trunk: id, addresses: Vec::new() });
        }
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).insert(id, self.now());
        self.master.apply(Change::Account(Box::new(account)));
    }

    /// Tells whoever watches which accounts came and went.
    fn tell_news(&mut self) {
        for notice in self.news.drain(..) {
            if let Some(notices) = &self.notices {
                // Nobody watching is no error.
                drop(notices.send(notice));
            }
        }
    }

    /// Phones of accounts that are gone or disabled lose their registration, once no new one is possible.
    fn throw_out(&mut self) {
        for account in std::mem::take(&mut self.thrown_out) {
            for inbox in &self.inboxes {
                let filter = BindingFilter { account: Some(account), ..BindingFilter::default() };
                let order = Order::Unregister(strowger_model::Scope::All, filter, UnregMode::Remove);
                inbox.post(Letter::Order(order, None));
            }
        }
    }

    fn prices(&mut self, rows: &PriceRows) {
        let default = self.master.settings().currency;
        let lists: BTreeSet<i64> = rows.lists.iter().map(|row| row.id).collect();
        for gone in self.known.lists.difference(&lists) {
            self.master.apply(Change::PriceListGone(*gone));
        }
        let mut entries: BTreeMap<i64, Vec<_>> = lists.iter().map(|list| (*list, Vec::new())).collect();
        for row in &rows.entries {
            entries.entry(row.list).or_default().push(rows::entry(row));
        }
        for row in &rows.lists {
            self.master.apply(Change::PriceList(rows::list(row, default)));
        }
        for (list, entries) in entries {
            self.master.apply(Change::Entries { list, entries });
        }
        let times: Vec<_> = rows.times.iter().filter_map(rows::time).collect();
        let ids: BTreeSet<i64> = times.iter().map(|time| time.id).collect();
        for gone in self.known.times.difference(&ids) {
            self.master.apply(Change::TimeGone(*gone));
        }
        for time in times {
            self.master.apply(Change::Time(time));
        }
        let packets: BTreeSet<i64> = rows.packets.iter().map(|row| row.id).collect();
        for gone in self.known.packets.difference(&packets) {
            self.master.apply(Change::PacketGone(*gone));
        }
        for row in &rows.packets {
            self.master.apply(rows::packet(row));
        }
        self.known.lists = lists;
        self.known.times = ids;
        self.known.packets = packets;
    }

    fn rules(&mut self, rows: &[strowger_store::RouteRow]) {
        let ids: BTreeSet<i64> = rows.iter().map(|row| row.id).collect();
        for gone in self.known.rules.difference(&ids) {
            self.master.apply(Change::RuleGone(*gone));
        }
        for row in rows {
            self.master.apply(Change::Rule(rows::rule(row)));
        }
        self.known.rules = ids;
    }

    fn numbers(&mut self, rows: &[strowger_store::NumberRow]) {
        let numbers: BTreeSet<Box<str>> = rows.iter().map(|row| row.number.as_str().into()).collect();
        for gone in self.known.numbers.difference(&numbers) {
            self.master.apply(Change::NumberGone(gone.clone()));
        }
        for row in rows {
            self.master.apply(rows::number(row));
        }
        self.known.numbers = numbers;
    }

    fn clis(&mut self, rows: &[strowger_store::CliRow]) {
        let numbers: BTreeSet<Box<str>> = rows.iter().map(|row| row.number.as_str().into()).collect();
        for gone in self.known.clis.difference(&numbers) {
            self.master.apply(Change::CliGone(gone.clone()));
        }
        for row in rows {
            let cli = Cli { account: row.account, callback: row.callback };
            self.master.apply(Change::Cli { number: row.number.as_str().into(), cli });
        }
        self.known.clis = numbers;
    }

    fn blacklist(&mut self, rows: &[strowger_store::BlacklistRow]) {
        let numbers: BTreeSet<Box<str>> = rows.iter().filter_map(rows::blacklisted).collect();
        for gone in self.known.blacklist.difference(&numbers) {
            self.master.apply(Change::BlacklistGone(gone.clone()));
        }
        for number in &numbers {
            self.master.apply(Change::Blacklist(number.clone()));
        }
        self.known.blacklist = numbers;
    }

    fn ported(&mut self, rows: &[strowger_store::PortedRow]) {
        let numbers: BTreeSet<Box<str>> = rows.iter().map(|row| row.number.as_str().into()).collect();
        for gone in self.known.ported.difference(&numbers) {
            self.master.apply(Change::PortedGone(gone.clone()));
        }
        for row in rows {
            self.master.apply(rows::ported(row));
        }
        self.known.ported = numbers;
    }

    fn currencies(&mut self, rows: &[strowger_store::CurrencyRow]) {
        let default = self.master.settings().currency;
        for change in rows::rates(rows, default) {
            self.master.apply(change);
        }
    }

    fn settings(&mut self) {
        let settings = settings::of(&self.config, &self.holidays, self.now());
        self.master.apply(Change::Settings(Box::new(settings)));
    }

    fn now(&self) -> Wall {
        self.clock.now().wall
    }

    /// Puts the new state in force. A snapshot shares with the next one what did not change, so this copies little.
    fn publish(&self) {
        self.routes.store(Arc::new(self.master.clone()));
        self.names.send_if_modified(|names| {
            let changed = *names != self.known.names;
            if changed {
                names.clone_from(&self.known.names);
            }
            changed
        });
        let newest = self.newest;
        self.applied.send_if_modified(|applied| {
            let newer = newest > *applied;
            *applied = newest.max(*applied);
            newer
        });
    }

    /// The first shard keeps our own registrations.
    fn tell_upstream(&self) {
        if let Some(first) = self.inboxes.first() {
            let servers = self.known.upstream.iter().copied().collect();
            first.post(Letter::Order(Order::Upstream(servers), None));
        }
    }
}
