//! Encryption of passwords and PINs at rest: AES-256-GCM with the row's random key and the column's name bound
//! in, so that a ciphertext copied to another row or column does not open. The key file lies outside the
//! database, mode 0600, one key a line: the last one encrypts, all of them decrypt.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Aead, KeyInit, Nonce, Payload};
use strowger_model::Secret;

/// What an encrypted text begins with; anything else is clear.
const MARK: &str = "enc1:";
/// Bytes of an AES-256 key.
const KEY_BYTES: usize = 32;
/// Bytes of a GCM nonce.
const NONCE_BYTES: usize = 12;
/// A key file is never longer.
const MAX_FILE_BYTES: u64 = 65_536;

/// Why there is no keyring.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or made.
    #[error("key file {path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others may read the file.
    #[error("key file {path} is open to others (mode {mode:o}): chmod 600 it")]
    Open {
        /// Which.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A line is not 64 hexadecimal digits.
    #[error("key file {path}, line {line}: not 64 hexadecimal digits")]
    Form {
        /// Which.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// The system has no randomness.
    #[error("no random bytes: {0}")]
    Random(String),
}

/// A stored secret does not open with any key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stored secret cannot be decrypted: another key file, or a row that was tampered with")]
pub(crate) struct Sealed;

struct Key {
    id: String,
    cipher: Aes256Gcm,
}

/// The keys of one installation. Cheap to clone.
#[derive(Clone)]
pub struct Keyring {
    keys: Arc<[Key]>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({} keys)", self.keys.len())
    }
}

impl Keyring {
    /// Reads the key file, or makes one with a random key.
    ///
    /// # Errors
    /// The file cannot be read or written, is open to others, or holds something else.
    pub fn open_or_create(path: &Path) -> Result<Self, KeyError> {
        let failed = |source| KeyError::File { path: path.to_owned(), source };
        let mut text = String::new();
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(mut file) => {
                text = hex(&random::<KEY_BYTES>()?);
                text.push('\n');
                file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let file = OpenOptions::new().read(true).open(path).map_err(failed)?;
                let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
                if mode & 0o077 != 0 {
                    return Err(KeyError::Open { path: path.to_owned(), mode });
                }
                file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(failed)?;
            }
            Err(source) => return Err(failed(source)),
        }
        Self::parse(&text).map_err(|line| KeyError::Form { path: path.to_owned(), line })
    }

    /// Keys from the lines of a key file; the number of a bad line as error.
    fn parse(text: &str) -> Result<Self, usize> {
        let mut keys = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bytes = unhex(line).filter(|b| b.len() == KEY_BYTES).ok_or(index + 1)?;
            let cipher = Aes256Gcm::new_from_slice(&bytes).map_err(|_| index + 1)?;
            keys.push(Key { id: crate::digest::of(&bytes)[..8].to_owned(), cipher });
        }
        if keys.is_empty() { Err(1) } else { Ok(Self { keys: keys.into() }) }
    }

    /// Encrypts a clear text for one column of one row. An empty text stays empty.
    pub(crate) fn seal(&self, clear: &str, column: &str, rowkey: &str) -> Result<String, KeyError> {
        let (Some(key), false) = (self.keys.last(), clear.is_empty()) else { return Ok(String::new()) };
        let nonce = random::<NONCE_BYTES>()?;
        let aad = bound(column, rowkey);
        let payload = Payload { msg: clear.as_bytes(), aad: aad.as_bytes() };
        let cipher = key
            .cipher
            .encrypt(&Nonce::<Aes256Gcm>::from(nonce), payload)
            .map_err(|e| KeyError::Random(e.to_string()))?;
        Ok(format!("{MARK}{}:{}{}", key.id, hex(&nonce), hex(&cipher)))
    }

    /// Decrypts what [`Keyring::seal`] made; a text without its mark is clear already.
    pub(crate) fn open(&self, stored: &str, column: &str, rowkey: &str) -> Result<Secret, Sealed> {
        let Some(rest) = stored.strip_prefix(MARK) else { return Ok(Secret::new(stored)) };
        let (id, body) = rest.split_once(':').ok_or(Sealed)?;
        let bytes = unhex(body).filter(|b| b.len() > NONCE_BYTES).ok_or(Sealed)?;
        let (nonce, cipher) = bytes.split_at(NONCE_BYTES);
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| Sealed)?;
        let aad = bound(column, rowkey);
        let clear = self
            .keys
            .iter()
            .filter(|key| key.id == id)
            .find_map(|key| {
                let payload = Payload { msg: cipher, aad: aad.as_bytes() };
                key.cipher.decrypt(&Nonce::<Aes256Gcm>::from(nonce), payload).ok()
            })
            .ok_or(Sealed)?;
        String::from_utf8(clear).map(Secret::new).map_err(|_| Sealed)
    }

    /// The text is one that [`Keyring::seal`] may have made.
    pub(crate) fn is_sealed(stored: &str) -> bool {
        stored.starts_with(MARK)
    }
}

/// What a ciphertext is bound to.
fn bound(column: &str, rowkey: &str) -> String {
    format!("{column}/{rowkey}")
}

/// Random bytes of the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| KeyError::Random(e.to_string()))?;
    Ok(bytes)
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_where_it_was_sealed() {
        let keys = Keyring::parse(&"ab".repeat(KEY_BYTES)).unwrap();
        let stored = keys.seal("s3cret", "password", "row1").unwrap();
        assert!(Keyring::is_sealed(&stored) && !stored.contains("s3cret"));
        assert_eq!(keys.open(&stored, "password", "row1").unwrap().expose(), "s3cret");
        assert_eq!(keys.open(&stored, "password", "row2"), Err(Sealed));
        assert_eq!(keys.open(&stored, "pin", "row1"), Err(Sealed));
        assert_eq!(keys.open("clear", "password", "row1").unwrap().expose(), "clear");
        assert_ne!(stored, keys.seal("s3cret", "password", "row1").unwrap());
        for broken in ["enc1:", "enc1:00:zz", "enc1:00000000:00", "enc1:ü"] {
            assert_eq!(keys.open(broken, "password", "row1"), Err(Sealed));
        }
    }

    #[test]
    fn a_new_key_encrypts_and_the_old_one_still_opens() {
        let old = Keyring::parse(&"ab".repeat(KEY_BYTES)).unwrap();
        let stored = old.seal("x", "pin", "r").unwrap();
        let both =
            Keyring::parse(&format!("{}\n{}\n", "ab".repeat(KEY_BYTES), "cd".repeat(KEY_BYTES))).unwrap();
        assert_eq!(both.open(&stored, "pin", "r").unwrap().expose(), "x");
        assert_eq!(old.open(&both.seal("y", "pin", "r").unwrap(), "pin", "r"), Err(Sealed));
    }
}
