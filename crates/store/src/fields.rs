//! Reading and writing columns by name: `setfield` and `getfield`, checked against the declaration of `tb_users`
//! and against the columns that the other documented tables really have.

use strowger_billing::ledger;
use strowger_model::{AccountId, Amount, Scope, Unit};

use crate::accounts::seal;
use crate::db::{Conn, Fault, Value, values};
use crate::errors::{ReadError, UserError};
use crate::rows::decimal;
use crate::schema::{Column, ColumnKind, Place, user_column};
use crate::scope::{condition, covers};
use crate::store::Store;
use crate::tx::{Stop, Tx};
use crate::users::user_error;

/// The documented tables beside `tb_users` whose rows `setfield` may write.
pub(crate) const WRITABLE: &[&str] = &[
    "tb_api",
    "tb_prepaidcodes",
    "tb_billsources",
    "tb_billentries",
    "tb_billingtimes",
    "tb_packets",
    "tb_phonenumbers",
    "tb_routing",
    "tb_currencies",
    "tb_users_authip",
    "tb_users_cli",
    "tb_settings",
    "tb_blacklist",
    "tb_portednumbers",
    "tb_holidays",
    "tb_cdrs",
];

/// A column of `tb_users` and the value it is to get.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) column: &'static Column,
    pub(crate) value: Value,
}

/// Looks the columns up and converts the texts.
pub(crate) fn check(fields: &[(String, String)]) -> Result<Vec<Field>, UserError> {
    fields.iter().map(|(name, text)| check_one(name, text)).collect()
}

fn check_one(name: &str, text: &str) -> Result<Field, UserError> {
    let column = user_column(name).ok_or_else(|| UserError::BadField { name: name.to_owned() })?;
    if !column.settable {
        return Err(UserError::Denied { what: column.name.to_owned() });
    }
    let bad = |expected| UserError::BadValue { name: column.name.to_owned(), expected };
    let text = if column.kind == ColumnKind::Text { text } else { text.trim() };
    let value = match column.kind {
        ColumnKind::Int if text.is_empty() => Value::Int(0),
        ColumnKind::Int => Value::Int(whole(text).ok_or_else(|| bad("a whole number"))?),
        ColumnKind::Decimal => Value::Int(decimal(text).ok_or_else(|| bad("a decimal number"))?.0),
        ColumnKind::Date => {
            crate::cell::date_ms(text).ok_or_else(|| bad("a date, YYYY-MM-DD HH:MM:SS"))?;
            Value::Text(text.to_owned())
        }
        ColumnKind::Text if column.name == "currency" => match text.trim().parse() {
            Ok(Unit::Currency(code)) => Value::from(Unit::Currency(code)),
            _ => return Err(bad("a currency code of three letters")),
        },
        ColumnKind::Text if column.name == "username" && text.trim().is_empty() => {
            return Err(bad("a name"));
        }
        ColumnKind::Text | ColumnKind::Secret => Value::Text(text.to_owned()),
    };
    if text.contains('\0') {
        return Err(bad("text without a zero byte"));
    }
    Ok(Field { column, value })
}

/// A whole number; `true`, `yes`, `false`, `no` count as 1 and 0.
fn whole(text: &str) -> Option<i64> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Some(1),
        "false" | "no" | "off" => Some(0),
        other => other.parse().ok(),
    }
}

/// Writes checked columns of one account.
pub(crate) fn write(tx: &mut Tx<'_>, id: AccountId, fields: &[Field]) -> Result<(), Stop<UserError>> {
    for field in fields {
        let name = field.column.name;
        match (field.column.kind, field.column.place) {
            (ColumnKind::Secret, _) => write_secret(tx, id, name, &field.value.text())?,
            (ColumnKind::Decimal, _) => write_balance(tx, id, name, &field.value)?,
            _ if name == "username" => rename(tx, id, &field.value)?,
            _ if name == "currency" => change_currency(tx, id, &field.value)?,
            (_, place) => {
                let table = match place {
                    Place::Account => "account",
                    Place::Profile => "account_profile",
                    Place::Line | Place::Balance | Place::Computed => "tb_users",
                };
                set(tx, table, name, &field.value, id)?;
            }
        }
    }
    Ok(())
}

fn set(tx: &mut Tx<'_>, table: &str, name: &str, value: &Value, id: AccountId) -> Result<(), Fault> {
    tx.execute(&format!("UPDATE {table} SET {name} = ?1 WHERE id = ?2"), &[value.clone(), id.into()])?;
    Ok(())
}

/// Lets the nodes read the account again, which balances alone never make them do.
fn touch(tx: &mut Tx<'_>, id: AccountId) -> Result<(), Fault> {
    tx.execute("UPDATE account SET enabled = enabled WHERE id = ?1", &values![id])?;
    Ok(())
}

/// Encrypts and writes a password or PIN. The clear text never reaches the database.
pub(crate) fn write_secret(tx: &mut Tx<'_>, id: AccountId, name: &str, clear: &str) -> Result<(), Fault> {
    let Some(row) = tx.first("SELECT rowkey FROM account WHERE id = ?1", &values![id])? else {
        return Ok(());
    };
    let stored = seal(tx, clear, name, &row.text(0))?;
    set(tx, "account", name, &Value::Text(stored), id)
}

fn rename(tx: &mut Tx<'_>, id: AccountId, name: &Value) -> Result<(), Stop<UserError>> {
    let other = tx.first(
        "SELECT 1 FROM account WHERE lower(username) = lower(?1) AND deleted_ms = 0 AND id <> ?2",
        &[name.clone(), id.into()],
    )?;
    if other.is_some() {
        return Err(Stop::Refuse(UserError::Taken));
    }
    Ok(set(tx, "account", "username", name, id)?)
}

fn change_currency(tx: &mut Tx<'_>, id: AccountId, currency: &Value) -> Result<(), Stop<UserError>> {
    let row = tx.first(
        "SELECT a.currency, b.settled, b.held FROM account a LEFT JOIN balance b ON b.account_id = a.id \
         AND b.unit = a.currency WHERE a.id = ?1",
        &values![id],
    )?;
    let Some(row) = row else { return Err(Stop::Refuse(UserError::NotFound)) };
    if row.text(0) != currency.text() && (row.flag(1) || row.flag(2)) {
        let what = "the currency of an account with credit".to_owned();
        return Err(Stop::Refuse(UserError::Denied { what }));
    }
    Ok(set(tx, "account", "currency", currency, id)?)
}

/// Books the difference between a balance column's new value and its old one.
fn write_balance(tx: &mut Tx<'_>, id: AccountId, name: &str, value: &Value) -> Result<(), Fault> {
    let row = tx.first("SELECT currency FROM account WHERE id = ?1", &values![id])?;
    let currency = row.and_then(|row| row.text(0).parse().ok()).unwrap_or(Unit::USD);
    let Value::Int(micros) = value else { return Ok(()) };
    let (unit, target, gift) = match name {
        // A free minute is sixty of the unit.
        "freeminutesleft" => (Unit::Seconds, Amount(micros.saturating_mul(60)), true),
        "freesmsleft" => (Unit::Messages, Amount(*micros), true),
        _ => (currency, Amount(*micros), false),
    };
    let sql = match tx.for_update() {
        "" => "SELECT settled FROM balance WHERE account_id = ?1 AND unit = ?2",
        _ => "SELECT settled FROM balance WHERE account_id = ?1 AND unit = ?2 FOR UPDATE",
    };
    let old = tx.first(sql, &values![id, unit])?.map_or(Amount::ZERO, |row| row.micros(0));
    let delta = target - old;
    if delta == Amount::ZERO {
        return Ok(());
    }
    let random = crate::keyring::random::<12>().map_err(|e| Fault::Statement(e.to_string()))?;
    let step = format!("setfield/{}", crate::keyring::hex(&random));
    let lines = if gift { ledger::gift(id, unit, delta) } else { ledger::correction(id, unit, delta) };
    if unit == Unit::Seconds {
        touch(tx, id)?;
    }
    tx.post(&step, if gift { "gift" } else { "correction" }, name, &lines)
}

impl Store {
    /// Writes one column of one row of a documented table. Rows of `tb_users` must be in scope; for every other
    /// table the scope must be everything.
    ///
    /// # Errors
    /// The table or column does not exist or is protected, or the value does not fit.
    pub async fn update_field(
        &self,
        scope: Scope,
        table: &str,
        field: &str,
        value: &str,
        row: i64,
    ) -> Result<u64, UserError> {
        let table = table.trim().to_ascii_lowercase();
        let given = vec![(field.trim().to_owned(), value.to_owned())];
        if table == "tb_users" || table.is_empty() {
            let id = AccountId(row);
            return self.set_fields(scope, id, given).await.map(|()| 1);
        }
        let Some(table) = WRITABLE.iter().find(|t| **t == table) else {
            return Err(UserError::BadField { name: table });
        };
        if scope != Scope::All {
            return Err(UserError::Denied { what: (*table).to_owned() });
        }
        self.write(move |tx| {
            tx.check_epoch()?;
            let (name, text) = &given[0];
            let columns = tx.raw().ask(&format!("SELECT * FROM {table} WHERE 1 = 0"), &[], 0)?.columns;
            let Some(column) = columns.iter().find(|c| c.eq_ignore_ascii_case(name)) else {
                return Err(Stop::Refuse(UserError::BadField { name: name.clone() }));
            };
            if column == "id" {
                return Err(Stop::Refuse(UserError::Denied { what: "id".into() }));
            }
            let sql = format!("UPDATE {table} SET {column} = ?1 WHERE id = ?2");
            match tx.execute(&sql, &values![text, row]) {
                Ok(0) => Err(Stop::Refuse(UserError::NotFound)),
                Ok(rows) => Ok(rows),
                Err(Fault::Statement(_) | Fault::Constraint(_)) => Err(Stop::Refuse(UserError::BadValue {
                    name: column.clone(),
                    expected: "a value that fits the column",
                })),
                Err(fault) => Err(fault.into()),
            }
        })
        .await
    }

    /// One column of the first row where another column has a value. An empty table is `tb_users`, an empty column
    /// to return `id`, an empty column to filter by a guess: username, else id, name or phone.
    ///
    /// # Errors
    /// The table or a column does not exist or is secret.
    pub async fn get_field(
        &self,
        scope: Scope,
        table: &str,
        ret: &str,
        filter_field: &str,
        filter_value: &str,
    ) -> Result<Option<String>, UserError> {
        let table = match table.trim().to_ascii_lowercase().as_str() {
            "" | "tb_users" => "tb_users",
            other => match WRITABLE.iter().find(|t| **t == other) {
                Some(_) if scope != Scope::All => return Err(UserError::Denied { what: other.to_owned() }),
                Some(table) => table,
                None => return Err(UserError::BadField { name: other.to_owned() }),
            },
        };
        let ret = if ret.trim().is_empty() { "id" } else { ret.trim() };
        if table == "tb_users" {
            self.write_lines().await;
        }
        let (ret, filter) = (ret.to_owned(), filter_field.trim().to_owned());
        let value = filter_value.trim().to_owned();
        if table == "tb_users" && filter.is_empty() {
            let Some(id) = self.find_user(scope, &value).await.map_err(user_error)? else {
                return Ok(None);
            };
            return self.lookup(scope, table, ret, "id".to_owned(), id.to_string()).await;
        }
        self.lookup(scope, table, ret, filter, value).await
    }

    async fn lookup(
        &self,
        scope: Scope,
        table: &'static str,
        ret: String,
        filter: String,
        value: String,
    ) -> Result<Option<String>, UserError> {
        self.read::<_, LookupError>(Box::new(move |conn| {
            look_up(conn.map_err(ReadError::from)?, scope, table, &ret, &filter, &value)
        }))
        .await
        .map_err(|e| e.0)
    }
}

/// A [`UserError`] that a read error turns into.
struct LookupError(UserError);

impl From<ReadError> for LookupError {
    fn from(error: ReadError) -> Self {
        Self(user_error(error))
    }
}

impl From<Fault> for LookupError {
    fn from(fault: Fault) -> Self {
        ReadError::from(fault).into()
    }
}

fn look_up(
    conn: &mut Conn,
    scope: Scope,
    table: &str,
    ret: &str,
    filter: &str,
    value: &str,
) -> Result<Option<String>, LookupError> {
    let columns = conn.ask(&format!("SELECT * FROM {table} WHERE 1 = 0"), &[], 0)?.columns;
    let known = |name: &str| {
        let name = if table == "tb_users" { user_column(name).map_or(name, |c| c.name) } else { name };
        columns
            .iter()
            .find(|c| c.eq_ignore_ascii_case(name))
            .cloned()
            .ok_or_else(|| LookupError(UserError::BadField { name: name.to_owned() }))
    };
    let (ret, filter) = (known(ret)?, known(if filter.is_empty() { "id" } else { filter })?);
    let secret =
        |name: &str| table == "tb_users" && user_column(name).is_some_and(|c| c.kind == ColumnKind::Secret);
    if secret(&ret) || secret(&filter) {
        return Err(LookupError(UserError::Denied { what: if secret(&ret) { ret } else { filter } }));
    }
    let test = if filter == "username" {
        "lower(username) = lower(?1)".to_owned()
    } else if filter == "id" && value.parse::<i64>().is_ok() {
        "id = CAST(?1 AS BIGINT)".to_owned()
    } else {
        format!("CAST({filter} AS TEXT) = ?1")
    };
    let own = if table == "tb_users" { condition(scope, "id") } else { "1 = 1".to_owned() };
    let sql = format!("SELECT {ret} FROM {table} WHERE {test} AND {own} ORDER BY id LIMIT 1");
    Ok(conn.first(&sql, &values![value])?.map(|row| row.text(0)))
}

/// The scope covers an account, for operations on rows that name one.
pub(crate) fn owner_in_scope(tx: &mut Tx<'_>, scope: Scope, id: AccountId) -> Result<(), Stop<UserError>> {
    if covers(tx, scope, id)? { Ok(()) } else { Err(Stop::Refuse(UserError::NotFound)) }
}
