//! The journal of a node's events: files of JSON lines in DATA/events, each named by the number of its first event.
//! Written in batches that are flushed to the disk before anybody hears of them; the oldest file goes when the window
//! is full. A line that a crash cut short is removed at the next start.

use std::collections::VecDeque;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::event::Event;

/// Events of one file.
const SEGMENT: u64 = 4096;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The number of its first event.
    pub first: u64,
    path: PathBuf,
}

/// The open journal.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    window: u64,
    segments: VecDeque<Segment>,
    file: File,
    length: u64,
    /// The number that the next event gets.
    pub next: u64,
    /// The newest call record that was told.
    pub record: i64,
    _lock: File,
}

impl Journal {
    /// Opens or makes it; `window`: events that are kept, at least.
    ///
    /// # Errors
    /// A file cannot be made or read, or another process has the journal.
    pub fn open(folder: &Path, window: u64) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join("lock"))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::other("another process has the event journal"),
            TryLockError::Error(error) => error,
        })?;
        let mut segments = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let number = path.extension().is_some_and(|e| e == "jsonl");
            let name = path.file_stem().and_then(|stem| stem.to_str()).filter(|_| number);
            if let Some(first) = name.and_then(|name| name.parse().ok()) {
                segments.push(Segment { first, path });
            }
        }
        segments.sort_by_key(|segment| segment.first);
        let (mut next, mut record, mut length) = (1, 0, 0);
        for segment in &segments {
            let (events, whole) = scan(&segment.path)?;
            // Also where the file is empty: it was named when its first number was known.
            next = events.last().map_or(segment.first, |last| last.seq + 1);
            record = events.iter().map(|event| event.record).fold(record, i64::max);
            length = whole;
        }
        if segments.is_empty() {
            segments.push(Segment { first: next, path: path_of(folder, next) });
        }
        let last = segments.last().map(|last| last.path.clone()).unwrap_or_default();
        let file = open_last(&last, length)?;
        Ok(Self {
            folder: folder.to_owned(),
            window,
            segments: segments.into(),
            file,
            length,
            next,
            record,
            _lock: lock,
        })
    }

    /// The files, oldest first.
    #[must_use]
    pub fn segments(&self) -> Vec<Segment> {
        self.segments.iter().cloned().collect()
    }

    /// Appends events and flushes them to the disk. What could not be written whole is taken out again.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn append(&mut self, events: &[Event]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(events.len() * 256);
        for event in events {
            serde_json::to_writer(&mut bytes, event).map_err(io::Error::other)?;
            bytes.push(b'\n');
        }
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            self.file.set_len(self.length)?;
            self.file.seek(SeekFrom::Start(self.length))?;
            return Err(error);
        }
        self.length += bytes.len() as u64;
        self.next = events.last().map_or(self.next, |last| last.seq + 1);
        self.record = events.iter().map(|event| event.record).fold(self.record, i64::max);
        let begun = self.segments.back().map_or(self.next, |last| last.first);
        if self.next - begun >= SEGMENT { self.turn() } else { Ok(()) }
    }

    /// Begins a new file and removes those that lie before the window.
    fn turn(&mut self) -> io::Result<()> {
        let path = path_of(&self.folder, self.next);
        self.file = open_last(&path, 0)?;
        self.length = 0;
        self.segments.push_back(Segment { first: self.next, path });
        while let Some(second) = self.segments.get(1)
            && second.first + self.window <= self.next
        {
            if let Some(oldest) = self.segments.pop_front() {
                std::fs::remove_file(&oldest.path)?;
            }
        }
        Ok(())
    }
}

fn path_of(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}.jsonl"))
}

fn open_last(path: &Path, length: u64) -> io::Result<File> {
    let mut file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    file.set_len(length)?;
    file.seek(SeekFrom::End(0))?;
    Ok(file)
}

/// The events of a file up to the first line that is none, and how many bytes they take.
fn scan(path: &Path) -> io::Result<(Vec<Event>, u64)> {
    let mut reader = BufReader::new(File::open(path)?);
    let (mut events, mut whole, mut line) = (Vec::new(), 0, Vec::new());
    loop {
        line.clear();
        let count = reader.read_until(b'\n', &mut line)?;
        match serde_json::from_slice::<Event>(&line) {
            Ok(event) if line.ends_with(b"\n") => events.push(event),
            _ => return Ok((events, whole)),
        }
        whole += count as u64;
    }
}

/// The first `most` events after a number. A file that went meanwhile counts as empty.
///
/// # Errors
/// A file cannot be read.
pub fn read(segments: &[Segment], after: u64, most: usize) -> io::Result<Vec<Event>> {
    let mut found = Vec::new();
    for (index, segment) in segments.iter().enumerate() {
        // The next file begins at or before what is wanted: this one has nothing.
        if segments.get(index + 1).is_some_and(|next| next.first <= after + 1) {
            continue;
        }
        let events = match scan(&segment.path) {
            Ok((events, _)) => events,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        found.extend(events.into_iter().filter(|event| event.seq > after).take(most - found.len()));
        if found.len() == most {
            break;
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use strowger_model::Wall;

    use super::super::event::{Draft, EventKind};
    use super::*;

    fn events(from: u64, count: u64) -> Vec<Event> {
        (from..from + count).map(|seq| Event::of(seq, Draft::new(EventKind::Ban, Wall(1)))).collect()
    }

    fn numbers(events: &[Event]) -> Vec<u64> {
        events.iter().map(|event| event.seq).collect()
    }

    #[test]
    fn numbers_go_on_after_a_restart_and_a_torn_line_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path(), 100).unwrap();
        assert!(Journal::open(folder.path(), 100).is_err(), "two have it");
        journal.append(&events(1, 3)).unwrap();
        let path = journal.segments()[0].path.clone();
        drop(journal);
        let mut torn = OpenOptions::new().append(true).open(&path).unwrap();
        torn.write_all(b"{\"seq\":4,\"at\":1,").unwrap();
        let mut journal = Journal::open(folder.path(), 100).unwrap();
        assert_eq!(journal.next, 4);
        journal.append(&events(4, 2)).unwrap();
        assert_eq!(numbers(&read(&journal.segments(), 0, 10).unwrap()), [1, 2, 3, 4, 5]);
        assert_eq!(numbers(&read(&journal.segments(), 3, 1).unwrap()), [4]);
        assert!(read(&journal.segments(), 5, 10).unwrap().is_empty());
    }

    #[test]
    fn the_window_is_kept_and_what_lies_before_it_goes() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path(), 5_000).unwrap();
        for batch in 0..40 {
            journal.append(&events(1 + batch * 512, 512)).unwrap();
        }
        let segments = journal.segments();
        let kept = journal.next - segments[0].first;
        assert!((5_000..5_000 + 2 * SEGMENT).contains(&kept), "{kept}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), segments.len() + 1);
        assert_eq!(numbers(&read(&segments, 0, 1).unwrap()), [segments[0].first]);
        let next = journal.next;
        assert_eq!(numbers(&read(&segments, next - 3, 9).unwrap()), [next - 2, next - 1]);
    }
}
