//! SMS that gateways handed in: each counts once, by the number that its gateway gave it.

use strowger_model::AccountId;

use crate::db::{Fault, values};
use crate::errors::Unavailable;
use crate::store::Store;

/// What the text is bound to by its seal, beside the gateway's number of the message.
const COLUMN: &str = "tb_smsreceived.body";

/// An SMS as it came in.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceivedSms {
    /// The gateway's number of it.
    pub msgid: String,
    /// The sender's number.
    pub from: String,
    /// The number that it was sent to.
    pub to: String,
    /// The account that it is for or that it was executed for.
    pub account: Option<AccountId>,
    /// The text.
    pub text: String,
}

impl std::fmt::Debug for ReceivedSms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReceivedSms({} from {} to {}, {} bytes)", self.msgid, self.from, self.to, self.text.len())
    }
}

/// Whether an SMS came for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SmsSeen {
    /// It did; this is its number here.
    New(i64),
    /// It came before; what became of it, empty while that is not known.
    Before(String),
    /// Another message came with that number.
    Reused,
}

impl Store {
    /// Notes an SMS, unless it came before.
    ///
    /// # Errors
    /// The database takes no writes.
    pub async fn receive_sms(&self, sms: ReceivedSms) -> Result<SmsSeen, Unavailable> {
        self.write(move |tx| {
            let digest = crate::digest::of(format!("{}\n{}\n{}", sms.from, sms.to, sms.text).as_bytes());
            let body = tx.keyring.seal(&sms.text, COLUMN, &sms.msgid);
            let body = body.map_err(|error| Fault::Statement(error.to_string()))?;
            let inserted = tx.returning(
                "INSERT INTO tb_smsreceived (msgid, fromnumber, tonumber, userid, body, digest, created_ms) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (msgid) DO NOTHING RETURNING id",
                &values![
                    &sms.msgid,
                    &sms.from,
                    &sms.to,
                    sms.account.unwrap_or_default(),
                    body,
                    &digest,
                    tx.now_ms
                ],
            )?;
            if let Some(row) = inserted {
                return Ok(SmsSeen::New(row.int(0)));
            }
            let known = tx
                .first("SELECT digest, outcome FROM tb_smsreceived WHERE msgid = ?1", &values![&sms.msgid])?;
            Ok(match known {
                Some(row) if row.text(0) == digest => SmsSeen::Before(row.text(1)),
                _ => SmsSeen::Reused,
            })
        })
        .await
    }

    /// Notes what became of an SMS.
    ///
    /// # Errors
    /// The database takes no writes.
    pub async fn sms_outcome(&self, id: i64, outcome: String) -> Result<(), Unavailable> {
        self.write(move |tx| {
            tx.execute("UPDATE tb_smsreceived SET outcome = ?2 WHERE id = ?1", &values![id, &outcome])?;
            Ok(())
        })
        .await
    }
}
