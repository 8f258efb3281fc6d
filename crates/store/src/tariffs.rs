//! Price lists as whole things: made, removed, compared with a new version and brought up to it in one transaction.
//! What a price means is `billing`'s business; single rows can still be written by SQL.

use std::collections::BTreeMap;

use strowger_model::{AccountId, Amount, Scope, Unit, Wall};

use crate::cell::{date_ms, date_text};
use crate::db::values;
use crate::errors::{ReadError, UserError};
use crate::load;
use crate::rows::{PriceEntryRow, PriceListRow};
use crate::store::Store;
use crate::tx::{Stop, Tx};

/// One line of a price list, as it is exchanged: what it is about, without its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// The beginning of the called number.
    pub prefix: String,
    /// The destination's name.
    pub direction: String,
    /// Per minute.
    pub price: Amount,
    /// Once a call.
    pub connect_fee: Amount,
    /// Seconds.
    pub billing_step: u32,
    /// The least that a call costs.
    pub min_amount: Amount,
    /// What of a call is free.
    pub free_amount: Amount,
    /// Seconds after which a call is free.
    pub free_after: u32,
    /// None: the list's.
    pub currency: Option<Unit>,
    /// From when it holds.
    pub valid_from: Option<Wall>,
    /// Until when.
    pub valid_to: Option<Wall>,
}

impl Price {
    /// By what two versions of a list know the same line.
    fn key(&self) -> Key {
        (self.prefix.clone(), self.valid_from)
    }
}

/// A prefix, and from when it holds.
type Key = (String, Option<Wall>);

impl From<PriceEntryRow> for Price {
    fn from(row: PriceEntryRow) -> Self {
        Self {
            prefix: row.prefix,
            direction: row.direction,
            price: row.price,
            connect_fee: row.connect_fee,
            billing_step: row.billing_step,
            min_amount: row.min_amount,
            free_amount: row.free_amount,
            free_after: row.free_after,
            currency: row.currency,
            valid_from: row.valid_from,
            valid_to: row.valid_to,
        }
    }
}

/// What becomes of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PriceChange {
    /// It is new.
    Added(Price),
    /// It has other values.
    Changed {
        /// As it was.
        old: Price,
        /// As it will be.
        new: Price,
    },
    /// It is no longer in the list.
    Removed(Price),
}

/// What an import did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PriceImport {
    /// In the order of the new version; removed lines last.
    pub changes: Vec<PriceChange>,
    /// Lines that stay as they are.
    pub unchanged: u64,
}

/// A new price list.
#[derive(Debug, Clone)]
pub struct NewPriceList {
    /// Its name, unique without regard to case.
    pub name: String,
    /// The currency of its prices; none: the default currency.
    pub currency: Option<Unit>,
    /// Whose customers it is for; none: everybody's.
    pub reseller: Option<AccountId>,
    /// It holds for whoever has no other.
    pub is_default: bool,
}

/// What uses a price list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PriceListUse {
    /// Its lines.
    pub entries: u64,
    /// Accounts and servers that name it.
    pub accounts: u64,
    /// Packets that name it.
    pub packets: u64,
}

/// `YYYY-MM-DD`, optionally with ` HH:MM:SS`, in UTC.
#[must_use]
pub fn parse_date(text: &str) -> Option<Wall> {
    date_ms(text).map(Wall)
}

/// `YYYY-MM-DD HH:MM:SS` in UTC.
#[must_use]
pub fn show_date(at: Wall) -> String {
    date_text(at.0)
}

fn everything(scope: Scope, what: &str) -> Result<(), UserError> {
    if scope == Scope::All { Ok(()) } else { Err(UserError::Denied { what: what.to_owned() }) }
}

impl Store {
    /// Every price list and what uses it. The scope must be everything.
    ///
    /// # Errors
    /// The scope is less than everything.
    pub async fn price_lists(&self, scope: Scope) -> Result<Vec<(PriceListRow, PriceListUse)>, UserError> {
        everything(scope, "tb_billsources")?;
        let read = self.read::<_, ReadError>(Box::new(|conn| {
            let conn = conn?;
            let mut count = |sql: &str| -> Result<BTreeMap<i64, u64>, ReadError> {
                let rows = conn.query(sql, &[])?;
                Ok(rows.iter().map(|row| (row.int(0), u64::try_from(row.int(1)).unwrap_or(0))).collect())
            };
            let entries = count("SELECT billsourceid, count(*) FROM tb_billentries GROUP BY billsourceid")?;
            let accounts = count(
                "SELECT billsourceid, count(*) FROM account WHERE deleted_ms = 0 GROUP BY billsourceid",
            )?;
            let packets = count("SELECT billsourceid, count(*) FROM tb_packets GROUP BY billsourceid")?;
            let of = |counts: &BTreeMap<i64, u64>, id: i64| counts.get(&id).copied().unwrap_or(0);
            let used = |id| PriceListUse {
                entries: of(&entries, id),
                accounts: of(&accounts, id),
                packets: of(&packets, id),
            };
            Ok(load::price_lists(conn)?.into_iter().map(|list| (list.clone(), used(list.id))).collect())
        }));
        read.await.map_err(crate::users::user_error)
    }

    /// Makes a price list.
    ///
    /// # Errors
    /// The name is taken, or the scope is less than everything.
    pub async fn price_list_add(&self, scope: Scope, new: NewPriceList) -> Result<i64, UserError> {
        everything(scope, "tb_billsources")?;
        self.write(move |tx| {
            tx.check_epoch()?;
            let taken = tx.first("SELECT id FROM tb_billsources WHERE lower(name) = lower(?1)", &values![&new.name])?;
            if taken.is_some() {
                return Err(Stop::Refuse(UserError::Taken));
            }
            let row = tx.returning(
                "INSERT INTO tb_billsources (name, resellerid, currency, isdefault) VALUES (?1, ?2, ?3, ?4) RETURNING id",
                &values![
                    &new.name,
                    new.reseller.map_or(0, |id| id.0),
                    new.currency.map_or_else(String::new, |unit| unit.code().to_owned()),
                    new.is_default
                ],
            )?;
            Ok(row.map_or(0, |row| row.int(0)))
        })
        .await
    }

    /// Removes a price list with its lines and their times.
    ///
    /// # Errors
    /// There is no such list, or accounts or packets name it.
    pub async fn price_list_delete(&self, scope: Scope, id: i64) -> Result<u64, UserError> {
        everything(scope, "tb_billsources")?;
        self.write(move |tx| {
            tx.check_epoch()?;
            let used = tx.first(
                "SELECT (SELECT count(*) FROM account WHERE billsourceid = ?1 AND deleted_ms = 0) \
                 + (SELECT count(*) FROM tb_packets WHERE billsourceid = ?2)",
                &values![id, id],
            )?;
            if used.is_some_and(|row| row.int(0) > 0) {
                return Err(Stop::Refuse(UserError::Denied { what: "a price list that is assigned".into() }));
            }
            tx.execute(
                "DELETE FROM tb_billingtimes WHERE billentryid IN (SELECT id FROM tb_billentries WHERE billsourceid = ?1)",
                &values![id],
            )?;
            let lines = tx.execute("DELETE FROM tb_billentries WHERE billsourceid = ?1", &values![id])?;
            match tx.execute("DELETE FROM tb_billsources WHERE id = ?1", &values![id])? {
                0 => Err(Stop::Refuse(UserError::NotFound)),
                _ => Ok(lines),
            }
        })
        .await
    }

    /// The lines of a price list by prefix and date. Of lines with the same prefix and date the one that counts.
    ///
    /// # Errors
    /// The scope is less than everything.
    pub async fn prices_of(&self, scope: Scope, list: i64) -> Result<Vec<Price>, UserError> {
        everything(scope, "tb_billentries")?;
        let read = self.read::<_, ReadError>(Box::new(move |conn| Ok(load::entries_of(conn?, list)?)));
        let rows = read.await.map_err(crate::users::user_error)?;
        let lines: BTreeMap<Key, Price> = rows.into_iter().map(Price::from).map(|p| (p.key(), p)).collect();
        Ok(lines.into_values().collect())
    }

    /// Brings a price list up to a new version, all or nothing. `replace`: lines that the new version does not have
    /// are removed. `preview`: nothing is written.
    ///
    /// # Errors
    /// There is no such list, or the scope is less than everything.
    pub async fn price_import(
        &self,
        scope: Scope,
        list: i64,
        lines: Vec<Price>,
        (replace, preview): (bool, bool),
    ) -> Result<PriceImport, UserError> {
        everything(scope, "tb_billentries")?;
        self.write_alone(move |tx| {
            tx.check_epoch()?;
            if tx.first("SELECT id FROM tb_billsources WHERE id = ?1", &values![list])?.is_none() {
                return Err(Stop::Refuse(UserError::NotFound));
            }
            import(tx, list, &lines, replace, preview)
        })
        .await
    }

    /// Ties a packet to a price list; 0 ties it to none.
    ///
    /// # Errors
    /// There is no such packet, or the scope is less than everything.
    pub async fn packet_list(&self, scope: Scope, packet: i64, list: i64) -> Result<(), UserError> {
        everything(scope, "tb_packets")?;
        self.write(move |tx| {
            tx.check_epoch()?;
            match tx
                .execute("UPDATE tb_packets SET billsourceid = ?1 WHERE id = ?2", &values![list, packet])?
            {
                0 => Err(Stop::Refuse(UserError::NotFound)),
                _ => Ok(()),
            }
        })
        .await
    }
}

fn import(
    tx: &mut Tx<'_>,
    list: i64,
    lines: &[Price],
    replace: bool,
    preview: bool,
) -> Result<PriceImport, Stop<UserError>> {
    let mut known: BTreeMap<Key, (i64, Price)> = BTreeMap::new();
    let mut shadowed = Vec::new();
    for row in load::entries_of(tx.raw(), list)? {
        let id = row.id;
        let price = Price::from(row);
        if let Some(older) = known.insert(price.key(), (id, price)) {
            shadowed.push(older);
        }
    }
    let mut report = PriceImport::default();
    for new in lines {
        match known.remove(&new.key()) {
            None => {
                if !preview {
                    insert(tx, list, new)?;
                }
                report.changes.push(PriceChange::Added(new.clone()));
            }
            Some((_, old)) if old == *new => report.unchanged += 1,
            Some((id, old)) => {
                if !preview {
                    update(tx, id, new)?;
                }
                report.changes.push(PriceChange::Changed { old, new: new.clone() });
            }
        }
    }
    if !replace {
        report.unchanged += known.len() as u64;
        return Ok(report);
    }
    for (id, old) in known.into_values().chain(shadowed) {
        if !preview {
            tx.execute("DELETE FROM tb_billingtimes WHERE billentryid = ?1", &values![id])?;
            tx.execute("DELETE FROM tb_billentries WHERE id = ?1", &values![id])?;
        }
        report.changes.push(PriceChange::Removed(old));
    }
    Ok(report)
}

fn insert(tx: &mut Tx<'_>, list: i64, price: &Price) -> Result<(), Stop<UserError>> {
    tx.execute(
        "INSERT INTO tb_billentries (billsourceid, prefix, direction, price, connectfee, billingstep, minammount, \
         freeammount, freeafter, currency, validfrom, validto) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        &values![
            list,
            &price.prefix,
            &price.direction,
            price.price.to_string(),
            price.connect_fee.to_string(),
            price.billing_step,
            price.min_amount.to_string(),
            price.free_amount.to_string(),
            price.free_after,
            price.currency.map_or_else(String::new, |unit| unit.code().to_owned()),
            price.valid_from.map(show_date),
            price.valid_to.map(show_date)
        ],
    )?;
    Ok(())
}

fn update(tx: &mut Tx<'_>, id: i64, price: &Price) -> Result<(), Stop<UserError>> {
    tx.execute(
        "UPDATE tb_billentries SET direction = ?1, price = ?2, connectfee = ?3, billingstep = ?4, minammount = ?5, \
         freeammount = ?6, freeafter = ?7, currency = ?8, validto = ?9 WHERE id = ?10",
        &values![
            &price.direction,
            price.price.to_string(),
            price.connect_fee.to_string(),
            price.billing_step,
            price.min_amount.to_string(),
            price.free_amount.to_string(),
            price.free_after,
            price.currency.map_or_else(String::new, |unit| unit.code().to_owned()),
            price.valid_to.map(show_date),
            id
        ],
    )?;
    Ok(())
}
