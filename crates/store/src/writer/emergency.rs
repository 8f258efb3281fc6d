//! The emergency file: settlements that the database does not take, one JSON line each, so that a crash
//! of this process loses none. The next start carries them out before anything else.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// The file, made when it is first needed.
pub(crate) struct Emergency {
    path: PathBuf,
}

impl Emergency {
    /// The file at `path`; nothing is made yet.
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Appends a line and flushes it. A failure is logged: the settlement is kept in memory all the same.
    pub(crate) fn note(&self, line: &str) {
        let written =
            OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path).and_then(|mut file| {
                file.write_all(format!("{line}\n").as_bytes()).and_then(|()| file.sync_all())
            });
        if let Err(error) = written {
            tracing::error!(%error, path = %self.path.display(), "a settlement is kept in memory only");
        }
    }

    /// The lines of an earlier run; a last line cut short by a crash is dropped by the parser.
    pub(crate) fn lines(&self) -> std::io::Result<Vec<String>> {
        match File::open(&self.path) {
            Ok(file) => BufReader::new(file).lines().collect(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Removes the file: everything in it is in the database.
    pub(crate) fn clear(&self) {
        match std::fs::remove_file(&self.path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, path = %self.path.display(), "the emergency file stays"),
        }
    }
}
