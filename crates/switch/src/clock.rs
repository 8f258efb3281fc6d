//! The process's clock: the only place where the switch reads one.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use strowger_model::{Mono, Now, Wall};
use strowger_store::Offsets;

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
        let now = Instant::now();
        Now { mono: Mono(micros(now.saturating_duration_since(self.start))), wall: wall_at(now) }
    }

    /// The monotonic reading alone.
    #[must_use]
    pub fn mono(self) -> Mono {
        Mono(micros(self.start.elapsed()))
    }
}

/// How long the difference between the two clocks holds, in microseconds. Reading one of them costs a request that needs
/// little else noticeably.
const HOLDS_US: u64 = 200_000;

/// How far the wall clock is ahead of a clock that began with the process, in microseconds, and until when that holds.
static AHEAD_US: AtomicI64 = AtomicI64::new(0);
static HOLDS_UNTIL_US: AtomicU64 = AtomicU64::new(0);

/// The wall clock's time at a reading of the other one. A step of the wall clock is noticed when what was known of it
/// holds no more.
fn wall_at(now: Instant) -> Wall {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    let began = *BEGAN.get_or_init(|| now);
    let since = |now: Instant| micros(now.saturating_duration_since(began));
    let signed = |us: u64| i64::try_from(us).unwrap_or(i64::MAX);
    if since(now) >= HOLDS_UNTIL_US.load(Ordering::Acquire) {
        let wall = micros(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
        // Both clocks at once: this thread may have rested since `now` was read.
        let here = since(Instant::now());
        AHEAD_US.store(signed(wall) - signed(here), Ordering::Release);
        HOLDS_UNTIL_US.store(here + HOLDS_US, Ordering::Release);
    }
    Wall((signed(since(now)) + AHEAD_US.load(Ordering::Acquire)).div_euclid(1_000))
}

fn micros(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000).saturating_add(u64::from(duration.subsec_micros()))
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

/// The longest name of a time zone, in bytes.
const MAX_ZONE: usize = 64;

/// Minutes that a time zone lies east of UTC at that time; without a name, or with one that the machine does not know,
/// those of the machine's own.
pub fn offset_min(zone: &str, at: Wall) -> i32 {
    Zone::named(zone).offset_min(at)
}

/// Milliseconds of a day of 24 hours.
const DAY_MS: i64 = 86_400_000;
/// No zone is further from UTC than that.
const FAR_MS: i64 = 26 * 3_600_000;

/// A time zone: when its days begin, with summer time. A copy of the machine's rules at the moment when it was made.
#[derive(Debug, Clone)]
pub struct Zone(Option<tz::TimeZone>);

impl Zone {
    /// The zone of that name, or the machine's own where there is none.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(zone_of(name))
    }

    /// Minutes east of UTC at that time.
    #[must_use]
    pub fn offset_min(&self, at: Wall) -> i32 {
        let local = self.0.as_ref().and_then(|zone| zone.find_local_time_type(at.0.div_euclid(1000)).ok());
        local.map_or_else(|| crate::driver::sys::utc_offset_min(at), |local| local.ut_offset() / 60)
    }

    /// The time as its clocks show it.
    #[must_use]
    pub fn local(&self, at: Wall) -> Wall {
        at.plus_ms(i64::from(self.offset_min(at)) * 60_000)
    }

    /// The number of the calendar day since 1970-01-01.
    #[must_use]
    pub fn day(&self, at: Wall) -> i64 {
        self.local(at).0.div_euclid(DAY_MS)
    }

    /// The first moment of a calendar day: midnight, or when the clocks jump over it.
    #[must_use]
    pub fn day_start(&self, day: i64) -> Wall {
        let (low, high) = (day * DAY_MS - FAR_MS, day * DAY_MS + FAR_MS);
        first_from(low, high, |at| self.day(at) >= day)
    }

    /// The offsets between two times, the second one later.
    #[must_use]
    pub fn offsets(&self, from: Wall, to: Wall) -> Offsets {
        let first = self.offset_min(from);
        let (mut before, mut changes, mut at) = (first, Vec::new(), from.0);
        // Clocks change far less often than weekly.
        while at < to.0 {
            let next = (at + 7 * DAY_MS).min(to.0);
            let offset = self.offset_min(Wall(next));
            if offset != before {
                changes.push((first_from(at, next, |at| self.offset_min(at) == offset), offset));
                before = offset;
            }
            at = next;
        }
        Offsets::new(first, changes)
    }
}

/// The first whole second at which something holds that does not at `low`, does at `high`, and changes once.
fn first_from(low_ms: i64, high_ms: i64, holds: impl Fn(Wall) -> bool) -> Wall {
    let (mut low, mut high) = (low_ms.div_euclid(1000), high_ms.div_euclid(1000) + 1);
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if holds(Wall(middle * 1000)) { high = middle } else { low = middle }
    }
    Wall(high * 1000)
}

/// The machine's time zone database has this name.
#[must_use]
pub fn is_time_zone(name: &str) -> bool {
    zone_of(name).is_some()
}

/// Names only: neither paths nor rules.
fn zone_of(name: &str) -> Option<tz::TimeZone> {
    let part = |part: &str| part.starts_with(|c: char| c.is_ascii_alphabetic());
    let plain = |c: char| c.is_ascii_alphanumeric() || "/_+-".contains(c);
    if name.len() > MAX_ZONE || !name.chars().all(plain) || !name.split('/').all(part) {
        return None;
    }
    let file = std::fs::read(std::path::Path::new("/usr/share/zoneinfo").join(name)).ok()?;
    tz::TimeZone::from_tz_data(&file).ok()
}

#[cfg(test)]
mod zone_tests {
    use super::*;
    use strowger_model::Wall;

    #[test]
    fn zones_are_known_by_name_and_follow_summer_time() {
        if !is_time_zone("Europe/Budapest") {
            println!("skipped: this machine has no time zone database");
            return;
        }
        let (winter, summer) = (Wall(1_795_305_600_000), Wall(1_782_000_000_000));
        assert_eq!(offset_min("Europe/Budapest", winter), 60);
        assert_eq!(offset_min("Europe/Budapest", summer), 120);
        assert_eq!(offset_min("America/New_York", winter), -300);
        for wrong in ["", "Nowhere/Town", "../etc/passwd", "/etc/localtime", "Europe", "Europe/../UTC"] {
            assert!(!is_time_zone(wrong), "{wrong}");
        }
    }

    #[test]
    fn days_begin_at_midnight_or_where_the_clocks_jump() {
        if !is_time_zone("Europe/Budapest") {
            println!("skipped: this machine has no time zone database");
            return;
        }
        let hour = 3_600_000;
        // 2026-03-29 has 23 hours in Budapest, 2026-10-25 has 25; in Santiago 2026-09-06 begins at one o'clock.
        for (zone, day, start, hours) in [
            ("UTC", 20_541, 1_774_742_400_000, 24),
            ("Europe/Budapest", 20_541, 1_774_738_800_000, 23),
            ("Europe/Budapest", 20_751, 1_792_879_200_000, 25),
            ("America/New_York", 20_751, 1_792_900_800_000, 24),
            ("America/Santiago", 20_702, 1_788_667_200_000, 23),
        ] {
            let zone_of = Zone::named(zone);
            assert_eq!(zone_of.day_start(day), Wall(start), "{zone}");
            assert_eq!(zone_of.day_start(day + 1), Wall(start + hours * hour), "{zone}");
            assert_eq!(zone_of.day(Wall(start)), day, "{zone}");
            assert_eq!(zone_of.day(Wall(start - 1)), day - 1, "{zone}");
        }
        let budapest = Zone::named("Europe/Budapest");
        let year = budapest.offsets(Wall(1_767_225_600_000), Wall(1_798_761_600_000));
        let (spring, autumn) = (Wall(1_774_746_000_000), Wall(1_792_890_000_000));
        assert_eq!(year, Offsets::new(60, vec![(spring, 120), (autumn, 60)]));
        assert_eq!(Zone::named("UTC").offsets(Wall(0), Wall(DAY_MS)), Offsets::default());
    }
}
