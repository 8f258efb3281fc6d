//! The end of a leg: postings, record and cost rows, and the end of hold and journal, in one transaction.
//! Settling is never refused for lack of credit: a prepaid account goes down to its floor and the rest is
//! written off to the loss account.

use std::collections::BTreeMap;

use strowger_billing::ledger::{self, Line};
use strowger_model::cdr::{Cdr, CdrCost, EndedBy};
use strowger_model::payment::{Charge, ChargeKind, MoneyEvent, Refusal, StepId};
use strowger_model::{AccountId, Amount};

use super::{Ends, hold, leg_name, refuse, standing};
use crate::db::{Fault, values};
use crate::tx::Tx;

/// Settles a leg. A leg that has a record already is a conflict.
pub(crate) fn settle(
    tx: &mut Tx<'_>,
    step: StepId,
    charges: &[Charge],
    cdr: &Cdr,
    costs: &[CdrCost],
) -> Result<MoneyEvent, Ends> {
    let leg = leg_name(&step);
    if cdr.leg != step.leg || tx.first("SELECT 1 FROM cdr WHERE leg = ?1", &values![leg.as_str()])?.is_some()
    {
        tracing::error!(step = %step, "ALARM: a second settlement of one leg");
        return Err(refuse(step, Refusal::Conflict));
    }
    let floors = hold::close(tx, &leg)?;
    let lines = postings(tx, &step, charges, &floors)?;
    tx.post(&step.to_string(), "call", "", &lines)?;
    insert_cdr(tx, cdr)?;
    for cost in costs {
        tx.execute(
            "INSERT INTO cdr_cost (leg, account_id, level, unit, amount, unit_price, price_entry) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            &values![
                leg.as_str(),
                cost.account,
                u32::from(cost.level),
                cost.unit,
                cost.amount,
                cost.unit_price,
                cost.price_entry
            ],
        )?;
    }
    Ok(MoneyEvent::Settled { step })
}

/// The ledger lines of all charges, one per account and unit.
fn postings(
    tx: &mut Tx<'_>,
    step: &StepId,
    charges: &[Charge],
    floors: &BTreeMap<(AccountId, String), Option<Amount>>,
) -> Result<Vec<Line>, Fault> {
    let mut lines = Vec::with_capacity(charges.len() * 2);
    let mut taken: BTreeMap<(AccountId, String), Amount> = BTreeMap::new();
    for charge in charges {
        if charge.amount <= Amount::ZERO {
            continue;
        }
        lines.extend(ledger::charge(charge));
        if charge.kind == ChargeKind::Provider {
            continue;
        }
        let key = (charge.account, charge.unit.code().to_owned());
        let floor = match floors.get(&key) {
            Some(floor) => *floor,
            None => usual_floor(tx, charge.account)?,
        };
        let Some(floor) = floor else { continue };
        // Its own hold is given back by now; what other calls hold stays theirs.
        let now = standing(tx, charge.account, charge.unit)?;
        let before = taken.entry(key).or_default();
        let available = (now.settled - now.held - floor - *before).max(Amount::ZERO);
        let lost = (charge.amount - available).max(Amount::ZERO);
        *before += charge.amount - lost;
        if lost > Amount::ZERO {
            tracing::warn!(step = %step, account = %charge.account, %lost, unit = %charge.unit, "written off");
            lines.extend(ledger::write_off(charge.account, charge.unit, lost));
        }
    }
    ledger::merge(&mut lines);
    Ok(lines)
}

/// The floor of an account that held nothing: zero if it is prepaid, none if it is postpaid or not there.
fn usual_floor(tx: &mut Tx<'_>, account: AccountId) -> Result<Option<Amount>, Fault> {
    let row = tx.first("SELECT postpaid FROM account WHERE id = ?1", &values![account])?;
    Ok(row.filter(|row| !row.flag(0)).map(|_| Amount::ZERO))
}

/// The word for who ended a call.
const fn ended_by(by: EndedBy) -> &'static str {
    match by {
        EndedBy::Caller => "caller",
        EndedBy::Called => "called",
        EndedBy::Server => "server",
        EndedBy::Recovery => "recovery",
    }
}

/// Writes a record. The leg's name is unique.
fn insert_cdr(tx: &mut Tx<'_>, cdr: &Cdr) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO cdr (leg, call, node, start_ms, end_ms, caller, payer, called, server, presented, dialled, sent, \
         sip_call_id, sip_call_id_b, duration_ms, total_ms, ring_ms, currency, cost_enduser, cost_provider, \
         provider_currency, unit_price, billing_step, price_entry, reseller, mark, direction, status, reason, \
         ended_by, codec, mos) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, \
         ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32)",
        &values![
            cdr.leg.to_string(),
            cdr.call.to_string(),
            u32::from(tx.node),
            cdr.start.0,
            cdr.end.0,
            cdr.caller,
            cdr.payer,
            cdr.called,
            cdr.server,
            &cdr.presented,
            &cdr.dialled,
            &cdr.sent,
            &cdr.sip_call_id,
            &cdr.sip_call_id_b,
            cdr.duration_ms,
            cdr.total_ms,
            cdr.ring_ms,
            cdr.currency,
            cdr.cost_enduser,
            cdr.cost_provider,
            cdr.provider_currency,
            cdr.unit_price,
            cdr.billing_step,
            cdr.price_entry,
            cdr.reseller,
            &cdr.mark,
            &cdr.direction,
            u32::from(cdr.status),
            &cdr.reason,
            ended_by(cdr.ended_by),
            &cdr.codec,
            cdr.mos.map(i64::from)
        ],
    )?;
    Ok(())
}
