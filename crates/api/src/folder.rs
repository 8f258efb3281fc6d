//! A folder that names from outside cannot leave: every part of a relative name is opened below the one before it
//! and no part may be a link. Files are read and written whole or streamed, within sizes that the caller names.
//!
//! These calls wait for the disk: from a command they run by [`on_disk`].

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, mkdirat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;
use thiserror::Error;

use crate::reply::Failure;

/// The longest relative name, in bytes.
const MAX_NAME: usize = 1_024;
/// The longest part of a name, in bytes, as file systems have it.
const MAX_PART: usize = 255;
/// The deepest name, in parts.
const MAX_DEPTH: usize = 16;
/// Files that are counted or listed below one folder.
pub const MAX_FILES: usize = 10_000;
/// What a file is called until it is whole.
const UNFINISHED: &str = ".unfinished-";

/// A folder and everything below it.
#[derive(Debug)]
pub struct Folder {
    root: OwnedFd,
    path: PathBuf,
}

/// A name or a file cannot be used.
#[derive(Debug, Error)]
pub enum FolderError {
    /// The name is not one of a file below the folder.
    #[error(
        "the name must be relative, with parts of letters, digits and signs that do not begin with a dot"
    )]
    Name,
    /// There is no such file.
    #[error("no such file")]
    NotFound,
    /// It is a folder, a link, a device.
    #[error("not an ordinary file")]
    NotAFile,
    /// The file is longer than allowed.
    #[error("longer than {most} bytes")]
    TooLong {
        /// What is allowed.
        most: u64,
    },
    /// The folder holds all that it may.
    #[error("the folder may hold {quota} bytes in {MAX_FILES} files")]
    Full {
        /// What it may hold, in bytes.
        quota: u64,
    },
    /// The system refuses.
    #[error("{0}")]
    Io(io::Error),
}

impl From<Errno> for FolderError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::NOENT => Self::NotFound,
            // A link where O_NOFOLLOW stands, a file where a folder is needed, a folder where a file is, a socket.
            Errno::LOOP | Errno::NOTDIR | Errno::ISDIR | Errno::NXIO => Self::NotAFile,
            Errno::NAMETOOLONG | Errno::INVAL => Self::Name,
            other => Self::Io(other.into()),
        }
    }
}

impl From<io::Error> for FolderError {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(number) => Errno::from_raw_os_error(number).into(),
            None => Self::Io(error),
        }
    }
}

impl From<FolderError> for Failure {
    fn from(wrong: FolderError) -> Self {
        match wrong {
            FolderError::Name => Self::invalid(format!("filename: {wrong}")),
            FolderError::NotFound => Self::not_found("filename"),
            FolderError::NotAFile => Self::denied("filename is not an ordinary file"),
            FolderError::TooLong { .. } | FolderError::Full { .. } => Self::limit(wrong.to_string()),
            FolderError::Io(_) => {
                tracing::warn!(%wrong, "a file operation failed");
                Self::failed("the file system refused the operation")
            }
        }
    }
}

/// One file of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the folder.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// Seconds since 1970.
    pub modified: i64,
}

/// A file open for reading.
#[derive(Debug)]
pub struct Opened {
    /// At its beginning.
    pub file: File,
    /// In bytes, when it was opened.
    pub size: u64,
    /// When it was written.
    pub modified: SystemTime,
}

impl Folder {
    /// Opens the folder, making it where it is missing.
    ///
    /// # Errors
    /// The system refuses.
    pub fn open(root: &Path) -> Result<Self, FolderError> {
        use std::os::unix::fs::DirBuilderExt as _;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(root)?;
        Self::open_existing(root)
    }

    /// Opens the folder, which must be there.
    ///
    /// # Errors
    /// It is not there; the system refuses.
    pub fn open_existing(root: &Path) -> Result<Self, FolderError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { root: rustix::fs::open(root, flags, Mode::empty())?, path: root.to_owned() })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens an ordinary file for reading.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn file(&self, name: &str) -> Result<Opened, FolderError> {
        let (folders, last) = parts(name)?;
        let folder = self.walk(&folders, false)?;
        // Without NONBLOCK a named pipe would wait for somebody to write.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(openat(&folder, last, flags, Mode::empty())?);
        let known = file.metadata()?;
        if !known.is_file() {
            return Err(FolderError::NotAFile);
        }
        Ok(Opened { size: known.len(), modified: known.modified().unwrap_or(SystemTime::UNIX_EPOCH), file })
    }

    /// Reads a whole file of at most `most` bytes.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn read(&self, name: &str, most: u64) -> Result<Vec<u8>, FolderError> {
        let opened = self.file(name)?;
        let mut bytes = Vec::new();
        // It may grow while it is read.
        opened.file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > most {
            return Err(FolderError::TooLong { most });
        }
        Ok(bytes)
    }

    /// Writes a whole file, making its folders; a reader sees the old content or the new one, never a part.
    /// What lies below the folder afterwards is at most `quota` bytes.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn write(&self, name: &str, bytes: &[u8], quota: u64) -> Result<(), FolderError> {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let (folders, last) = parts(name)?;
        let _held = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.file(name).map_or(0, |opened| opened.size);
        let files = self.list()?;
        let held = files.iter().fold(0, |sum: u64, file| sum.saturating_add(file.size)) - old;
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if held.saturating_add(size) > quota || files.len() >= MAX_FILES {
            return Err(FolderError::Full { quota });
        }
        let folder = self.walk(&folders, true)?;
        self.replace(&folder, last, |file| file.write_all(bytes))
    }

    /// The same for a file that is written piece by piece, without a quota.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn write_with(
        &self,
        name: &str,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<(), FolderError> {
        let (folders, last) = parts(name)?;
        let folder = self.walk(&folders, true)?;
        self.replace(&folder, last, fill)
    }

    /// A path for a program or library that opens files by itself: the folders on the way exist, none of them is a
    /// link, and neither is what the name names, if that exists.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn path_of(&self, name: &str) -> Result<PathBuf, FolderError> {
        let (folders, last) = parts(name)?;
        let folder = self.walk(&folders, true)?;
        match statat(&folder, last, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(known) if FileType::from_raw_mode(known.st_mode) == FileType::Symlink => {
                Err(FolderError::NotAFile)
            }
            Ok(_) | Err(Errno::NOENT) => Ok(self.path.join(name)),
            Err(other) => Err(other.into()),
        }
    }

    /// Removes a file.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn remove(&self, name: &str) -> Result<(), FolderError> {
        let (folders, last) = parts(name)?;
        Ok(unlinkat(self.walk(&folders, false)?, last, AtFlags::empty())?)
    }

    /// The ordinary files at any depth, by name, at most [`MAX_FILES`].
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn list(&self) -> Result<Vec<Entry>, FolderError> {
        let mut found = Vec::new();
        let mut folders = vec![(String::new(), self.walk(&[], false)?, 0)];
        while let Some((prefix, folder, depth)) = folders.pop() {
            for entry in Dir::read_from(&folder)? {
                let entry = entry?;
                let Ok(name) = entry.file_name().to_str() else { continue };
                if name.starts_with('.') || found.len() >= MAX_FILES {
                    continue;
                }
                let Ok(known) = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
                let full = format!("{prefix}{name}");
                match FileType::from_raw_mode(known.st_mode) {
                    FileType::RegularFile => found.push(Entry {
                        name: full,
                        size: u64::try_from(known.st_size).unwrap_or(0),
                        modified: known.st_mtime,
                    }),
                    FileType::Directory if depth < MAX_DEPTH => {
                        if let Ok(inner) = step(&folder, name) {
                            folders.push((format!("{full}/"), inner, depth + 1));
                        }
                    }
                    _ => {}
                }
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// The folder that holds the last part of a name.
    fn walk(&self, folders: &[&str], make: bool) -> Result<OwnedFd, FolderError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut at = openat(&self.root, ".", flags, Mode::empty())?;
        for part in folders {
            at = match step(&at, part) {
                Err(Errno::NOENT) if make => {
                    match mkdirat(&at, *part, Mode::RWXU) {
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(other) => return Err(other.into()),
                    }
                    step(&at, part)?
                }
                next => next?,
            };
        }
        Ok(at)
    }

    fn replace(
        &self,
        folder: &OwnedFd,
        last: &str,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<(), FolderError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        if statat(folder, last, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|known| FileType::from_raw_mode(known.st_mode) != FileType::RegularFile)
        {
            return Err(FolderError::NotAFile);
        }
        let unfinished =
            format!("{UNFINISHED}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(folder, &unfinished, flags, Mode::RUSR | Mode::WUSR)?);
        let written = fill(&mut file)
            .and_then(|()| file.sync_all())
            .and_then(|()| Ok(renameat(folder, &unfinished, folder, last)?))
            .and_then(|()| Ok(rustix::fs::fsync(folder)?));
        if let Err(error) = written {
            // What is left over is hidden and harmless.
            let _ = unlinkat(folder, &unfinished, AtFlags::empty());
            return Err(error.into());
        }
        Ok(())
    }
}

/// One part deeper; a link is refused.
fn step(at: impl AsFd, part: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(at, part, flags, Mode::empty())
}

/// The folders of a name and its last part. Nothing is decoded, and nothing is mended: what is not plainly a name below
/// the folder is refused.
fn parts(name: &str) -> Result<(Vec<&str>, &str), FolderError> {
    let fine = |part: &&str| {
        !part.is_empty()
            && part.len() <= MAX_PART
            && !part.starts_with('.')
            && !part.chars().any(|c| c.is_control() || c == '\\')
    };
    let all: Vec<&str> = name.split('/').collect();
    if name.len() > MAX_NAME || all.len() > MAX_DEPTH || !all.iter().all(fine) {
        return Err(FolderError::Name);
    }
    let (last, folders) = all.split_last().ok_or(FolderError::Name)?;
    Ok((folders.to_vec(), last))
}

/// Does file work where waiting for the disk holds nobody up.
///
/// # Errors
/// What the work answers, as an API failure.
pub async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FolderError> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(Failure::from),
        Err(_) => Err(Failure::failed("the file operation was broken off")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: u64 = 1_000;

    fn folder() -> (tempfile::TempDir, Folder) {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(&place.path().join("root")).unwrap();
        (place, folder)
    }

    #[test]
    fn what_is_written_is_read_and_listed() {
        let (_place, folder) = folder();
        folder.write("a.txt", b"one", QUOTA).unwrap();
        folder.write("b/c/\u{e9}.txt", b"two", QUOTA).unwrap();
        folder.write("a.txt", b"three", QUOTA).unwrap();
        assert_eq!(folder.read("a.txt", 5).unwrap(), b"three");
        let names: Vec<(String, u64)> =
            folder.list().unwrap().into_iter().map(|e| (e.name, e.size)).collect();
        assert_eq!(names, [("a.txt".to_owned(), 5), ("b/c/\u{e9}.txt".to_owned(), 3)]);
        folder.remove("a.txt").unwrap();
        assert!(matches!(folder.read("a.txt", 5), Err(FolderError::NotFound)));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing unfinished is left");
    }

    #[test]
    fn no_name_leads_out() {
        let (place, folder) = folder();
        std::fs::write(place.path().join("secret"), "s").unwrap();
        let long = "x".repeat(256);
        let deep = "x/".repeat(20) + "y";
        for name in [
            "../secret",
            "a/../../secret",
            "..",
            ".",
            "",
            "/",
            "/etc/passwd",
            "//etc/passwd",
            "a//b",
            "a/",
            "a/.",
            "..\\secret",
            "a\\b",
            "secret\0",
            "\0",
            "a\nb",
            ".hidden",
            "a/.hidden",
            &long,
            &deep,
        ] {
            assert!(matches!(folder.read(name, 9), Err(FolderError::Name)), "{name:?}");
            assert!(matches!(folder.write(name, b"x", QUOTA), Err(FolderError::Name)), "{name:?}");
            assert!(matches!(folder.path_of(name), Err(FolderError::Name)), "{name:?}");
            assert!(matches!(folder.remove(name), Err(FolderError::Name)), "{name:?}");
        }
        // Encoded forms are names like any other: nothing here decodes.
        for name in ["..%2fsecret", "%2e%2e/secret", "..%c0%afsecret", "\u{ff0e}\u{ff0e}/secret"] {
            assert!(folder.read(name, 9).is_err(), "{name:?}");
        }
    }

    #[test]
    fn links_and_devices_are_not_followed() {
        let (place, folder) = folder();
        std::fs::write(place.path().join("secret"), "s").unwrap();
        std::os::unix::fs::symlink(place.path().join("secret"), folder.path().join("link")).unwrap();
        std::os::unix::fs::symlink(place.path(), folder.path().join("out")).unwrap();
        std::fs::create_dir(folder.path().join("dir")).unwrap();
        for name in ["link", "out/secret", "dir"] {
            assert!(matches!(folder.read(name, 9), Err(FolderError::NotAFile)), "{name}");
            assert!(matches!(folder.write(name, b"x", QUOTA), Err(FolderError::NotAFile)), "{name}");
        }
        assert!(matches!(folder.path_of("link"), Err(FolderError::NotAFile)));
        assert!(matches!(folder.path_of("out/secret"), Err(FolderError::NotAFile)));
        assert!(folder.list().unwrap().is_empty());
        assert_eq!(std::fs::read(place.path().join("secret")).unwrap(), b"s");
    }

    #[test]
    fn sizes_are_bounded() {
        let (_place, folder) = folder();
        folder.write("a", &[0; 600], QUOTA).unwrap();
        assert!(matches!(folder.write("b", &[0; 401], QUOTA), Err(FolderError::Full { quota: QUOTA })));
        folder.write("a", &[0; 1_000], QUOTA).unwrap();
        assert!(matches!(folder.read("a", 999), Err(FolderError::TooLong { most: 999 })));
        assert_eq!(folder.read("a", 1_000).unwrap().len(), 1_000);
    }
}
