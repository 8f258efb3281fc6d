//! A hook by which a test makes the Nth write fail or the process die there. It costs one relaxed load
//! per write and does nothing unless a test arms it.

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use crate::db::Fault;

/// What happens at the armed write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The writer vanishes as if the process were killed: nothing is rolled back or answered.
    Kill,
    /// The disk is full, for this and every later write until disarmed.
    DiskFull,
    /// The flush to disk failed, for good.
    FlushFailed,
    /// The connection breaks after the statement was carried out (only meaningful for a commit).
    LostAfterCommit,
}

/// An armed or idle fault. Shared by a store and the test that breaks it.
#[derive(Debug, Default)]
pub struct Faults {
    left: AtomicI64,
    kind: AtomicU8,
    writes: AtomicI64,
}

const KINDS: [FaultKind; 4] =
    [FaultKind::Kill, FaultKind::DiskFull, FaultKind::FlushFailed, FaultKind::LostAfterCommit];

impl Faults {
    /// The `nth` write from here on (1 is the next) meets `kind`.
    pub fn arm(&self, nth: u32, kind: FaultKind) {
        let index = KINDS.iter().position(|k| *k == kind).unwrap_or(0);
        self.kind.store(u8::try_from(index).unwrap_or(0) + 1, Ordering::SeqCst);
        self.left.store(i64::from(nth), Ordering::SeqCst);
    }

    /// Writes work again.
    pub fn disarm(&self) {
        self.kind.store(0, Ordering::SeqCst);
    }

    /// Statements that wanted to write since the store was opened.
    pub fn writes(&self) -> i64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// Called before every statement that writes, begins or commits.
    pub(crate) fn before_write(&self, _sql: &str) -> Result<(), Fault> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        match self.struck() {
            None | Some(FaultKind::LostAfterCommit) => Ok(()),
            Some(FaultKind::Kill) => Err(Fault::Killed),
            Some(FaultKind::DiskFull) => Err(Fault::Unwritable("no space left on device (injected)".into())),
            Some(FaultKind::FlushFailed) => Err(Fault::Broken("fsync failed (injected)".into())),
        }
    }

    /// Called after a commit that took place.
    pub(crate) fn after_commit(&self) -> Result<(), Fault> {
        let armed = self.kind.load(Ordering::SeqCst);
        if KINDS.get(usize::from(armed).wrapping_sub(1)) == Some(&FaultKind::LostAfterCommit) {
            self.disarm();
            return Err(Fault::Lost("connection cut after COMMIT (injected)".into()));
        }
        Ok(())
    }

    fn struck(&self) -> Option<FaultKind> {
        let kind = self.kind.load(Ordering::Relaxed);
        if kind == 0 {
            return None;
        }
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        if left <= 1 { KINDS.get(usize::from(kind) - 1).copied() } else { None }
    }
}
