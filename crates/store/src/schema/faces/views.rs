//! The text of the views, the same on both engines but for two expressions.

use std::fmt::Write;

use crate::db::Engine;
use crate::schema::faces::ms_text;
use crate::schema::{COLUMNS, ColumnKind, Place};

/// What stands in `password` and `pin` where one is set. Writing it back changes nothing.
pub(super) const MASK: &str = "***";

/// A micro-unit column as a decimal number.
fn decimal(engine: Engine, expression: &str, micros: u64) -> String {
    match engine {
        Engine::Sqlite => format!("coalesce({expression}, 0)/{micros}.0"),
        Engine::Postgres => {
            format!("trim_scale(coalesce({expression}, 0)::numeric/{micros})")
        }
    }
}

/// `CREATE VIEW tb_users …`.
pub(super) fn tb_users(engine: Engine) -> String {
    let mut list = String::new();
    for column in &COLUMNS {
        let name = column.name;
        let expression = match (column.place, name) {
            (Place::Account, _) if column.kind == ColumnKind::Secret => {
                format!("CASE WHEN a.{name} = '' THEN '' ELSE '{MASK}' END")
            }
            (Place::Account, _) => format!("a.{name}"),
            (Place::Profile, _) => format!("p.{name}"),
            (Place::Line, "status") => "coalesce(l.status, 0)".to_owned(),
            (Place::Line, _) => ms_text(engine, "l.status_ms"),
            (Place::Balance, "credit") => decimal(engine, "b.settled", 1_000_000),
            // A free minute is sixty seconds of the unit sec.
            (Place::Balance, "freeminutesleft") => decimal(engine, "s.settled", 60_000_000),
            (Place::Balance, _) => decimal(engine, "m.settled", 1_000_000),
            (Place::Computed, "held") => decimal(engine, "b.held", 1_000_000),
            (Place::Computed, _) => ms_text(engine, "a.created_ms"),
        };
        let comma = if list.is_empty() { "" } else { ",\n  " };
        let _ = write!(list, "{comma}{expression} AS {name}");
    }
    format!(
        "CREATE VIEW tb_users AS SELECT\n  {list}\nFROM account a\n\
         LEFT JOIN account_profile p ON p.id = a.id\n\
         LEFT JOIN line_state l ON l.id = a.id\n\
         LEFT JOIN balance b ON b.account_id = a.id AND b.unit = a.currency\n\
         LEFT JOIN balance s ON s.account_id = a.id AND s.unit = 'sec'\n\
         LEFT JOIN balance m ON m.account_id = a.id AND m.unit = 'msg'\n\
         WHERE a.deleted_ms = 0;\n"
    )
}

/// `CREATE VIEW tb_cdrs …`: durations in seconds, money as decimals, dates as text. A second that has begun counts,
/// as it does in the charge: so the duration explains the cost.
pub(super) fn tb_cdrs(engine: Engine) -> String {
    let money = |column: &str| decimal(engine, column, 1_000_000);
    let sales = decimal(
        engine,
        "(SELECT k.amount FROM cdr_cost k WHERE k.leg = c.leg ORDER BY k.level LIMIT 1)",
        1_000_000,
    );
    format!(
        "CREATE VIEW tb_cdrs AS SELECT c.id AS id, {end} AS datum, {start} AS callstartdate, c.caller AS callerid,\n  \
         c.dialled AS callednumber, c.presented AS origcallerid, c.sip_call_id AS sipcallid,\n  \
         (c.duration_ms+999)/1000 AS realduration, (c.total_ms+999)/1000 AS origduration,\n  \
         {enduser} AS costenduser, {provider} AS costprovider, {sales} AS costsales, 0 AS costcompany, 0 AS costother,\n  \
         {price} AS unitprice, c.billing_step AS billingstep, c.price_entry AS billingentry, c.reseller AS resellerid,\n  \
         '' AS accessnumber, (c.total_ms+999)/1000 AS alegduration, (c.duration_ms+999)/1000 AS blegduration,\n  \
         c.mark AS mark, 0 AS dirid, c.comment AS comment, c.leg AS dbcallsid, c.call AS callid, c.payer AS payerid,\n  \
         c.called AS calledid, c.server AS serverid, c.sent AS sentnumber, c.sip_call_id_b AS sipcallidb,\n  \
         (c.ring_ms+500)/1000 AS ringduration, c.currency AS currency, c.provider_currency AS providercurrency,\n  \
         c.direction AS direction, c.status AS disccode, c.reason AS discreason, c.ended_by AS discby,\n  \
         c.codec AS codec, c.node AS node, {mos} AS mos\nFROM cdr c;\n",
        end = ms_text(engine, "c.end_ms"),
        start = ms_text(engine, "c.start_ms"),
        enduser = money("c.cost_enduser"),
        provider = money("c.cost_provider"),
        price = money("c.unit_price"),
        mos = match engine {
            Engine::Sqlite => "c.mos/100.0",
            Engine::Postgres => "trim_scale(c.mos::numeric/100)",
        },
    )
}

/// `CREATE VIEW tb_cdrresellers …`.
pub(super) fn tb_cdrresellers(engine: Engine) -> String {
    format!(
        "CREATE VIEW tb_cdrresellers AS SELECT k.id AS id, c.id AS cdrid, k.account_id AS resellerid, k.level AS level,\n  \
         k.unit AS currency, {cost} AS cost, {price} AS unitprice, k.price_entry AS billingentry, {end} AS datum\n\
         FROM cdr_cost k JOIN cdr c ON c.leg = k.leg;\n",
        cost = decimal(engine, "k.amount", 1_000_000),
        price = decimal(engine, "k.unit_price", 1_000_000),
        end = ms_text(engine, "c.end_ms"),
    )
}
