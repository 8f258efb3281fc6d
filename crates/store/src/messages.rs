//! Instant messages that wait for their reader: kept sealed, bounded per reader and by age, delivered once.

use strowger_model::{AccountId, Wall};
use thiserror::Error;

use crate::db::{Fault, Row, values};
use crate::errors::{ReadError, Unavailable};
use crate::server::Server;
use crate::store::Store;
use crate::tx::{Stop, Tx};

/// What the body is bound to by its seal, beside the reader.
const COLUMN: &str = "tb_messages.body";
/// Messages that are taken out together.
const BATCH: u32 = 50;

/// States of a message, as `tb_messages.state` has them.
const WAITS: i64 = 0;
const UNDERWAY: i64 = 1;
const DELIVERED: i64 = 2;

/// A message to be kept.
#[derive(Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// Who sent it; none: the server or somebody outside.
    pub from: Option<AccountId>,
    /// The sender's name or number.
    pub from_name: String,
    /// Whom it is for.
    pub to: AccountId,
    /// What the body is: `text/plain`.
    pub content_type: String,
    /// The body.
    pub body: String,
    /// It is sent to phones at once: nobody else may take it meanwhile.
    pub underway: bool,
    /// Messages that may wait for one reader.
    pub most: u32,
    /// Older ones of the same reader are dropped.
    pub oldest: Wall,
}

impl std::fmt::Debug for NewMessage {
    /// What people write to each other does not belong in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewMessage({} to {}, {} bytes)", self.from_name, self.to, self.body.len())
    }
}

/// A message that was kept.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptMessage {
    /// `tb_messages.id`.
    pub id: i64,
    /// The sender's name or number.
    pub from_name: String,
    /// What the body is.
    pub content_type: String,
    /// The body.
    pub body: String,
}

impl std::fmt::Debug for KeptMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeptMessage({} of {}, {} bytes)", self.id, self.from_name, self.body.len())
    }
}

/// Why a message is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MessageError {
    /// As many wait for this reader as may.
    #[error("{most} messages wait for this user already")]
    Full {
        /// How many that is.
        most: u32,
    },
    /// The database.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Store {
    /// Keeps a message; `done` gets its number after the commit, on the writer's thread.
    pub fn keep_message(
        &self,
        message: NewMessage,
        done: impl FnOnce(Result<i64, MessageError>) + Send + 'static,
    ) {
        self.write_then(move |tx| keep(tx, &message), done);
    }

    /// Takes messages that wait for a reader, the oldest first, marked as under way; some fifty at most.
    pub fn take_messages(
        &self,
        to: AccountId,
        done: impl FnOnce(Result<Vec<KeptMessage>, Unavailable>) + Send + 'static,
    ) {
        self.write_then(move |tx| take(tx, to, usize::MAX, UNDERWAY), done);
    }

    /// A message that was under way is delivered, or waits again.
    pub fn message_sent(&self, id: i64, delivered: bool) {
        self.write_and_forget(
            move |tx| {
                set_state(tx, id, if delivered { DELIVERED } else { WAITS })?;
                Ok(())
            },
            |error: &Unavailable| tracing::warn!(%error, "what became of a message is not noted"),
        );
    }

    /// Takes messages that wait for a reader, as delivered: whoever asks hands them over. At least one, where there is one,
    /// and as many more as fit into so many bytes.
    ///
    /// # Errors
    /// The database takes no writes.
    pub async fn hand_over_messages(
        &self,
        to: AccountId,
        most_bytes: usize,
    ) -> Result<Vec<KeptMessage>, Unavailable> {
        self.write(move |tx| take(tx, to, most_bytes, DELIVERED)).await
    }

    /// Drops messages that were written before `oldest`, delivered or not, and SMS received before it.
    pub fn drop_old_messages(&self, oldest: Wall) {
        self.write_and_forget(
            move |tx| {
                tx.execute("DELETE FROM tb_messages WHERE created_ms < ?1", &values![oldest.0])?;
                tx.execute("DELETE FROM tb_smsreceived WHERE created_ms < ?1", &values![oldest.0])?;
                Ok(())
            },
            |error: &Unavailable| tracing::warn!(%error, "old messages are not dropped"),
        );
    }
}

impl Server {
    /// Messages that were under way when the last run ended wait again. Whom messages wait for.
    ///
    /// # Errors
    /// The database takes no writes.
    pub fn restore_messages(&self) -> Result<Vec<AccountId>, ReadError> {
        let restore = |tx: &mut Tx<'_>| -> Result<Vec<AccountId>, Stop<Unavailable>> {
            tx.execute("UPDATE tb_messages SET state = ?1 WHERE state = ?2", &values![WAITS, UNDERWAY])?;
            let rows = tx.query("SELECT DISTINCT toid FROM tb_messages WHERE state = ?1", &values![WAITS])?;
            Ok(rows.iter().map(|row| AccountId(row.int(0))).collect())
        };
        self.store().write_blocking(restore).map_err(ReadError::Unavailable)
    }
}

fn keep(tx: &mut Tx<'_>, message: &NewMessage) -> Result<i64, Stop<MessageError>> {
    tx.execute(
        "DELETE FROM tb_messages WHERE toid = ?1 AND created_ms < ?2",
        &values![message.to, message.oldest.0],
    )?;
    let waiting = tx.first(
        "SELECT count(*) FROM tb_messages WHERE toid = ?1 AND state <> ?2",
        &values![message.to, DELIVERED],
    )?;
    if waiting.is_some_and(|row| row.int(0) >= i64::from(message.most)) {
        return Err(Stop::Refuse(MessageError::Full { most: message.most }));
    }
    let body = tx.keyring.seal(&message.body, COLUMN, &message.to.to_string());
    let body = body.map_err(|error| Fault::Statement(error.to_string()))?;
    let state = if message.underway { UNDERWAY } else { WAITS };
    let row = tx.returning(
        "INSERT INTO tb_messages (fromid, fromname, toid, contenttype, body, state, created_ms, changed_ms) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7) RETURNING id",
        &values![
            message.from.unwrap_or_default(),
            &message.from_name,
            message.to,
            &message.content_type,
            body,
            state,
            tx.now_ms
        ],
    )?;
    row.map(|row| row.int(0)).ok_or_else(|| Fault::Statement("a message got no number".to_owned()).into())
}

fn take(
    tx: &mut Tx<'_>,
    to: AccountId,
    most_bytes: usize,
    state: i64,
) -> Result<Vec<KeptMessage>, Stop<Unavailable>> {
    let rows = tx.query(
        "SELECT id, fromname, contenttype, body FROM tb_messages WHERE toid = ?1 AND state = ?2 ORDER BY id LIMIT ?3",
        &values![to, WAITS, BATCH],
    )?;
    let (mut taken, mut bytes) = (Vec::new(), 0);
    for row in &rows {
        let message = kept(tx, row, to);
        bytes += message.from_name.len() + message.body.len();
        if !taken.is_empty() && bytes > most_bytes {
            break;
        }
        set_state(tx, message.id, state)?;
        taken.push(message);
    }
    Ok(taken)
}

fn kept(tx: &Tx<'_>, row: &Row, to: AccountId) -> KeptMessage {
    let body = tx.keyring.open(&row.text(3), COLUMN, &to.to_string());
    let body = body.map_or_else(|_| String::new(), |body| body.expose().to_owned());
    KeptMessage { id: row.int(0), from_name: row.text(1), content_type: row.text(2), body }
}

/// A delivered message keeps no body.
fn set_state(tx: &mut Tx<'_>, id: i64, state: i64) -> Result<(), Fault> {
    let delivered = i64::from(state == DELIVERED);
    tx.execute(
        "UPDATE tb_messages SET state = ?2, changed_ms = ?3, attempts = attempts + ?4, \
         body = CASE WHEN ?5 = 1 THEN '' ELSE body END WHERE id = ?1",
        &values![id, state, tx.now_ms, i64::from(state != WAITS), delivered],
    )?;
    Ok(())
}
