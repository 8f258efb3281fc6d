//! Reserving before an INVITE leaves, reserving more while the call runs, and giving back.

use std::collections::BTreeMap;

use strowger_model::payment::{MoneyEvent, PayerHold, Refusal, StepId};
use strowger_model::{AccountId, Amount, Unit};

use super::{Ends, Standing, leg_name, refuse, standing};
use crate::db::{Fault, values};
use crate::tx::{MAX_POSTING, Tx};

/// One payer as it stands, and what is asked of it.
struct Ask {
    payer: PayerHold,
    standing: Standing,
}

impl Ask {
    /// What may be reserved above the floor; none: anything.
    fn available(&self) -> Option<Amount> {
        self.payer.floor.map(|floor| self.standing.settled - self.standing.held - floor)
    }

    /// How many steps beyond `least` fit.
    fn steps(&self, max: u32, first: bool) -> u32 {
        let Some(available) = self.available() else { return max };
        if self.payer.step.0 <= 0 {
            return max;
        }
        // The open calls of an account share what it has, this one among them: a first slice takes its
        // part only, so that the next call finds something too.
        let sharers = if first { self.standing.holds + 1 } else { self.standing.holds.max(1) };
        let share = Amount(available.0 / sharers).0.max(self.payer.least.0);
        let fits = |budget: i64| (budget - self.payer.least.0).max(0) / self.payer.step.0;
        let mut steps = fits(share);
        if !first && steps == 0 {
            // Better one more step than to cut a call while there is credit.
            steps = fits(available.0).min(1);
        }
        u32::try_from(steps).unwrap_or(u32::MAX).min(max)
    }
}

/// The payers with one entry per account and unit, in the order in which rows are locked everywhere.
fn merged(payers: &[PayerHold]) -> Vec<PayerHold> {
    let mut by_balance: BTreeMap<(AccountId, Unit), PayerHold> = BTreeMap::new();
    for payer in payers {
        by_balance
            .entry((payer.account, payer.unit))
            .and_modify(|all| {
                all.least += payer.least;
                all.step += payer.step;
                all.floor = match (all.floor, payer.floor) {
                    (Some(a), Some(b)) => Some(a.max(b)),
                    (a, b) => a.or(b),
                };
            })
            .or_insert(*payer);
    }
    by_balance.into_values().collect()
}

/// Reads every payer and refuses if one is gone or cannot cover its least.
fn ask(tx: &mut Tx<'_>, step: StepId, payers: &[PayerHold]) -> Result<Vec<Ask>, Ends> {
    let mut asks = Vec::with_capacity(payers.len());
    for payer in merged(payers) {
        let sql = "SELECT 1 FROM account WHERE id = ?1 AND deleted_ms = 0 AND enabled <> 0 AND temporarydisabled = 0";
        if tx.first(sql, &values![payer.account])?.is_none() {
            return Err(refuse(step, Refusal::NoAccount { account: payer.account }));
        }
        let ask = Ask { payer, standing: standing(tx, payer.account, payer.unit)? };
        let odd = payer.least.is_negative()
            || payer.step.is_negative()
            || payer.least > MAX_POSTING
            || payer.step > MAX_POSTING;
        if odd || ask.available().is_some_and(|available| available < payer.least) {
            return Err(refuse(step, Refusal::NoCredit { account: payer.account, unit: payer.unit }));
        }
        asks.push(ask);
    }
    Ok(asks)
}

/// Reserves for every payer and answers with what was granted.
fn grant(
    tx: &mut Tx<'_>,
    step: StepId,
    payers: &[PayerHold],
    max_steps: u32,
    first: bool,
) -> Result<MoneyEvent, Ends> {
    let asks = ask(tx, step, payers)?;
    let steps = asks.iter().map(|ask| ask.steps(max_steps, first)).min().unwrap_or(max_steps);
    let leg = leg_name(&step);
    let mut left = None;
    for ask in &asks {
        let Ask { payer, standing } = ask;
        let amount = payer.least + payer.step.times(i64::from(steps));
        if amount > MAX_POSTING {
            return Err(refuse(step, Refusal::NoCredit { account: payer.account, unit: payer.unit }));
        }
        // A row that this leg already has grows; a new one counts as one more open call of the account.
        let grew = tx.execute(
            "UPDATE hold SET amount = amount + ?1, floor = ?2 WHERE leg = ?3 AND account_id = ?4 AND unit = ?5",
            &values![amount, payer.floor, leg.as_str(), payer.account, payer.unit],
        )?;
        if grew == 0 {
            tx.execute(
                "INSERT INTO hold (leg, account_id, unit, amount, floor, step, node, epoch, at_ms) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                &values![
                    leg.as_str(),
                    payer.account,
                    payer.unit,
                    amount,
                    payer.floor,
                    step.to_string(),
                    u32::from(tx.node),
                    tx.epoch,
                    tx.now_ms
                ],
            )?;
        }
        let opened = i64::from(grew == 0);
        tx.execute(
            "INSERT INTO balance (account_id, unit, held, holds, seq) VALUES (?1, ?2, ?3, ?4, 1) \
             ON CONFLICT (account_id, unit) DO UPDATE SET held = balance.held + excluded.held, \
             holds = balance.holds + excluded.holds, seq = balance.seq + 1",
            &values![payer.account, payer.unit, amount, opened],
        )?;
        if payers.first().is_some_and(|p| (p.account, p.unit) == (payer.account, payer.unit)) {
            left = Some(standing.settled - standing.held - amount);
        }
    }
    Ok(MoneyEvent::Held { step, steps, left })
}

/// Writes or renews the recovery record.
fn write_journal(tx: &mut Tx<'_>, step: &StepId, journal: &str) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO journal (leg, call, node, epoch, touched_ms, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT (leg) DO UPDATE SET node = excluded.node, epoch = excluded.epoch, \
         touched_ms = excluded.touched_ms, body = excluded.body",
        &values![leg_name(step), step.call.to_string(), u32::from(tx.node), tx.epoch, tx.now_ms, journal],
    )?;
    Ok(())
}

/// The leg has a record already: nothing may be reserved for it.
fn is_over(tx: &mut Tx<'_>, step: &StepId) -> Result<bool, Fault> {
    Ok(tx.first("SELECT 1 FROM cdr WHERE leg = ?1", &values![leg_name(step)])?.is_some())
}

/// A first hold: opens hold and journal, all payers or none.
pub(super) fn hold(
    tx: &mut Tx<'_>,
    step: StepId,
    payers: &[PayerHold],
    max_steps: u32,
    journal: &str,
) -> Result<MoneyEvent, Ends> {
    if is_over(tx, &step)? {
        return Err(refuse(step, Refusal::Conflict));
    }
    let event = grant(tx, step, payers, max_steps, true)?;
    write_journal(tx, &step, journal)?;
    Ok(event)
}

/// More of the same, or only a renewed journal.
pub(super) fn extend(
    tx: &mut Tx<'_>,
    step: StepId,
    hold: StepId,
    payers: &[PayerHold],
    max_steps: u32,
    journal: &str,
) -> Result<MoneyEvent, Ends> {
    let open = tx.first("SELECT 1 FROM journal WHERE leg = ?1", &values![leg_name(&step)])?;
    if open.is_none() || hold.leg != step.leg {
        tracing::error!(step = %step, "ALARM: an extension without an open hold");
        return Err(refuse(step, Refusal::Conflict));
    }
    let event = grant(tx, step, payers, max_steps, false)?;
    write_journal(tx, &step, journal)?;
    Ok(event)
}

/// Gives everything back that the leg holds and removes its journal.
pub(super) fn release(tx: &mut Tx<'_>, step: StepId, hold: StepId) -> Result<MoneyEvent, Ends> {
    if hold.leg != step.leg {
        return Err(refuse(step, Refusal::Conflict));
    }
    close(tx, &leg_name(&step))?;
    Ok(MoneyEvent::Settled { step })
}

/// What a leg held, per account and unit, with the floor that was agreed. The holds and the journal are gone.
pub(super) fn close(
    tx: &mut Tx<'_>,
    leg: &str,
) -> Result<BTreeMap<(AccountId, String), Option<Amount>>, Fault> {
    let rows = tx.query(
        "SELECT account_id, unit, amount, floor FROM hold WHERE leg = ?1 ORDER BY account_id, unit",
        &values![leg],
    )?;
    let mut floors = BTreeMap::new();
    for row in rows {
        tx.execute(
            "UPDATE balance SET held = held - ?1, holds = holds - 1, seq = seq + 1 \
             WHERE account_id = ?2 AND unit = ?3",
            &values![row.int(2), row.int(0), row.text(1)],
        )?;
        floors.insert((AccountId(row.int(0)), row.text(1)), row.opt_int(3).map(Amount));
    }
    if !floors.is_empty() {
        tx.execute("DELETE FROM hold WHERE leg = ?1", &values![leg])?;
    }
    tx.execute("DELETE FROM journal WHERE leg = ?1", &values![leg])?;
    Ok(floors)
}
