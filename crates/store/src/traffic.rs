//! Traffic, quality and money of calls, summed by day, destination, account or trunk; and filling in what records lack.

use strowger_model::{AccountId, Scope, Wall};

use crate::cdrs::query::day_sql;
use crate::cell::Table;
use crate::db::{Conn, Engine, Fault, Value, values};
use crate::errors::{ReadError, Unavailable};
use crate::offsets::Offsets;
use crate::scope::condition;
use crate::store::Store;
use crate::tx::{Stop, Tx};

/// Groups of one report.
const MAX_GROUPS: usize = 10_000;
/// Records that one step fills in.
pub const MAX_BATCH: usize = 1_000;

/// What calls are summed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrafficBy {
    /// The calendar day on which they ended.
    Day,
    /// The destination's name.
    Destination,
    /// The paying account.
    Account,
    /// The trunk.
    Trunk,
}

/// A record without the name of its destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nameless {
    /// `tb_cdrs.id`.
    pub id: i64,
    /// Who pays, else who called.
    pub payer: AccountId,
    /// The number dialled.
    pub dialled: String,
    /// When the call began.
    pub start: Wall,
}

impl Store {
    /// Sums over the calls in scope that ended in a period, one row per group and currency; days are those of the zone.
    ///
    /// # Errors
    /// The database cannot be read, or it takes longer than readers may.
    pub async fn traffic(
        &self,
        scope: Scope,
        by: TrafficBy,
        (from, to): (Wall, Wall),
        zone: Offsets,
    ) -> Result<Table, ReadError> {
        self.read(Box::new(move |conn| Ok(traffic(conn?, scope, by, (from, to), &zone)?))).await
    }

    /// Records since a time that lack the name of their destination, above an id, in the order of their ids.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn nameless(&self, from: Wall, after: i64) -> Result<Vec<Nameless>, ReadError> {
        self.read(Box::new(move |conn| {
            let rows = conn?.query(
                "SELECT id, coalesce(payer, caller, 0), dialled, start_ms FROM cdr \
                 WHERE end_ms >= ?1 AND id > ?2 AND direction = '' ORDER BY id LIMIT ?3",
                &values![from.0, after, MAX_BATCH as u64],
            )?;
            let nameless = |row: &crate::db::Row| Nameless {
                id: row.int(0),
                payer: AccountId(row.int(1)),
                dialled: row.text(2),
                start: Wall(row.int(3)),
            };
            Ok(rows.iter().map(nameless).collect())
        }))
        .await
    }

    /// Fills in names of destinations; a record that has one keeps it. Returns how many were filled in.
    ///
    /// # Errors
    /// The database takes no writes.
    pub async fn name_destinations(&self, names: Vec<(i64, String)>) -> Result<u64, Unavailable> {
        self.write(move |tx: &mut Tx<'_>| -> Result<u64, Stop<Unavailable>> {
            tx.check_epoch()?;
            let mut changed = 0;
            for (id, name) in &names {
                changed += tx.execute(
                    "UPDATE cdr SET direction = ?1 WHERE id = ?2 AND direction = ''",
                    &values![name, *id],
                )?;
            }
            Ok(changed)
        })
        .await
    }
}

fn traffic(
    conn: &mut Conn,
    scope: Scope,
    by: TrafficBy,
    (from, to): (Wall, Wall),
    zone: &Offsets,
) -> Result<Table, Fault> {
    let engine = conn.engine();
    let day = day_sql(engine, zone);
    let name = |column: &str| format!("(SELECT a.username FROM account a WHERE a.id = {column})");
    let (key, columns) = match by {
        TrafficBy::Day => (day.as_str(), format!("{day} AS day")),
        TrafficBy::Destination => ("c.direction", "c.direction AS direction".to_owned()),
        TrafficBy::Account => ("c.payer", format!("c.payer AS userid, {} AS username", name("c.payer"))),
        TrafficBy::Trunk => ("c.server", format!("c.server AS serverid, {} AS username", name("c.server"))),
    };
    let money = |column: &str| match engine {
        Engine::Sqlite => format!("round(sum({column})/1000000.0, 6)"),
        Engine::Postgres => format!("trim_scale(sum({column})::numeric/1000000)"),
    };
    // Sums in whole milliseconds and tenths, so that both engines divide alike.
    // PostgreSQL's sum of whole numbers is a decimal.
    let whole = |what: &str| format!("CAST(sum({what}) AS BIGINT)");
    let answered = "sum(CASE WHEN c.duration_ms > 0 THEN 1 ELSE 0 END)";
    let mean = |sum: &str, count: &str| {
        let tenths = format!("(({sum}) * 10 / nullif({count}, 0))");
        match engine {
            Engine::Sqlite => format!("round({tenths} / 10.0, 1)"),
            Engine::Postgres => format!("trim_scale(({tenths})::numeric / 10)"),
        }
    };
    let scope = match scope {
        Scope::All => "1 = 1".to_owned(),
        scope => format!("({} OR {})", condition(scope, "c.caller"), condition(scope, "c.payer")),
    };
    let sql = format!(
        "SELECT {columns}, count(*) AS calls, CAST({answered} AS BIGINT) AS connected, \
         {asr} AS asr, {acd} AS acd, {pdd} AS pdd, {mos} AS mos, \
         CAST(sum((c.duration_ms+999)/1000) AS BIGINT) AS realduration, {revenue} AS costenduser, \
         {cost} AS costprovider, {profit} AS profit, c.currency AS currency FROM cdr c \
         WHERE c.end_ms >= ?1 AND c.end_ms < ?2 AND {scope} GROUP BY {key}, c.currency ORDER BY {key}, c.currency",
        asr = mean(&format!("{answered} * 100"), "count(*)"),
        acd = mean(&whole("c.duration_ms"), &format!("({answered} * 1000)")),
        // From the INVITE to the first ringing or answer of answered calls: what is neither ringing nor talking.
        pdd = mean(
            &whole(
                "CASE WHEN c.duration_ms > 0 THEN c.total_ms - c.duration_ms - coalesce(c.ring_ms, 0) ELSE 0 END"
            ),
            &format!("({answered} * 1000)")
        ),
        // Of the calls in which enough was heard.
        mos = {
            let hundredths = format!("{} / nullif(count(c.mos), 0)", whole("c.mos"));
            match engine {
                Engine::Sqlite => format!("round({hundredths} / 100.0, 2)"),
                Engine::Postgres => format!("trim_scale(({hundredths})::numeric / 100)"),
            }
        },
        revenue = money("c.cost_enduser"),
        cost = money("c.cost_provider"),
        profit = money("c.cost_enduser - c.cost_provider"),
    );
    let params: Vec<Value> = vec![from.0.into(), to.0.into()];
    Ok(Table::from(conn.ask(&sql, &params, MAX_GROUPS)?))
}
