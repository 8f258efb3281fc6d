//! The log, on standard error and in files: for people on a terminal, for machines when asked.
//!
//! A thread of its own writes it. Whoever logs never waits: a reader of standard error that hangs costs lines,
//! not calls.

use std::io::{self, IsTerminal, Write, stderr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use strowger_api::logs::LogControl;
use strowger_config::Config;
use tracing_subscriber::EnvFilter;

use crate::failure::Failure;
use crate::logfile::LogFile;
use crate::mask;

/// Lines that may wait to be written; further ones are counted and dropped.
const MAX_WAITING: usize = 8192;

/// How long the last lines may take at the end of the process.
const FLUSH_PATIENCE: Duration = Duration::from_secs(1);

/// Lines that were dropped since the last one that was written.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// How long a rotation may take.
const ROTATE_PATIENCE: Duration = Duration::from_secs(5);

/// Of operators' remarks; they are written whatever the level is.
const REMARKS: &str = "operator=info";

/// The running log. Dropping it waits for the last lines.
pub(crate) struct Log(Arc<Inner>);

struct Inner {
    change: Box<dyn Fn(EnvFilter) + Send + Sync>,
    queue: SyncSender<Entry>,
    level: Mutex<String>,
    folder: PathBuf,
}

impl Log {
    /// Takes over the configuration's level and the limits of the files. A wrong level is refused and changes nothing.
    pub(crate) fn change(&self, config: &Config) -> Result<(), Failure> {
        self.0.set(&config.loglevel).map_err(|why| Failure::Usage(format!("loglevel: {why}")))?;
        // A queue that is full has worse troubles than a limit.
        let _ = self.0.queue.try_send(Entry::Limits(max_bytes(config), config.logfiles));
        Ok(())
    }

    /// What commands may do with it.
    pub(crate) fn control(&self) -> LogControl {
        let (filter, change, rotate) = (Arc::clone(&self.0), Arc::clone(&self.0), Arc::clone(&self.0));
        LogControl {
            folder: self.0.folder.clone(),
            filter: Box::new(move || filter.level.lock().unwrap_or_else(PoisonError::into_inner).clone()),
            change: Box::new(move |level| change.set(level)),
            rotate: Box::new(move || rotate.rotate()),
        }
    }
}

impl Inner {
    fn set(&self, level: &str) -> Result<(), String> {
        (self.change)(parse(level)?);
        level.clone_into(&mut self.level.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }

    fn rotate(&self) -> Result<(), String> {
        let (done, wait) = sync_channel(1);
        let sent = self.queue.try_send(Entry::Rotate(done));
        sent.map_err(|_| "too many lines wait to be written, try again".to_owned())?;
        wait.recv_timeout(ROTATE_PATIENCE).map_err(|_| "the log does not answer".to_owned())?
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let (written, wait) = sync_channel(1);
        if self.0.queue.try_send(Entry::Flush(written)).is_ok() {
            // A reader that hangs must not keep the process.
            let _ = wait.recv_timeout(FLUSH_PATIENCE);
        }
    }
}

/// What the writing thread gets.
enum Entry {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
    Rotate(SyncSender<Result<(), String>>),
    /// Bytes of a file, and files.
    Limits(u64, u32),
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
fn write_lines(entries: &Receiver<Entry>, mut file: LogFile) {
    let mut failing = false;
    for entry in entries {
        match entry {
            Entry::Line(line) => {
                let dropped = DROPPED.swap(0, Ordering::Relaxed);
                if dropped > 0 {
                    let _ = writeln!(stderr(), "{dropped} log lines were dropped");
                }
                let line = mask::secrets(&line);
                let _ = stderr().write_all(&line);
                if let Err(error) = file.write(&mask::colours(&line)) {
                    if !std::mem::replace(&mut failing, true) {
                        let _ = writeln!(stderr(), "the log file cannot be written: {error}");
                    }
                } else {
                    failing = false;
                }
            }
            Entry::Flush(written) => {
                let _ = written.send(());
            }
            Entry::Rotate(done) => {
                let _ = done.send(file.rotate().map_err(|error| format!("the log file: {error}")));
            }
            Entry::Limits(max, keep) => (file.max, file.keep) = (max, keep),
        }
    }
}

fn max_bytes(config: &Config) -> u64 {
    u64::from(config.logfilesize) * 1024 * 1024
}

/// Where the log files are.
fn folder(config: &Config, data: &Path) -> PathBuf {
    if config.logdir.is_empty() { data.join("logs") } else { PathBuf::from(&config.logdir) }
}

fn parse(level: &str) -> Result<EnvFilter, String> {
    let filter = EnvFilter::try_new(level).map_err(|error| error.to_string())?;
    let remarks = REMARKS.parse().map_err(|_| REMARKS.to_owned())?;
    Ok(filter.add_directive(remarks))
}

/// The filter of `loglevel`.
pub(crate) fn filter(config: &Config) -> Result<EnvFilter, Failure> {
    parse(&config.loglevel).map_err(|error| Failure::Usage(format!("loglevel: {error}")))
}

/// Starts the log, with its files below the data folder unless the configuration names another one.
pub(crate) fn start(config: &Config, data: &Path) -> Result<Log, Failure> {
    let filter = filter(config)?;
    let failed =
        |error: Box<dyn std::error::Error + Send + Sync>| Failure::failed(format!("the log: {error}"));
    let folder = folder(config, data);
    let file = LogFile::open(&folder, max_bytes(config), config.logfiles);
    let file =
        file.map_err(|error| Failure::failed(format!("the log folder {}: {error}", folder.display())))?;
    let (queue, entries) = sync_channel(MAX_WAITING);
    let writer =
        std::thread::Builder::new().name("log".to_owned()).spawn(move || write_lines(&entries, file));
    writer.map_err(|error| failed(error.into()))?;
    let sender = queue.clone();
    let builder = tracing_subscriber::fmt().with_writer(move || Queue(sender.clone()));
    let level = Mutex::new(config.loglevel.clone());
    let change: Box<dyn Fn(EnvFilter) + Send + Sync> = if config.logformat == "json" {
        let builder = builder.json().with_env_filter(filter).with_filter_reloading();
        let handle = builder.reload_handle();
        builder.try_init().map_err(failed)?;
        Box::new(move |filter| drop(handle.reload(filter)))
    } else {
        let colours = config.logformat == "auto" && stderr().is_terminal();
        let builder = builder.with_ansi(colours).with_env_filter(filter).with_filter_reloading();
        let handle = builder.reload_handle();
        builder.try_init().map_err(failed)?;
        Box::new(move |filter| drop(handle.reload(filter)))
    };
    Ok(Log(Arc::new(Inner { change, queue, level, folder })))
}
