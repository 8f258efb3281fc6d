//! Time as it is handed to the pure machines: a monotonic reading for durations and timers,
//! a wall reading for records. Nothing here reads a clock.

use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// Microseconds of the monotonic clock since the process started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Mono(pub u64);

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Wall(pub i64);

/// Both readings, taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Now {
    /// For durations and deadlines.
    pub mono: Mono,
    /// For records only: it may jump.
    pub wall: Wall,
}

impl Mono {
    /// A reading `ms` milliseconds after the start of the process.
    #[must_use]
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms * 1000)
    }

    /// Whole milliseconds since the start of the process.
    #[must_use]
    pub const fn ms(self) -> u64 {
        self.0 / 1000
    }

    /// This reading and `ms` milliseconds.
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms.saturating_mul(1000)))
    }

    /// Milliseconds since `earlier`, zero if it lies ahead.
    #[must_use]
    pub const fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0) / 1000
    }
}

impl Wall {
    /// This reading and `ms` milliseconds (negative: before it).
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

impl Now {
    /// Both readings `ms` milliseconds later, as if the wall clock did not jump.
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Self {
        #[expect(clippy::cast_possible_wrap, reason = "a span of 292 million years")]
        let wall = self.wall.plus_ms(ms as i64);
        Self { mono: self.mono.plus_ms(ms), wall }
    }
}

impl Add<u64> for Mono {
    type Output = Self;
    /// Adds microseconds.
    fn add(self, micros: u64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}

impl Sub for Mono {
    type Output = u64;
    /// Microseconds between two readings, zero if `earlier` lies ahead.
    fn sub(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
