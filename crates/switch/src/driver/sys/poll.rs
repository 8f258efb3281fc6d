//! Waiting for descriptors, and being woken by another thread.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// Waits for several descriptors.
pub struct Poll {
    epoll: OwnedFd,
}

impl Poll {
    /// An empty set.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers; a valid descriptor that nobody else owns is returned, or -1.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        Ok(Self { epoll: owned(fd)? })
    }

    /// Adds a descriptor that is reported as `key` while it is readable.
    pub fn add(&self, fd: BorrowedFd<'_>, key: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: key };
        // SAFETY: the event is live during the call.
        let result = unsafe {
            libc::epoll_ctl(self.epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, fd.as_raw_fd(), &raw mut event)
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Takes a descriptor out.
    pub fn remove(&self, fd: BorrowedFd<'_>) {
        // SAFETY: no event is read. A descriptor that is not in the set is no error for us.
        let _ = unsafe {
            libc::epoll_ctl(self.epoll.as_raw_fd(), libc::EPOLL_CTL_DEL, fd.as_raw_fd(), std::ptr::null_mut())
        };
    }

    /// Waits until something is readable or the time is over; returns the keys (below 32) that are, as bits.
    pub fn wait(&self, at_most: Duration) -> u32 {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; 8];
        // Rounded up: waking a millisecond early would spin until the deadline.
        let ms = i32::try_from(at_most.as_micros().div_ceil(1000)).unwrap_or(i32::MAX);
        // SAFETY: room for eight events, which are live. An error (a signal) is a spurious wake-up, which is harmless.
        let ready = unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), events.as_mut_ptr(), 8, ms) };
        let ready = usize::try_from(ready).unwrap_or(0).min(events.len());
        events[..ready].iter().fold(0, |bits, event| bits | (1 << (event.u64 & 31)))
    }
}

/// Wakes a [`Poll`] from another thread.
pub struct WakeEvent(OwnedFd);

impl WakeEvent {
    /// A new one, to be added to a poll.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers; a valid descriptor that nobody else owns is returned, or -1.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        Ok(Self(owned(fd)?))
    }

    /// The descriptor for [`Poll::add`].
    pub fn fd(&self) -> BorrowedFd<'_> {
        use std::os::fd::AsFd as _;
        self.0.as_fd()
    }

    /// Makes it readable.
    pub fn set(&self) {
        let one: u64 = 1;
        // SAFETY: eight live bytes are written. A full counter is readable anyway.
        let _ = unsafe { libc::write(self.0.as_raw_fd(), (&raw const one).cast(), 8) };
    }

    /// Makes it unreadable.
    pub fn clear(&self) {
        let mut value: u64 = 0;
        // SAFETY: eight live bytes are filled. Nothing to read is no error for us.
        let _ = unsafe { libc::read(self.0.as_raw_fd(), (&raw mut value).cast(), 8) };
    }
}

fn owned(fd: RawFd) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made by the kernel and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_event_wakes_until_it_is_cleared() {
        let (poll, wake) = (Poll::new().unwrap(), WakeEvent::new().unwrap());
        poll.add(wake.fd(), 1).unwrap();
        wake.set();
        wake.set();
        let begin = std::time::Instant::now();
        assert_eq!(poll.wait(Duration::from_secs(5)), 1 << 1);
        assert!(begin.elapsed() < Duration::from_secs(1));
        wake.clear();
        assert_eq!(poll.wait(Duration::from_millis(5)), 0);
        assert!(begin.elapsed() >= Duration::from_millis(5));
    }
}
