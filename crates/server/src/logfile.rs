//! The log's files: the current one and older ones with numbers, bounded in size and count.

use std::fs::{DirBuilder, File, OpenOptions, remove_file, rename};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use strowger_api::logs::CURRENT;

/// The files of one folder.
pub(crate) struct LogFile {
    folder: PathBuf,
    file: Option<File>,
    size: u64,
    /// When a file is full, in bytes.
    pub(crate) max: u64,
    /// How many files there may be.
    pub(crate) keep: u32,
}

impl LogFile {
    /// Goes on with the current file of a folder, which is made where it is missing.
    pub(crate) fn open(folder: &Path, max: u64, keep: u32) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut log = Self { folder: folder.to_owned(), file: None, size: 0, max, keep };
        log.reopen()?;
        Ok(log)
    }

    /// Writes a line. After a failure the file is opened anew for the next line.
    pub(crate) fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if self.size > 0 && self.size.saturating_add(length) > self.max {
            self.rotate()?;
        }
        if self.file.is_none() {
            self.reopen()?;
        }
        let written = self.file.as_mut().map_or(Ok(()), |file| file.write_all(line));
        match written {
            Ok(()) => self.size += length,
            Err(_) => self.file = None,
        }
        written
    }

    /// Begins a new file; the oldest one gives way.
    pub(crate) fn rotate(&mut self) -> io::Result<()> {
        self.file = None;
        let name = |number: u32| match number {
            0 => self.folder.join(CURRENT),
            number => self.folder.join(format!("strowger.{number}.log")),
        };
        let last = self.keep.max(1) - 1;
        // A smaller count than before leaves more than one file too many.
        let mut extra = last;
        while missing_is_fine(remove_file(name(extra)))? {
            extra += 1;
        }
        for number in (0..last).rev() {
            missing_is_fine(rename(name(number), name(number + 1)))?;
        }
        self.reopen()
    }

    fn reopen(&mut self) -> io::Result<()> {
        let file =
            OpenOptions::new().create(true).append(true).mode(0o600).open(self.folder.join(CURRENT))?;
        self.size = file.metadata()?.len();
        self.file = Some(file);
        Ok(())
    }
}

/// Whether there was something.
fn missing_is_fine(done: io::Result<()>) -> io::Result<bool> {
    match done {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_bounded_in_size_and_count() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = LogFile::open(folder.path(), 20, 3).unwrap();
        for number in 0..9 {
            log.write(format!("line {number} xx\n").as_bytes()).unwrap();
        }
        let text = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(text("strowger.log"), "line 8 xx\n");
        assert_eq!(text("strowger.1.log"), "line 6 xx\nline 7 xx\n");
        assert_eq!(text("strowger.2.log"), "line 4 xx\nline 5 xx\n");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
        log.keep = 1;
        log.rotate().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(text("strowger.log"), "");
    }

    #[test]
    fn a_restart_goes_on_with_the_file() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["one\n", "two\n"] {
            LogFile::open(folder.path(), 100, 3).unwrap().write(text.as_bytes()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(folder.path().join(CURRENT)).unwrap(), "one\ntwo\n");
    }
}
