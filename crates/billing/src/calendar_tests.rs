//! The borders of every time type.

use super::*;

/// 2026-03-02 was a Monday.
const MONDAY: i64 = 20_514;

fn at(day: i64, hour: i64, minute: i64, second: i64) -> Wall {
    Wall(((day * 24 + hour) * 60 + minute) * 60_000 + second * 1000)
}

#[test]
fn every_type_has_its_borders() {
    let holiday = Calendar { utc_offset_min: 0, holidays: [20_516].into() };
    let hm = |h: u32, m: u32| h * 3600 + m * 60;
    #[rustfmt::skip]
    let table = [
        (TimeType::Off, 0, 0, MONDAY, [12, 0, 0], false),
        (TimeType::All, 0, 0, MONDAY, [12, 0, 0], true),
        (TimeType::StartEnd, hm(9, 30), hm(17, 0), MONDAY, [9, 29, 59], false),
        (TimeType::StartEnd, hm(9, 30), hm(17, 0), MONDAY, [9, 30, 0], true),
        (TimeType::StartEnd, hm(9, 30), hm(17, 0), MONDAY, [16, 59, 59], true),
        (TimeType::StartEnd, hm(9, 30), hm(17, 0), MONDAY, [17, 0, 0], false),
        (TimeType::StartEnd, hm(22, 0), hm(5, 0), MONDAY, [4, 59, 59], true),
        (TimeType::StartEnd, hm(22, 0), hm(5, 0), MONDAY, [5, 0, 0], false),
        (TimeType::StartEnd, hm(22, 0), hm(24, 0), MONDAY, [23, 59, 59], true),
        (TimeType::Peak, 0, 0, MONDAY, [7, 59, 59], false),
        (TimeType::Peak, 0, 0, MONDAY, [8, 0, 0], true),
        (TimeType::Peak, 0, 0, MONDAY, [20, 0, 0], false),
        (TimeType::Peak, 0, 0, MONDAY + 5, [12, 0, 0], false),
        (TimeType::Peak, 0, 0, MONDAY + 2, [12, 0, 0], false),
        (TimeType::OffPeak, 0, 0, MONDAY, [7, 59, 59], true),
        (TimeType::OffPeak, 0, 0, MONDAY, [8, 0, 0], false),
        (TimeType::OffPeak, 0, 0, MONDAY + 6, [3, 0, 0], false),
        (TimeType::Weekday, 0, 0, MONDAY + 4, [23, 59, 59], true),
        (TimeType::Weekday, 0, 0, MONDAY + 5, [0, 0, 0], false),
        (TimeType::Weekend, 0, 0, MONDAY + 5, [0, 0, 0], true),
        (TimeType::Weekend, 0, 0, MONDAY + 6, [23, 59, 59], true),
        (TimeType::Weekend, 0, 0, MONDAY + 7, [0, 0, 0], false),
        (TimeType::OffPeakWeekend, 0, 0, MONDAY + 5, [12, 0, 0], true),
        (TimeType::OffPeakWeekend, 0, 0, MONDAY + 2, [12, 0, 0], true),
        (TimeType::OffPeakWeekend, 0, 0, MONDAY, [12, 0, 0], false),
        (TimeType::Evening, 0, 0, MONDAY, [17, 59, 59], false),
        (TimeType::Evening, 0, 0, MONDAY, [18, 0, 0], true),
        (TimeType::Night, 0, 0, MONDAY, [21, 59, 59], false),
        (TimeType::Night, 0, 0, MONDAY, [22, 0, 0], true),
        (TimeType::Night, 0, 0, MONDAY, [6, 0, 0], false),
        (TimeType::Holiday, 0, 0, MONDAY + 2, [0, 0, 0], true),
        (TimeType::Holiday, 0, 0, MONDAY + 3, [0, 0, 0], false),
    ];
    for (kind, from, to, day, [h, m, s], expected) in table {
        let moment = at(day, h, m, s);
        assert_eq!(
            kind.matches(from, to, &holiday, moment),
            expected,
            "{kind:?} {from}-{to} {day} {h}:{m}:{s}"
        );
    }
}

fn row(id: i64, kind: TimeType, is_diff: bool, price: i64) -> BillingTime {
    BillingTime { id, entry: 1, kind, from_s: 0, to_s: 0, is_diff, price: Amount(price) }
}

#[test]
fn the_most_particular_row_wins_and_other_takes_the_rest() {
    let calendar = Calendar { utc_offset_min: 60, holidays: [20_516].into() };
    let times = [
        row(1, TimeType::Other, false, 5),
        row(2, TimeType::Peak, true, 30),
        row(3, TimeType::Holiday, false, 1),
    ];
    let price = |wall| price_at(Amount(100), &times, &calendar, wall).0;
    assert_eq!(price(at(MONDAY, 6, 59, 59)), 5);
    assert_eq!(price(at(MONDAY, 7, 0, 0)), 130);
    assert_eq!(price(at(MONDAY + 1, 23, 0, 0)), 1);
    assert_eq!(price_at(Amount(100), &[row(1, TimeType::All, true, -500)], &calendar, Wall(0)), Amount::ZERO);
}

#[test]
fn the_dearest_price_of_a_span_is_found_inside_it() {
    let calendar = Calendar::default();
    let night = BillingTime { from_s: 100, to_s: 130, ..row(1, TimeType::StartEnd, false, 900) };
    let span = |from, to| dearest(Amount(100), std::slice::from_ref(&night), &calendar, from, to).0;
    assert_eq!(span(at(MONDAY, 0, 0, 0), at(MONDAY, 0, 1, 39)), 100);
    assert_eq!(span(at(MONDAY, 0, 0, 0), at(MONDAY, 0, 1, 40)), 900);
    assert_eq!(span(at(MONDAY, 0, 0, 0), at(MONDAY, 0, 10, 0)), 900);
    assert_eq!(span(at(MONDAY, 0, 2, 10), at(MONDAY, 23, 59, 59)), 100);
    assert_eq!(span(at(MONDAY, 0, 2, 10), at(MONDAY + 1, 0, 2, 0)), 900);
}

#[test]
fn times_of_day_parse() {
    for (text, expected) in [
        ("8", Some(28_800)),
        ("08:30", Some(30_600)),
        ("23:59:59", Some(86_399)),
        ("24:00", Some(86_400)),
        ("2026-01-02 08:00:30", Some(28_830)),
        ("24:01", None),
        ("8:60", None),
        ("", None),
        ("8:", None),
        ("-1", None),
        ("1:2:3:4", None),
    ] {
        assert_eq!(time_of_day(text), expected, "{text}");
    }
}

#[test]
fn holidays_become_day_numbers() {
    let now = at(MONDAY, 12, 0, 0);
    for (text, expected) in [
        ("2026-03-02", vec![20_514]),
        ("1970-01-01", vec![0]),
        ("2000-02-29 00:00:00", vec![11_016]),
        ("12-25", vec![20_447, 20_812, 21_177, 21_543]),
        ("02-29", vec![21_243]),
        ("2026-02-29", vec![]),
        ("2026-00-01", vec![]),
        ("2026-13-01", vec![]),
        ("Christmas", vec![]),
        ("", vec![]),
        ("-1-1", vec![]),
    ] {
        assert_eq!(holiday_days(text, now), expected, "{text}");
    }
}
