//! Moving credit outside calls: recharge, transfer, recharge codes. Every one is a step of the ledger and, by its
//! request id, carried out once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};
use strowger_billing::ExchangeRate;
use strowger_billing::ledger::{self, Line};
use strowger_model::{AccountId, Amount, Scope, Secret, Unit};

use crate::db::{Conn, Fault, Value, values};
use crate::errors::{CreditError, ReadError, RedeemError};
use crate::idempotency::{RequestKey, once};
use crate::options::Database;
use crate::scope::{covers, covers_reading};
use crate::store::Store;
use crate::tx::{Stop, Tx};

/// What an account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit {
    /// Whose.
    pub account: AccountId,
    /// Its currency.
    pub currency: Unit,
    /// Credit.
    pub settled: Amount,
    /// Reserved by running calls, part of `settled`.
    pub held: Amount,
    /// May go below zero.
    pub postpaid: bool,
    /// Free seconds.
    pub seconds: Amount,
    /// Free messages.
    pub messages: Amount,
}

/// Credits that were read lately, each good until the next commit.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<HashMap<AccountId, (u64, Scope, Credit), RandomState>>);

/// Credits that are remembered; beyond it all are forgotten.
const MAX_SEEN: usize = 10_000;

impl Seen {
    fn get(&self, commits: u64, scope: Scope, id: AccountId) -> Option<Credit> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&id).filter(|(at, by, _)| *at == commits && *by == scope).map(|(_, _, credit)| *credit)
    }

    /// Takes in what was read after `commits` groups were counted.
    fn put(&self, commits: u64, scope: Scope, credit: Credit) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MAX_SEEN {
            seen.clear();
        }
        seen.insert(credit.account, (commits, scope, credit));
    }
}

const CREDIT: &str = "SELECT a.currency, a.postpaid, b.settled, b.held, s.settled, m.settled FROM account a \
    LEFT JOIN balance b ON b.account_id = a.id AND b.unit = a.currency \
    LEFT JOIN balance s ON s.account_id = a.id AND s.unit = 'sec' \
    LEFT JOIN balance m ON m.account_id = a.id AND m.unit = 'msg' WHERE a.id = ?1 AND a.deleted_ms = 0";

fn credit_of(row: &crate::db::Row, account: AccountId) -> Result<Credit, Fault> {
    let currency = row.text(0).parse().map_err(|_| Fault::Statement(format!("currency {}", row.text(0))))?;
    Ok(Credit {
        account,
        currency,
        postpaid: row.flag(1),
        settled: row.micros(2),
        held: row.micros(3),
        seconds: row.micros(4),
        messages: row.micros(5),
    })
}

/// Nobody else moves the account's money before this transaction ends.
pub(crate) fn lock_balances(tx: &mut Tx<'_>, account: AccountId) -> Result<(), Fault> {
    if !tx.for_update().is_empty() {
        tx.query(
            "SELECT 1 FROM balance WHERE account_id = ?1 ORDER BY account_id, unit FOR UPDATE",
            &values![account],
        )?;
    }
    Ok(())
}

/// Reads an account's standing inside the transaction, locking its balance.
fn read_credit(tx: &mut Tx<'_>, account: AccountId) -> Result<Option<Credit>, Fault> {
    lock_balances(tx, account)?;
    tx.first(CREDIT, &values![account])?.map(|row| credit_of(&row, account)).transpose()
}

fn ask_credit(conn: &mut Conn, scope: Scope, id: AccountId) -> Result<Credit, ReadError> {
    if !covers_reading(conn, scope, id)? {
        return Err(ReadError::NotFound);
    }
    let row = conn.first(CREDIT, &values![id])?.ok_or(ReadError::NotFound)?;
    Ok(credit_of(&row, id)?)
}

/// A name for a step that no call made.
fn step_name(kind: &str) -> Result<String, Fault> {
    let random = crate::keyring::random::<12>().map_err(|e| Fault::Statement(e.to_string()))?;
    Ok(format!("{kind}/{}", crate::keyring::hex(&random)))
}

/// What one unit of `from` is in `to`, by `tb_currencies`.
pub(crate) fn exchange_rate(tx: &mut Tx<'_>, from: Unit, to: Unit) -> Result<Option<ExchangeRate>, Fault> {
    if from == to {
        return Ok(Some(ExchangeRate::ONE));
    }
    let mut of = |unit: Unit| -> Result<Option<i64>, Fault> {
        let row = tx.first("SELECT rate FROM tb_currencies WHERE upper(code) = ?1", &values![unit])?;
        Ok(row.map(|row| crate::rows::micros(row.0.first().unwrap_or(&Value::Null)).0).filter(|r| *r > 0))
    };
    let (Some(from), Some(to)) = (of(from)?, of(to)?) else { return Ok(None) };
    Ok(ExchangeRate::new(from, to))
}

impl Store {
    /// What an account has.
    ///
    /// # Errors
    /// The account is not there or not in scope.
    pub async fn credit(&self, scope: Scope, id: AccountId) -> Result<Credit, ReadError> {
        let (seen, now) = (&self.inner.credits, self.inner.shared.commits());
        if let Some(credit) = seen.get(now, scope, id) {
            return Ok(credit);
        }
        let credit = self.read(Box::new(move |conn| ask_credit(conn?, scope, id))).await?;
        // Without the file's lock others write too, and their commits are not counted here.
        if matches!(self.inner.options.database, Database::Sqlite(_)) {
            seen.put(now, scope, credit);
        }
        Ok(credit)
    }

    /// Adds to an account's credit; a negative amount takes back, from a prepaid account down to zero at most.
    /// An amount in another currency is converted by `tb_currencies`.
    ///
    /// # Errors
    /// See [`CreditError`]; nothing is written then.
    pub async fn add_credit(
        &self,
        scope: Scope,
        id: AccountId,
        amount: Amount,
        currency: Option<Unit>,
        note: &str,
        key: Option<RequestKey>,
    ) -> Result<Credit, CreditError> {
        let note = note.to_owned();
        self.write(move |tx| {
            tx.check_epoch()?;
            if !covers(tx, scope, id)? {
                return Err(Stop::Refuse(CreditError::NotFound { id }));
            }
            let content = format!("{id} {amount} {currency:?}");
            once(tx, key.as_ref(), &content, CreditError::RequestReused, |tx| {
                add(tx, id, amount, currency, &note)
            })
        })
        .await
    }

    /// Moves credit from one account to another. The scope must cover the giver; the receiver may be anybody.
    ///
    /// # Errors
    /// See [`CreditError`]; nothing is written then.
    pub async fn transfer(
        &self,
        scope: Scope,
        from: AccountId,
        to: AccountId,
        amount: Amount,
        key: Option<RequestKey>,
    ) -> Result<Credit, CreditError> {
        self.write(move |tx| {
            tx.check_epoch()?;
            if !covers(tx, scope, from)? {
                return Err(Stop::Refuse(CreditError::NotFound { id: from }));
            }
            let content = format!("{from} {to} {amount}");
            once(tx, key.as_ref(), &content, CreditError::RequestReused, |tx| transfer(tx, from, to, amount))
        })
        .await
    }

    /// Redeems a recharge code, exactly once whoever else tries at the same moment.
    ///
    /// # Errors
    /// See [`RedeemError`]; an unknown, a used and an expired code answer the same.
    pub async fn redeem(
        &self,
        scope: Scope,
        id: AccountId,
        code: &Secret,
        key: Option<RequestKey>,
    ) -> Result<Credit, RedeemError> {
        let code = code.clone();
        self.write(move |tx| {
            tx.check_epoch()?;
            if !covers(tx, scope, id)? {
                return Err(Stop::Refuse(RedeemError::NotFound { id }));
            }
            let content = format!("{id} {}", code.expose());
            once(tx, key.as_ref(), &content, RedeemError::RequestReused, |tx| redeem(tx, id, &code))
        })
        .await
    }
}

fn add(
    tx: &mut Tx<'_>,
    id: AccountId,
    amount: Amount,
    currency: Option<Unit>,
    note: &str,
) -> Result<Credit, Stop<CreditError>> {
    let before = read_credit(tx, id)?.ok_or(Stop::Refuse(CreditError::NotFound { id }))?;
    let given = currency.unwrap_or(before.currency);
    let rate = exchange_rate(tx, given, before.currency)?
        .ok_or(Stop::Refuse(CreditError::NoRate { from: given, to: before.currency }))?;
    let available = before.settled - before.held;
    if amount.is_negative() && !before.postpaid && available + rate.convert(amount) < Amount::ZERO {
        return Err(Stop::Refuse(CreditError::NoCredit { available }));
    }
    let mut lines = ledger::top_up(id, given, amount).to_vec();
    if given != before.currency {
        lines.extend(ledger::convert(id, given, amount, before.currency, rate));
        ledger::merge(&mut lines);
    }
    tx.post(&step_name("credit")?, "recharge", note, &lines)?;
    read_credit(tx, id)?.ok_or(Stop::Refuse(CreditError::NotFound { id }))
}

fn transfer(
    tx: &mut Tx<'_>,
    from: AccountId,
    to: AccountId,
    amount: Amount,
) -> Result<Credit, Stop<CreditError>> {
    if amount <= Amount::ZERO || from == to {
        return Err(Stop::Refuse(CreditError::NotPositive));
    }
    // Both rows are locked in the same order whoever gives to whom.
    let (low, high) = (from.min(to), from.max(to));
    let first = read_credit(tx, low)?.ok_or(Stop::Refuse(CreditError::NotFound { id: low }))?;
    let second = read_credit(tx, high)?.ok_or(Stop::Refuse(CreditError::NotFound { id: high }))?;
    let (giver, taker) = if low == from { (first, second) } else { (second, first) };
    let available = giver.settled - giver.held;
    // Credit that is transferred must be there, also on a postpaid account.
    if available < amount {
        return Err(Stop::Refuse(CreditError::NoCredit { available: available.max(Amount::ZERO) }));
    }
    let rate = exchange_rate(tx, giver.currency, taker.currency)?
        .ok_or(Stop::Refuse(CreditError::NoRate { from: giver.currency, to: taker.currency }))?;
    let mut lines: Vec<Line> = ledger::transfer(from, to, giver.currency, amount).to_vec();
    if giver.currency != taker.currency {
        lines.extend(ledger::convert(to, giver.currency, amount, taker.currency, rate));
        ledger::merge(&mut lines);
    }
    tx.post(&step_name("transfer")?, "transfer", "", &lines)?;
    read_credit(tx, from)?.ok_or(Stop::Refuse(CreditError::NotFound { id: from }))
}

fn redeem(tx: &mut Tx<'_>, id: AccountId, code: &Secret) -> Result<Credit, Stop<RedeemError>> {
    let refuse = |error| Err(Stop::Refuse(error));
    if code.is_empty() {
        return refuse(RedeemError::UnknownCode);
    }
    let now = crate::cell::date_text(tx.now_ms);
    let row = tx.returning(
        "UPDATE tb_prepaidcodes SET used = 1, useddate = ?1, userid = ?2 WHERE code = ?3 AND used = 0 \
         AND (expires IS NULL OR expires = '' OR expires > ?1) RETURNING id, value, currency",
        &values![now, id, code.expose()],
    )?;
    let Some(row) = row else { return refuse(RedeemError::UnknownCode) };
    let value = crate::rows::micros(row.0.get(1).unwrap_or(&Value::Null));
    let before = read_credit(tx, id)?.ok_or(Stop::Refuse(RedeemError::NotFound { id }))?;
    let given = row.text(2).parse().unwrap_or(before.currency);
    let Some(rate) = exchange_rate(tx, given, before.currency)? else {
        return refuse(RedeemError::NoRate { from: given, to: before.currency });
    };
    if value <= Amount::ZERO {
        return refuse(RedeemError::UnknownCode);
    }
    let mut lines = ledger::top_up(id, given, value).to_vec();
    if given != before.currency {
        lines.extend(ledger::convert(id, given, value, before.currency, rate));
        ledger::merge(&mut lines);
    }
    // The code's row is the step: it cannot be posted twice whatever happens to the row.
    tx.post(&format!("code/{}", row.int(0)), "code", "", &lines)?;
    read_credit(tx, id)?.ok_or(Stop::Refuse(RedeemError::NotFound { id }))
}
