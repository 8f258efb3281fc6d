//! A restore under a running server: the order as it travels from the control socket to whoever can stop and start
//! the exchange, and the line on which its progress is told.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use strowger_config::Config;
use strowger_store::Store;
use tracing::{error, info};

use crate::backup::describe;
use crate::control::Outcome;
use crate::failure::Failure;
use crate::settings::store_options;

/// How long a reader of the progress may keep the server waiting.
const PATIENCE: Duration = Duration::from_secs(2);

/// A verified backup that is to take the database's place.
pub(crate) struct Restore {
    file: PathBuf,
    /// Who is told; nobody where a command asked, which was answered before.
    line: Option<Line>,
}

impl Restore {
    /// The order, with the connection that asked for it.
    pub(crate) const fn new(file: PathBuf, line: Line) -> Self {
        Self { file, line: Some(line) }
    }

    /// The order of a command.
    pub(crate) const fn unheard(file: PathBuf) -> Self {
        Self { file, line: None }
    }

    /// Tells how far it is.
    pub(crate) fn say(&mut self, text: &str) {
        tell(&mut self.line, &Outcome { more: true, ..Outcome::plain(true, text.to_owned()) });
    }

    /// It does not happen.
    pub(crate) fn refuse(mut self, why: &str) {
        tell(&mut self.line, &Outcome::of(Err(anyhow::anyhow!("{why}"))));
    }

    /// Replaces the database, which is closed by now. What came of it is told when the server is up again.
    pub(crate) fn carry_out(mut self, startup: &Config, data: &Path) -> Restored {
        self.say("restoring");
        let replaced = store_options(startup, data).and_then(|options| {
            let report = Store::restore(&options, &self.file);
            Ok(report.with_context(|| format!("{}", self.file.display()))?)
        });
        let outcome = replaced.map(|report| describe(&report)).map_err(|failure| failure.to_string());
        match &outcome {
            Ok(report) => info!(file = %self.file.display(), report, "restored"),
            Err(failure) => error!(failure, "not restored: the old database stays"),
        }
        let mut line = self.line;
        let text = "starting again".to_owned();
        tell(&mut line, &Outcome { more: true, ..Outcome::plain(true, text) });
        Restored { line, outcome }
    }
}

/// A restore that is over, its outcome not yet told.
pub(crate) struct Restored {
    line: Option<Line>,
    outcome: Result<String, String>,
}

impl Restored {
    /// The server serves again.
    pub(crate) fn up(mut self) {
        let outcome =
            self.outcome.map_err(|why| anyhow::anyhow!("{why}; the server goes on with the old database"));
        tell(&mut self.line, &Outcome::of(outcome));
    }

    /// The server did not come up again.
    pub(crate) fn down(mut self, failure: &Failure) {
        let replaced = self.outcome.unwrap_or_else(|why| why);
        let why = anyhow::anyhow!("{replaced}; the server did not start again: {failure}");
        tell(&mut self.line, &Outcome::of(Err(why)));
    }
}

fn tell(line: &mut Option<Line>, outcome: &Outcome) {
    if let Some(line) = line {
        line.send(outcome);
    }
}

/// The connection that asked. It outlives the runtime that accepted it; a reader that is gone changes nothing.
pub(crate) struct Line(UnixStream);

impl Line {
    /// Takes a connection over.
    pub(crate) fn new(stream: UnixStream) -> std::io::Result<Self> {
        stream.set_nonblocking(false)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(stream))
    }

    fn send(&mut self, outcome: &Outcome) {
        if let Ok(text) = serde_json::to_string(outcome) {
            // Whoever asked may have gone; the restore goes on.
            let _ = self.0.write_all((text + "\n").as_bytes());
        }
    }
}
