//! Increments of SQLite backups: the pages of the database that differ from those of a whole backup, its base. An increment
//! needs its base and no other increment; both are known by their SHA-256, so that an altered one is found out.
//!
//! The file: [`MAGIC`], a line of JSON about the base, each page as its number (four bytes, little end first) and its bytes,
//! and the SHA-256 of all that.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::errors::BackupError;
use crate::keyring::hex;

/// What an increment begins with.
const MAGIC: &[u8] = b"STROWGER-INCREMENT-1\n";
/// What a SQLite database begins with.
const SQLITE: &[u8] = b"SQLite format 3\0";
/// The longest line about the base, in bytes.
const MAX_HEAD: u64 = 4_096;
/// The length of the sum at the end, in bytes.
const SUM: u64 = 32;

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    base: String,
    base_sha256: String,
    page_bytes: u32,
    pages: u32,
    changed: u32,
}

/// The file is an increment.
pub(crate) fn is_one(path: &Path) -> bool {
    begins_with(path, MAGIC)
}

/// The file is a whole SQLite database.
pub(crate) fn is_whole(path: &Path) -> bool {
    begins_with(path, SQLITE)
}

/// What a file begins with.
pub(crate) fn begins_with(path: &Path, wanted: &[u8]) -> bool {
    let mut start = vec![0; wanted.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == wanted
}

/// The name of the base of an increment; none: it is none.
pub(crate) fn base_of(path: &Path) -> Option<String> {
    let mut file = BufReader::new(File::open(path).ok()?);
    read_head(&mut file).ok().map(|head| head.base)
}

/// Writes what `copy`, a whole copy of the database, has other than `base`, beside which `to` lies.
pub(crate) fn make(base: &Path, copy: &Path, to: &Path) -> Result<(), BackupError> {
    let name = base.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let size = page_bytes(copy)?;
    if size != page_bytes(base)? {
        return Err(wrong(base, "has pages of another size: make a full backup"));
    }
    let (changed, pages) = differences(base, copy, size).map_err(|e| wrong(base, e))?;
    let base_sha256 = hex(&sum_of(base).map_err(|e| wrong(base, e))?);
    let count = u32::try_from(changed.len()).unwrap_or(u32::MAX);
    let head = Head { base: name, base_sha256, page_bytes: size, pages, changed: count };
    write(&head, &changed, copy, to).map_err(|error| {
        if error.kind() != io::ErrorKind::AlreadyExists {
            // Half an increment is none.
            let _ = std::fs::remove_file(to);
        }
        wrong(to, error)
    })
}

fn write(head: &Head, changed: &[u32], copy: &Path, to: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    let mut out = Summing { inner: BufWriter::new(file), sum: Sha256::new() };
    out.write_all(MAGIC)?;
    serde_json::to_writer(&mut out, head)?;
    out.write_all(b"\n")?;
    let (mut copy, mut page) = (File::open(copy)?, vec![0; head.page_bytes as usize]);
    for number in changed {
        copy.seek(SeekFrom::Start(u64::from(*number) * u64::from(head.page_bytes)))?;
        copy.read_exact(&mut page)?;
        out.write_all(&number.to_le_bytes())?;
        out.write_all(&page)?;
    }
    let Summing { mut inner, sum } = out;
    inner.write_all(&sum.finalize())?;
    inner.flush()?;
    inner.get_ref().sync_all()
}

/// The numbers, from 0, of the pages of `copy` that `base` has not or has otherwise, and how many pages there are.
fn differences(base: &Path, copy: &Path, page_bytes: u32) -> io::Result<(Vec<u32>, u32)> {
    let (mut old, mut new) = (BufReader::new(File::open(base)?), BufReader::new(File::open(copy)?));
    let (mut old_page, mut new_page) = (vec![0; page_bytes as usize], vec![0; page_bytes as usize]);
    let (mut changed, mut number, mut ended) = (Vec::new(), 0_u32, false);
    while fill(&mut new, &mut new_page)? {
        ended = ended || !fill(&mut old, &mut old_page)?;
        if ended || old_page != new_page {
            changed.push(number);
        }
        number = number.checked_add(1).ok_or_else(|| io::Error::other("has too many pages"))?;
    }
    Ok((changed, number))
}

/// Reads a whole page; false: there is none left.
fn fill(file: &mut impl Read, page: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(page) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Puts base and increment together to a whole database.
pub(crate) fn put_together(increment: &Path, to: &Path) -> Result<(), BackupError> {
    let head = checked(increment)?;
    let base = base_path(increment, &head)?;
    std::fs::copy(&base, to).map_err(|e| wrong(to, e))?;
    // The copy is what counts: whoever changes the base meanwhile is found out.
    if hex(&sum_of(to).map_err(|e| wrong(to, e))?) != head.base_sha256 {
        return Err(wrong(&base, format!("is not as it was when {} was made", shown(increment))));
    }
    apply(&head, increment, to).map_err(|e| wrong(to, e))
}

fn apply(head: &Head, increment: &Path, to: &Path) -> io::Result<()> {
    let mut from = BufReader::new(File::open(increment)?);
    read_head(&mut from)?;
    let mut database = OpenOptions::new().write(true).open(to)?;
    let mut page = vec![0; head.page_bytes as usize];
    for _ in 0..head.changed {
        let mut number = [0; 4];
        from.read_exact(&mut number)?;
        from.read_exact(&mut page)?;
        let number = u32::from_le_bytes(number);
        if number >= head.pages {
            return Err(io::Error::other("a page lies beyond the end"));
        }
        database.seek(SeekFrom::Start(u64::from(number) * u64::from(head.page_bytes)))?;
        database.write_all(&page)?;
    }
    database.set_len(u64::from(head.pages) * u64::from(head.page_bytes))?;
    database.sync_all()
}

/// Looks whether an increment is as it was written, and its base too.
pub(crate) fn verify(increment: &Path) -> Result<(), BackupError> {
    let head = checked(increment)?;
    let base = base_path(increment, &head)?;
    if hex(&sum_of(&base).map_err(|e| wrong(&base, e))?) == head.base_sha256 {
        return Ok(());
    }
    Err(wrong(&base, format!("is not as it was when {} was made", shown(increment))))
}

/// What is said of the base by an increment whose sum is right.
fn checked(increment: &Path) -> Result<Head, BackupError> {
    let read = || -> io::Result<(Head, bool)> {
        let mut file = File::open(increment)?;
        let length = file.metadata()?.len().saturating_sub(SUM);
        let sum = sum_up((&mut file).take(length))?;
        let mut wanted = Vec::new();
        (&mut file).take(SUM).read_to_end(&mut wanted)?;
        file.rewind()?;
        Ok((read_head(&mut BufReader::new(file))?, sum[..] == wanted[..]))
    };
    match read().map_err(|e| wrong(increment, e))? {
        (head, true) if (512..=65_536).contains(&head.page_bytes) => Ok(head),
        _ => Err(wrong(increment, "is not as it was made")),
    }
}

/// Where the base of an increment must lie: beside it.
fn base_path(increment: &Path, head: &Head) -> Result<PathBuf, BackupError> {
    let plain = !head.base.is_empty() && !head.base.contains('/') && head.base != "..";
    let base = increment.with_file_name(&head.base);
    if plain && base.is_file() {
        return Ok(base);
    }
    Err(wrong(&base, format!("is missing, and {} is nothing without it", shown(increment))))
}

fn read_head(file: &mut impl BufRead) -> io::Result<Head> {
    let mut magic = vec![0; MAGIC.len()];
    file.read_exact(&mut magic)?;
    if magic != MAGIC {
        return Err(io::Error::other("is no increment"));
    }
    let mut line = Vec::new();
    file.take(MAX_HEAD).read_until(b'\n', &mut line)?;
    Ok(serde_json::from_slice(&line)?)
}

/// The size of a database's pages, which its header tells.
fn page_bytes(database: &Path) -> Result<u32, BackupError> {
    let mut header = [0; 18];
    File::open(database).and_then(|mut file| file.read_exact(&mut header)).map_err(|e| wrong(database, e))?;
    match (header.starts_with(SQLITE), u16::from_be_bytes([header[16], header[17]])) {
        (true, 1) => Ok(65_536),
        (true, size) if size >= 512 => Ok(u32::from(size)),
        _ => Err(wrong(database, "is no whole backup")),
    }
}

fn sum_of(path: &Path) -> io::Result<[u8; 32]> {
    sum_up(File::open(path)?)
}

fn sum_up(mut file: impl Read) -> io::Result<[u8; 32]> {
    let (mut sum, mut buffer) = (Sha256::new(), vec![0; 65_536]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(sum.finalize().into()),
            read => sum.update(&buffer[..read]),
        }
    }
}

fn shown(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn wrong(path: &Path, what: impl std::fmt::Display) -> BackupError {
    BackupError::File { path: path.to_owned(), what: what.to_string() }
}

/// Adds up what goes through.
struct Summing<W> {
    inner: W,
    sum: Sha256,
}

impl<W: Write> Write for Summing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
