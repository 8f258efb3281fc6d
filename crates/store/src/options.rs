//! What a store is opened with.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::errors::OpenError;
use crate::faults::Faults;
use crate::keyring::Keyring;

/// Which database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// The embedded one, in this file.
    Sqlite(PathBuf),
    /// A PostgreSQL server, by its URL.
    Postgres(String),
}

impl Database {
    /// The configuration's `database`: empty or `sqlite` for `strowger.db` in the data directory,
    /// `sqlite:PATH`, or a `postgres://` URL.
    ///
    /// # Errors
    /// The text is none of these.
    pub fn parse(text: &str, data_dir: &Path) -> Result<Self, OpenError> {
        let text = text.trim();
        if text.is_empty() || text.eq_ignore_ascii_case("sqlite") {
            return Ok(Self::Sqlite(data_dir.join("strowger.db")));
        }
        if let Some(path) = text.strip_prefix("sqlite:") {
            return Ok(Self::Sqlite(data_dir.join(path)));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        let scheme = text.split(':').next().unwrap_or_default();
        Err(OpenError::Database { given: scheme.chars().take(32).collect() })
    }
}

/// What a store is opened with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which database.
    pub database: Database,
    /// This node's number.
    pub node: u8,
    /// The keys of passwords and PINs.
    pub keyring: Keyring,
    /// Threads that read, at least one.
    pub readers: usize,
    /// The file to which settlements go that the database does not take; better on another disk.
    pub emergency: PathBuf,
    /// How long a busy writer waits for more operations before it commits.
    pub gather: Duration,
    /// Tests break writing through it; `Arc::default()` otherwise.
    pub faults: Arc<Faults>,
}

impl Options {
    /// The usual options for a database: node 1, two readers, a gather window of 3 ms, the emergency file beside
    /// the key file's directory.
    #[must_use]
    pub fn new(database: Database, keyring: Keyring, emergency: PathBuf) -> Self {
        Self {
            database,
            node: 1,
            keyring,
            readers: 2,
            emergency,
            gather: Duration::from_millis(3),
            faults: Arc::default(),
        }
    }
}
