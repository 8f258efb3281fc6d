//! Loading what a node keeps in memory: everything but accounts. Accounts are in `accounts`.

use strowger_model::{AccountId, Wall};

use crate::cell::date_ms;
use crate::db::{Conn, Fault, Row, Value};
use crate::rows::{
    BlacklistRow, CliRow, CurrencyRow, HolidayRow, NumberRow, PacketRow, PortedRow, PriceEntryRow,
    PriceListRow, PriceRows, PriceTimeRow, RouteRow, Snapshot, micros,
};

fn small(row: &Row, column: usize) -> i32 {
    i32::try_from(row.int(column)).unwrap_or(i32::MAX)
}

fn seconds(row: &Row, column: usize) -> u32 {
    u32::try_from(row.int(column)).unwrap_or(0)
}

fn wall(row: &Row, column: usize) -> Option<Wall> {
    date_ms(&row.text(column)).map(Wall)
}

fn money(row: &Row, column: usize) -> strowger_model::Amount {
    micros(row.0.get(column).unwrap_or(&Value::Null))
}

/// Everything, with the change to follow from. The change is read first: what is loaded later may be newer.
pub(crate) fn snapshot(conn: &mut Conn, keyring: &crate::keyring::Keyring) -> Result<Snapshot, Fault> {
    let seq = last_change(conn)?;
    Ok(Snapshot {
        seq,
        accounts: crate::accounts::all(conn, keyring)?,
        prices: prices(conn)?,
        routes: routes(conn)?,
        numbers: numbers(conn)?,
        clis: clis(conn)?,
        settings: settings(conn)?,
        currencies: currencies(conn)?,
        blacklist: blacklist(conn)?,
        ported: ported(conn)?,
        holidays: holidays(conn)?,
    })
}

/// The newest change.
pub(crate) fn last_change(conn: &mut Conn) -> Result<i64, Fault> {
    Ok(conn.first("SELECT coalesce(max(seq), 0) FROM changes", &[])?.map_or(0, |row| row.int(0)))
}

/// The columns of an entry.
const ENTRIES: &str = "SELECT id, billsourceid, prefix, direction, price, connectfee, billingstep, minammount, \
                       freeammount, freeafter, currency, validfrom, validto FROM tb_billentries";

/// Price lists.
pub(crate) fn price_lists(conn: &mut Conn) -> Result<Vec<PriceListRow>, Fault> {
    let lists =
        conn.query("SELECT id, name, resellerid, currency, isdefault FROM tb_billsources ORDER BY id", &[])?;
    Ok(lists.iter().map(list).collect())
}

/// The entries of one list, the oldest first.
pub(crate) fn entries_of(conn: &mut Conn, list: i64) -> Result<Vec<PriceEntryRow>, Fault> {
    let rows = conn.query(&format!("{ENTRIES} WHERE billsourceid = ?1 ORDER BY id"), &[Value::Int(list)])?;
    Ok(rows.iter().map(entry).collect())
}

/// Price lists, entries, times and packets.
pub(crate) fn prices(conn: &mut Conn) -> Result<PriceRows, Fault> {
    let lists = price_lists(conn)?;
    let entries = conn.query(&format!("{ENTRIES} ORDER BY id"), &[])?;
    let times = conn.query(
        "SELECT id, billentryid, timetype, fromtime, totime, isdiff, price FROM tb_billingtimes ORDER BY id",
        &[],
    )?;
    let packets =
        conn.query("SELECT id, name, billsourceid, freeminutes, freesms FROM tb_packets ORDER BY id", &[])?;
    Ok(PriceRows {
        lists,
        entries: entries.iter().map(entry).collect(),
        times: times.iter().map(time).collect(),
        packets: packets.iter().map(packet).collect(),
    })
}

fn list(row: &Row) -> PriceListRow {
    PriceListRow {
        id: row.int(0),
        name: row.text(1),
        reseller: row.account(2),
        currency: row.text(3).parse().ok(),
        is_default: row.flag(4),
    }
}

fn entry(row: &Row) -> PriceEntryRow {
    PriceEntryRow {
        id: row.int(0),
        list: row.int(1),
        prefix: row.text(2),
        direction: row.text(3),
        price: money(row, 4),
        connect_fee: money(row, 5),
        billing_step: seconds(row, 6).max(1),
        min_amount: money(row, 7),
        free_amount: money(row, 8),
        free_after: seconds(row, 9),
        currency: row.text(10).parse().ok(),
        valid_from: wall(row, 11),
        valid_to: wall(row, 12),
    }
}

fn time(row: &Row) -> PriceTimeRow {
    PriceTimeRow {
        id: row.int(0),
        entry: row.int(1),
        time_type: small(row, 2),
        from: row.text(3),
        to: row.text(4),
        is_diff: row.flag(5),
        price: money(row, 6),
    }
}

fn packet(row: &Row) -> PacketRow {
    PacketRow {
        id: row.int(0),
        name: row.text(1),
        list: row.opt_int(2).filter(|id| *id != 0),
        free_minutes: row.int(3),
        free_sms: row.int(4),
    }
}

/// Routes.
pub(crate) fn routes(conn: &mut Conn) -> Result<Vec<RouteRow>, Fault> {
    let rows = conn.query(
        "SELECT id, name, prefix, caller, serverid, priority, weight, timetype, enabled FROM tb_routing ORDER BY id",
        &[],
    )?;
    Ok(rows
        .iter()
        .map(|row| RouteRow {
            id: row.int(0),
            name: row.text(1),
            prefix: row.text(2),
            caller: row.text(3),
            server: AccountId(row.int(4)),
            priority: small(row, 5),
            weight: small(row, 6),
            time_type: small(row, 7),
            enabled: row.flag(8),
        })
        .collect())
}

/// The number pool.
pub(crate) fn numbers(conn: &mut Conn) -> Result<Vec<NumberRow>, Fault> {
    let rows = conn.query(
        "SELECT id, number, userid, free, location, reserveduntil FROM tb_phonenumbers ORDER BY id",
        &[],
    )?;
    Ok(rows.iter().map(number).collect())
}

/// One number; columns as in [`numbers`].
pub(crate) fn number(row: &Row) -> NumberRow {
    NumberRow {
        id: row.int(0),
        number: row.text(1),
        owner: row.account(2),
        free: row.flag(3),
        location: row.text(4),
        reserved_until: wall(row, 5),
    }
}

/// Numbers by which accounts are known.
pub(crate) fn clis(conn: &mut Conn) -> Result<Vec<CliRow>, Fault> {
    let rows = conn.query("SELECT userid, number, callback FROM tb_users_cli ORDER BY id", &[])?;
    let cli =
        |row: &Row| CliRow { account: AccountId(row.int(0)), number: row.text(1), callback: row.flag(2) };
    Ok(rows.iter().map(cli).collect())
}

/// Global configuration.
pub(crate) fn settings(conn: &mut Conn) -> Result<Vec<(String, String)>, Fault> {
    let rows = conn.query("SELECT name, value FROM tb_settings ORDER BY name", &[])?;
    Ok(rows.iter().map(|row| (row.text(0), row.text(1))).collect())
}

/// Currencies; rows whose code is no currency are left out.
pub(crate) fn currencies(conn: &mut Conn) -> Result<Vec<CurrencyRow>, Fault> {
    let rows = conn.query("SELECT code, rate, digits FROM tb_currencies ORDER BY code", &[])?;
    let currency = |row: &Row| {
        Some(CurrencyRow {
            code: row.text(0).parse().ok()?,
            rate_micros: money(row, 1).0,
            digits: u8::try_from(row.int(2)).unwrap_or(2),
        })
    };
    Ok(rows.iter().filter_map(currency).collect())
}

/// Blocked numbers.
pub(crate) fn blacklist(conn: &mut Conn) -> Result<Vec<BlacklistRow>, Fault> {
    let rows = conn.query("SELECT id, number, userid, type FROM tb_blacklist ORDER BY id", &[])?;
    Ok(rows
        .iter()
        .map(|row| BlacklistRow {
            id: row.int(0),
            number: row.text(1),
            user: row.account(2),
            kind: small(row, 3),
        })
        .collect())
}

/// Ported numbers.
pub(crate) fn ported(conn: &mut Conn) -> Result<Vec<PortedRow>, Fault> {
    let rows =
        conn.query("SELECT id, number, routingnumber, operator FROM tb_portednumbers ORDER BY id", &[])?;
    Ok(rows
        .iter()
        .map(|row| PortedRow {
            id: row.int(0),
            number: row.text(1),
            routing_number: row.text(2),
            operator: row.text(3),
        })
        .collect())
}

/// Holidays.
pub(crate) fn holidays(conn: &mut Conn) -> Result<Vec<HolidayRow>, Fault> {
    let rows = conn.query("SELECT id, date, country FROM tb_holidays ORDER BY id", &[])?;
    Ok(rows
        .iter()
        .map(|row| HolidayRow { id: row.int(0), date: row.text(1), country: row.text(2) })
        .collect())
}
