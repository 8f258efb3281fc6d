//! The real store beside the reference model: every order goes to both, and both must say the same. Slow, since every
//! commit is durable; so only some runs have it.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use strowger_model::payment::{MoneyEvent, MoneyOrder};
use strowger_model::{AccountId, AccountKind, Amount, LegId, Now, Scope, Secret};
use strowger_store::{Database, Keyring, NewUser, Options, Store};

use crate::bank::{Bank, Recovered};
use crate::town::UNIT;

/// The store must answer within so long of real time.
const ANSWER: Duration = Duration::from_secs(20);

/// A store on SQLite in a folder that vanishes with it.
pub struct Durable {
    store: Store,
    accounts: Vec<AccountId>,
    // Removed after the store is closed.
    _folder: tempfile::TempDir,
}

impl Durable {
    /// A store with these accounts: first credit, and whether it is prepaid.
    ///
    /// # Errors
    /// What the store says.
    pub fn open(now: Now, credits: &[(AccountId, Amount, bool)]) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(text)?;
        let keyring = Keyring::open_or_create(&folder.path().join("key")).map_err(text)?;
        let database = Database::Sqlite(folder.path().join("strowger.db"));
        let options = Options { node: 1, ..Options::new(database, keyring, folder.path().join("emergency")) };
        let store = Store::open(options).map_err(text)?;
        store.server().recover(now).map_err(text)?;
        let highest = credits.iter().map(|(id, ..)| id.0).max().unwrap_or(0);
        // Ids are given in order, so the gaps between ours are filled with others.
        for id in 1..=highest {
            let of_town = credits.iter().find(|(account, ..)| account.0 == id);
            let (_, credit, prepaid) = of_town.copied().unwrap_or((AccountId(id), Amount::ZERO, true));
            let user = NewUser {
                kind: AccountKind::Enduser,
                parent: None,
                username: format!("account{id}"),
                password: Secret::new("secret"),
                credit,
                fields: vec![
                    ("currency".to_owned(), UNIT.to_string()),
                    ("postpaid".to_owned(), u8::from(!prepaid).to_string()),
                ],
            };
            let made = wait(store.create_user(Scope::All, user, None)).map_err(text)?;
            if made.0 != id {
                return Err(format!("account {id} was made as {made}"));
            }
        }
        let accounts = credits.iter().map(|(id, ..)| *id).collect();
        Ok(Self { store, accounts, _folder: folder })
    }

    /// Carries out an order and waits until it is durable.
    ///
    /// # Errors
    /// There was no answer.
    pub fn perform(&self, order: &MoneyOrder) -> Result<MoneyEvent, String> {
        let (answer, answered) = channel();
        let done = move |event| {
            // The receiver is gone only when the run has failed already.
            let _ = answer.send(event);
        };
        self.store.money(order.clone(), Box::new(done));
        answered.recv_timeout(ANSWER).map_err(|_| format!("the store does not answer {}", order.step()))
    }

    /// An account pays for nothing any more.
    ///
    /// # Errors
    /// What the store says.
    pub fn disable(&self, account: AccountId) -> Result<(), String> {
        let fields = vec![("enabled".to_owned(), "0".to_owned())];
        wait(self.store.set_fields(Scope::All, account, fields)).map_err(text)
    }

    /// Recovers, and compares with what the reference has recovered.
    ///
    /// # Errors
    /// A difference.
    pub fn recover(&self, now: Now, bank: &Bank, expected: &[Recovered]) -> Result<(), String> {
        let recovery = self.store.server().recover(now).map_err(text)?;
        let key = |cdr: &strowger_model::cdr::Cdr| (cdr.leg, (cdr.duration_ms, cdr.cost_enduser, cdr.status));
        let real: BTreeMap<LegId, _> = recovery.calls.iter().map(|call| key(&call.cdr)).collect();
        let reference: BTreeMap<LegId, _> = expected.iter().map(|call| key(&call.cdr)).collect();
        if recovery.epoch != bank.epoch {
            return Err(format!("the store is in epoch {}, the reference in {}", recovery.epoch, bank.epoch));
        }
        let same = real == reference;
        if same { Ok(()) } else { Err(format!("recovered: the store {real:?}, the reference {reference:?}")) }
    }

    /// Every account as the reference has it, and a ledger without contradictions.
    ///
    /// # Errors
    /// A difference.
    pub fn compare(&self, bank: &Bank) -> Result<(), String> {
        for account in &self.accounts {
            let credit = wait(self.store.credit(Scope::All, *account)).map_err(text)?;
            let expected = bank.balance(*account, UNIT);
            if (credit.settled, credit.held) != (expected.settled, expected.held) {
                return Err(format!(
                    "account {account}: the store has {} ({} held), the reference {} ({})",
                    credit.settled, credit.held, expected.settled, expected.held
                ));
            }
        }
        let check = self.store.server().check_ledger().map_err(text)?;
        if check.ok { Ok(()) } else { Err(check.problems.join("; ")) }
    }
}

impl Drop for Durable {
    fn drop(&mut self) {
        self.store.close();
    }
}

fn text(error: impl std::fmt::Display) -> String {
    format!("the store: {error}")
}

/// Wakes a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future on this thread.
fn wait<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        std::thread::park();
    }
}
