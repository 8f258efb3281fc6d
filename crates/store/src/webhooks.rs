//! Webhooks and how far this node has got with each. Their secrets are encrypted and bound to their row.

use strowger_model::{AccountId, Scope, Secret, Wall};

use crate::db::{Row, Value, values};
use crate::errors::{ReadError, Unavailable, UserError};
use crate::keyring::{Keyring, hex, random};
use crate::scope::condition;
use crate::store::Store;
use crate::tx::{Stop, Tx};

/// Webhooks of one account, or of the operator.
const MAX_EACH: i64 = 20;
/// Webhooks of everybody.
const MAX_ALL: i64 = 2_000;
/// The longest kept reason of a failure, in characters.
const MAX_ERROR: usize = 200;
/// The column that a sealed secret is bound to.
const COLUMN: &str = "webhook_secret";

/// A webhook with this node's progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: i64,
    /// Whose; none: the operator's, which gets everything.
    pub owner: Option<AccountId>,
    /// Where events are posted to.
    pub url: String,
    /// What signs them.
    pub secret: Secret,
    /// Which kinds, as the `events` command takes them.
    pub types: String,
    /// It is switched on.
    pub enabled: bool,
    /// When it was made.
    pub created: Wall,
    /// The last event that was delivered from this node.
    pub cursor: u64,
    /// Attempts in a row that failed.
    pub failures: u32,
    /// Since when.
    pub failing_since: Option<Wall>,
    /// The last HTTP status; 0: there was none.
    pub status: u16,
    /// Why the last attempt failed; empty: it did not.
    pub error: String,
    /// Rises with every replay; negative: this node has not met it yet.
    pub generation: i64,
}

/// What an attempt to deliver came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookProgress {
    /// The last event that was delivered.
    pub cursor: u64,
    /// Attempts in a row that failed.
    pub failures: u32,
    /// Since when.
    pub failing_since: Option<Wall>,
    /// The HTTP status; 0: there was none.
    pub status: u16,
    /// Why it failed.
    pub error: String,
}

/// The columns in the order of [`webhook`], and their tables.
const SELECT: &str = "SELECT w.id, w.userid, w.url, w.secret, w.rowkey, w.types, w.enabled, w.created_ms, \
     coalesce(s.position, 0), coalesce(s.failures, 0), coalesce(s.failing_ms, 0), coalesce(s.status, 0), \
     coalesce(s.error, ''), coalesce(s.generation, -1) FROM tb_webhooks w LEFT JOIN tb_webhook_state s ON s.webhookid = w.id AND s.node = ?1";

impl Store {
    /// Makes a webhook that begins after event `cursor`; gives its id.
    ///
    /// # Errors
    /// The owner is not in scope, or there are too many.
    pub async fn add_webhook(
        &self,
        scope: Scope,
        owner: Option<AccountId>,
        (url, secret, types): (String, Secret, String),
        cursor: u64,
    ) -> Result<i64, UserError> {
        let (owner, node) = (owner.unwrap_or_default(), self.node());
        self.write(move |tx| {
            tx.check_epoch::<UserError>()?;
            let fits =
                if owner.0 == 0 { scope == Scope::All } else { crate::scope::covers(tx, scope, owner)? };
            if !fits {
                return Err(Stop::Refuse(UserError::NotFound));
            }
            let counts = tx.first(
                "SELECT count(*), coalesce(sum(CASE WHEN userid = ?1 THEN 1 ELSE 0 END), 0) FROM tb_webhooks",
                &values![owner],
            )?;
            let (all, own) = counts.map_or((0, 0), |row| (row.int(0), row.int(1)));
            if all >= MAX_ALL || own >= MAX_EACH {
                let what = format!(
                    "another webhook: {MAX_EACH} for one account and {MAX_ALL} in all are the most, a new one"
                );
                return Err(Stop::Refuse(UserError::Denied { what }));
            }
            let broken = |error: String| Stop::Refuse(Unavailable::Fault { what: error }.into());
            let rowkey = hex(&random::<16>().map_err(|error| broken(error.to_string()))?);
            let sealed = tx.keyring.seal(secret.expose(), COLUMN, &rowkey);
            let sealed = sealed.map_err(|error| broken(error.to_string()))?;
            let row = tx.returning(
                "INSERT INTO tb_webhooks (userid, url, secret, rowkey, types, enabled, created_ms) \
                 VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6) RETURNING id",
                &values![owner, &url, &sealed, &rowkey, &types, tx.now_ms],
            )?;
            let id = row.map_or(0, |row| row.int(0));
            set_cursor(tx, id, node, cursor)?;
            Ok(id)
        })
        .await
    }

    /// The webhooks in scope, with their secrets.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn webhooks(&self, scope: Scope) -> Result<Vec<Webhook>, ReadError> {
        let (keyring, node) = (self.inner.options.keyring.clone(), self.node());
        let sql = format!("{SELECT} WHERE {} ORDER BY w.id LIMIT {MAX_ALL}", condition(scope, "w.userid"));
        self.read(Box::new(move |conn| {
            let rows = conn?.query(&sql, &values![node])?;
            Ok(rows.iter().map(|row| webhook(row, &keyring)).collect())
        }))
        .await
    }

    /// Removes a webhook.
    ///
    /// # Errors
    /// There is none in scope.
    pub async fn delete_webhook(&self, scope: Scope, id: i64) -> Result<(), UserError> {
        self.write(move |tx| {
            tx.check_epoch::<UserError>()?;
            let sql = format!("DELETE FROM tb_webhooks WHERE id = ?1 AND {}", condition(scope, "userid"));
            if tx.execute(&sql, &values![id])? == 0 {
                return Err(Stop::Refuse(UserError::NotFound));
            }
            tx.execute("DELETE FROM tb_webhook_state WHERE webhookid = ?1", &values![id])?;
            Ok(())
        })
        .await
    }

    /// Goes back (or on) to an event and switches the webhook on.
    ///
    /// # Errors
    /// There is none in scope.
    pub async fn replay_webhook(&self, scope: Scope, id: i64, cursor: u64) -> Result<(), UserError> {
        let node = self.node();
        self.write(move |tx| {
            tx.check_epoch::<UserError>()?;
            let sql = format!(
                "UPDATE tb_webhooks SET enabled = 1 WHERE id = ?1 AND {}",
                condition(scope, "userid")
            );
            if tx.execute(&sql, &values![id])? == 0 {
                return Err(Stop::Refuse(UserError::NotFound));
            }
            set_cursor(tx, id, node, cursor)?;
            Ok(())
        })
        .await
    }

    /// Notes what an attempt came to, and whether the webhook stays switched on. What cannot be noted is delivered
    /// again after a restart.
    pub fn note_webhook(&self, (id, generation): (i64, i64), progress: WebhookProgress, enabled: bool) {
        let node = self.node();
        let error: String = progress.error.chars().take(MAX_ERROR).collect();
        self.write_and_forget(
            move |tx| {
                let since = progress.failing_since.map_or(0, |since| since.0);
                let noted = tx.execute(
                    "UPDATE tb_webhook_state SET position = ?3, failures = ?4, failing_ms = ?5, status = ?6, \
                     error = ?7 WHERE webhookid = ?1 AND node = ?2 AND generation = ?8",
                    &values![
                        id,
                        node,
                        progress.cursor,
                        progress.failures,
                        since,
                        u32::from(progress.status),
                        &error,
                        generation
                    ],
                )?;
                if !enabled && noted > 0 {
                    tx.execute("UPDATE tb_webhooks SET enabled = 0 WHERE id = ?1", &values![id])?;
                }
                Ok(())
            },
            |error: &Unavailable| tracing::warn!(%error, "the progress of a webhook was not noted"),
        );
    }

    /// On a node that meets a webhook for the first time it begins here.
    ///
    /// # Errors
    /// The database takes no writes.
    pub async fn begin_webhook(&self, id: i64, cursor: u64) -> Result<(), UserError> {
        let node = self.node();
        self.write(move |tx| {
            tx.execute(
                "INSERT INTO tb_webhook_state (webhookid, node, position) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (webhookid, node) DO NOTHING",
                &values![id, node, cursor],
            )?;
            Ok(())
        })
        .await
    }

    fn node(&self) -> u32 {
        u32::from(self.inner.options.node)
    }
}

fn set_cursor(tx: &mut Tx<'_>, id: i64, node: u32, cursor: u64) -> Result<(), crate::db::Fault> {
    tx.execute(
        "INSERT INTO tb_webhook_state (webhookid, node, position) VALUES (?1, ?2, ?3) ON CONFLICT (webhookid, node) \
         DO UPDATE SET position = excluded.position, generation = tb_webhook_state.generation + 1, failures = 0, \
         failing_ms = 0, error = ''",
        &values![id, node, cursor],
    )?;
    Ok(())
}

fn webhook(row: &Row, keyring: &Keyring) -> Webhook {
    let number = |column| u64::try_from(row.int(column)).unwrap_or(0);
    let stored = match row.0.get(3) {
        Some(Value::Text(text)) => text.as_str(),
        _ => "",
    };
    Webhook {
        id: row.int(0),
        owner: row.account(1),
        url: row.text(2),
        // Of another key file: nothing that is signed with it would be believed, and nothing is sent.
        secret: keyring.open(stored, COLUMN, &row.text(4)).unwrap_or_else(|_| Secret::new("")),
        types: row.text(5),
        enabled: row.flag(6),
        created: Wall(row.int(7)),
        cursor: number(8),
        failures: u32::try_from(row.int(9)).unwrap_or(u32::MAX),
        failing_since: Some(row.int(10)).filter(|ms| *ms > 0).map(Wall),
        status: u16::try_from(row.int(11)).unwrap_or(0),
        error: row.text(12),
        generation: row.int(13),
    }
}
