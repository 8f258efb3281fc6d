//! Accounts as the switch keeps them: `account` joined with its profile, passwords in clear in memory only.
//! Secrets that outside SQL wrote in clear are encrypted in the database when they are first read.

use std::collections::BTreeMap;
use std::net::IpAddr;

use strowger_model::account::{Forwarding, IpRange, Server, Transport};
use strowger_model::{Account, AccountId, AccountKind, NeedAuth, Secret, Unit};

use crate::db::{Conn, Fault, Row, values};
use crate::errors::Unavailable;
use crate::keyring::Keyring;
use crate::schema::SECRETS;
use crate::store::Store;
use crate::tx::{Stop, Tx};

/// The SIP port where none is set.
const SIP_PORT: u16 = 5060;

const SELECT: &str = "SELECT a.id, a.type, a.parentid, a.username, a.password, a.pin, a.rowkey, a.rights, a.enabled, \
    a.temporarydisabled, a.currency, a.postpaid, a.billinguserid, a.packetid, a.billsourceid, a.usergroup, a.needauth, \
    a.techprefix, a.ip, a.authip, a.port, a.domainname, a.proxy, a.transport, a.needregister, a.sendstraffic, \
    a.maxlines, p.name, p.displayname, p.phone, p.callbacknumber, p.country, p.enabledprefixes, p.blockprefixes, \
    p.digestalgorithms, p.forwardalways, p.forwardonbusy, p.forwardonnoanswer, p.noanswertimeout, p.iscallback, \
    CASE WHEN EXISTS (SELECT 1 FROM balance s WHERE s.account_id = a.id AND s.unit = 'sec' AND s.settled > 0) \
    THEN 1 ELSE 0 END \
    FROM account a LEFT JOIN account_profile p ON p.id = a.id WHERE a.deleted_ms = 0";

/// Every account that is not deleted.
pub(crate) fn all(conn: &mut Conn, keyring: &Keyring) -> Result<Vec<Account>, Fault> {
    let rows = conn.query(&format!("{SELECT} ORDER BY a.id"), &[])?;
    let mut ranges: BTreeMap<i64, Vec<IpRange>> = BTreeMap::new();
    for row in conn.query("SELECT userid, ip FROM tb_users_authip ORDER BY id", &[])? {
        ranges.entry(row.int(0)).or_default().extend(parse_ranges(&row.text(1)));
    }
    Ok(rows.iter().map(|row| account(row, ranges.remove(&row.int(0)), keyring)).collect())
}

/// The accounts of these ids that exist.
pub(crate) fn some(conn: &mut Conn, keyring: &Keyring, ids: &[AccountId]) -> Result<Vec<Account>, Fault> {
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        let Some(row) = conn.first(&format!("{SELECT} AND a.id = ?1"), &values![*id])? else { continue };
        let addresses = conn.query("SELECT ip FROM tb_users_authip WHERE userid = ?1", &values![*id])?;
        let ranges = addresses.iter().flat_map(|row| parse_ranges(&row.text(0))).collect();
        found.push(account(&row, Some(ranges), keyring));
    }
    Ok(found)
}

fn account(row: &Row, more_ranges: Option<Vec<IpRange>>, keyring: &Keyring) -> Account {
    let id = AccountId(row.int(0));
    let rowkey = row.text(6);
    let secret = |column: usize, name: &str| {
        keyring.open(&row.text(column), name, &rowkey).unwrap_or_else(|error| {
            tracing::error!(account = %id, column = name, %error);
            Secret::default()
        })
    };
    let kind = AccountKind::from_number(i32::try_from(row.int(1)).unwrap_or(-1));
    let mut ranges = parse_ranges(&row.text(19));
    ranges.extend(more_ranges.unwrap_or_default());
    let text = |column: usize| row.text(column).into_boxed_str();
    let number = |column: usize| row.opt_int(column).filter(|n| *n != 0);
    let need_auth = i32::try_from(row.int(16)).ok().and_then(NeedAuth::from_number);
    Account {
        id,
        kind,
        parent: row.account(2),
        billing_account: row.account(12),
        username: text(3),
        password: secret(4, "password"),
        name: text(27),
        display_name: text(28),
        phone: text(29),
        callback_number: text(30),
        country: text(31),
        pin: secret(5, "pin"),
        rights: i32::try_from(row.int(7)).unwrap_or(0),
        // An unknown needauth is refused rather than opened.
        active: row.flag(8) && !row.flag(9) && need_auth.is_some(),
        currency: row.text(10).parse().unwrap_or(Unit::USD),
        postpaid: row.flag(11),
        packet: number(13),
        free_minutes: row.flag(40),
        price_list: number(14),
        group: number(15),
        need_auth: need_auth.unwrap_or(NeedAuth::UserPassword),
        auth_ip: ranges.into(),
        tech_prefix: text(17),
        enabled_prefixes: list(&row.text(32)),
        block_prefixes: list(&row.text(33)),
        max_lines: number(26).and_then(|n| u32::try_from(n).ok()),
        forwarding: forwarding(row),
        digest_algorithms: text(34),
        is_callback: row.flag(39),
        server: matches!(kind, AccountKind::SipServer | AccountKind::TrafficSender)
            .then(|| Box::new(server(row, kind))),
    }
}

fn forwarding(row: &Row) -> Forwarding {
    Forwarding {
        always: row.text(35).into(),
        on_busy: row.text(36).into(),
        on_no_answer: row.text(37).into(),
        no_answer_ms: u32::try_from(row.int(38)).ok().filter(|s| *s > 0).map(|s| s.saturating_mul(1000)),
    }
}

fn server(row: &Row, kind: AccountKind) -> Server {
    let transport = match row.text(23).to_ascii_lowercase().as_str() {
        "tcp" => Transport::Tcp,
        "tls" => Transport::Tls,
        _ => Transport::Udp,
    };
    Server {
        ip: row.text(18).trim().parse().ok(),
        domain: row.text(21).into(),
        port: u16::try_from(row.int(20)).ok().filter(|port| *port != 0).unwrap_or(SIP_PORT),
        proxy: row.text(22).into(),
        transport,
        register: row.flag(24),
        sends_traffic: kind == AccountKind::TrafficSender || row.flag(25),
    }
}

/// Prefixes separated by commas, semicolons or blanks.
fn list(text: &str) -> Box<[Box<str>]> {
    text.split([',', ';', ' ']).filter(|p| !p.is_empty()).map(Box::from).collect()
}

/// Addresses, `A-B` ranges and `A/bits` networks, separated by commas, semicolons or blanks. What is none is left out.
pub(crate) fn parse_ranges(text: &str) -> Vec<IpRange> {
    text.split([',', ';', ' ']).filter_map(parse_range).collect()
}

fn parse_range(text: &str) -> Option<IpRange> {
    if let Some((first, last)) = text.split_once('-') {
        return Some(IpRange { first: first.trim().parse().ok()?, last: last.trim().parse().ok()? });
    }
    if let Some((network, bits)) = text.split_once('/') {
        let bits: u32 = bits.parse().ok()?;
        return match network.parse().ok()? {
            IpAddr::V4(address) if bits <= 32 => {
                let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
                let first = address.to_bits() & mask;
                Some(IpRange { first: IpAddr::V4(first.into()), last: IpAddr::V4((first | !mask).into()) })
            }
            IpAddr::V6(address) if bits <= 128 => {
                let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
                let first = address.to_bits() & mask;
                Some(IpRange { first: IpAddr::V6(first.into()), last: IpAddr::V6((first | !mask).into()) })
            }
            _ => None,
        };
    }
    let address = text.parse().ok()?;
    Some(IpRange { first: address, last: address })
}

/// Encrypts what outside SQL wrote in clear, in these accounts or in all. Returns how many rows there were.
pub(crate) fn seal_clear(store: &Store, ids: Option<&[AccountId]>) -> Result<u64, Unavailable> {
    let clear = SECRETS.map(|name| format!("({name} <> '' AND substr({name}, 1, 5) <> 'enc1:')"));
    let mut sql =
        format!("SELECT id, rowkey, {} FROM account WHERE ({})", SECRETS.join(", "), clear.join(" OR "));
    if let Some(ids) = ids {
        let list: Vec<String> = ids.iter().map(ToString::to_string).collect();
        sql.push_str(&format!(
            " AND id IN ({})",
            if list.is_empty() { "0".to_owned() } else { list.join(", ") }
        ));
    }
    store.write_blocking(move |tx: &mut Tx<'_>| -> Result<u64, Stop<Unavailable>> {
        let rows = tx.query(&sql, &[])?;
        let mut sealed = 0;
        for row in &rows {
            for (index, name) in SECRETS.into_iter().enumerate() {
                let clear = row.text(index + 2);
                if clear.is_empty() || Keyring::is_sealed(&clear) {
                    continue;
                }
                let stored = seal(tx, &clear, name, &row.text(1))?;
                tx.execute(
                    &format!("UPDATE account SET {name} = ?1 WHERE id = ?2"),
                    &values![stored, row.int(0)],
                )?;
            }
            sealed += 1;
        }
        Ok(sealed)
    })
}

/// The secrets of an account in clear, for a comparison; in the order of [`SECRETS`].
pub(crate) fn opened(
    conn: &mut Conn,
    keyring: &Keyring,
    id: AccountId,
) -> Result<Option<Vec<Secret>>, Fault> {
    let sql = format!("SELECT rowkey, {} FROM account WHERE id = ?1", SECRETS.join(", "));
    let row = conn.first(&sql, &values![id])?;
    Ok(row.and_then(|row| {
        let open = |(index, name): (usize, &str)| keyring.open(&row.text(index + 1), name, &row.text(0)).ok();
        SECRETS.into_iter().enumerate().map(open).collect()
    }))
}

/// Compares without telling by its duration where the first difference is.
pub(crate) fn constant_time_equal(a: &[u8], b: &[u8]) -> bool {
    let difference = a.iter().zip(b).fold(a.len() ^ b.len(), |d, (x, y)| d | usize::from(x ^ y));
    difference == 0
}

/// Encrypts a clear text for a column of a row.
pub(crate) fn seal(tx: &Tx<'_>, clear: &str, column: &str, rowkey: &str) -> Result<String, Fault> {
    tx.keyring.seal(clear, column, rowkey).map_err(|e| Fault::Statement(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_lists_are_read() {
        let ranges = parse_ranges("192.0.2.1, 10.0.0.0/8;198.51.100.1-198.51.100.9 nonsense 2001:db8::/32");
        let texts: Vec<String> = ranges.iter().map(|r| format!("{}-{}", r.first, r.last)).collect();
        assert_eq!(
            texts,
            [
                "192.0.2.1-192.0.2.1",
                "10.0.0.0-10.255.255.255",
                "198.51.100.1-198.51.100.9",
                "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"
            ]
        );
        assert!(parse_ranges("10.0.0.0/33").is_empty());
        assert_eq!(parse_ranges("0.0.0.0/0")[0].last.to_string(), "255.255.255.255");
    }
}
