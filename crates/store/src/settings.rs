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

    /// Free numbers of the pool, at a place if one is named.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn free_numbers(
        &self,
        count: usize,
        location: &str,
        now: Wall,
    ) -> Result<Vec<NumberRow>, ReadError> {
        let (count, location) = (count.clamp(1, MAX_NUMBERS), location.trim().to_owned());
        self.read(Box::new(move |conn| free(conn?, count, &location, now))).await
    }

    /// Reserves a free number for an account in scope until a time; the account's own reservation is renewed.
    ///
    /// # Errors
    /// The number is not in the pool or not free, or the account is not in scope.
    pub async fn lock_number(
        &self,
        scope: Scope,
        number: &str,
        id: AccountId,
        until: Wall,
        now: Wall,
    ) -> Result<(), UserError> {
        let number = number.trim().to_owned();
        self.write(move |tx| {
            tx.check_epoch()?;
            owner_in_scope(tx, scope, id)?;
            let locked = tx.execute(
                "UPDATE tb_phonenumbers SET reserveduntil = ?1, userid = ?2 WHERE number = ?3 AND free <> 0 \
                 AND (userid = 0 OR userid = ?2 OR reserveduntil IS NULL OR reserveduntil < ?4)",
                &values![date_text(until.0), id, &number, date_text(now.0)],
            )?;
            if locked == 0 { Err(Stop::Refuse(UserError::NotFound)) } else { Ok(()) }
        })
        .await
    }
}

fn free(conn: &mut Conn, count: usize, location: &str, now: Wall) -> Result<Vec<NumberRow>, ReadError> {
    let rows = conn.query(
        "SELECT id, number, userid, free, location, reserveduntil FROM tb_phonenumbers WHERE free <> 0 \
         AND (reserveduntil IS NULL OR reserveduntil < ?1) AND (?2 = '' OR location = ?2) ORDER BY id LIMIT ?3",
        &values![date_text(now.0), location, count as u64],
    )?;
    Ok(rows.iter().map(load::number).collect())
}
