//! The process's clock: the only place where the switch reads one.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use strowger_model::{Mono, Now, Wall};

/// Reads both clocks. Copies agree with each other.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock whose monotonic reading begins now.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }

    /// The time.
    #[must_use]
    pub fn now(self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis());
        Now { mono: self.mono(), wall: Wall(i64::try_from(wall).unwrap_or(i64::MAX)) }
    }

    /// The monotonic reading alone.
    #[must_use]
    pub fn mono(self) -> Mono {
        Mono(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}
