//! The system calls that the standard library does not offer: epoll, eventfd, timerfd and the
//! limit of descriptors. The only unsafe code of this crate.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// One readiness report of the kernel.
pub(crate) type Ready = libc::epoll_event;

/// A report to be filled in.
pub(crate) const NOT_READY: Ready = libc::epoll_event { events: 0, u64: 0 };

/// A set of descriptors that are waited for, level-triggered, for reading.
pub(crate) struct Epoll(OwnedFd);

/// Wakes a thread that waits in epoll.
pub(crate) struct Wake(File);

/// A timer that becomes readable at each interval while armed.
pub(crate) struct Ticker(File);

impl Epoll {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: takes no pointers; the result is checked and owned by nobody else.
        Ok(Self(owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?))
    }

    /// Waits for `fd` under the name `token`. Closing the descriptor takes it out again.
    pub(crate) fn add(&self, fd: &impl AsRawFd, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: token };
        // SAFETY: `event` outlives the call, which only reads it; both descriptors are open.
        let result = unsafe {
            libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, fd.as_raw_fd(), &raw mut event)
        };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Waits at most `timeout_ms` (-1: for ever) and returns how many reports were filled in.
    pub(crate) fn wait(&self, ready: &mut [Ready], timeout_ms: i32) -> io::Result<usize> {
        let most = i32::try_from(ready.len()).unwrap_or(i32::MAX);
        // SAFETY: the kernel writes at most `most` events into `ready`, which holds at least so many.
        let count = unsafe { libc::epoll_wait(self.0.as_raw_fd(), ready.as_mut_ptr(), most, timeout_ms) };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    }
}

impl Wake {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: takes no pointers; the result is checked and owned by nobody else.
        let fd = owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        Ok(Self(File::from(fd)))
    }

    /// Makes it readable. A full counter is readable already.
    pub(crate) fn signal(&self) {
        let _ = (&self.0).write(&1u64.to_ne_bytes());
    }

    /// Makes it unreadable again.
    pub(crate) fn clear(&self) {
        let _ = (&self.0).read(&mut [0; 8]);
    }
}

impl Ticker {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
        // SAFETY: takes no pointers; the result is checked and owned by nobody else.
        let fd = owned(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) })?;
        Ok(Self(File::from(fd)))
    }

    /// Ticks at each `interval`; zero stops it.
    pub(crate) fn arm(&self, interval: Duration) -> io::Result<()> {
        let time = libc::timespec { tv_sec: 0, tv_nsec: i64::from(interval.subsec_nanos()) };
        let setting = libc::itimerspec { it_interval: time, it_value: time };
        // SAFETY: `setting` outlives the call, which only reads it; no old value is asked for.
        let result =
            unsafe { libc::timerfd_settime(self.0.as_raw_fd(), 0, &raw const setting, std::ptr::null_mut()) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Ticks since the last call.
    pub(crate) fn ticks(&self) -> u64 {
        let mut count = [0; 8];
        let read = (&self.0).read(&mut count).unwrap_or(0);
        if read == count.len() { u64::from_ne_bytes(count) } else { 0 }
    }
}

impl AsRawFd for Wake {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl AsRawFd for Ticker {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Raises the process's limit of open descriptors to what the system permits, and returns it: a relayed call
/// needs four. To be called once by the program, before [`crate::Engine::start`].
///
/// # Errors
/// The system's.
pub fn raise_descriptor_limit() -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes one rlimit into `limit`, which outlives the call.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } < 0 {
        return Err(io::Error::last_os_error());
    }
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: the kernel only reads `limit`, which outlives the call.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(limit.rlim_cur)
}

fn owned(fd: RawFd) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel returned this descriptor just now; nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
