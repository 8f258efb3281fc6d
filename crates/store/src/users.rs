//! Accounts as the API makes, changes, finds and removes them.

use strowger_billing::ledger;
use strowger_model::{AccountId, AccountKind, Amount, Scope, Secret, Unit, Wall};

use crate::cell::{Page, Table};
use crate::db::{Conn, Value, values};
use crate::errors::{ReadError, UserError};
use crate::fields::{self, Field};
use crate::idempotency::{RequestKey, once};
use crate::schema::{COLUMNS, Column, ColumnKind, user_column};
use crate::scope::{condition, covers};
use crate::store::Store;
use crate::tx::{Stop, Tx};

/// Rows of one page of users at most.
const MAX_PAGE: usize = 10_000;
/// Characters of a username.
const MAX_USERNAME_CHARS: usize = 128;
/// The columns of a short list.
const SHORT: &str = "id, type, parentid, username, name, phone, credit, currency, postpaid, enabled, status";

/// A new account.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// `type`.
    pub kind: AccountKind,
    /// `parentid`.
    pub parent: Option<AccountId>,
    /// `username`, unique without regard to case.
    pub username: String,
    /// `password` in clear; encrypted before it is written.
    pub password: Secret,
    /// The opening credit in the account's currency.
    pub credit: Amount,
    /// Further columns of `tb_users` as text.
    pub fields: Vec<(String, String)>,
}

/// What `listusers` asks for.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Only accounts of this type.
    pub kind: Option<AccountKind>,
    /// Rows at most; 0 is the default of 100.
    pub max: usize,
    /// All columns.
    pub extended: bool,
    /// A column to order by; empty: `id`.
    pub order: String,
}

/// `tb_users.status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineStatus {
    /// 0
    Offline,
    /// 1
    Registered,
    /// 2
    Calling,
    /// 3
    Speaking,
}

impl Store {
    /// Makes an account with its opening credit, in one transaction.
    ///
    /// # Errors
    /// The username is taken, or a field does not exist or does not fit.
    pub async fn create_user(
        &self,
        scope: Scope,
        new: NewUser,
        key: Option<RequestKey>,
    ) -> Result<AccountId, UserError> {
        self.write(move |tx| {
            tx.check_epoch()?;
            let content =
                format!("{:?} {:?} {} {} {:?}", new.kind, new.parent, new.username, new.credit, new.fields);
            once(tx, key.as_ref(), &content, UserError::RequestReused, |tx| create(tx, scope, &new))
        })
        .await
    }

    /// Removes an account softly: its records and ledger entries stay, its username is free again.
    ///
    /// # Errors
    /// There is no such account in scope.
    pub async fn delete_user(&self, scope: Scope, id: AccountId) -> Result<(), UserError> {
        self.write(move |tx| {
            tx.check_epoch()?;
            if !covers(tx, scope, id)? {
                return Err(Stop::Refuse(UserError::NotFound));
            }
            tx.execute(
                "UPDATE account SET deleted_ms = ?1, enabled = 0 WHERE id = ?2",
                &values![tx.now_ms, id],
            )?;
            Ok(())
        })
        .await
    }

    /// Changes a password.
    ///
    /// # Errors
    /// There is no such account in scope.
    pub async fn set_password(&self, scope: Scope, id: AccountId, new: Secret) -> Result<(), UserError> {
        self.write(move |tx| {
            tx.check_epoch()?;
            if !covers(tx, scope, id)? {
                return Err(Stop::Refuse(UserError::NotFound));
            }
            Ok(fields::write_secret(tx, id, "password", new.expose())?)
        })
        .await
    }

    /// Changes columns of `tb_users`, all or none. A new credit is booked as the difference to the old.
    ///
    /// # Errors
    /// There is no such account in scope, or a field does not exist or does not fit.
    pub async fn set_fields(
        &self,
        scope: Scope,
        id: AccountId,
        fields: Vec<(String, String)>,
    ) -> Result<(), UserError> {
        self.write(move |tx| {
            tx.check_epoch()?;
            if !covers(tx, scope, id)? {
                return Err(Stop::Refuse(UserError::NotFound));
            }
            fields::write(tx, id, &fields::check(&fields).map_err(Stop::Refuse)?)
        })
        .await
    }

    /// The account that a text names: a username, else an id, a name, a phone or a number of the pool.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn find_user(&self, scope: Scope, text: &str) -> Result<Option<AccountId>, ReadError> {
        let text = text.trim().to_owned();
        self.read(Box::new(move |conn| find(conn?, scope, &text))).await
    }

    /// Columns of one account as text; no names: all. Passwords and PINs are never among them.
    ///
    /// # Errors
    /// There is no such account in scope, or no such column.
    pub async fn user_fields(
        &self,
        scope: Scope,
        id: AccountId,
        names: &[&str],
    ) -> Result<Vec<(String, String)>, UserError> {
        let mut columns: Vec<&'static Column> = Vec::new();
        for name in names {
            columns.push(user_column(name).ok_or_else(|| UserError::BadField { name: (*name).to_owned() })?);
        }
        if names.is_empty() {
            columns = COLUMNS.iter().collect();
        }
        columns.retain(|c| c.kind != ColumnKind::Secret);
        let list = columns.iter().map(|c| c.name).collect::<Vec<_>>().join(", ");
        let list = if list.is_empty() { "id".to_owned() } else { list };
        let sql = format!("SELECT {list} FROM tb_users WHERE id = ?1 AND {}", condition(scope, "id"));
        let row = self
            .read::<_, ReadError>(Box::new(move |conn| Ok(conn?.first(&sql, &values![id])?)))
            .await
            .map_err(user_error)?
            .ok_or(UserError::NotFound)?;
        Ok(columns.iter().zip(&row.0).map(|(c, v)| (c.name.to_owned(), v.text())).collect())
    }

    /// Accounts in scope, page by page.
    ///
    /// # Errors
    /// There is no such column to order by.
    pub async fn list_users(
        &self,
        scope: Scope,
        filter: UserFilter,
        cursor: Option<i64>,
    ) -> Result<Page, UserError> {
        let order = match filter.order.trim() {
            "" => "id",
            name => {
                user_column(name)
                    .filter(|c| c.kind != ColumnKind::Secret)
                    .ok_or_else(|| UserError::BadField { name: name.to_owned() })?
                    .name
            }
        };
        let max = if filter.max == 0 { 100 } else { filter.max.min(MAX_PAGE) };
        self.read(Box::new(move |conn| list(conn?, scope, &filter, order, max, cursor)))
            .await
            .map_err(user_error)
    }

    /// Notes an account's line state; never waits, written at most every second.
    pub fn line_state(&self, id: AccountId, status: LineStatus, at: Wall) {
        self.send_line(id, status as i64, at.0);
    }
}

/// A read error of an operation on accounts.
pub(crate) fn user_error(error: ReadError) -> UserError {
    match error {
        ReadError::NotFound => UserError::NotFound,
        ReadError::TooLong { ms } => UserError::Unavailable(crate::errors::Unavailable::Fault {
            what: format!("stopped after {ms} ms"),
        }),
        ReadError::Unavailable(why) => UserError::Unavailable(why),
    }
}

fn create(tx: &mut Tx<'_>, scope: Scope, new: &NewUser) -> Result<AccountId, Stop<UserError>> {
    let refuse = |error| Err(Stop::Refuse(error));
    let username = new.username.trim();
    let bad = username.is_empty()
        || username.chars().count() > MAX_USERNAME_CHARS
        || username.chars().any(|c| c.is_control() || c.is_whitespace());
    if bad {
        return refuse(UserError::BadValue {
            name: "username".into(),
            expected: "1 to 128 visible characters",
        });
    }
    if scope != Scope::All && !new.parent.map_or(Ok(false), |parent| covers(tx, scope, parent))? {
        return refuse(UserError::Denied { what: "an account outside your own".into() });
    }
    let by_name = "SELECT id FROM account WHERE lower(username) = lower(?1) AND deleted_ms = 0";
    if tx.first(by_name, &values![username])?.is_some() {
        return refuse(UserError::Taken);
    }
    let given = fields::check(&new.fields).map_err(Stop::Refuse)?;
    let currency = given.iter().find(|f| f.column.name == "currency").map(|f| f.value.text());
    tx.execute(
        "INSERT INTO tb_users (type, parentid, username, currency) VALUES (?1, ?2, ?3, ?4)",
        &values![new.kind.number(), new.parent.map_or(0, |p| p.0), username, currency],
    )?;
    let row = tx.first(
        "SELECT id, currency FROM account WHERE lower(username) = lower(?1) AND deleted_ms = 0",
        &values![username],
    )?;
    let Some(row) = row else { return refuse(UserError::NotFound) };
    let id = AccountId(row.int(0));
    fields::write_secret(tx, id, "password", new.password.expose())?;
    let rest: Vec<Field> =
        given.into_iter().filter(|f| !matches!(f.column.name, "username" | "currency")).collect();
    fields::write(tx, id, &rest)?;
    if new.credit != Amount::ZERO {
        let unit: Unit = row.text(1).parse().unwrap_or(Unit::USD);
        let lines = ledger::top_up(id, unit, new.credit);
        tx.post(&format!("opening/{id}"), "opening", "", &lines)?;
    }
    Ok(id)
}

/// The queries of [`Store::find_user`], in order; each selects ids of accounts as `a`.
const FINDERS: [&str; 5] = [
    "SELECT a.id FROM account a WHERE a.deleted_ms = 0 AND lower(a.username) = lower(?1)",
    "SELECT a.id FROM account a WHERE a.deleted_ms = 0 AND CAST(a.id AS TEXT) = ?1",
    "SELECT a.id FROM account a JOIN account_profile p ON p.id = a.id WHERE a.deleted_ms = 0 AND p.name = ?1",
    "SELECT a.id FROM account a JOIN account_profile p ON p.id = a.id \
     WHERE a.deleted_ms = 0 AND (p.phone = ?1 OR p.callbacknumber = ?1)",
    "SELECT a.id FROM account a JOIN tb_phonenumbers n ON n.userid = a.id WHERE a.deleted_ms = 0 AND n.number = ?1",
];

fn find(conn: &mut Conn, scope: Scope, text: &str) -> Result<Option<AccountId>, ReadError> {
    if text.is_empty() {
        return Ok(None);
    }
    for (index, finder) in FINDERS.iter().enumerate() {
        // Only digits can be an id; the query over all ids is left out for everything else.
        if index == 1 && !text.bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        let (sql, param) = match (index, text.parse::<i64>()) {
            (1, Ok(id)) => {
                ("SELECT a.id FROM account a WHERE a.deleted_ms = 0 AND a.id = ?1".to_owned(), Value::Int(id))
            }
            _ => ((*finder).to_owned(), Value::from(text)),
        };
        let sql = format!("{sql} AND {} ORDER BY a.id LIMIT 1", condition(scope, "a.id"));
        if let Some(row) = conn.first(&sql, &[param])? {
            return Ok(Some(AccountId(row.int(0))));
        }
    }
    Ok(None)
}

fn list(
    conn: &mut Conn,
    scope: Scope,
    filter: &UserFilter,
    order: &str,
    max: usize,
    cursor: Option<i64>,
) -> Result<Page, ReadError> {
    let columns = if filter.extended {
        COLUMNS.iter().filter(|c| c.kind != ColumnKind::Secret).map(|c| c.name).collect::<Vec<_>>().join(", ")
    } else {
        SHORT.to_owned()
    };
    let kind = filter.kind.map_or(String::new(), |kind| format!(" AND type = {}", kind.number()));
    // Ordered by id the cursor is the last id, else how many rows were shown.
    let start = cursor.unwrap_or(0).max(0);
    let page = if order == "id" {
        format!(" AND id > {start} ORDER BY id LIMIT {}", max + 1)
    } else {
        format!(" ORDER BY {order}, id LIMIT {} OFFSET {start}", max + 1)
    };
    let sql = format!("SELECT {columns} FROM tb_users WHERE {}{kind}{page}", condition(scope, "id"));
    let answer = conn.ask(&sql, &[], max)?;
    let last = answer.rows.last().map(|row| row.int(0));
    let cursor = answer.cut.then(|| {
        if order == "id" {
            last.unwrap_or(start)
        } else {
            start.saturating_add(i64::try_from(max).unwrap_or(i64::MAX))
        }
    });
    Ok(Page { table: Table::from(answer), cursor })
}
