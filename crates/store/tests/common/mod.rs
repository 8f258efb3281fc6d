//! What every test of the store needs: an open store on each engine, accounts, and orders of a call.
#![allow(clippy::unwrap_used, reason = "a helper of tests may panic like a test")]
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use strowger_model::cdr::{Cdr, EndedBy};
use strowger_model::payment::{Charge, ChargeKind, Journal, MoneyEvent, MoneyOrder, PayerHold, StepId};
use strowger_model::{
    AccountId, AccountKind, Amount, CallId, LegId, Mint, Mono, Now, Scope, Secret, ShardId, Unit, Wall,
};
use strowger_store::{Database, Faults, Keyring, NewUser, Options, Store};

/// The server that the tests make their databases on.
const SERVER: &str = "postgres://postgres@127.0.0.1:5432";

/// A database of its own, removed afterwards.
pub struct Bench {
    pub name: &'static str,
    pub database: Database,
    pub dir: tempfile::TempDir,
    pub faults: Arc<Faults>,
}

impl Drop for Bench {
    fn drop(&mut self) {
        if let Database::Postgres(url) = &self.database {
            let name = url.rsplit('/').next().unwrap();
            if let Ok(mut client) = postgres::Client::connect(&format!("{SERVER}/postgres"), postgres::NoTls)
            {
                for name in [name, &format!("{name}_before_restore")] {
                    let _ = client.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
                }
            }
        }
    }
}

impl Bench {
    pub fn options(&self) -> Options {
        let keyring = Keyring::open_or_create(&self.dir.path().join("key")).unwrap();
        let mut options =
            Options::new(self.database.clone(), keyring, self.dir.path().join("emergency.jsonl"));
        options.faults = Arc::clone(&self.faults);
        options
    }

    pub fn open(&self) -> Store {
        Store::open(self.options()).unwrap()
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn is_sqlite(&self) -> bool {
        matches!(self.database, Database::Sqlite(_))
    }

    /// Runs SQL beside the store, as another program would. Only PostgreSQL allows it.
    pub fn outside(&self, sql: &str) {
        let Database::Postgres(url) = &self.database else { panic!("outside SQL is a PostgreSQL feature") };
        postgres::Client::connect(url, postgres::NoTls).unwrap().batch_execute(sql).unwrap();
    }

    /// A connection beside the store. Only PostgreSQL allows it.
    pub fn client(&self) -> postgres::Client {
        let Database::Postgres(url) = &self.database else { panic!("a PostgreSQL feature") };
        postgres::Client::connect(url, postgres::NoTls).unwrap()
    }
}

impl Bench {
    /// How the engine would run a query; scans of whole tables are discouraged, the tables being empty.
    pub fn plan(&self, sql: &str) -> String {
        match &self.database {
            Database::Sqlite(path) => {
                let conn = rusqlite::Connection::open(path).unwrap();
                let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
                let rows = statement.query_map([], |row| row.get::<_, String>(3)).unwrap();
                rows.map(Result::unwrap).collect::<Vec<_>>().join("; ")
            }
            Database::Postgres(url) => {
                let mut client = postgres::Client::connect(url, postgres::NoTls).unwrap();
                client.batch_execute("SET enable_seqscan = off; SET enable_bitmapscan = off").unwrap();
                let rows = client.query(&format!("EXPLAIN {sql}"), &[]).unwrap();
                rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join("; ")
            }
        }
    }
}

/// An empty database on each engine. Without a PostgreSQL server that part is skipped, unless
/// STROWGER_REQUIRE_POSTGRES is set.
pub fn engines() -> Vec<Bench> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("strowger.db");
    let mut all =
        vec![Bench { name: "SQLite", database: Database::Sqlite(file), dir, faults: Arc::default() }];
    match postgres::Client::connect(&format!("{SERVER}/postgres"), postgres::NoTls) {
        Ok(mut client) => {
            let dir = tempfile::tempdir().unwrap();
            let random = dir.path().file_name().unwrap().to_string_lossy().to_ascii_lowercase();
            let name = format!("strowger_test_{}", random.replace(|c: char| !c.is_ascii_alphanumeric(), ""));
            client.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
            let database = Database::Postgres(format!("{SERVER}/{name}"));
            all.push(Bench { name: "PostgreSQL", database, dir, faults: Arc::default() });
        }
        Err(error) => {
            assert!(
                std::env::var_os("STROWGER_REQUIRE_POSTGRES").is_none(),
                "PostgreSQL is required: {error}"
            );
            println!("SKIPPED on PostgreSQL: no server at 127.0.0.1:5432 ({error})");
        }
    }
    all
}

/// Runs a future to its end on this thread.
pub fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

pub const EUR: Unit = Unit::Currency(*b"EUR");
pub const START: Wall = Wall(1_795_305_600_000);

pub fn now() -> Now {
    Now { mono: Mono(0), wall: START }
}

pub fn new_user(name: &str, credit: &str) -> NewUser {
    NewUser {
        kind: AccountKind::Enduser,
        parent: None,
        username: name.to_owned(),
        password: Secret::new("pw"),
        credit: amount(credit),
        fields: vec![("currency".to_owned(), "EUR".to_owned())],
    }
}

pub fn user(store: &Store, name: &str, credit: &str) -> AccountId {
    wait(store.create_user(Scope::All, new_user(name, credit), None)).unwrap()
}

pub fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

/// Sends an order and waits for its answer; none if the store died.
pub fn try_money(store: &Store, order: MoneyOrder) -> Option<MoneyEvent> {
    let (sender, answer) = channel();
    store.money(order, Box::new(move |event| sender.send(event).unwrap()));
    answer.recv_timeout(Duration::from_secs(20)).ok()
}

pub fn money(store: &Store, order: MoneyOrder) -> MoneyEvent {
    try_money(store, order).expect("an answer")
}

/// The orders of one billed leg.
pub struct Leg {
    pub call: CallId,
    pub leg: LegId,
    pub payers: Vec<PayerHold>,
    pub sequence: u32,
}

impl Leg {
    pub fn new(mint: &mut Mint, account: AccountId, least: &str, step: &str) -> Self {
        let payer = PayerHold {
            account,
            unit: EUR,
            least: amount(least),
            step: amount(step),
            floor: Some(Amount::ZERO),
        };
        Self { call: mint.call(), leg: mint.leg(), payers: vec![payer], sequence: 0 }
    }

    pub fn step(&mut self) -> StepId {
        let step = StepId { call: self.call, leg: self.leg, sequence: self.sequence };
        self.sequence += 1;
        step
    }

    pub fn first(&self) -> StepId {
        StepId { call: self.call, leg: self.leg, sequence: 0 }
    }

    pub fn cdr(&self, seconds: u64, cost: &str) -> Cdr {
        Cdr {
            call: self.call,
            leg: self.leg,
            start: START,
            end: START.plus_ms(i64::try_from(seconds).unwrap() * 1000),
            caller: self.payers.first().map(|p| p.account),
            payer: self.payers.first().map(|p| p.account),
            called: None,
            server: None,
            presented: "100".to_owned(),
            dialled: "4930123".to_owned(),
            sent: "4930123".to_owned(),
            sip_call_id: format!("{}@phone", self.leg),
            sip_call_id_b: format!("{}@us", self.leg),
            duration_ms: seconds * 1000,
            total_ms: seconds * 1000,
            ring_ms: Some(500),
            currency: EUR,
            cost_enduser: amount(cost),
            cost_provider: Amount::ZERO,
            provider_currency: EUR,
            unit_price: amount("0.6"),
            billing_step: 1,
            price_entry: None,
            reseller: None,
            mark: String::new(),
            direction: "Germany".to_owned(),
            status: 200,
            reason: "normal".to_owned(),
            ended_by: EndedBy::Caller,
            codec: "PCMA".to_owned(),
            mos: Some(437),
        }
    }

    pub fn journal(&self, billed_ms: u64) -> Box<Journal> {
        Box::new(Journal {
            cdr: self.cdr(0, "0"),
            meter: String::new(),
            answered: (billed_ms > 0).then_some(START),
            billed_ms,
            legs: vec![format!("{{\"leg\":\"{}\"}}", self.leg)],
        })
    }

    pub fn hold(&mut self, max_steps: u32) -> MoneyOrder {
        let step = self.step();
        MoneyOrder::Hold { step, payers: self.payers.clone(), max_steps, journal: self.journal(0) }
    }

    pub fn extend(&mut self, max_steps: u32, billed_ms: u64) -> MoneyOrder {
        let mut payers = self.payers.clone();
        for payer in &mut payers {
            payer.least = Amount::ZERO;
        }
        let (hold, step) = (self.first(), self.step());
        MoneyOrder::Extend { step, hold, payers, max_steps, journal: self.journal(billed_ms) }
    }

    pub fn settle(&mut self, seconds: u64, cost: &str) -> MoneyOrder {
        let (hold, step) = (self.first(), self.step());
        let charges = self
            .payers
            .iter()
            .map(|p| Charge {
                account: p.account,
                unit: p.unit,
                amount: amount(cost),
                kind: ChargeKind::Enduser,
            })
            .collect();
        let cdr = Box::new(self.cdr(seconds, cost));
        MoneyOrder::Settle { step, hold: Some(hold), charges, cdr, costs: vec![] }
    }

    pub fn release(&mut self) -> MoneyOrder {
        let (hold, step) = (self.first(), self.step());
        MoneyOrder::Release { step, hold }
    }
}

/// Raises the epoch and gives a mint of it.
pub fn mint(store: &Store) -> Mint {
    Mint::new(1, ShardId(0), store.server().recover(now()).unwrap().epoch)
}

/// I1, I3 and the books of holds.
pub fn check_books(store: &Store) {
    let check = store.server().check_ledger().unwrap();
    assert!(check.ok, "{:#?}", check.problems);
}

pub fn settled(store: &Store, id: AccountId) -> Amount {
    wait(store.credit(Scope::All, id)).unwrap().settled
}

pub fn held(store: &Store, id: AccountId) -> Amount {
    wait(store.credit(Scope::All, id)).unwrap().held
}
