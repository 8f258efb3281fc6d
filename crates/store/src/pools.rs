//! Number pool, recharge codes and routes as operations of the administrator: checked and whole where SQL writes rows.

use strowger_model::{AccountId, Amount, Scope, Unit, Wall};

use crate::cell::{Page, Table, date_text};
use crate::db::values;
use crate::errors::{ReadError, UserError};
use crate::fields::owner_in_scope;
use crate::rows::RouteRow;
use crate::store::Store;
use crate::tx::Stop;
use crate::users::user_error;

/// Rows of one page at most.
const MAX_PAGE: usize = 1_000;

/// What is listed, page by page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolTable {
    /// Numbers, with who has them.
    Numbers,
    /// Recharge codes, all but their last four characters hidden.
    Codes,
    /// Routes, with the names of their servers.
    Routes,
}

impl PoolTable {
    const fn select(self) -> &'static str {
        match self {
            Self::Numbers => {
                "SELECT t.id, t.number, t.free, t.userid, coalesce(a.username, '') AS username, t.location, \
                 t.reserveduntil FROM tb_phonenumbers t LEFT JOIN account a ON a.id = t.userid"
            }
            Self::Codes => {
                "SELECT t.id, '***' || substr(t.code, length(t.code) - 3, 4) AS code, t.value, t.currency, t.used, \
                 t.useddate, t.userid, t.expires FROM tb_prepaidcodes t"
            }
            Self::Routes => {
                "SELECT t.id, t.name, t.prefix, t.caller, t.serverid, coalesce(a.username, '') AS server, t.priority, \
                 t.weight, t.timetype, t.enabled FROM tb_routing t LEFT JOIN account a ON a.id = t.serverid"
            }
        }
    }
}

fn everything(scope: Scope, what: &str) -> Result<(), UserError> {
    if scope == Scope::All { Ok(()) } else { Err(UserError::Denied { what: what.to_owned() }) }
}

impl Store {
    /// Rows of a pool by id, after a cursor. The scope must be everything.
    ///
    /// # Errors
    /// The scope is less than everything.
    pub async fn pool_page(
        &self,
        scope: Scope,
        table: PoolTable,
        max: usize,
        cursor: Option<i64>,
    ) -> Result<Page, UserError> {
        everything(scope, "this list")?;
        let max = max.clamp(1, MAX_PAGE);
        let start = cursor.unwrap_or(0).max(0);
        let sql = format!("{} WHERE t.id > ?1 ORDER BY t.id LIMIT {}", table.select(), max + 1);
        let read = self.read::<_, ReadError>(Box::new(move |conn| {
            let answer = conn?.ask(&sql, &values![start], max)?;
            let last = answer.rows.last().map_or(start, |row| row.int(0));
            let cursor = answer.cut.then_some(last);
            Ok(Page { table: Table::from(answer), cursor })
        }));
        read.await.map_err(user_error)
    }

    /// Adds numbers to the pool; those that are there stay as they are. Returns how many are new.
    ///
    /// # Errors
    /// The scope is less than everything.
    pub async fn numbers_add(
        &self,
        scope: Scope,
        numbers: Vec<String>,
        location: &str,
    ) -> Result<u64, UserError> {
        everything(scope, "tb_phonenumbers")?;
        let location = location.trim().to_owned();
        self.write_alone(move |tx| {
            tx.check_epoch()?;
            let mut added = 0;
            for number in &numbers {
                added += tx.execute(
                    "INSERT INTO tb_phonenumbers (number, location) VALUES (?1, ?2) ON CONFLICT (number) DO NOTHING",
                    &values![number, &location],
                )?;
            }
            Ok(added)
        })
        .await
    }

    /// Gives a number of the pool to an account, or back to the pool.
    ///
    /// # Errors
    /// The number is not in the pool or another account has it, or the account is not in scope.
    pub async fn number_assign(
        &self,
        scope: Scope,
        number: &str,
        to: Option<AccountId>,
    ) -> Result<(), UserError> {
        everything(scope, "tb_phonenumbers")?;
        let number = number.trim().to_owned();
        self.write(move |tx| {
            tx.check_epoch()?;
            let row =
                tx.first("SELECT userid, free FROM tb_phonenumbers WHERE number = ?1", &values![&number])?;
            let Some(row) = row else { return Err(Stop::Refuse(UserError::NotFound)) };
            if let Some(id) = to {
                owner_in_scope(tx, scope, id)?;
                let taken = !row.flag(1) && row.account(0).is_some_and(|owner| owner != id);
                if taken {
                    return Err(Stop::Refuse(UserError::Taken));
                }
            }
            tx.execute(
                "UPDATE tb_phonenumbers SET userid = ?1, free = ?2, reserveduntil = NULL WHERE number = ?3",
                &values![to.map_or(0, |id| id.0), to.is_none(), &number],
            )?;
            Ok(())
        })
        .await
    }

    /// Keeps new recharge codes, all or none.
    ///
    /// # Errors
    /// One of them exists already, or the scope is less than everything.
    pub async fn codes_add(
        &self,
        scope: Scope,
        codes: Vec<String>,
        (value, currency): (Amount, Unit),
        expires: Option<Wall>,
    ) -> Result<(), UserError> {
        everything(scope, "tb_prepaidcodes")?;
        self.write_alone(move |tx| {
            tx.check_epoch()?;
            for code in &codes {
                let added = tx.execute(
                    "INSERT INTO tb_prepaidcodes (code, value, currency, expires) VALUES (?1, ?2, ?3, ?4) \
                     ON CONFLICT (code) DO NOTHING",
                    &values![code, value.to_string(), currency, expires.map(|at| date_text(at.0))],
                )?;
                if added == 0 {
                    return Err(Stop::Refuse(UserError::Taken));
                }
            }
            Ok(())
        })
        .await
    }

    /// Removes unused recharge codes: one by its id or text, or all that begin with a prefix. Returns how many.
    ///
    /// # Errors
    /// The scope is less than everything.
    pub async fn codes_revoke(&self, scope: Scope, code: &str, prefix: bool) -> Result<u64, UserError> {
        everything(scope, "tb_prepaidcodes")?;
        let code = code.trim().to_owned();
        self.write(move |tx| {
            tx.check_epoch()?;
            Ok(if prefix {
                let length = i64::try_from(code.chars().count()).unwrap_or(i64::MAX);
                tx.execute(
                    "DELETE FROM tb_prepaidcodes WHERE used = 0 AND substr(code, 1, CAST(?1 AS INTEGER)) = ?2",
                    &values![length, &code],
                )?
            } else {
                tx.execute(
                    "DELETE FROM tb_prepaidcodes WHERE used = 0 AND (code = ?1 OR CAST(id AS TEXT) = ?2)",
                    &values![&code, &code],
                )?
            })
        })
        .await
    }

    /// Adds a route (id 0) or replaces one. Returns its id.
    ///
    /// # Errors
    /// There is no such route, or the scope is less than everything.
    pub async fn route_put(&self, scope: Scope, route: RouteRow) -> Result<i64, UserError> {
        everything(scope, "tb_routing")?;
        self.write(move |tx| {
            tx.check_epoch()?;
            let values = values![
                &route.name,
                &route.prefix,
                &route.caller,
                route.server,
                route.priority,
                route.weight,
                route.time_type,
                route.enabled
            ];
            if route.id == 0 {
                let row = tx.returning(
                    "INSERT INTO tb_routing (name, prefix, caller, serverid, priority, weight, timetype, enabled) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING id",
                    &values,
                )?;
                return Ok(row.map_or(0, |row| row.int(0)));
            }
            let mut values = values.to_vec();
            values.push(route.id.into());
            let changed = tx.execute(
                "UPDATE tb_routing SET name = ?1, prefix = ?2, caller = ?3, serverid = ?4, priority = ?5, weight = ?6, \
                 timetype = ?7, enabled = ?8 WHERE id = ?9",
                &values,
            )?;
            if changed == 0 { Err(Stop::Refuse(UserError::NotFound)) } else { Ok(route.id) }
        })
        .await
    }

    /// Removes a route.
    ///
    /// # Errors
    /// There is no such route, or the scope is less than everything.
    pub async fn route_delete(&self, scope: Scope, id: i64) -> Result<(), UserError> {
        everything(scope, "tb_routing")?;
        self.write(move |tx| {
            tx.check_epoch()?;
            match tx.execute("DELETE FROM tb_routing WHERE id = ?1", &values![id])? {
                0 => Err(Stop::Refuse(UserError::NotFound)),
                _ => Ok(()),
            }
        })
        .await
    }

    /// A route as it is.
    ///
    /// # Errors
    /// There is no such route, or the scope is less than everything.
    pub async fn route(&self, scope: Scope, id: i64) -> Result<RouteRow, UserError> {
        everything(scope, "tb_routing")?;
        let read = self.read::<_, ReadError>(Box::new(move |conn| Ok(crate::load::routes(conn?)?)));
        let routes = read.await.map_err(user_error)?;
        routes.into_iter().find(|route| route.id == id).ok_or(UserError::NotFound)
    }
}
