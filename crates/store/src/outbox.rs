//! The outbox: e-mails and SMS that wait for delivery, in the database, so that none is lost with a restart.
//! What is queued here can reach one recipient only: an address is checked, and nothing in a subject can become
//! another header. Bodies are personal and sealed. Nothing here delivers.

use strowger_model::{Secret, Wall};

use crate::cell::date_text;
use crate::db::{Fault, values};
use crate::errors::{ReadError, Unavailable};
use crate::keyring::{hex, random};
use crate::store::Store;
use crate::tx::{Stop, Tx};

/// Messages that wait at a time; further ones are refused.
const MAX_QUEUED: i64 = 10_000;
/// Messages that are kept after their delivery or failure; the oldest go first.
const MAX_KEPT: i64 = 1_000;
/// Bytes of an e-mail's body.
const MAX_MAIL_BYTES: usize = 262_144;
/// Characters of an SMS, ten parts of the network's.
const MAX_SMS_CHARS: usize = 1_530;
/// Characters of a subject.
const MAX_SUBJECT_CHARS: usize = 200;
/// Characters of an e-mail address, by RFC 5321.
const MAX_ADDRESS_CHARS: usize = 254;
/// Characters of a correlation.
const MAX_CORRELATION_CHARS: usize = 128;
/// Tries before a message counts as failed.
const MAX_ATTEMPTS: i64 = 8;
/// The wait after the first failed try; it doubles with each.
const FIRST_WAIT_MS: i64 = 30_000;

/// How a message travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterKind {
    /// E-mail.
    Mail,
    /// SMS.
    Sms,
}

impl LetterKind {
    /// `tb_outbox.kind`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Sms => "sms",
        }
    }
}

/// A message to one recipient.
#[derive(Debug, Clone)]
pub struct Letter {
    /// How it travels.
    pub kind: LetterKind,
    /// An e-mail address or a telephone number.
    pub to: String,
    /// The same of the sender; empty: the one that the delivery is configured with.
    pub from: String,
    /// The subject of an e-mail.
    pub subject: String,
    /// The text.
    pub body: Secret,
    /// What it is about, such as `lowcredit/57`: for finding it again.
    pub correlation: String,
}

/// A message that is due.
#[derive(Debug, Clone)]
pub struct DueLetter {
    /// `tb_outbox.id`.
    pub id: i64,
    /// Failed tries so far.
    pub attempts: u32,
    /// The message.
    pub letter: Letter,
}

/// A message was not queued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboxError {
    /// The recipient or the sender is none.
    #[error("{what} is not {expected}")]
    BadAddress {
        /// `to` or `from`.
        what: &'static str,
        /// What would be right.
        expected: &'static str,
    },
    /// The text is too long or empty.
    #[error("a text of 1 to {most} is wanted")]
    BadBody {
        /// The most, with its unit.
        most: &'static str,
    },
    /// Too many messages wait.
    #[error("{MAX_QUEUED} messages wait for delivery already")]
    Full,
    /// Not now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Store {
    /// Queues a message; durable when this returns its id.
    ///
    /// # Errors
    /// An address or the text is not right, or too many messages wait.
    pub async fn outbox_queue(&self, letter: Letter) -> Result<i64, OutboxError> {
        let letter = checked(letter)?;
        self.write(move |tx| queue(tx, &letter)).await
    }

    /// Messages whose time has come, the oldest first.
    ///
    /// # Errors
    /// The database cannot be read, or a message was sealed with another key.
    pub async fn outbox_due(&self, now: Wall, max: usize) -> Result<Vec<DueLetter>, ReadError> {
        let keyring = self.inner.options.keyring.clone();
        self.read(Box::new(move |conn| {
            let rows = conn?.query(
                "SELECT id, kind, recipient, sender, subject, body, rowkey, attempts, correlation FROM tb_outbox \
                 WHERE state = 'queued' AND nextattempt <= ?1 ORDER BY id LIMIT ?2",
                &values![date_text(now.0), max as u64],
            )?;
            let opened = rows.iter().map(|row| {
                let rowkey = row.text(6);
                let open = |column: usize, name| {
                    let opened = keyring.open(&row.text(column), name, &rowkey);
                    opened.map_err(|sealed| Fault::Statement(sealed.to_string()))
                };
                let kind = if row.text(1) == "sms" { LetterKind::Sms } else { LetterKind::Mail };
                let letter = Letter {
                    kind,
                    to: row.text(2),
                    from: row.text(3),
                    subject: open(4, "subject")?.expose().to_owned(),
                    body: open(5, "body")?,
                    correlation: row.text(8),
                };
                Ok(DueLetter { id: row.int(0), attempts: u32::try_from(row.int(7)).unwrap_or(0), letter })
            });
            opened.collect::<Result<_, Fault>>().map_err(ReadError::from)
        }))
        .await
    }

    /// Notes how a try to deliver ended. A delivered message loses its text; a failed one is due again later, each
    /// time after twice the wait, and counts as failed after the eighth try.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn outbox_tried(&self, id: i64, delivered: bool, now: Wall) -> Result<(), OutboxError> {
        self.write(move |tx| {
            if delivered {
                let sent = "UPDATE tb_outbox SET state = 'sent', subject = '', body = '' WHERE id = ?1";
                tx.execute(sent, &values![id])?;
                return Ok(trim(tx)?);
            }
            let row = tx.first("SELECT attempts FROM tb_outbox WHERE id = ?1", &values![id])?;
            let attempts = row.map_or(0, |row| row.int(0)).saturating_add(1);
            let state = if attempts >= MAX_ATTEMPTS { "failed" } else { "queued" };
            let next = now.0 + (FIRST_WAIT_MS << attempts.clamp(1, MAX_ATTEMPTS).saturating_sub(1));
            tx.execute(
                "UPDATE tb_outbox SET attempts = ?1, state = ?2, nextattempt = ?3 WHERE id = ?4",
                &values![attempts, state, date_text(next), id],
            )?;
            Ok(())
        })
        .await
    }
}

fn queue(tx: &mut Tx<'_>, letter: &Letter) -> Result<i64, Stop<OutboxError>> {
    tx.check_epoch()?;
    let waiting = tx.first("SELECT count(*) FROM tb_outbox WHERE state = 'queued'", &[])?;
    if waiting.is_some_and(|row| row.int(0) >= MAX_QUEUED) {
        return Err(Stop::Refuse(OutboxError::Full));
    }
    let no_key = |error: crate::keyring::KeyError| Fault::Statement(error.to_string());
    let rowkey = hex(&random::<16>().map_err(no_key)?);
    let subject = tx.keyring.seal(&letter.subject, "subject", &rowkey).map_err(no_key)?;
    let body = tx.keyring.seal(letter.body.expose(), "body", &rowkey).map_err(no_key)?;
    let now = date_text(tx.now_ms);
    let row = tx.returning(
        "INSERT INTO tb_outbox (kind, recipient, sender, subject, body, rowkey, created, nextattempt, correlation) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) RETURNING id",
        &values![
            letter.kind.name(),
            &letter.to,
            &letter.from,
            subject,
            body,
            rowkey,
            &now,
            &now,
            &letter.correlation
        ],
    )?;
    Ok(row.map_or(0, |row| row.int(0)))
}

/// Drops the oldest messages that wait no more.
fn trim(tx: &mut Tx<'_>) -> Result<(), Fault> {
    let first_kept = tx.first(
        "SELECT id FROM tb_outbox WHERE state <> 'queued' ORDER BY id DESC LIMIT 1 OFFSET ?1",
        &values![MAX_KEPT],
    )?;
    if let Some(row) = first_kept {
        tx.execute("DELETE FROM tb_outbox WHERE state <> 'queued' AND id <= ?1", &values![row.int(0)])?;
    }
    Ok(())
}

fn checked(mut letter: Letter) -> Result<Letter, OutboxError> {
    letter.to = letter.to.trim().to_owned();
    letter.from = letter.from.trim().to_owned();
    let (valid, expected): (fn(&str) -> bool, _) = match letter.kind {
        LetterKind::Mail => (is_mail_address, "an e-mail address"),
        LetterKind::Sms => (is_number, "a telephone number"),
    };
    if !valid(&letter.to) {
        return Err(OutboxError::BadAddress { what: "to", expected });
    }
    if !letter.from.is_empty() && !valid(&letter.from) {
        return Err(OutboxError::BadAddress { what: "from", expected });
    }
    let text = letter.body.expose();
    let (fits, most) = match letter.kind {
        LetterKind::Mail => (text.len() <= MAX_MAIL_BYTES, "262144 bytes"),
        LetterKind::Sms => (text.chars().count() <= MAX_SMS_CHARS, "1530 characters"),
    };
    if text.trim().is_empty() || !fits {
        return Err(OutboxError::BadBody { most });
    }
    letter.subject = one_line(&letter.subject, MAX_SUBJECT_CHARS);
    letter.correlation = one_line(&letter.correlation, MAX_CORRELATION_CHARS);
    Ok(letter)
}

/// A text in which nothing can end a header's line.
fn one_line(text: &str, most: usize) -> String {
    text.trim().chars().take(most).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// One mailbox without a display name: local part, `@`, domain (the common subset of RFC 5321).
#[must_use]
pub fn is_mail_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let local_char = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let label = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    text.chars().count() <= MAX_ADDRESS_CHARS
        && !local.is_empty()
        && local.chars().all(local_char)
        && domain.split('.').all(label)
}

/// Digits with an optional plus sign.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (3..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(to: &str, subject: &str) -> Letter {
        Letter {
            kind: LetterKind::Mail,
            to: to.into(),
            from: String::new(),
            subject: subject.into(),
            body: Secret::new("text"),
            correlation: String::new(),
        }
    }

    #[test]
    fn nothing_becomes_a_second_recipient_or_header() {
        for right in ["a@b.example", " first.last+tag@mail.example.org ", "x@[", "a@localhost"] {
            assert_eq!(checked(mail(right, "")).is_ok(), !right.contains('['), "{right}");
        }
        for wrong in ["", "a", "a@", "@b", "a@b\r\nBcc: c@d", "a@b, c@d", "a b@c", "<a@b>", "a@b..c", "a@-b"]
        {
            assert!(matches!(checked(mail(wrong, "")), Err(OutboxError::BadAddress { .. })), "{wrong:?}");
        }
        let letter = checked(mail("a@b", "Hello\r\nBcc: c@d\u{7f}")).unwrap();
        assert_eq!(letter.subject, "Hello  Bcc: c@d ");
        let sms = |to: &str| checked(Letter { kind: LetterKind::Sms, ..mail(to, "") }).is_ok();
        assert!(sms("+36301234567") && sms("112") && !sms("a@b") && !sms("12") && !sms("+1 2 3 4"));
    }
}
