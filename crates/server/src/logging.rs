//! The log, on standard error: for people on a terminal, for machines when asked.
//!
//! A thread of its own writes it. Whoever logs never waits: a reader of standard error that hangs costs lines,
//! not calls.

use std::io::{self, IsTerminal, Write, stderr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use strowger_config::Config;
use tracing_subscriber::EnvFilter;

use crate::failure::Failure;

/// Lines that may wait to be written; further ones are counted and dropped.
const MAX_WAITING: usize = 8192;

/// How long the last lines may take at the end of the process.
const FLUSH_PATIENCE: Duration = Duration::from_secs(1);

/// Lines that were dropped since the last one that was written.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// The running log. Dropping it waits for the last lines.
pub(crate) struct Log {
    change: Box<dyn Fn(EnvFilter) + Send + Sync>,
    queue: SyncSender<Entry>,
}

impl Log {
    /// Takes over the configuration's level. A wrong one is refused and changes nothing.
    pub(crate) fn change(&self, config: &Config) -> Result<(), Failure> {
        (self.change)(filter(config)?);
        Ok(())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let (written, wait) = sync_channel(1);
        if self.queue.try_send(Entry::Flush(written)).is_ok() {
            // A reader that hangs must not keep the process.
            let _ = wait.recv_timeout(FLUSH_PATIENCE);
        }
    }
}

/// What the writing thread gets.
enum Entry {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

/// The end of the queue that loggers have.
struct Queue(SyncSender<Entry>);

impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.0.try_send(Entry::Line(line.to_vec())).is_err() {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes lines until the process ends. Nobody can be told where standard error is gone.
fn write_lines(entries: &Receiver<Entry>) {
    for entry in entries {
        match entry {
            Entry::Line(line) => {
                let dropped = DROPPED.swap(0, Ordering::Relaxed);
                if dropped > 0 {
                    let _ = writeln!(stderr(), "{dropped} log lines were dropped");
                }
                let _ = stderr().write_all(&line);
            }
            Entry::Flush(written) => {
                let _ = written.send(());
            }
        }
    }
}

/// The filter of `loglevel`.
pub(crate) fn filter(config: &Config) -> Result<EnvFilter, Failure> {
    EnvFilter::try_new(&config.loglevel).map_err(|error| Failure::Usage(format!("loglevel: {error}")))
}

/// Starts the log.
pub(crate) fn start(config: &Config) -> Result<Log, Failure> {
    let filter = filter(config)?;
    let failed =
        |error: Box<dyn std::error::Error + Send + Sync>| Failure::failed(format!("the log: {error}"));
    let (queue, entries) = sync_channel(MAX_WAITING);
    let writer = std::thread::Builder::new().name("log".to_owned()).spawn(move || write_lines(&entries));
    writer.map_err(|error| failed(error.into()))?;
    let sender = queue.clone();
    let builder = tracing_subscriber::fmt().with_writer(move || Queue(sender.clone()));
    if config.logformat == "json" {
        let builder = builder.json().with_env_filter(filter).with_filter_reloading();
        let handle = builder.reload_handle();
        builder.try_init().map_err(failed)?;
        return Ok(Log { change: Box::new(move |filter| drop(handle.reload(filter))), queue });
    }
    let colours = config.logformat == "auto" && stderr().is_terminal();
    let builder = builder.with_ansi(colours).with_env_filter(filter).with_filter_reloading();
    let handle = builder.reload_handle();
    builder.try_init().map_err(failed)?;
    Ok(Log { change: Box::new(move |filter| drop(handle.reload(filter))), queue })
}
