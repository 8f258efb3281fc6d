//! Global configuration in the database, and the number pool.

use strowger_model::{AccountId, Scope, Wall};

use crate::cell::date_text;
use crate::db::{Conn, values};
use crate::errors::{ReadError, UserError};
use crate::fields::owner_in_scope;
use crate::load;
use crate::rows::NumberRow;
use crate::store::Store;
use crate::tx::Stop;

/// Numbers by which one account is known.
const MAX_CLIS: i64 = 100;
/// Numbers that are shown at once.
const MAX_NUMBERS: usize = 1_000;

impl Store {
    /// The value of a setting; names have no case.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn setting(&self, name: &str) -> Result<Option<String>, ReadError> {
        let name = name.trim().to_ascii_lowercase();
        self.read(Box::new(move |conn| {
            let row = conn?.first("SELECT value FROM tb_settings WHERE lower(name) = ?1", &values![name])?;
            Ok(row.map(|row| row.text(0)))
        }))
        .await
    }

    /// Every setting.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn settings(&self) -> Result<Vec<(String, String)>, ReadError> {
        self.read(Box::new(|conn| Ok(load::settings(conn?)?))).await
    }

    /// Sets or removes a setting. The scope must be everything.
    ///
    /// # Errors
    /// The scope is less than everything.
    pub async fn set_setting(&self, scope: Scope, name: &str, value: Option<&str>) -> Result<(), UserError> {
        if scope != Scope::All {
            return Err(UserError::Denied { what: "tb_settings".into() });
        }
        let (name, value) = (name.trim().to_ascii_lowercase(), value.map(str::to_owned));
        self.write(move |tx| {
            tx.check_epoch::<UserError>()?;
            match &value {
                Some(value) => tx.execute(
                    "INSERT INTO tb_settings (name, value) VALUES (?1, ?2) \
                     ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    &values![&name, value],
                )?,
                None => tx.execute("DELETE FROM tb_settings WHERE lower(name) = ?1", &values![&name])?,
            };
            Ok(())
        })
        .await
    }

    /// Free numbers of the pool that begin with `prefix`, at a place if one is named, in the order of their ids and behind
    /// the id `after`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn free_numbers(
        &self,
        count: usize,
        after: i64,
        prefix: &str,
        location: &str,
        now: Wall,
    ) -> Result<Vec<NumberRow>, ReadError> {
        let (count, prefix) = (count.clamp(1, MAX_NUMBERS), prefix.trim().to_owned());
        let location = location.trim().to_owned();
        self.read(Box::new(move |conn| free(conn?, (count, after), &prefix, &location, now))).await
    }

    /// Takes a free number for an account in scope: until a time, then it is free again unless renewed, or for good.
    ///
    /// # Errors
    /// The number is not in the pool or not free, or the account is not in scope.
    pub async fn lock_number(
        &self,
        scope: Scope,
        number: &str,
        id: AccountId,
        until: Option<Wall>,
        now: Wall,
    ) -> Result<(), UserError> {
        let number = number.trim().to_owned();
        self.write(move |tx| {
            tx.check_epoch()?;
            owner_in_scope(tx, scope, id)?;
            let (until, free) = (until.map(|until| date_text(until.0)), i64::from(until.is_some()));
            let locked = tx.execute(
                "UPDATE tb_phonenumbers SET reserveduntil = ?1, free = ?2, userid = ?3 WHERE number = ?4 AND free <> 0 \
                 AND (userid = 0 OR userid = ?3 OR reserveduntil IS NULL OR reserveduntil < ?5)",
                &values![until, free, id, &number, date_text(now.0)],
            )?;
            if locked == 0 { Err(Stop::Refuse(UserError::NotFound)) } else { Ok(()) }
        })
        .await
    }
}

impl Store {
    /// Makes an account in scope known by a number, for which `shown` is the number as it is compared. Renewing one's own
    /// adds the right to trigger callbacks, never takes it.
    ///
    /// # Errors
    /// [`UserError::Taken`]: it is another account's; [`UserError::BadValue`]: the account has [`MAX_CLIS`] already; or the
    /// account is not in scope.
    pub async fn add_cli(
        &self,
        scope: Scope,
        number: &str,
        id: AccountId,
        callback: bool,
    ) -> Result<(), UserError> {
        let number = number.to_owned();
        self.write(move |tx| {
            tx.check_epoch()?;
            owner_in_scope(tx, scope, id)?;
            let of_account = "SELECT count(*) FROM tb_users_cli WHERE userid = ?1 AND number <> ?2";
            let count = tx.first(of_account, &values![id, &number])?.map_or(0, |row| row.int(0));
            if count >= MAX_CLIS {
                let name = "number".to_owned();
                return Err(Stop::Refuse(UserError::BadValue { name, expected: "one of at most 100 numbers" }));
            }
            let added = tx.execute(
                "INSERT INTO tb_users_cli (userid, number, callback) VALUES (?1, ?2, ?3) ON CONFLICT (number) DO UPDATE \
                 SET callback = CASE WHEN excluded.callback <> 0 THEN 1 ELSE tb_users_cli.callback END WHERE tb_users_cli.userid = excluded.userid",
                &values![id, &number, callback],
            )?;
            if added == 0 { Err(Stop::Refuse(UserError::Taken)) } else { Ok(()) }
        })
        .await
    }
}

fn free(
    conn: &mut Conn,
    (count, after): (usize, i64),
    prefix: &str,
    location: &str,
    now: Wall,
) -> Result<Vec<NumberRow>, ReadError> {
    let rows = conn.query(
        "SELECT id, number, userid, free, location, reserveduntil FROM tb_phonenumbers WHERE free <> 0 \
         AND (reserveduntil IS NULL OR reserveduntil < ?1) AND (?2 = '' OR location = ?2) \
         AND substr(number, 1, ?3) = ?4 AND id > ?6 ORDER BY id LIMIT ?5",
        &values![date_text(now.0), location, prefix.len() as u64, prefix, count as u64, after],
    )?;
    Ok(rows.iter().map(load::number).collect())
}
