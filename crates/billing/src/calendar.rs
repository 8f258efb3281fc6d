//! Billing times: which price holds at which hour of which day. The time zone and the holidays are
//! handed in; daylight saving is the driver's business, who hands in the offset of the day.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strowger_model::{Amount, Wall};

const DAY_S: i64 = 86_400;
/// Days from 0001-01-01 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_162;
/// Days of four hundred years.
const DAYS_400: i64 = 146_097;
/// Days that [`dearest`] looks ahead at most; a slice of a call never comes near.
const LOOK_AHEAD_DAYS: i64 = 31;

/// The time types of `tb_billingtimes.timetype`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TimeType {
    /// 0: the row is switched off.
    Off,
    /// 1: between start and end, on every day.
    StartEnd,
    /// 2: working days, 08:00–20:00 unless hours are given.
    Peak,
    /// 3: working days, 20:00–08:00 unless hours are given.
    OffPeak,
    /// 4: working days.
    Weekday,
    /// 5: Saturday and Sunday.
    Weekend,
    /// 6: off-peak hours of working days, and all of weekends and holidays.
    OffPeakWeekend,
    /// 7: every day, 18:00–22:00 unless hours are given.
    Evening,
    /// 8: every day, 22:00–06:00 unless hours are given.
    Night,
    /// 9: the days of the holiday table.
    Holiday,
    /// 10: always.
    All,
    /// 11: when no other row of the entry matches.
    Other,
}

/// The time types, by number.
const TYPES: [TimeType; 12] = [
    TimeType::Off,
    TimeType::StartEnd,
    TimeType::Peak,
    TimeType::OffPeak,
    TimeType::Weekday,
    TimeType::Weekend,
    TimeType::OffPeakWeekend,
    TimeType::Evening,
    TimeType::Night,
    TimeType::Holiday,
    TimeType::All,
    TimeType::Other,
];

/// From the most to the least particular: where several rows match, the first type here wins.
const PRECEDENCE: [TimeType; 11] = [
    TimeType::Holiday,
    TimeType::StartEnd,
    TimeType::Evening,
    TimeType::Night,
    TimeType::Peak,
    TimeType::OffPeak,
    TimeType::Weekend,
    TimeType::OffPeakWeekend,
    TimeType::Weekday,
    TimeType::All,
    TimeType::Other,
];

impl TimeType {
    /// The type of a `timetype` number.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        usize::try_from(number).ok().and_then(|n| TYPES.get(n)).copied()
    }

    /// The `timetype` number.
    #[must_use]
    pub fn number(self) -> i32 {
        TYPES.iter().position(|t| *t == self).and_then(|n| i32::try_from(n).ok()).unwrap_or(0)
    }

    /// The hours of a row that gives none, in seconds of the day.
    const fn usual_hours(self) -> (u32, u32) {
        match self {
            Self::Peak => (8 * 3600, 20 * 3600),
            Self::OffPeak | Self::OffPeakWeekend => (20 * 3600, 8 * 3600),
            Self::Evening => (18 * 3600, 22 * 3600),
            Self::Night => (22 * 3600, 6 * 3600),
            _ => (0, 0),
        }
    }

    /// Whether the type matches. `from_s` and `to_s` are seconds of the local day, both zero for the
    /// type's usual hours; hours may pass midnight. [`TimeType::Other`] is left to the caller and matches.
    #[must_use]
    pub fn matches(self, from_s: u32, to_s: u32, calendar: &Calendar, at: Wall) -> bool {
        let local = calendar.local(at);
        let given = from_s != 0 || to_s != 0;
        let (from, to) = if given { (from_s, to_s) } else { self.usual_hours() };
        let hours = within(local.second, from, to);
        let free_day = local.weekend || local.holiday;
        match self {
            Self::Off => false,
            Self::Peak | Self::OffPeak | Self::Weekday => !free_day && hours,
            Self::Weekend => local.weekend && hours,
            Self::OffPeakWeekend => free_day || hours,
            Self::Holiday => local.holiday && hours,
            Self::StartEnd | Self::Evening | Self::Night | Self::All | Self::Other => hours,
        }
    }
}

/// One row of `tb_billingtimes`: another price at certain times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillingTime {
    /// `id`.
    pub id: i64,
    /// `billentryid`.
    pub entry: i64,
    /// `timetype`.
    pub kind: TimeType,
    /// `fromtime` in seconds of the local day.
    pub from_s: u32,
    /// `totime` in seconds of the local day; both zero: the type's usual hours.
    pub to_s: u32,
    /// `isdiff`: `price` is added to the entry's instead of replacing it.
    pub is_diff: bool,
    /// `price` per minute.
    pub price: Amount,
}

/// Where the days begin, and which of them are holidays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Calendar {
    /// Minutes east of UTC.
    pub utc_offset_min: i32,
    /// Days since 1970-01-01 in local time, sorted.
    pub holidays: Arc<[i32]>,
}

/// A moment as the calendar sees it.
struct Local {
    second: u32,
    weekend: bool,
    holiday: bool,
}

impl Calendar {
    fn local_s(&self, at: Wall) -> i64 {
        at.0.div_euclid(1000) + i64::from(self.utc_offset_min) * 60
    }

    fn local(&self, at: Wall) -> Local {
        let seconds = self.local_s(at);
        let day = seconds.div_euclid(DAY_S);
        // 1970-01-01 was a Thursday; Saturday is two days after it, Sunday three.
        let weekend = matches!(day.rem_euclid(7), 2 | 3);
        let holiday = i32::try_from(day).is_ok_and(|d| self.holidays.binary_search(&d).is_ok());
        Local { second: u32::try_from(seconds.rem_euclid(DAY_S)).unwrap_or(0), weekend, holiday }
    }
}

/// The price per minute at a moment, never negative: the entry's own unless one of its rows matches.
#[must_use]
pub fn price_at(base: Amount, times: &[BillingTime], calendar: &Calendar, at: Wall) -> Amount {
    for kind in PRECEDENCE {
        let row =
            times.iter().filter(|t| t.kind == kind).find(|t| kind.matches(t.from_s, t.to_s, calendar, at));
        if let Some(row) = row {
            let price = if row.is_diff { base + row.price } else { row.price };
            return price.max(Amount::ZERO);
        }
    }
    base.max(Amount::ZERO)
}

/// The highest price per minute at any moment of a span, ends included.
#[must_use]
pub fn dearest(base: Amount, times: &[BillingTime], calendar: &Calendar, from: Wall, to: Wall) -> Amount {
    let mut best = price_at(base, times, calendar, from);
    if times.is_empty() || to <= from {
        return best;
    }
    let mut consider = |at: Wall| {
        if from < at && at <= to {
            best = best.max(price_at(base, times, calendar, at));
        }
    };
    consider(to);
    let first_day = calendar.local_s(from).div_euclid(DAY_S);
    let last_day = calendar.local_s(to).div_euclid(DAY_S).min(first_day.saturating_add(LOOK_AHEAD_DAYS));
    // Prices change at midnight and at the edges of the rows' hours, nowhere else.
    for day in first_day..=last_day {
        let start = (day * DAY_S - i64::from(calendar.utc_offset_min) * 60).saturating_mul(1000);
        consider(Wall(start));
        for row in times {
            let (usual_from, usual_to) = row.kind.usual_hours();
            for second in [row.from_s, row.to_s, usual_from, usual_to] {
                consider(Wall(start.saturating_add(i64::from(second) * 1000)));
            }
        }
    }
    best
}

/// `second` lies in the hours; equal ends mean the whole day, a later start passes midnight.
const fn within(second: u32, from: u32, to: u32) -> bool {
    if from == to {
        true
    } else if from < to {
        from <= second && second < to
    } else {
        second >= from || second < to
    }
}

/// Seconds of the day of `8`, `08:00`, `08:00:30`; `24:00` is the end of the day. A date before it is
/// not looked at, as the documented tables keep hours in date columns.
#[must_use]
pub fn time_of_day(text: &str) -> Option<u32> {
    let mut seconds = 0;
    let mut parts = text.split_whitespace().next_back()?.split(':');
    for (scale, limit) in [(3600, 24), (60, 59), (1, 59)] {
        let Some(part) = parts.next() else { break };
        if part.is_empty() || part.len() > 2 || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let value: u32 = part.parse().ok()?;
        if value > limit {
            return None;
        }
        seconds += value * scale;
    }
    (parts.next().is_none() && seconds <= 86_400).then_some(seconds)
}

/// The days since 1970-01-01 of a holiday: `YYYY-MM-DD` once, `MM-DD` in the last, this and the next two
/// years. Empty where the text is no date.
#[must_use]
pub fn holiday_days(text: &str, now: Wall) -> Vec<i32> {
    let number =
        |t: &str| t.parse::<u16>().ok().map(i64::from).filter(|_| t.bytes().all(|b| b.is_ascii_digit()));
    let parts: Vec<_> = text.split_whitespace().next().unwrap_or_default().split('-').map(number).collect();
    let (years, month, day) = match parts[..] {
        [Some(year), Some(month), Some(day)] => (year..=year, month, day),
        [Some(month), Some(day)] => {
            let year = 1970 + now.0.div_euclid(1000).div_euclid(DAY_S) * 400 / DAYS_400;
            (year - 1..=year + 2, month, day)
        }
        _ => return Vec::new(),
    };
    years.filter_map(|year| day_number(year, month, day)).collect()
}

/// The day number of a date of the Gregorian calendar; none where there is no such day.
fn day_number(year: i64, month: i64, day: i64) -> Option<i32> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let index = usize::try_from(month).ok()?.checked_sub(1)?;
    let length = *lengths.get(index)?;
    if day < 1 || day > length {
        return None;
    }
    let before = year - 1;
    let years = before * 365 + before / 4 - before / 100 + before / 400;
    let months: i64 = lengths[..index].iter().sum();
    i32::try_from(years + months + day - 1 - DAYS_TO_1970).ok()
}

#[cfg(test)]
#[path = "calendar_tests.rs"]
mod tests;
