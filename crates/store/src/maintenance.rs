//! What is done to the database by the hour, day, week and month: old rows go, days are summed up, free minutes are granted,
//! credit lapses, statistics are renewed. Each piece may run twice without harm; that a period's maintenance is done once
//! is written down in `maintenance`. When it runs is decided elsewhere.

use std::time::Duration;

use strowger_billing::ledger;
use strowger_model::{AccountId, Amount, Unit, Wall};

use crate::cell::date_text;
use crate::db::{Conn, Engine, Fault, values};
use crate::errors::{ReadError, Unavailable};
use crate::store::Store;
use crate::tx::{Stop, Tx};

/// A maintenance that did not end within this time is taken over by the next caller.
const TAKE_OVER_MS: i64 = 3_600_000;
/// Rows that one transaction removes, so that calls do not wait for it.
const PRUNE_ROWS: i64 = 2_000;
/// Accounts that one transaction works on.
const ACCOUNTS: usize = 200;
/// How long renewing the statistics may take.
const OPTIMISE_LIMIT: Duration = Duration::from_secs(600);
const DAY_MS: i64 = 86_400_000;

/// How the maintenance of a period stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// It is the caller's to do.
    Yours,
    /// Somebody is doing it.
    Running,
    /// It was done, at that time and with that report.
    Done(Wall, String),
}

/// Ages beyond which rows go, in days; 0 keeps them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// Call records.
    pub cdr: u32,
    /// The audit.
    pub audit: u32,
    /// The state of lines that have been idle since.
    pub line_state: u32,
}

/// How many rows went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Call records.
    pub cdr: u64,
    /// The audit.
    pub audit: u64,
    /// Line states.
    pub line_state: u64,
}

/// The traffic of a day in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayTraffic {
    /// `YYYY-MM-DD`.
    pub day: String,
    /// The endusers' currency.
    pub currency: String,
    /// Attempts.
    pub calls: i64,
    /// Of those, answered.
    pub answered: i64,
    /// Conversation in milliseconds.
    pub duration_ms: i64,
    /// What the endusers paid.
    pub cost: Amount,
}

impl Store {
    /// Asks for a period's maintenance. Whoever is told [`Turn::Yours`] does it and calls [`Store::maintenance_done`].
    ///
    /// # Errors
    /// The database takes no writes.
    pub async fn begin_maintenance(&self, period: &'static str, slot: &str) -> Result<Turn, Unavailable> {
        let slot = slot.to_owned();
        self.write(move |tx| -> Result<Turn, Stop<Unavailable>> {
            let now = tx.now_ms;
            let begun = tx.execute(
                "INSERT INTO maintenance (period, slot, at_ms) VALUES (?1, ?2, ?3) ON CONFLICT (period, slot) \
                 DO UPDATE SET at_ms = excluded.at_ms WHERE maintenance.done = 0 AND maintenance.at_ms < ?4",
                &values![period, &slot, now, now - TAKE_OVER_MS],
            )?;
            if begun > 0 {
                return Ok(Turn::Yours);
            }
            let row = tx.first(
                "SELECT done, at_ms, report FROM maintenance WHERE period = ?1 AND slot = ?2",
                &values![period, &slot],
            )?;
            Ok(match row {
                Some(row) if row.flag(0) => Turn::Done(Wall(row.int(1)), row.text(2)),
                _ => Turn::Running,
            })
        })
        .await
    }

    /// Writes down that it is done; without a report that it failed, and the next caller may try.
    ///
    /// # Errors
    /// The database takes no writes.
    pub async fn maintenance_done(
        &self,
        period: &'static str,
        slot: &str,
        report: Option<String>,
    ) -> Result<(), Unavailable> {
        let slot = slot.to_owned();
        self.write(move |tx| -> Result<(), Stop<Unavailable>> {
            match &report {
                Some(report) => tx.execute(
                    "UPDATE maintenance SET done = 1, at_ms = ?1, report = ?2 WHERE period = ?3 AND slot = ?4",
                    &values![tx.now_ms, report, period, &slot],
                )?,
                None => tx.execute(
                    "DELETE FROM maintenance WHERE period = ?1 AND slot = ?2 AND done = 0",
                    &values![period, &slot],
                )?,
            };
            Ok(())
        })
        .await
    }

    /// Removes what is older than it need be, in small transactions.
    ///
    /// # Errors
    /// The database takes no writes; what is gone by then stays gone.
    pub async fn prune_old(&self, keep: Retention, now: Wall) -> Result<Pruned, Unavailable> {
        let before = |days: u32| now.0 - i64::from(days) * DAY_MS;
        let mut pruned = Pruned::default();
        if keep.cdr > 0 {
            pruned.cdr = self.prune(before(keep.cdr), prune_cdrs).await?;
        }
        if keep.audit > 0 {
            pruned.audit = self.prune(before(keep.audit), prune_audit).await?;
        }
        if keep.line_state > 0 {
            pruned.line_state = self.prune(before(keep.line_state), prune_lines).await?;
        }
        Ok(pruned)
    }

    async fn prune(
        &self,
        before_ms: i64,
        some: fn(&mut Tx<'_>, i64) -> Result<u64, Fault>,
    ) -> Result<u64, Unavailable> {
        let mut all = 0;
        loop {
            let gone =
                self.write(move |tx| -> Result<u64, Stop<Unavailable>> { Ok(some(tx, before_ms)?) }).await?;
            all += gone;
            if gone < PRUNE_ROWS.unsigned_abs() {
                return Ok(all);
            }
        }
    }

    /// Sums up the call records of the day from `start` to `end` into `tb_cdrdays` and answers it.
    ///
    /// # Errors
    /// The database takes no writes.
    pub async fn sum_day(
        &self,
        day: &str,
        (start, end): (Wall, Wall),
    ) -> Result<Vec<DayTraffic>, Unavailable> {
        let day = day.to_owned();
        self.write(move |tx| -> Result<Vec<DayTraffic>, Stop<Unavailable>> {
            let rows = tx.query(
                "SELECT currency, count(*), CAST(sum(CASE WHEN status = 200 THEN 1 ELSE 0 END) AS BIGINT), \
                 CAST(sum(duration_ms) AS BIGINT), CAST(sum(cost_enduser) AS BIGINT) FROM cdr \
                 WHERE end_ms >= ?1 AND end_ms < ?2 GROUP BY currency ORDER BY currency",
                &values![start.0, end.0],
            )?;
            let mut days = Vec::new();
            for row in rows {
                let traffic = DayTraffic {
                    day: day.clone(),
                    currency: row.text(0),
                    calls: row.int(1),
                    answered: row.int(2),
                    duration_ms: row.int(3),
                    cost: row.micros(4),
                };
                tx.execute(
                    "INSERT INTO tb_cdrdays (day, currency, calls, answered, duration_ms, cost_enduser) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (day, currency) DO UPDATE SET \
                     calls = excluded.calls, answered = excluded.answered, duration_ms = excluded.duration_ms, \
                     cost_enduser = excluded.cost_enduser",
                    &values![
                        &traffic.day,
                        &traffic.currency,
                        traffic.calls,
                        traffic.answered,
                        traffic.duration_ms,
                        traffic.cost
                    ],
                )?;
                days.push(traffic);
            }
            Ok(days)
        })
        .await
    }

    /// Brings the free seconds and messages of every account with a packet to what the packet gives a month. `month`
    /// names the ledger's step, so that it happens once a month for each account. Returns how many accounts got some.
    ///
    /// # Errors
    /// The database cannot be read, or takes no writes; accounts that had their turn keep it.
    pub async fn grant_packets(&self, month: &str) -> Result<u64, ReadError> {
        let due = self
            .read::<_, ReadError>(Box::new(|conn| {
                let rows = conn?.query(
                    "SELECT a.id, p.freeminutes, p.freesms FROM account a JOIN tb_packets p ON p.id = a.packetid \
                     WHERE a.deleted_ms = 0 AND a.packetid > 0 ORDER BY a.id",
                    &[],
                )?;
                Ok(rows.iter().map(|row| (AccountId(row.int(0)), row.int(1), row.int(2))).collect::<Vec<_>>())
            }))
            .await?;
        let mut granted = 0;
        for some in due.chunks(ACCOUNTS) {
            let (some, month) = (some.to_vec(), month.to_owned());
            let body = move |tx: &mut Tx<'_>| -> Result<u64, Stop<Unavailable>> {
                tx.check_epoch::<Unavailable>()?;
                let mut granted = 0;
                for (id, minutes, messages) in &some {
                    granted += u64::from(grant(tx, *id, *minutes, *messages, &month)?);
                }
                Ok(granted)
            };
            granted += self.write(body).await.map_err(ReadError::Unavailable)?;
        }
        Ok(granted)
    }

    /// Takes the credit of prepaid accounts whose `creditelapsedt` has passed, as far as no running call holds it.
    /// Returns the accounts and what each lost.
    ///
    /// # Errors
    /// The database cannot be read, or takes no writes.
    pub async fn expire_credits(&self, now: Wall) -> Result<Vec<(AccountId, Amount)>, ReadError> {
        let today = date_text(now.0);
        let due = self
            .read::<_, ReadError>(Box::new(move |conn| {
                let rows = conn?.query(
                    "SELECT a.id, a.currency, p.creditelapsedt FROM account a JOIN account_profile p ON p.id = a.id \
                     JOIN balance b ON b.account_id = a.id AND b.unit = a.currency WHERE a.deleted_ms = 0 \
                     AND a.postpaid = 0 AND p.creditelapsedt <> '' AND p.creditelapsedt <= ?1 \
                     AND b.settled - b.held > 0 ORDER BY a.id",
                    &values![today],
                )?;
                let due = rows.iter().map(|row| (AccountId(row.int(0)), row.text(1), row.text(2)));
                Ok(due.collect::<Vec<_>>())
            }))
            .await?;
        let mut lost = Vec::new();
        for some in due.chunks(ACCOUNTS) {
            let some = some.to_vec();
            let body = move |tx: &mut Tx<'_>| -> Result<Vec<(AccountId, Amount)>, Stop<Unavailable>> {
                tx.check_epoch::<Unavailable>()?;
                let mut lost = Vec::new();
                for (id, unit, elapsed) in &some {
                    if let Some(amount) = expire(tx, *id, unit, elapsed)? {
                        lost.push((*id, amount));
                    }
                }
                Ok(lost)
            };
            lost.extend(self.write(body).await.map_err(ReadError::Unavailable)?);
        }
        Ok(lost)
    }

    /// Renews the statistics by which the database plans its queries, on a connection of its own.
    ///
    /// # Errors
    /// It cannot be reached, or refuses.
    pub async fn optimise(&self) -> Result<(), Unavailable> {
        let database = self.inner.options.database.clone();
        let work = move || -> Result<(), Fault> {
            let mut conn = Conn::writer(&database, std::sync::Arc::default())?;
            conn.limit(Some(OPTIMISE_LIMIT))?;
            match conn.engine() {
                // Bounded: it looks at a sample of each index.
                Engine::Sqlite => conn.batch("PRAGMA analysis_limit=400; PRAGMA optimize=0x10002;"),
                Engine::Postgres => conn.batch("ANALYZE"),
            }
        };
        let (sender, answer) = tokio::sync::oneshot::channel();
        let thread = std::thread::Builder::new().name("store-optimise".into());
        let spawned = thread.spawn(move || {
            // Whoever asked may have gone.
            let _ = sender.send(work().map_err(Unavailable::from));
        });
        spawned.map_err(|error| Unavailable::Fault { what: error.to_string() })?;
        answer.await.unwrap_or(Err(Unavailable::Closed))
    }
}

fn prune_cdrs(tx: &mut Tx<'_>, before_ms: i64) -> Result<u64, Fault> {
    // A call's journal is settled long before: what is left of it here is only the record.
    tx.execute(
        "DELETE FROM cdr_cost WHERE leg IN (SELECT leg FROM cdr WHERE end_ms < ?1 ORDER BY end_ms, id LIMIT ?2)",
        &values![before_ms, PRUNE_ROWS],
    )?;
    tx.execute(
        "DELETE FROM cdr WHERE id IN (SELECT id FROM cdr WHERE end_ms < ?1 ORDER BY end_ms, id LIMIT ?2)",
        &values![before_ms, PRUNE_ROWS],
    )
}

fn prune_audit(tx: &mut Tx<'_>, before_ms: i64) -> Result<u64, Fault> {
    tx.execute(
        "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at_ms < ?1 ORDER BY at_ms LIMIT ?2)",
        &values![before_ms, PRUNE_ROWS],
    )
}

fn prune_lines(tx: &mut Tx<'_>, before_ms: i64) -> Result<u64, Fault> {
    tx.execute(
        "DELETE FROM line_state WHERE id IN (SELECT id FROM line_state WHERE status = 0 AND status_ms < ?1 \
         ORDER BY id LIMIT ?2)",
        &values![before_ms, PRUNE_ROWS],
    )
}

/// What an account has of a unit: settled and held. The row is locked until the commit.
fn balance(tx: &mut Tx<'_>, id: AccountId, unit: &str) -> Result<(Amount, Amount), Fault> {
    let sql =
        format!("SELECT settled, held FROM balance WHERE account_id = ?1 AND unit = ?2{}", tx.for_update());
    let row = tx.first(&sql, &values![id, unit])?;
    Ok(row.map_or((Amount::ZERO, Amount::ZERO), |row| (row.micros(0), row.micros(1))))
}

/// The step is in the ledger already.
fn is_posted(tx: &mut Tx<'_>, step: &str) -> Result<bool, Fault> {
    Ok(tx.first("SELECT 1 FROM ledger WHERE step = ?1 LIMIT 1", &values![step])?.is_some())
}

/// What is left of last month lapses, what this month gives is there; running calls keep what they hold.
fn grant(
    tx: &mut Tx<'_>,
    id: AccountId,
    minutes: i64,
    messages: i64,
    month: &str,
) -> Result<bool, Stop<Unavailable>> {
    let step = format!("packet/{id}/{month}");
    if is_posted(tx, &step)? {
        return Ok(false);
    }
    let mut lines = Vec::new();
    for (unit, count) in [(Unit::Seconds, minutes.saturating_mul(60)), (Unit::Messages, messages)] {
        let (settled, held) = balance(tx, id, unit.code())?;
        let delta = Amount::units(count.clamp(0, 1_000_000_000)).max(held) - settled;
        if delta != Amount::ZERO {
            lines.extend(ledger::gift(id, unit, delta));
        }
    }
    if lines.is_empty() {
        return Ok(false);
    }
    tx.post(&step, "packet", month, &lines)?;
    Ok(true)
}

/// An account's credit lapses once for each date that it was given.
fn expire(
    tx: &mut Tx<'_>,
    id: AccountId,
    unit: &str,
    elapsed: &str,
) -> Result<Option<Amount>, Stop<Unavailable>> {
    let Ok(unit) = unit.parse::<Unit>() else { return Ok(None) };
    let (settled, held) = balance(tx, id, unit.code())?;
    let free = settled - held;
    if free <= Amount::ZERO {
        return Ok(None);
    }
    // A call that held part of it gives it back later: then the rest lapses in a step of its own.
    let step = format!("expiry/{id}/{}/{}", elapsed.replace(' ', "T"), tx.now_ms);
    tx.post(&step, "expiry", elapsed, &ledger::top_up(id, unit, -free))?;
    Ok(Some(free))
}
