//! What the threads of one store tell each other: whether it is well, the epoch, and that something changed.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Why nothing can be written.
#[derive(Debug, Clone)]
struct Illness {
    why: String,
    for_good: bool,
}

/// The shared state.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    ill: AtomicBool,
    illness: Mutex<Option<Illness>>,
    /// The epoch and one, 0 before recovery.
    epoch: AtomicI64,
    closed: AtomicBool,
    /// Groups that were committed.
    commits: AtomicU64,
    changed: Mutex<u64>,
    bell: Condvar,
    /// What the threads are doing.
    pub(crate) watch: crate::watch::Watch,
    /// Operations that wait for the writer or are being written.
    pub(crate) waiting: AtomicU64,
}

/// The guarded value, also after a thread died while it held it: every value here is always whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Why nothing can be written, if so.
    pub(crate) fn unwell(&self) -> Option<String> {
        if !self.ill.load(Ordering::Acquire) {
            return None;
        }
        lock(&self.illness).as_ref().map(|i| i.why.clone())
    }

    /// The database must not be written again before the next start.
    pub(crate) fn is_broken(&self) -> bool {
        lock(&self.illness).as_ref().is_some_and(|i| i.for_good)
    }

    /// Declares the database unwell or well.
    pub(crate) fn set_unwell(&self, why: Option<&str>, for_good: bool) {
        *lock(&self.illness) = why.map(|why| Illness { why: why.to_owned(), for_good });
        self.ill.store(why.is_some(), Ordering::Release);
    }

    /// The epoch that recovery gave this process.
    pub(crate) fn epoch(&self) -> Option<u32> {
        u32::try_from(self.epoch.load(Ordering::Acquire) - 1).ok()
    }

    /// Recovery has raised the epoch.
    pub(crate) fn set_epoch(&self, epoch: u32) {
        self.epoch.store(i64::from(epoch) + 1, Ordering::Release);
    }

    /// No more operations.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.ping_follower();
    }

    /// The store is closing or closed.
    pub(crate) fn closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// A group was committed; called before anybody hears of it.
    pub(crate) fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Release);
    }

    /// Groups that were committed: while the number stays, so does everything in an exclusively held database.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Acquire)
    }

    /// Rows may have changed.
    pub(crate) fn ping_follower(&self) {
        *lock(&self.changed) += 1;
        self.bell.notify_all();
    }

    /// Waits that long; true: the store is closing.
    pub(crate) fn wait_until_closed(&self, longest: Duration) -> bool {
        let guard = lock(&self.changed);
        // The bell rings for every change; only closing ends the wait.
        drop(self.bell.wait_timeout_while(guard, longest, |_| !self.closed()));
        self.closed()
    }

    /// Waits until something changed since `seen` or until `longest` has passed; returns what to see next.
    pub(crate) fn wait_for_change(&self, seen: u64, longest: Duration) -> u64 {
        let guard = lock(&self.changed);
        let (guard, _) = self
            .bell
            .wait_timeout_while(guard, longest, |count| *count == seen && !self.closed())
            .unwrap_or_else(PoisonError::into_inner);
        *guard
    }
}
