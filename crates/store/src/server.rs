//! The unscoped operations: what the server itself does at its start and to keep its memory fresh. Nothing that
//! serves a request may use them.

use std::time::Duration;

use strowger_model::{Account, AccountId, Now};

use crate::db::{Conn, Fault, values};
use crate::errors::{ReadError, RecoverError, Unavailable};
use crate::follower::{Change, Following};
use crate::ledger_check::LedgerCheck;
use crate::recover::{Recovery, recover};
use crate::rows::{
    BlacklistRow, CliRow, CurrencyRow, HolidayRow, NumberRow, PortedRow, PriceRows, RouteRow, Snapshot,
};
use crate::store::Store;
use crate::tx::{Stop, Tx};
use crate::{accounts, follower, ledger_check, load};

/// Loading a whole table may take this long.
const LOAD_LIMIT: Duration = Duration::from_secs(600);

/// See [`Store::server`]. Every method blocks: call it from a thread of your own.
#[derive(Debug, Clone)]
pub struct Server(Store);

impl Store {
    /// The operations without a scope.
    #[must_use]
    pub fn server(&self) -> Server {
        Server(self.clone())
    }
}

impl Server {
    /// The store that these are operations of.
    pub(crate) const fn store(&self) -> &Store {
        &self.0
    }

    /// Raises this node's epoch and settles the calls that a crash left open. To be called once after opening,
    /// before any money order.
    ///
    /// # Errors
    /// The database takes no writes.
    pub fn recover(&self, now: Now) -> Result<Recovery, RecoverError> {
        recover(&self.0, now)
    }

    /// Nobody is registered or in a call any more: what a crash left in `tb_users.status` is cleared. Who is registered
    /// is noted again afterwards.
    ///
    /// # Errors
    /// The database takes no writes.
    pub fn clear_lines(&self) -> Result<(), ReadError> {
        let clear = |tx: &mut Tx<'_>| -> Result<(), Stop<Unavailable>> {
            tx.execute("UPDATE line_state SET status = 0 WHERE status <> 0", &values![])?;
            Ok(())
        };
        self.0.write_blocking(clear).map_err(ReadError::Unavailable)
    }

    /// Everything that a node keeps in memory.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn load(&self) -> Result<Snapshot, ReadError> {
        accounts::seal_clear(&self.0, None)?;
        self.get_much(|conn| load::snapshot(conn, &self.0.inner.options.keyring))
    }

    /// Accounts anew after a change; one that is missing in the answer is gone.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn accounts(&self, ids: &[AccountId]) -> Result<Vec<Account>, ReadError> {
        accounts::seal_clear(&self.0, Some(ids))?;
        let (keyring, ids) = (self.0.inner.options.keyring.clone(), ids.to_vec());
        self.get(move |conn| accounts::some(conn, &keyring, &ids))
    }

    /// Prices anew.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn prices(&self) -> Result<PriceRows, ReadError> {
        self.get_much(load::prices)
    }

    /// Routes anew.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn routes(&self) -> Result<Vec<RouteRow>, ReadError> {
        self.get(load::routes)
    }

    /// Numbers anew.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn numbers(&self) -> Result<Vec<NumberRow>, ReadError> {
        self.get(load::numbers)
    }

    /// Numbers by which accounts are known anew.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn clis(&self) -> Result<Vec<CliRow>, ReadError> {
        self.get(load::clis)
    }

    /// Settings anew.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn settings(&self) -> Result<Vec<(String, String)>, ReadError> {
        self.get(load::settings)
    }

    /// Currencies anew.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn currencies(&self) -> Result<Vec<CurrencyRow>, ReadError> {
        self.get(load::currencies)
    }

    /// Blocked numbers anew.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn blacklist(&self) -> Result<Vec<BlacklistRow>, ReadError> {
        self.get(load::blacklist)
    }

    /// Ported numbers anew.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn ported(&self) -> Result<Vec<PortedRow>, ReadError> {
        self.get(load::ported)
    }

    /// Holidays anew.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn holidays(&self) -> Result<Vec<HolidayRow>, ReadError> {
        self.get(load::holidays)
    }

    /// Calls `each` on a thread of its own, within a second of every committed change after `since`, also those
    /// made by outside SQL. A change may be reported twice, never not at all. Ends when the store closes or it is stopped.
    ///
    /// # Errors
    /// No connection or thread can be had.
    pub fn follow(
        &self,
        since: i64,
        each: Box<dyn FnMut(Vec<Change>) + Send>,
    ) -> Result<Following, ReadError> {
        follower::follow(&self.0, since, each)
    }

    /// The number of the newest change that is committed: what [`Server::follow`] will have reported when everything
    /// written by now is in force.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn last_change(&self) -> Result<i64, ReadError> {
        self.get(load::last_change)
    }

    /// Adds up the whole ledger: invariants I1 and I3.
    ///
    /// # Errors
    /// The database cannot be read, or the sums take longer than a reader may.
    pub fn check_ledger(&self) -> Result<LedgerCheck, ReadError> {
        self.get(ledger_check::check)
    }

    /// A read of whole tables, on a connection of its own that the readers' limit does not apply to.
    fn get_much<T>(&self, read: impl FnOnce(&mut Conn) -> Result<T, Fault>) -> Result<T, ReadError> {
        let mut conn = Conn::reader(&self.0.inner.options.database, LOAD_LIMIT)?;
        Ok(read(&mut conn)?)
    }

    fn get<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Conn) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, ReadError> {
        self.0.read_blocking(Box::new(move |conn| Ok(read(conn?)?)))
    }
}
