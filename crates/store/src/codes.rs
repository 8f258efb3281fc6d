//! One-time codes: what was sent to somebody and waits to come back. Subjects and codes are digests that the caller
//! makes; a code is good once, for a while, and for a few tries. Nothing here sends or compares clear text.

use strowger_model::{AccountId, Secret, Wall};

use crate::accounts::{constant_time_equal, opened};
use crate::db::{Fault, Row, values};
use crate::errors::{ReadError, UserError};
use crate::schema::SECRETS;
use crate::store::Store;
use crate::tx::Tx;

/// Tries before a code is void.
const MAX_ATTEMPTS: i64 = 5;
/// Codes that wait; the oldest go first.
const MAX_CODES: i64 = 20_000;

/// What a code is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodePurpose {
    /// Confirming a sign-up.
    SignUp,
    /// A new password.
    Recovery,
}

impl CodePurpose {
    const fn name(self) -> &'static str {
        match self {
            Self::SignUp => "signup",
            Self::Recovery => "recovery",
        }
    }
}

impl Store {
    /// Keeps a code for a subject instead of an earlier one. No account: nobody has it, and nothing else differs.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn keep_code(
        &self,
        purpose: CodePurpose,
        subject: &str,
        account: Option<AccountId>,
        hash: &str,
        expires: Wall,
    ) -> Result<(), UserError> {
        let (subject, hash) = (subject.to_owned(), hash.to_owned());
        self.write(move |tx| {
            tx.check_epoch()?;
            tx.execute("DELETE FROM onetime_code WHERE purpose = 'recovery' AND expires_ms < ?1", &values![tx.now_ms])?;
            let oldest =
                tx.first("SELECT id FROM onetime_code ORDER BY id DESC LIMIT 1 OFFSET ?1", &values![MAX_CODES])?;
            if let Some(row) = oldest {
                tx.execute("DELETE FROM onetime_code WHERE id <= ?1", &values![row.int(0)])?;
            }
            tx.execute(
                "DELETE FROM onetime_code WHERE purpose = ?1 AND subject = ?2",
                &values![purpose.name(), &subject],
            )?;
            tx.execute(
                "INSERT INTO onetime_code (purpose, subject, account_id, hash, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
                &values![purpose.name(), &subject, account.map_or(0, |id| id.0), &hash, expires.0],
            )?;
            Ok(())
        })
        .await
    }

    /// Tries a code: the account that it is for where it is right and in time, and then it is spent. Every try
    /// counts, also a right one.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn try_code(
        &self,
        purpose: CodePurpose,
        subject: &str,
        hash: &str,
        now: Wall,
    ) -> Result<Option<AccountId>, UserError> {
        let (subject, hash) = (subject.to_owned(), hash.to_owned());
        self.write(move |tx| {
            tx.check_epoch()?;
            Ok(try_one(tx, purpose, &subject, now, |_, row| Ok(row.text(2) == hash))?)
        })
        .await
    }

    /// The same for a forgotten password: the answer to the account's own question counts beside the code.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn try_recovery(
        &self,
        subject: &str,
        hash: &str,
        answer: Secret,
        now: Wall,
    ) -> Result<Option<AccountId>, UserError> {
        let (subject, hash) = (subject.to_owned(), hash.to_owned());
        self.write(move |tx| {
            tx.check_epoch()?;
            let right = |tx: &mut Tx<'_>, row: &Row| {
                // Both are looked at, so that the time does not tell which of them was meant.
                let by_answer = is_answer(tx, row.account(1), &answer)?;
                Ok((row.text(2) == hash) | by_answer)
            };
            Ok(try_one(tx, CodePurpose::Recovery, &subject, now, right)?)
        })
        .await
    }

    /// The account whose sign-up was not confirmed in time.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn overdue_sign_up(&self, subject: &str, now: Wall) -> Result<Option<AccountId>, ReadError> {
        let subject = subject.to_owned();
        self.read(Box::new(move |conn| {
            let row = conn?.first(
                "SELECT c.account_id FROM onetime_code c JOIN account a ON a.id = c.account_id \
                 WHERE c.purpose = 'signup' AND c.subject = ?1 AND c.expires_ms < ?2 AND a.enabled = 0",
                &values![&subject, now.0],
            )?;
            Ok(row.and_then(|row| row.account(0)))
        }))
        .await
    }

    /// The enabled account that has an e-mail address, without regard to case; the oldest where there are several.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn account_by_mail(&self, mail: &str) -> Result<Option<AccountId>, ReadError> {
        let mail = mail.trim().to_owned();
        self.read(Box::new(move |conn| {
            let row = conn?.first(
                "SELECT a.id FROM account a JOIN account_profile p ON p.id = a.id WHERE a.deleted_ms = 0 \
                 AND a.enabled <> 0 AND a.temporarydisabled = 0 AND lower(p.email) = lower(?1) ORDER BY a.id LIMIT 1",
                &values![&mail],
            )?;
            Ok(row.and_then(|row| row.account(0)))
        }))
        .await
    }
}

/// Counts a try, and spends the code where `right` holds for its row.
fn try_one(
    tx: &mut Tx<'_>,
    purpose: CodePurpose,
    subject: &str,
    now: Wall,
    right: impl FnOnce(&mut Tx<'_>, &Row) -> Result<bool, Fault>,
) -> Result<Option<AccountId>, Fault> {
    tx.execute(
        "UPDATE onetime_code SET attempts = attempts + 1 WHERE purpose = ?1 AND subject = ?2",
        &values![purpose.name(), subject],
    )?;
    let row = tx.first(
        "SELECT id, account_id, hash, attempts, expires_ms FROM onetime_code \
         WHERE purpose = ?1 AND subject = ?2",
        &values![purpose.name(), subject],
    )?;
    let Some(row) = row else { return Ok(None) };
    let good = right(tx, &row)? && row.int(3) <= MAX_ATTEMPTS && row.int(4) >= now.0;
    if good {
        tx.execute("DELETE FROM onetime_code WHERE id = ?1", &values![row.int(0)])?;
    }
    Ok(row.account(1).filter(|_| good))
}

/// The text is what the account has as the answer to its question. Nobody remembers case and blanks.
fn is_answer(tx: &mut Tx<'_>, account: Option<AccountId>, text: &Secret) -> Result<bool, Fault> {
    let keyring = tx.keyring.clone();
    let secrets = opened(tx.raw(), &keyring, account.unwrap_or_default())?;
    let at = SECRETS.iter().position(|name| *name == "forgotpasswordanswer");
    let stored = secrets.zip(at).and_then(|(secrets, at)| secrets.into_iter().nth(at)).unwrap_or_default();
    let plain = |secret: &Secret| {
        Secret::new(secret.expose().split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase())
    };
    let (stored, text) = (plain(&stored), plain(text));
    let same = constant_time_equal(stored.expose().as_bytes(), text.expose().as_bytes());
    Ok(same && !stored.is_empty())
}
