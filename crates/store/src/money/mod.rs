//! The money of running calls: holds, extensions, settlements and releases, each carried out once however
//! often it is sent. The rules of what a call costs are `billing`'s; here is only what must be durable.

mod hold;
mod settle;

use strowger_model::Amount;
use strowger_model::payment::{MoneyEvent, MoneyOrder, Refusal, StepId};

use crate::db::{Fault, values};
use crate::errors::Unavailable;
use crate::tx::{Stop, Tx};

pub(crate) use self::settle::settle;

/// How an order ends early.
pub(crate) type Ends = Stop<MoneyFault>;

/// What a money operation answers instead of success.
#[derive(Debug)]
pub(crate) enum MoneyFault {
    /// This event, and nothing is written.
    Event(MoneyEvent),
    /// The store cannot do it.
    Unavailable(Unavailable),
}

impl From<Unavailable> for MoneyFault {
    fn from(why: Unavailable) -> Self {
        Self::Unavailable(why)
    }
}

/// Refuses an order.
const fn refuse(step: StepId, why: Refusal) -> Ends {
    Stop::Refuse(MoneyFault::Event(MoneyEvent::Refused { step, why }))
}

/// The name of the leg that an order's holds and journal stand under.
pub(crate) fn leg_name(step: &StepId) -> String {
    step.leg.to_string()
}

/// Carries out an order, or finds the answer of its first time.
pub(crate) fn carry_out(tx: &mut Tx<'_>, order: &MoneyOrder) -> Result<MoneyEvent, Ends> {
    let step = order.step();
    let id = step.to_string();
    let (content, body_at) = content(order).map_err(|e| Fault::Statement(e.to_string()))?;
    let digest = crate::digest::of(content.as_bytes());
    let journal = &content[body_at..];
    if let Some(row) = tx.first("SELECT digest, reply FROM step WHERE id = ?1", &values![id.as_str()])? {
        if row.text(0) == digest {
            let reply = serde_json::from_str(&row.text(1)).map_err(|e| Fault::Statement(e.to_string()))?;
            return Ok(reply);
        }
        tracing::error!(step = %step, "ALARM: a money step was sent again with other content");
        return Err(refuse(step, Refusal::Conflict));
    }
    if is_fenced(tx, &step)? {
        return Err(Stop::Refuse(MoneyFault::Event(MoneyEvent::Fenced { step })));
    }
    let event = match order {
        MoneyOrder::Hold { payers, max_steps, .. } => hold::hold(tx, step, payers, *max_steps, journal)?,
        MoneyOrder::Extend { hold, payers, max_steps, .. } => {
            hold::extend(tx, step, *hold, payers, *max_steps, journal)?
        }
        MoneyOrder::Settle { charges, cdr, costs, .. } => settle(tx, step, charges, cdr, costs)?,
        MoneyOrder::Release { hold, .. } => hold::release(tx, step, *hold)?,
    };
    let reply = serde_json::to_string(&event).map_err(|e| Fault::Statement(e.to_string()))?;
    tx.execute(
        "INSERT INTO step (id, digest, reply, at_ms) VALUES (?1, ?2, ?3, ?4)",
        &values![id, digest, reply, tx.now_ms],
    )?;
    Ok(event)
}

/// Everything that an order says, for comparison, and where in it the journal's text begins (which is written too, so
/// that it is made once).
fn content(order: &MoneyOrder) -> Result<(String, usize), serde_json::Error> {
    let (mut content, journal) = match order {
        MoneyOrder::Hold { step, payers, max_steps, journal } => {
            (serde_json::to_string(&("hold", step, payers, max_steps))?, journal)
        }
        MoneyOrder::Extend { step, hold, payers, max_steps, journal } => {
            (serde_json::to_string(&("extend", step, hold, payers, max_steps))?, journal)
        }
        MoneyOrder::Settle { .. } | MoneyOrder::Release { .. } => {
            let content = serde_json::to_string(order)?;
            let end = content.len();
            return Ok((content, end));
        }
    };
    let at = content.len();
    content.push_str(&serde_json::to_string(journal)?);
    Ok((content, at))
}

/// The call was minted in an epoch that recovery has ended, or by another process of a node taken over.
fn is_fenced(tx: &mut Tx<'_>, step: &StepId) -> Result<bool, Fault> {
    let (node, minted) = (step.call.node(), step.call.epoch());
    if node == tx.node {
        return Ok(minted != tx.epoch);
    }
    // A leg that was adopted from another node keeps its call.
    let row = tx.first("SELECT epoch FROM epoch WHERE node = ?1", &values![u32::from(node)])?;
    Ok(row.is_none_or(|row| row.int(0) != i64::from(minted)))
}

/// A balance and what is reserved of it.
#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    settled: Amount,
    held: Amount,
    holds: i64,
}

/// Reads a balance in order to change it.
fn standing(
    tx: &mut Tx<'_>,
    account: strowger_model::AccountId,
    unit: strowger_model::Unit,
) -> Result<Standing, Fault> {
    let sql = match tx.for_update() {
        "" => "SELECT settled, held, holds FROM balance WHERE account_id = ?1 AND unit = ?2",
        _ => "SELECT settled, held, holds FROM balance WHERE account_id = ?1 AND unit = ?2 FOR UPDATE",
    };
    let row = tx.first(sql, &values![account, unit])?;
    Ok(row.map_or_else(Standing::default, |row| Standing {
        settled: row.micros(0),
        held: row.micros(1),
        holds: row.int(2),
    }))
}

/// Removes what a leg holds, and its journal.
pub(crate) fn close(tx: &mut Tx<'_>, leg: &str) -> Result<(), Fault> {
    hold::close(tx, leg).map(|_| ())
}
