//! Commands that move money have their effect once per request id, for 24 hours.

use serde::Serialize;
use serde::de::DeserializeOwned;
use strowger_model::AccountId;

use crate::db::{Fault, values};
use crate::tx::{Stop, Tx};

/// By what a repeated request is recognised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestKey {
    /// `requestid`, or a single-use nonce.
    pub request: String,
    /// The command.
    pub command: &'static str,
    /// Who asks.
    pub caller: AccountId,
}

/// Runs `body` unless the same request was carried out before; then its answer is given again. The same key
/// with another `content` is refused with `reused`.
pub(crate) fn once<T, E>(
    tx: &mut Tx<'_>,
    key: Option<&RequestKey>,
    content: &str,
    reused: E,
    body: impl FnOnce(&mut Tx<'_>) -> Result<T, Stop<E>>,
) -> Result<T, Stop<E>>
where
    T: Serialize + DeserializeOwned,
{
    let Some(key) = key else { return body(tx) };
    let digest = crate::digest::of(content.as_bytes());
    let found = tx.first(
        "SELECT digest, reply FROM idempotency WHERE account_id = ?1 AND command = ?2 AND request = ?3",
        &values![key.caller, key.command, &key.request],
    )?;
    if let Some(row) = found {
        if row.text(0) != digest {
            return Err(Stop::Refuse(reused));
        }
        return serde_json::from_str(&row.text(1)).map_err(|e| Fault::Statement(e.to_string()).into());
    }
    let answer = body(tx)?;
    let reply = serde_json::to_string(&answer).map_err(|e| Fault::Statement(e.to_string()))?;
    tx.execute(
        "INSERT INTO idempotency (account_id, command, request, digest, reply, at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &values![key.caller, key.command, &key.request, digest, reply, tx.now_ms],
    )?;
    Ok(answer)
}
