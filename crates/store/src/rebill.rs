//! Pricing call records again: the records of a time with what they cost and what was charged for them, and new costs for
//! them, with the credit moved through the ledger where that is asked for. What a call should cost is decided elsewhere.

use strowger_billing::ledger;
use strowger_model::payment::{Charge, ChargeKind};
use strowger_model::{AccountId, Amount, Scope, Unit, Wall};

use crate::db::values;
use crate::errors::{CreditError, ReadError};
use crate::store::Store;
use crate::tx::{Stop, Tx};

/// A record that can be priced again: answered, over a server, with a payer, and not paid with free minutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedCall {
    /// `tb_cdrs.id`.
    pub id: i64,
    /// Its leg.
    pub leg: String,
    /// Who pays.
    pub payer: AccountId,
    /// The number that was dialled.
    pub dialled: String,
    /// Its end.
    pub end: Wall,
    /// The conversation in milliseconds.
    pub duration_ms: u64,
    /// In what it is paid.
    pub currency: Unit,
    /// What it costs by its record.
    pub cost: Amount,
    /// What was really charged for it.
    pub charged: Amount,
}

/// A new price for a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPrice {
    /// The record as it was read.
    pub call: PricedCall,
    /// What it costs now.
    pub cost: Amount,
    /// Per minute.
    pub unit_price: Amount,
    /// The billing step in seconds.
    pub billing_step: u32,
    /// The price entry.
    pub price_entry: Option<i64>,
}

/// What pricing again did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Repriced {
    /// Records with another cost.
    pub changed: u64,
    /// Postings to accounts.
    pub credited: u64,
    /// Postings that a prepaid account could not pay in full: it went down to zero.
    pub short: u64,
}

impl Store {
    /// Records that ended in a time, by id, after another one. The scope must be everything.
    ///
    /// # Errors
    /// The scope is less than everything, or the database cannot be read.
    pub async fn priced_calls(
        &self,
        scope: Scope,
        (from, to): (Wall, Wall),
        after: i64,
        most: usize,
    ) -> Result<Vec<PricedCall>, ReadError> {
        if scope != Scope::All {
            return Err(ReadError::NotFound);
        }
        self.read(Box::new(move |conn| {
            let rows = conn?.query(
                "SELECT c.id, c.leg, c.payer, c.dialled, c.end_ms, c.duration_ms, c.currency, c.cost_enduser, \
                 coalesce(r.charged, c.cost_enduser) FROM cdr c LEFT JOIN rebill r ON r.leg = c.leg \
                 WHERE c.end_ms >= ?1 AND c.end_ms < ?2 AND c.id > ?3 AND c.status = 200 AND c.duration_ms > 0 \
                 AND c.payer IS NOT NULL AND c.server IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ledger l \
                 WHERE l.account_id = c.payer AND l.unit = 'sec' AND l.kind = 'call' AND l.step LIKE c.call || '/%') \
                 ORDER BY c.id LIMIT ?4",
                &values![from.0, to.0, after, most as u64],
            )?;
            let calls = rows.iter().filter_map(|row| {
                Some(PricedCall {
                    id: row.int(0),
                    leg: row.text(1),
                    payer: AccountId(row.int(2)),
                    dialled: row.text(3),
                    end: Wall(row.int(4)),
                    duration_ms: u64::try_from(row.int(5)).ok()?,
                    currency: row.text(6).parse().ok()?,
                    cost: row.micros(7),
                    charged: row.micros(8),
                })
            });
            Ok(calls.collect())
        }))
        .await
    }

    /// Writes new costs into records; with `credit` the difference to what was charged moves through the ledger too.
    /// Records that changed since they were read are left alone. One transaction.
    ///
    /// # Errors
    /// The scope is less than everything, or the database takes no writes.
    pub async fn reprice(
        &self,
        scope: Scope,
        prices: Vec<NewPrice>,
        credit: bool,
    ) -> Result<Repriced, CreditError> {
        if scope != Scope::All {
            return Err(CreditError::NotFound { id: AccountId::default() });
        }
        self.write(move |tx| {
            tx.check_epoch::<CreditError>()?;
            let mut done = Repriced::default();
            for price in &prices {
                reprice(tx, price, credit, &mut done)?;
            }
            Ok(done)
        })
        .await
    }
}

fn reprice(
    tx: &mut Tx<'_>,
    price: &NewPrice,
    credit: bool,
    done: &mut Repriced,
) -> Result<(), Stop<CreditError>> {
    let call = &price.call;
    if price.cost != call.cost {
        let changed = tx.execute(
            "UPDATE cdr SET cost_enduser = ?1, unit_price = ?2, billing_step = ?3, price_entry = ?4 \
             WHERE id = ?5 AND cost_enduser = ?6",
            &values![price.cost, price.unit_price, price.billing_step, price.price_entry, call.id, call.cost],
        )?;
        if changed == 0 {
            // Somebody else priced it meanwhile.
            return Ok(());
        }
        tx.execute(
            "INSERT INTO rebill (leg, charged) VALUES (?1, ?2) ON CONFLICT (leg) DO NOTHING",
            &values![&call.leg, call.charged],
        )?;
        done.changed += 1;
    }
    if credit { settle(tx, price, done) } else { Ok(()) }
}

/// Moves the difference between what was charged and what it costs.
fn settle(tx: &mut Tx<'_>, price: &NewPrice, done: &mut Repriced) -> Result<(), Stop<CreditError>> {
    let call = &price.call;
    let sql = format!("SELECT charged, times FROM rebill WHERE leg = ?1{}", tx.for_update());
    let row = tx.first(&sql, &values![&call.leg])?;
    let (charged, times) = row.map_or((call.charged, 0), |row| (row.micros(0), row.int(1)));
    let mut delta = price.cost - charged;
    if delta > Amount::ZERO {
        let available = available(tx, call.payer, call.currency)?;
        if let Some(available) = available.filter(|available| *available < delta) {
            delta = available.max(Amount::ZERO);
            done.short += 1;
        }
    }
    if delta == Amount::ZERO {
        return Ok(());
    }
    let charge =
        Charge { account: call.payer, unit: call.currency, amount: delta, kind: ChargeKind::Enduser };
    let step = format!("rebill/{}/{}", call.leg, times + 1);
    tx.post(&step, "rebill", &call.id.to_string(), &ledger::charge(&charge))?;
    tx.execute(
        "INSERT INTO rebill (leg, charged, times) VALUES (?1, ?2, 1) ON CONFLICT (leg) \
         DO UPDATE SET charged = excluded.charged, times = rebill.times + 1",
        &values![&call.leg, charged + delta],
    )?;
    done.credited += 1;
    Ok(())
}

/// What a prepaid account can pay; none where it may go below zero.
fn available(tx: &mut Tx<'_>, id: AccountId, unit: Unit) -> Result<Option<Amount>, Stop<CreditError>> {
    let postpaid = tx.first("SELECT postpaid FROM account WHERE id = ?1", &values![id])?;
    if postpaid.is_some_and(|row| row.flag(0)) {
        return Ok(None);
    }
    let sql =
        format!("SELECT settled, held FROM balance WHERE account_id = ?1 AND unit = ?2{}", tx.for_update());
    let row = tx.first(&sql, &values![id, unit])?;
    Ok(Some(row.map_or(Amount::ZERO, |row| row.micros(0) - row.micros(1))))
}
