//! The log files, as commands read them: the end of a log, a search, both bounded in bytes and time. Who writes the log
//! hands a [`LogControl`] in; the level and the rotation are changed through it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::folder::{Folder, FolderError};

/// The current log file in its folder; older ones are `strowger.1.log` and so on.
pub const CURRENT: &str = "strowger.log";
/// What is looked at of the end of a log, in bytes.
const MAX_TAIL_BYTES: u64 = 4 * 1_024 * 1_024;
/// What one search looks at, in bytes.
const MAX_SEARCH_BYTES: u64 = 256 * 1_024 * 1_024;
/// How long one search may take.
const MAX_SEARCH_TIME: Duration = Duration::from_secs(2);
/// The longest line that is looked at, in bytes; the rest of it is passed over.
const MAX_LINE_BYTES: u64 = 64 * 1_024;

/// Puts a filter in force, or says what is wrong with it.
pub type Change = Box<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// What whoever writes the log lets commands do.
pub struct LogControl {
    /// The folder of the files.
    pub folder: PathBuf,
    /// The filter in force, as `loglevel` has it.
    pub filter: Box<dyn Fn() -> String + Send + Sync>,
    /// Puts another filter in force until the next reload or start; a wrong one is refused with the reason.
    pub change: Change,
    /// Begins a new file. Waits for the disk.
    pub rotate: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
}

impl std::fmt::Debug for LogControl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LogControl({})", self.folder.display())
    }
}

/// Which lines of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All.
    Main,
    /// SIP, registrations, calls and media.
    Sip,
    /// Connections of the API and console, the gate's.
    Tcp,
    /// What commands and operators did.
    Shell,
}

impl Part {
    /// Modules of which a line must name one.
    const fn modules(self) -> &'static [&'static str] {
        match self {
            Self::Main => &[],
            Self::Sip => {
                &["strowger_switch", "strowger_call", "strowger_location", "strowger_media", "strowger_sip"]
            }
            Self::Tcp => &["strowger_gate"],
            Self::Shell => &["strowger_api", "operator"],
        }
    }

    fn has(self, line: &str) -> bool {
        let modules = self.modules();
        modules.is_empty() || modules.iter().any(|module| line.contains(module))
    }
}

/// What a search found.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// The newest lines that fit, in their order.
    pub lines: Vec<String>,
    /// Not everything was looked at.
    pub cut: bool,
}

/// The last lines of the current log.
///
/// # Errors
/// The file cannot be read.
pub fn tail(folder: &Folder, part: Part, most: usize) -> Result<Vec<String>, FolderError> {
    let mut opened = folder.file(CURRENT)?;
    let from = opened.size.saturating_sub(MAX_TAIL_BYTES);
    opened.file.seek(SeekFrom::Start(from))?;
    let mut last = VecDeque::with_capacity(most.min(1_024));
    let mut whole = from == 0;
    each_line(opened.file.take(MAX_TAIL_BYTES), |line| {
        // Where reading began in the middle, the first line is a part of one.
        if std::mem::replace(&mut whole, true) && part.has(line) {
            keep(&mut last, line, most);
        }
        true
    })?;
    Ok(last.into())
}

/// The newest lines of all files that contain a text, without regard to the case of ASCII letters.
///
/// # Errors
/// The folder cannot be read.
pub fn search(folder: &Folder, part: Part, text: &str, most: usize) -> Result<Found, FolderError> {
    let end = Instant::now() + MAX_SEARCH_TIME;
    let wanted = text.to_ascii_lowercase();
    let (mut found, mut left, mut cut) = (VecDeque::new(), MAX_SEARCH_BYTES, false);
    // From the newest file to the oldest; within one, in its order.
    for name in files(folder)? {
        if found.len() >= most {
            break;
        }
        let opened = folder.file(&name)?;
        cut |= opened.size > left;
        let mut here = VecDeque::new();
        each_line(opened.file.take(left), |line| {
            if part.has(line) && line.to_ascii_lowercase().contains(&wanted) {
                keep(&mut here, line, most);
            }
            cut |= Instant::now() > end;
            !cut
        })?;
        left = left.saturating_sub(opened.size);
        while found.len() < most
            && let Some(line) = here.pop_back()
        {
            found.push_front(line);
        }
        if cut {
            break;
        }
    }
    Ok(Found { lines: found.into(), cut })
}

/// The log files, the newest first.
fn files(folder: &Folder) -> Result<Vec<String>, FolderError> {
    let number = |name: &str| -> Option<u32> {
        match name.strip_prefix("strowger.")?.strip_suffix("log")? {
            "" => Some(0),
            number => number.strip_suffix('.')?.parse().ok(),
        }
    };
    let mut files: Vec<(u32, String)> =
        folder.list()?.into_iter().filter_map(|entry| Some((number(&entry.name)?, entry.name))).collect();
    files.sort();
    Ok(files.into_iter().map(|(_, name)| name).collect())
}

fn keep(lines: &mut VecDeque<String>, line: &str, most: usize) {
    if lines.len() >= most {
        lines.pop_front();
    }
    lines.push_back(line.to_owned());
}

/// Gives every line until `each` has had enough.
fn each_line(from: std::io::Take<File>, mut each: impl FnMut(&str) -> bool) -> Result<(), FolderError> {
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut reader).take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if !each(String::from_utf8_lossy(&line).trim_end()) {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Folder) {
        let place = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(place.path().join(name), text).unwrap();
        }
        let folder = Folder::open_existing(place.path()).unwrap();
        (place, folder)
    }

    #[test]
    fn the_end_of_a_log_by_part() {
        let text = "1 INFO strowger_gate::http: a\n2 INFO strowger_switch::shard: b\n3 INFO strowger: c\n";
        let (_place, folder) = folder(&[(CURRENT, text)]);
        assert_eq!(tail(&folder, Part::Main, 2).unwrap().len(), 2);
        assert_eq!(tail(&folder, Part::Tcp, 9).unwrap(), ["1 INFO strowger_gate::http: a"]);
        assert_eq!(tail(&folder, Part::Sip, 9).unwrap(), ["2 INFO strowger_switch::shard: b"]);
    }

    #[test]
    fn a_search_goes_from_the_newest_file_to_the_oldest() {
        let (_place, folder) = folder(&[
            (CURRENT, "new Word 1\nother\n"),
            ("strowger.1.log", "old word 1\nold word 2\n"),
            ("strowger.10.log", "oldest word\n"),
            ("notes.txt", "word\n"),
        ]);
        let found = search(&folder, Part::Main, "WORD", 3).unwrap();
        assert_eq!(found.lines, ["old word 1", "old word 2", "new Word 1"]);
        assert!(!found.cut);
        assert_eq!(search(&folder, Part::Main, "word", 9).unwrap().lines.first().unwrap(), "oldest word");
    }
}
