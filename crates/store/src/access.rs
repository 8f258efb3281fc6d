//! What the API remembers of credentials over a restart: named keys, sessions, and where digests were seen first.
//! Of keys and tokens only digests are stored; what they mean is decided by the API.

use std::net::IpAddr;

use strowger_model::{AccountId, Amount, Scope, Unit, Wall};

use crate::db::{Row, values};
use crate::errors::{ReadError, Unavailable, UserError};
use crate::store::Store;
use crate::tx::{Stop, Tx};

/// Named keys that are read; more cannot be made.
pub const MAX_API_KEYS: usize = 10_000;

/// A named API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyRow {
    /// `tb_apikeys.id`; 0 before it is written.
    pub id: i64,
    /// What people call it; unique.
    pub name: String,
    /// The SHA-256 of the key in lower-case hexadecimal digits.
    pub digest: String,
    /// What it may be used for, as the API reads it.
    pub scopes: String,
    /// The account that it acts as.
    pub account: Option<AccountId>,
    /// From where it may be used; empty is from anywhere.
    pub addresses: String,
    /// Until when it is good.
    pub expires: Option<Wall>,
    /// It is switched on.
    pub enabled: bool,
    /// When it was made.
    pub created: Wall,
    /// When it was last used, to a minute.
    pub last_used: Option<Wall>,
}

/// A session of `login`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// The SHA-256 of the token in lower-case hexadecimal digits.
    pub digest: String,
    /// Whose.
    pub account: AccountId,
    /// From where the login came.
    pub address: IpAddr,
    /// Until when it lives.
    pub expires: Wall,
    /// What the token and the password made at the login, in hexadecimal digits.
    pub check_value: String,
    /// The named key that the login showed.
    pub key: Option<i64>,
}

/// A digest of the API and the address that showed it first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayRow {
    /// In lower-case hexadecimal digits.
    pub digest: String,
    /// From where.
    pub address: IpAddr,
    /// When.
    pub at: Wall,
}

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRow {
    /// `ledger.id`.
    pub id: i64,
    /// Whose.
    pub account: AccountId,
    /// What for: recharge, transfer, code, opening, correction, charge …
    pub kind: String,
    /// How much.
    pub amount: Amount,
    /// Of what.
    pub unit: Unit,
}

/// Rows of the ledger that one account and question give at most.
const MAX_LEDGER_ROWS: u32 = 20;

fn ledger_row(row: &Row) -> Option<LedgerRow> {
    let unit = row.text(4).parse().ok()?;
    Some(LedgerRow {
        id: row.int(0),
        account: row.account(1)?,
        kind: row.text(2),
        amount: row.micros(3),
        unit,
    })
}

const KEY_COLUMNS: &str =
    "id, name, digest, scopes, accountid, addresses, expires_ms, enabled, created_ms, lastused_ms";

fn api_key(row: &Row) -> ApiKeyRow {
    ApiKeyRow {
        id: row.int(0),
        name: row.text(1),
        digest: row.text(2),
        scopes: row.text(3),
        account: row.account(4),
        addresses: row.text(5),
        expires: row.opt_int(6).map(Wall),
        enabled: row.flag(7),
        created: Wall(row.int(8)),
        last_used: row.opt_int(9).map(Wall),
    }
}

fn everything(scope: Scope, what: &str) -> Result<(), UserError> {
    if scope == Scope::All { Ok(()) } else { Err(UserError::Denied { what: what.into() }) }
}

impl Store {
    /// Every named API key, by its name.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn api_keys(&self) -> Result<Vec<ApiKeyRow>, ReadError> {
        self.read(Box::new(|conn| {
            let sql = format!("SELECT {KEY_COLUMNS} FROM tb_apikeys ORDER BY name LIMIT {MAX_API_KEYS}");
            Ok(conn?.query(&sql, &[])?.iter().map(api_key).collect())
        }))
        .await
    }

    /// Adds a named key; its id. The scope must be everything.
    ///
    /// # Errors
    /// The name is taken, there are too many, or the scope is less than everything.
    pub async fn api_key_add(&self, scope: Scope, row: ApiKeyRow) -> Result<i64, UserError> {
        everything(scope, "tb_apikeys")?;
        self.write(move |tx| {
            tx.check_epoch::<UserError>()?;
            let taken = tx.first("SELECT 1 FROM tb_apikeys WHERE lower(name) = lower(?1)", &values![&row.name])?;
            let count = tx.first("SELECT count(*) FROM tb_apikeys", &[])?.map_or(0, |row| row.int(0));
            if taken.is_some() {
                return Err(Stop::Refuse(UserError::Taken));
            }
            if usize::try_from(count).is_ok_and(|count| count >= MAX_API_KEYS) {
                let what = format!("at most {MAX_API_KEYS} keys: remove some");
                return Err(Stop::Refuse(UserError::Denied { what }));
            }
            let id = tx.returning(
                "INSERT INTO tb_apikeys (name, digest, scopes, accountid, addresses, expires_ms, enabled, created_ms) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING id",
                &values![
                    &row.name,
                    &row.digest,
                    &row.scopes,
                    row.account,
                    &row.addresses,
                    row.expires.map(|at| at.0),
                    row.enabled,
                    row.created.0
                ],
            )?;
            Ok(id.map_or(0, |row| row.int(0)))
        })
        .await
    }

    /// Removes a named key and the sessions that were opened with it. The scope must be everything.
    ///
    /// # Errors
    /// There is no such key, or the scope is less than everything.
    pub async fn api_key_del(&self, scope: Scope, name: &str) -> Result<(), UserError> {
        everything(scope, "tb_apikeys")?;
        let name = name.to_owned();
        self.write(move |tx| {
            tx.check_epoch::<UserError>()?;
            let gone = tx.returning(
                "DELETE FROM tb_apikeys WHERE lower(name) = lower(?1) RETURNING id",
                &values![&name],
            )?;
            let Some(row) = gone else { return Err(Stop::Refuse(UserError::NotFound)) };
            tx.execute("DELETE FROM api_session WHERE key_id = ?1", &values![row.int(0)])?;
            Ok(())
        })
        .await
    }

    /// Switches a named key off or on. The scope must be everything.
    ///
    /// # Errors
    /// There is no such key, or the scope is less than everything.
    pub async fn api_key_enable(&self, scope: Scope, name: &str, enabled: bool) -> Result<(), UserError> {
        everything(scope, "tb_apikeys")?;
        let name = name.to_owned();
        self.write(move |tx| {
            tx.check_epoch::<UserError>()?;
            let sql = "UPDATE tb_apikeys SET enabled = ?1 WHERE lower(name) = lower(?2)";
            let found = tx.execute(sql, &values![enabled, &name])?;
            if found == 0 { Err(Stop::Refuse(UserError::NotFound)) } else { Ok(()) }
        })
        .await
    }

    /// What the ledger wrote for accounts between two times, both included, in its order; reading it all needs the
    /// scope of everything.
    ///
    /// # Errors
    /// The database cannot be read, or the scope is less than everything.
    pub async fn ledger_rows(
        &self,
        scope: Scope,
        accounts: Vec<AccountId>,
        from: Wall,
        to: Wall,
    ) -> Result<Vec<LedgerRow>, ReadError> {
        if scope != Scope::All {
            return Err(ReadError::NotFound);
        }
        self.read(Box::new(move |conn| {
            let conn = conn?;
            let mut found = Vec::new();
            for account in accounts {
                let rows = conn.query(
                    "SELECT id, account_id, kind, amount, unit FROM ledger \
                     WHERE account_id = ?1 AND at_ms >= ?2 AND at_ms <= ?3 ORDER BY id LIMIT ?4",
                    &values![account, from.0, to.0, MAX_LEDGER_ROWS],
                )?;
                found.extend(rows.iter().filter_map(ledger_row));
            }
            found.sort_by_key(|row: &LedgerRow| row.id);
            found.dedup_by_key(|row| row.id);
            Ok(found)
        }))
        .await
    }

    /// Notes when keys were last used. What cannot be written is logged.
    pub fn api_keys_used(&self, used: Vec<(i64, Wall)>) {
        self.write_and_forget(
            move |tx| {
                for (id, at) in &used {
                    tx.execute("UPDATE tb_apikeys SET lastused_ms = ?1 WHERE id = ?2", &values![at.0, *id])?;
                }
                Ok(())
            },
            |error: &Unavailable| tracing::warn!(%error, "when API keys were used is not noted"),
        );
    }

    /// The sessions that are alive, the youngest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn sessions(&self, now: Wall, most: usize) -> Result<Vec<SessionRow>, ReadError> {
        self.read(Box::new(move |conn| {
            let rows = conn?.query(
                "SELECT digest, account_id, address, expires_ms, check_value, key_id FROM api_session \
                 WHERE expires_ms > ?1 ORDER BY expires_ms DESC LIMIT ?2",
                &values![now.0, most as u64],
            )?;
            let session = |row: &Row| {
                Some(SessionRow {
                    digest: row.text(0),
                    account: row.account(1)?,
                    address: row.text(2).parse().ok()?,
                    expires: Wall(row.int(3)),
                    check_value: row.text(4),
                    key: row.opt_int(5),
                })
            };
            Ok(rows.iter().filter_map(session).collect())
        }))
        .await
    }

    /// Keeps a session, durably; ended ones are forgotten.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn session_add(&self, row: SessionRow) -> Result<(), Unavailable> {
        self.write(move |tx: &mut Tx<'_>| {
            tx.execute("DELETE FROM api_session WHERE expires_ms <= ?1", &values![tx.now_ms])?;
            tx.execute(
                "INSERT INTO api_session (digest, account_id, address, expires_ms, check_value, key_id) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (digest) DO NOTHING",
                &values![
                    &row.digest,
                    row.account,
                    row.address.to_string(),
                    row.expires.0,
                    &row.check_value,
                    row.key
                ],
            )?;
            Ok(())
        })
        .await
    }

    /// Digests that were seen since a time, the youngest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn replays(&self, since: Wall, most: usize) -> Result<Vec<ReplayRow>, ReadError> {
        self.read(Box::new(move |conn| {
            let rows = conn?.query(
                "SELECT digest, address, at_ms FROM api_replay WHERE at_ms > ?1 ORDER BY at_ms DESC LIMIT ?2",
                &values![since.0, most as u64],
            )?;
            let replay = |row: &Row| {
                Some(ReplayRow {
                    digest: row.text(0),
                    address: row.text(1).parse().ok()?,
                    at: Wall(row.int(2)),
                })
            };
            Ok(rows.iter().filter_map(replay).collect())
        }))
        .await
    }

    /// Keeps digests, and forgets those before a time. What cannot be written is logged.
    pub fn replays_add(&self, seen: Vec<ReplayRow>, forget_before: Wall) {
        self.write_and_forget(
            move |tx| {
                tx.execute("DELETE FROM api_replay WHERE at_ms < ?1", &values![forget_before.0])?;
                for row in &seen {
                    tx.execute(
                        "INSERT INTO api_replay (digest, address, at_ms) VALUES (?1, ?2, ?3) \
                         ON CONFLICT (digest) DO NOTHING",
                        &values![&row.digest, row.address.to_string(), row.at.0],
                    )?;
                }
                Ok(())
            },
            |error: &Unavailable| tracing::warn!(%error, "where digests were seen first is not kept"),
        );
    }
}
