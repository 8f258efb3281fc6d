//! One-time codes of sign-ups and forgotten passwords: making, digesting, sending. A code leaves this server in a
//! message only; the database keeps digests.

use sha2::{Digest as _, Sha256};
use strowger_model::{AccountId, Secret};
use strowger_store::{CodePurpose, Letter, LetterKind, Store};

use crate::dispatch::Call;
use crate::reply::Failure;

/// Letters and digits that nobody confuses.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/// Characters of a code: fifty bits, five tries.
const CODE_LENGTH: usize = 10;
/// Characters of a password that is made here.
const PASSWORD_LENGTH: usize = 16;

/// A random text of this many characters.
pub fn random_text(length: usize) -> Result<String, Failure> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).map_err(|_| Failure::failed("no randomness"))?;
    Ok(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect())
}

/// A fresh code.
pub fn code() -> Result<Secret, Failure> {
    random_text(CODE_LENGTH).map(Secret::new)
}

/// A fresh password.
pub fn password() -> Result<Secret, Failure> {
    random_text(PASSWORD_LENGTH).map(Secret::new)
}

/// The digest of a subject, in any case.
pub fn subject(purpose: CodePurpose, text: &str) -> String {
    digest(&[&format!("{purpose:?}"), &text.trim().to_lowercase()])
}

/// The digest of a code, in any case, for its subject.
pub fn hash(subject: &str, code: &str) -> String {
    digest(&[subject, &code.trim().to_uppercase()])
}

fn digest(parts: &[&str]) -> String {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update((part.len() as u64).to_be_bytes());
        sha.update(part.as_bytes());
    }
    sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Keeps a code for somebody, as long as `codelifetime` says.
pub async fn keep(
    call: &Call,
    purpose: CodePurpose,
    subject: &str,
    account: Option<AccountId>,
    code: &Secret,
) -> Result<(), Failure> {
    let lifetime_ms = i64::from(call.config().codelifetime) * 1_000;
    let expires = call.now().wall.plus_ms(lifetime_ms);
    let hash = hash(subject, code.expose());
    Ok(call.store().keep_code(purpose, subject, account, &hash, expires).await?)
}

/// Queues a message.
pub async fn send(
    store: &Store,
    kind: LetterKind,
    to: &str,
    subject: &str,
    text: String,
    about: String,
) -> Result<(), Failure> {
    let letter = Letter {
        kind,
        to: to.to_owned(),
        from: String::new(),
        subject: subject.to_owned(),
        body: Secret::new(text),
        correlation: about,
    };
    store.outbox_queue(letter).await?;
    Ok(())
}

/// Counts one more wish of this address and about this subject, or refuses.
pub fn admit(call: &Call, what: &str, subject: &str) -> Result<(), Failure> {
    let subjects = [format!("{what} {}", call.source.address), format!("{what} {subject}")];
    if call.memory().signups.admit(call.now().mono, &subjects) {
        Ok(())
    } else {
        Err(Failure::limit("too many requests, try again in an hour"))
    }
}
