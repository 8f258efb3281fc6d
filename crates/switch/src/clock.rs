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

/// The longest name of a time zone, in bytes.
const MAX_ZONE: usize = 64;

/// Minutes that a time zone lies east of UTC at that time; without a name, or with one that the machine does not know,
/// those of the machine's own.
pub fn offset_min(zone: &str, at: Wall) -> i32 {
    let known = zone_of(zone).and_then(|zone| {
        zone.find_local_time_type(at.0.div_euclid(1000)).ok().map(|local| local.ut_offset() / 60)
    });
    known.unwrap_or_else(|| crate::driver::sys::utc_offset_min(at))
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
}
