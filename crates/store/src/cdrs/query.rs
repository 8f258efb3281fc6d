//! The SQL of a query for call records. Conditions stand on the narrow table, so that its indexes are used;
//! the columns come from `tb_cdrs`.

use strowger_model::Scope;

use super::{CdrBy, CdrFields, CdrKind, CdrOrder, CdrPage, CdrQuery, CdrSummary, Direction};
use crate::cell::Table;
use crate::db::{Conn, Engine, Fault, Value};
use crate::errors::ReadError;
use crate::offsets::Offsets;
use crate::scope::condition;

/// Rows of one page at most.
const MAX_PAGE: usize = 10_000;
/// Rows of one page unless asked otherwise.
const USUAL_PAGE: usize = 100;

/// Columns that are shown in the query's zone.
const DATES: [&str; 2] = ["datum", "callstartdate"];

const MIN: &str = "datum, callednumber, realduration, costenduser";
const NORMAL: &str = "id, datum, callstartdate, callerid, origcallerid, callednumber, realduration, costenduser, \
    unitprice, mark, sipcallid";
const REST: &str = "origduration, currency, direction, disccode, discreason, discby, codec, billingstep, billingentry, \
    resellerid, accessnumber, alegduration, blegduration, ringduration, calledid, payerid, dbcallsid, callid, comment, node, \
    mos";
const COSTS: &str =
    "costprovider, providercurrency, costsales, costcompany, costother, serverid, sentnumber, sipcallidb";

/// A condition with its parameters.
#[derive(Default)]
struct Filter {
    text: String,
    params: Vec<Value>,
}

impl Filter {
    /// Adds a condition; `{}` in it stands for the parameter.
    fn and(&mut self, condition: &str, param: Option<Value>) {
        if !self.text.is_empty() {
            self.text.push_str(" AND ");
        }
        match param {
            Some(value) => {
                self.params.push(value);
                self.text.push_str(&condition.replace("{}", &format!("?{}", self.params.len())));
            }
            None => self.text.push_str(condition),
        }
    }
}

/// A column of accounts that a scope covers; a NULL never is, except for everything.
fn covered(scope: Scope, column: &str) -> String {
    condition(scope, column)
}

fn filter(scope: Scope, query: &CdrQuery) -> Filter {
    let mut f = Filter::default();
    let (made, received) = (covered(scope, "c.caller"), covered(scope, "c.called"));
    let paid = covered(scope, "c.payer");
    match (query.direction, scope) {
        (Direction::All, Scope::All) => f.and("1 = 1", None),
        (Direction::All, _) => f.and(&format!("({made} OR {paid} OR {received})"), None),
        (Direction::Out, Scope::All) => f.and("c.caller IS NOT NULL", None),
        (Direction::Out, _) => f.and(&format!("({made} OR {paid})"), None),
        (Direction::In, Scope::All) => f.and("c.called IS NOT NULL", None),
        (Direction::In, _) => f.and(&received, None),
    }
    if let Some(id) = query.caller {
        f.and("c.caller = {}", Some(id.into()));
    }
    let text = query.caller_text.trim();
    if !text.is_empty() {
        f.and(
            "(c.presented = {} OR c.caller IN (SELECT a.id FROM account a WHERE lower(a.username) = lower({}) \
             OR CAST(a.id AS TEXT) = {}))",
            Some(text.into()),
        );
    }
    let called = query.called.trim();
    if !called.is_empty() {
        f.and(
            "(c.dialled = {} OR c.called IN (SELECT a.id FROM account a WHERE lower(a.username) = lower({})))",
            Some(called.into()),
        );
    }
    if let Some(from) = query.from {
        f.and("c.end_ms >= {}", Some(from.0.into()));
    }
    if let Some(to) = query.to {
        f.and("c.end_ms < {}", Some(to.0.into()));
    }
    match query.kind {
        CdrKind::All => {}
        CdrKind::Connected => f.and("c.duration_ms > 0", None),
        CdrKind::NotConnected => f.and("c.duration_ms = 0", None),
    }
    let prefix = query.prefix.trim().trim_start_matches('+');
    if !prefix.is_empty() {
        let param = f.params.len() + 1;
        f.and(
            &format!(
                "(substr(c.dialled, 1, length(?{param})) = {{}} OR \
                 substr(c.dialled, 1, length(?{param}) + 1) = '+' || {{}})"
            ),
            Some(prefix.into()),
        );
    }
    f
}

/// Runs the query.
pub(super) fn run(conn: &mut Conn, scope: Scope, query: &CdrQuery) -> Result<CdrPage, ReadError> {
    let filter = filter(scope, query);
    let max = if query.max == 0 { USUAL_PAGE } else { query.max.min(MAX_PAGE) };
    let start = query.cursor.unwrap_or(0).max(0);
    let summary = if query.summary { Some(summarise(conn, query, &filter)?) } else { None };
    let sql = match query.by {
        CdrBy::None => rows_sql(query, &filter, max, start),
        by => groups_sql(conn.engine(), by, query, &filter, max, start),
    };
    let answer = conn.ask(&sql, &filter.params, max)?;
    let cursor = answer.cut.then(|| start.saturating_add(i64::try_from(max).unwrap_or(i64::MAX)));
    let mut table = Table::from(answer);
    query.zone.localise(&mut table, &DATES);
    Ok(CdrPage { table, cursor, summary })
}

fn rows_sql(query: &CdrQuery, filter: &Filter, max: usize, start: i64) -> String {
    let mut columns = match query.fields {
        CdrFields::Min => MIN.to_owned(),
        CdrFields::Normal => NORMAL.to_owned(),
        CdrFields::All => format!("{NORMAL}, {REST}"),
    };
    if query.fields == CdrFields::All && query.costs {
        columns = format!("{columns}, {COSTS}, costenduser - costprovider AS profit");
    }
    let (inner, outer) = match query.order {
        CdrOrder::Date => ("c.end_ms DESC, c.id DESC", "datum DESC, id DESC"),
        CdrOrder::Caller => ("c.presented, c.id", "origcallerid, id"),
        CdrOrder::Called => ("c.dialled, c.id", "callednumber, id"),
        CdrOrder::User => ("c.caller, c.id", "callerid, id"),
    };
    format!(
        "SELECT {columns} FROM tb_cdrs WHERE id IN (SELECT c.id FROM cdr c WHERE {} ORDER BY {inner} LIMIT {} \
         OFFSET {start}) ORDER BY {outer}",
        filter.text,
        max + 1
    )
}

/// The calendar day of a call's end.
pub(crate) fn day_sql(engine: Engine, zone: &Offsets) -> String {
    let local = zone.sql("c.end_ms");
    match engine {
        Engine::Sqlite => format!("strftime('%Y-%m-%d', ({local})/1000, 'unixepoch')"),
        Engine::Postgres => format!("substr(strowger_text({local}), 1, 10)"),
    }
}

/// Micro-units summed, as a decimal number.
fn money(engine: Engine, column: &str) -> String {
    match engine {
        Engine::Sqlite => format!("round(sum({column})/1000000.0, 6)"),
        Engine::Postgres => format!("trim_scale(sum({column})::numeric/1000000)"),
    }
}

fn groups_sql(
    engine: Engine,
    by: CdrBy,
    query: &CdrQuery,
    filter: &Filter,
    max: usize,
    start: i64,
) -> String {
    let day = day_sql(engine, &query.zone);
    let (key, name) = match by {
        CdrBy::Day => (day.as_str(), "day, "),
        CdrBy::Caller => ("c.caller", "callerid, "),
        CdrBy::Called => ("c.dialled", "callednumber, "),
        CdrBy::None | CdrBy::All => ("", ""),
    };
    let label = if key.is_empty() { String::new() } else { format!("{key} AS {}", name) };
    let group =
        if key.is_empty() { String::new() } else { format!(" GROUP BY {key}, c.currency ORDER BY {key}") };
    let currency = if key.is_empty() { " GROUP BY c.currency ORDER BY c.currency" } else { "" };
    let profit = if query.costs && query.fields == CdrFields::All {
        format!(
            ", {} AS costprovider, {} AS profit",
            money(engine, "c.cost_provider"),
            money(engine, "c.cost_enduser - c.cost_provider")
        )
    } else {
        String::new()
    };
    format!(
        "SELECT {label}count(*) AS calls, CAST(sum(CASE WHEN c.duration_ms > 0 THEN 1 ELSE 0 END) AS BIGINT) AS connected, \
         CAST(sum((c.duration_ms+999)/1000) AS BIGINT) AS realduration, {} AS costenduser, c.currency AS currency{profit} \
         FROM cdr c WHERE {}{group}{currency} LIMIT {} OFFSET {start}",
        money(engine, "c.cost_enduser"),
        filter.text,
        max + 1
    )
}

fn summarise(conn: &mut Conn, query: &CdrQuery, filter: &Filter) -> Result<CdrSummary, Fault> {
    let sql = format!(
        "SELECT count(*), CAST(coalesce(sum(CASE WHEN c.duration_ms > 0 THEN 1 ELSE 0 END), 0) AS BIGINT), \
         CAST(coalesce(sum((c.duration_ms+999)/1000), 0) AS BIGINT), CAST(coalesce(sum(c.cost_enduser), 0) AS BIGINT), \
         CAST(coalesce(sum(c.cost_enduser - c.cost_provider), 0) AS BIGINT) FROM cdr c WHERE {}",
        filter.text
    );
    let row = conn.first(&sql, &filter.params)?;
    Ok(row.map_or_else(CdrSummary::default, |row| CdrSummary {
        calls: row.int(0),
        connected: row.int(1),
        duration_s: row.int(2),
        cost: row.micros(3),
        profit: query.costs.then(|| row.micros(4)),
    }))
}
