//! The file of the bindings log: appended in batches by a thread of its own, never synchronised per REGISTER,
//! compacted at start and when it has grown. A crash of the process loses nothing that was written; a power cut may
//! lose a second.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use strowger_location::{BindingRecord, Registrar, RegistrarSettings, decode_log};

use crate::clock::Clock;

/// The file's name in the data directory.
pub const FILE_NAME: &str = "bindings.log";
/// A log below this is not compacted, in bytes.
const COMPACT_ABOVE_BYTES: u64 = 4 * 1024 * 1024;
/// Frames are gathered up to this before they are written, in bytes.
const BATCH_BYTES: usize = 256 * 1024;

/// How long answers wait for the file. A disk that stalls longer costs the promise, not the signalling.
const PATIENCE: Duration = Duration::from_millis(50);

/// Appends to the log.
#[derive(Clone)]
pub struct BindingsLog {
    sender: Sender<Job>,
    progress: Arc<Progress>,
}

/// How far the writing thread is behind.
#[derive(Default)]
struct Progress {
    /// Jobs that were given.
    given: AtomicU64,
    /// Jobs that are in the file, or were given up.
    written: Mutex<u64>,
    bell: Condvar,
    /// The writing thread was too slow; nobody waits until it has caught up.
    late: AtomicBool,
}

impl Progress {
    fn done(&self, jobs: u64) {
        *self.written.lock().unwrap_or_else(PoisonError::into_inner) += jobs;
        self.bell.notify_all();
    }
}

enum Job {
    Append(Vec<u8>),
    Close,
}

/// The log of a data directory, opened.
pub struct OpenedLog {
    /// What it held, oldest first.
    pub records: Vec<BindingRecord>,
    /// For appending.
    pub log: BindingsLog,
    /// The writing thread.
    pub thread: JoinHandle<()>,
}

/// Reads the log, compacts it, and starts the writing thread.
///
/// # Errors
/// The file cannot be read or written.
pub fn open(directory: &Path, clock: Clock) -> io::Result<OpenedLog> {
    let path = directory.join(FILE_NAME);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    let (records, valid) = decode_log(&bytes);
    if valid < bytes.len() {
        tracing::info!(
            torn = bytes.len() - valid,
            "the bindings log ended in a torn record, which is dropped"
        );
    }
    let (file, progress) = (compact(&path, &records, clock)?, Arc::new(Progress::default()));
    let mut writer = Writer { file, path, progress, written: 0, live: 0, clock, failing: false };
    writer.measure();
    let progress = Arc::clone(&writer.progress);
    let (sender, receiver) = channel();
    let thread =
        std::thread::Builder::new().name("bindings-log".into()).spawn(move || writer.run(&receiver))?;
    Ok(OpenedLog { records, log: BindingsLog { sender, progress }, thread })
}

impl BindingsLog {
    /// Appends whole frames, soon.
    pub fn append(&self, frames: Vec<u8>) {
        self.progress.given.fetch_add(1, Ordering::Relaxed);
        // After the writer ended there is nothing to keep them for.
        if self.sender.send(Job::Append(frames)).is_err() {
            self.progress.done(1);
        }
    }

    /// Waits until what was appended is in the file, so that no phone hears of a binding that a crash forgets.
    pub fn settle(&self) {
        let given = self.progress.given.load(Ordering::Relaxed);
        let written = self.progress.written.lock().unwrap_or_else(PoisonError::into_inner);
        if *written >= given {
            self.progress.late.store(false, Ordering::Relaxed);
            return;
        }
        if self.progress.late.load(Ordering::Relaxed) {
            return;
        }
        let waited = self.progress.bell.wait_timeout_while(written, PATIENCE, |written| *written < given);
        if waited.is_ok_and(|(_, timeout)| timeout.timed_out()) {
            tracing::warn!("the bindings log is slow; registrations are answered before they are written");
            self.progress.late.store(true, Ordering::Relaxed);
        }
    }

    /// Writes what is left and ends the thread.
    pub fn close(&self) {
        let _ = self.sender.send(Job::Close);
    }
}

struct Writer {
    file: File,
    path: PathBuf,
    progress: Arc<Progress>,
    written: u64,
    live: u64,
    clock: Clock,
    failing: bool,
}

impl Writer {
    fn run(mut self, jobs: &Receiver<Job>) {
        let mut open = true;
        while open {
            let Ok(first) = jobs.recv() else { return };
            let (mut batch, mut jobs_done) = (Vec::new(), 0);
            let mut job = Some(first);
            while let Some(current) = job {
                match current {
                    Job::Append(frames) => {
                        batch.extend_from_slice(&frames);
                        jobs_done += 1;
                    }
                    Job::Close => open = false,
                }
                job = if open && batch.len() < BATCH_BYTES { jobs.try_recv().ok() } else { None };
            }
            self.append(&batch);
            self.progress.done(jobs_done);
        }
        if let Err(error) = self.file.sync_data() {
            tracing::warn!(%error, "the bindings log could not be synchronised at the end");
        }
    }

    fn append(&mut self, batch: &[u8]) {
        match self.file.write_all(batch) {
            Ok(()) => {
                self.failing = false;
                self.written += batch.len() as u64;
            }
            Err(error) => {
                if !self.failing {
                    tracing::error!(%error, "the bindings log cannot be written; registrations would not survive a restart");
                }
                self.failing = true;
                return;
            }
        }
        if self.written > COMPACT_ABOVE_BYTES && self.written > self.live.saturating_mul(4) {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        let compacted = std::fs::read(&self.path)
            .and_then(|bytes| compact(&self.path, &decode_log(&bytes).0, self.clock));
        match compacted {
            Ok(file) => {
                self.file = file;
                self.measure();
            }
            Err(error) => {
                tracing::warn!(%error, "the bindings log could not be compacted");
                // Tried again when as much has been added once more.
                self.live = self.written;
            }
        }
    }

    fn measure(&mut self) {
        self.written = self.file.metadata().map_or(0, |m| m.len());
        self.live = self.written;
    }
}

/// Writes the state that the records lead to into a new file in the old one's place; returns it, open for appending.
fn compact(path: &Path, records: &[BindingRecord], clock: Clock) -> io::Result<File> {
    let mut registrar =
        Registrar::new(RegistrarSettings { max_contacts: usize::MAX, ..RegistrarSettings::default() });
    registrar.restore(clock.now(), records.iter().cloned());
    let fresh = path.with_extension("new");
    let mut file = File::create(&fresh)?;
    file.write_all(&registrar.compacted())?;
    file.sync_data()?;
    std::fs::rename(&fresh, path)?;
    OpenOptions::new().append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use strowger_model::AccountId;

    #[test]
    fn what_was_appended_is_read_and_a_torn_tail_is_cut() {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::new();
        let opened = open(directory.path(), clock).unwrap();
        assert!(opened.records.is_empty());
        let mut frame = Vec::new();
        strowger_location::encode(&BindingRecord::RemoveAll { account: AccountId(3) }, &mut frame);
        opened.log.append(frame);
        opened.log.settle();
        assert!(
            std::fs::metadata(directory.path().join(FILE_NAME)).unwrap().len() > 0,
            "written before the answer"
        );
        opened.log.append(vec![200, 0, 0, 0, 1]);
        opened.log.close();
        opened.thread.join().unwrap();
        let again = open(directory.path(), clock).unwrap();
        assert_eq!(again.records, [BindingRecord::RemoveAll { account: AccountId(3) }]);
        again.log.close();
        again.thread.join().unwrap();
        assert_eq!(
            std::fs::metadata(directory.path().join(FILE_NAME)).unwrap().len(),
            0,
            "compacted to nothing"
        );
    }
}
