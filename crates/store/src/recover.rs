//! After a crash: raises the node's epoch and settles every call that older epochs left open, to its last touch.
//! Running it again, or after being killed in the middle, changes nothing that was settled.

use strowger_billing::settle_from_journal;
use strowger_model::cdr::{Cdr, EndedBy};
use strowger_model::payment::{Journal, StepId};
use strowger_model::{Now, Wall};

use crate::db::{Fault, Row, values};
use crate::errors::RecoverError;
use crate::money::{MoneyFault, settle};
use crate::store::Store;
use crate::tx::{Stop, Tx};

/// The sequence of a recovery's settling step: no running leg counts that far.
const RECOVERY_SEQUENCE: u32 = u32::MAX;
/// Calls that one transaction settles.
const BATCH: usize = 200;

/// What recovery found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The epoch of this process, for [`strowger_model::Mint`].
    pub epoch: u32,
    /// The calls that were open.
    pub calls: Vec<Recovered>,
}

/// A call that was open when its process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The record as it was written.
    pub cdr: Cdr,
    /// `call`'s leg snapshots as JSON: each wants a BYE.
    pub legs: Vec<String>,
}

/// Raises the epoch, then settles in batches.
pub(crate) fn recover(store: &Store, now: Now) -> Result<Recovery, RecoverError> {
    let (epoch, mut calls) = store.write_blocking(move |tx| raise(tx, now.wall))?;
    store.inner.shared.set_epoch(epoch);
    let mut batch = calls.len();
    while batch == BATCH {
        let more = store.write_blocking(move |tx| settle_open(tx, epoch, now.wall))?;
        batch = more.len();
        calls.extend(more);
    }
    Ok(Recovery { epoch, calls })
}

/// The new epoch and the first batch, in one transaction.
fn raise(tx: &mut Tx<'_>, now: Wall) -> Result<(u32, Vec<Recovered>), Stop<RecoverError>> {
    let row = tx.returning(
        "UPDATE epoch SET epoch = epoch + 1 WHERE node = ?1 RETURNING epoch",
        &values![u32::from(tx.node)],
    )?;
    let epoch = row.and_then(|row| u32::try_from(row.int(0)).ok()).unwrap_or(1);
    tx.epoch = epoch;
    let calls = settle_open(tx, epoch, now)?;
    Ok((epoch, calls))
}

fn settle_open(tx: &mut Tx<'_>, epoch: u32, now: Wall) -> Result<Vec<Recovered>, Stop<RecoverError>> {
    let rows = tx.query(
        "SELECT leg, body, touched_ms FROM journal WHERE node = ?1 AND epoch < ?2 ORDER BY leg LIMIT ?3",
        &values![u32::from(tx.node), epoch, BATCH as u64],
    )?;
    rows.iter().map(|row| settle_one(tx, row, now)).collect()
}

fn settle_one(tx: &mut Tx<'_>, row: &Row, now: Wall) -> Result<Recovered, Stop<RecoverError>> {
    let journal: Journal =
        serde_json::from_str(&row.text(1)).map_err(|e| Fault::Statement(format!("journal: {e}")))?;
    let settlement = settle_from_journal(&journal.meter, journal.billed_ms, journal.answered);
    let (charges, costs, written) = match settlement {
        Ok(s) => (s.charges.clone(), s.costs.clone(), Some(s)),
        Err(error) => {
            // The record must be written all the same; what it would have cost is in the log.
            tracing::error!(?error, leg = row.text(0), "ALARM: a journal's meter cannot be read");
            (Vec::new(), Vec::new(), None)
        }
    };
    let mut cdr = journal.cdr;
    cdr.duration_ms = if journal.answered.is_some() { journal.billed_ms } else { 0 };
    let touched = Wall(row.int(2)).max(cdr.start).min(now.max(cdr.start));
    cdr.end = journal
        .answered
        .map_or(touched, |answered| answered.plus_ms(i64::try_from(cdr.duration_ms).unwrap_or(i64::MAX)));
    cdr.total_ms = u64::try_from(cdr.end.0.saturating_sub(cdr.start.0)).unwrap_or(0);
    cdr.reason = "recovered".to_owned();
    cdr.ended_by = EndedBy::Recovery;
    cdr.status = if journal.answered.is_some() { 200 } else { 503 };
    if let Some(settlement) = written {
        settlement.write_to(&mut cdr);
    }
    let step = StepId { call: cdr.call, leg: cdr.leg, sequence: RECOVERY_SEQUENCE };
    match settle(tx, step, &charges, &cdr, &costs) {
        Ok(_) => {}
        Err(Stop::Fault(fault)) => return Err(Stop::Fault(fault)),
        Err(Stop::Refuse(why)) => forget(tx, row, &why)?,
    }
    Ok(Recovered { cdr, legs: journal.legs })
}

/// A leg that has its record needs no second one: only its journal and holds go.
fn forget(tx: &mut Tx<'_>, row: &Row, why: &MoneyFault) -> Result<(), Fault> {
    tracing::error!(leg = row.text(0), ?why, "a journal of a settled leg is removed");
    crate::money::close(tx, &row.text(0))
}
