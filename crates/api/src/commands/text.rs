//! Small texts that several commands write: dates, the error of a wrong PIN, new accounts.

use strowger_model::Wall;
use strowger_switch::Zone;

/// `YYYY-MM-DD HH:MM:SS` in UTC, as dates stand in the database.
pub fn date(at: Wall) -> String {
    let seconds = at.0.div_euclid(1_000);
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", rest / 3_600, rest / 60 % 60, rest % 60)
}

/// Year, month and day of a number of days since 1970-01-01, in the proleptic Gregorian calendar: eras of
/// 400 years, years that begin in March.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The first moment of a day that is written `YYYY-MM-DD`, in UTC; a time after it is not looked at.
pub fn day_of(text: &str) -> Option<Wall> {
    let mut parts = text.trim().get(..10)?.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let (shifted, month_from_march) = (year - i64::from(month <= 2), (month + 9) % 12);
    let (era, year_of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let days =
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    // What is no day, such as the 30th of February, does not come back as it was written.
    (civil(days) == (year, month, day)).then_some(Wall(days * 86_400_000))
}

/// The numbers since 1970-01-01 of the day, and of the first day of the month, that `at` lies in.
pub fn day_and_month(at: Wall, zone: &Zone) -> (i64, i64) {
    let day = zone.day(at);
    (day, day - civil(day).2 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_the_database_has_them() {
        for (ms, wanted) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_400_000, "2000-02-29 00:00:00"),
            (1_795_305_599_999, "2026-11-21 23:59:59"),
            (-1, "1969-12-31 23:59:59"),
        ] {
            assert_eq!(date(Wall(ms)), wanted);
        }
    }

    #[test]
    fn days_are_read_as_they_are_written() {
        for (text, wanted) in [
            ("1970-01-01", Some(0)),
            ("2000-02-29", Some(951_782_400_000)),
            (" 2026-11-21 23:59:59", Some(1_795_219_200_000)),
            ("2026-02-30", None),
            ("2026-13-01", None),
            ("yesterday!", None),
            ("", None),
        ] {
            assert_eq!(day_of(text), wanted.map(Wall), "{text}");
        }
    }

    #[test]
    fn days_and_months_begin_in_the_servers_zone() {
        let at = Wall(1_795_305_599_999);
        let start = |zone: &str| {
            let zone = Zone::named(zone);
            let (day, month) = day_and_month(at, &zone);
            (date(zone.day_start(day)), date(zone.day_start(month)))
        };
        assert_eq!(start("UTC"), ("2026-11-21 00:00:00".into(), "2026-11-01 00:00:00".into()));
        if strowger_switch::is_time_zone("Europe/Budapest") {
            assert_eq!(
                start("Europe/Budapest"),
                ("2026-11-21 23:00:00".into(), "2026-10-31 23:00:00".into())
            );
        }
    }
}
