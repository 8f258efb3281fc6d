//! `cdr`: the call history.

use strowger_model::{Scope, Wall};
use strowger_store::{CdrBy, CdrFields, CdrKind, CdrOrder, CdrQuery, Direction};
use strowger_switch::Zone;

use crate::commands::text::day_and_month;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, Value, one_of, params};
use crate::dispatch::Call;
use crate::reply::{Data, Failure, Reply};

/// Records of one answer at most.
const MAX_COUNT: u32 = 10_000;
/// A day, in milliseconds.
const DAY_MS: i64 = 86_400_000;

params! {
    /// The caller: id, username or number.
    caller: String = "",
    /// The dialled number, or its beginning.
    called: String = "",
    /// How many records at most.
    maxcount: u32 = "100",
    /// today, yesterday, lastweek, thismonth, lastmonth or a number of days.
    days: String = "lastmonth",
    /// all, in or out.
    dir: Which = "all",
    /// all, connected or notconnected.
    type_: Connected = "all",
    /// Only numbers that begin so.
    prefix: String = "",
    /// min, normal or all.
    fields: Fields = "normal",
    /// Adds a line with count, duration and cost.
    summary: bool = "no",
    /// Sums instead of records: all, day, caller or called.
    by: Grouping = "",
    /// date, caller, called or user.
    order: Order = "date",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "cdr",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Read,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Call history in the server's time zone: own calls for users, everyone's with costs and profit for administrators.",
    spec: "server-api: User commands; Cdr API examples",
    example: "days=today&type=connected",
    reply: "OK: <n> and a table",
    run: RUN,
};

macro_rules! choice {
    ($name:ident, $inner:ty, $kind:literal, [$($text:literal => $value:expr),+ $(,)?]) => {
        #[derive(Debug, Clone, Copy)]
        struct $name($inner);
        impl Value for $name {
            const KIND: &'static str = $kind;
            fn parse(text: &str) -> Option<Self> {
                one_of(text, &[$(($text, $value)),+]).map(Self)
            }
        }
    };
}
choice!(Which, Direction, "all, in or out", ["all" => Direction::All, "in" => Direction::In, "out" => Direction::Out]);
choice!(Connected, CdrKind, "all, connected or notconnected", [
    "all" => CdrKind::All, "connected" => CdrKind::Connected, "notconnected" => CdrKind::NotConnected,
]);
choice!(Fields, CdrFields, "min, normal or all", [
    "min" => CdrFields::Min, "normal" => CdrFields::Normal, "all" => CdrFields::All,
]);
choice!(Grouping, CdrBy, "all, day, caller or called", [
    "" => CdrBy::None, "all" => CdrBy::All, "day" => CdrBy::Day, "caller" => CdrBy::Caller, "called" => CdrBy::Called,
]);
choice!(Order, CdrOrder, "date, caller, called or user", [
    "date" => CdrOrder::Date, "caller" => CdrOrder::Caller, "called" => CdrOrder::Called, "user" => CdrOrder::User,
]);

async fn run(call: Call, params: Params) -> Outcome {
    let (zone, now) = (Zone::named(&call.config().timezone), call.now().wall);
    let (from, to) = period(&params.days, now, &zone)?;
    // Somebody who acts for an account sees that account's calls.
    let scope = match &call.target {
        Some(target) if call.target_named => Scope::Own(target.id),
        _ => call.scope,
    };
    let query = CdrQuery {
        caller_text: params.caller,
        called: params.called,
        from: Some(from),
        to,
        direction: params.dir.0,
        kind: params.type_.0,
        prefix: params.prefix,
        fields: params.fields.0,
        costs: call.is_admin(),
        summary: params.summary,
        by: params.by.0,
        order: params.order.0,
        max: usize::try_from(params.maxcount.min(MAX_COUNT)).unwrap_or_default(),
        cursor: call.cursor,
        zone: zone.offsets(from, now),
        ..CdrQuery::default()
    };
    let page = call.store().cdrs(scope, query).await?;
    let mut reply = Reply::table(page.table).with_cursor(page.cursor);
    if let Some(sum) = page.summary {
        let mut total = vec![
            ("calls".to_owned(), Data::from(sum.calls)),
            ("connected".into(), sum.connected.into()),
            ("duration".into(), sum.duration_s.into()),
            ("cost".into(), sum.cost.into()),
        ];
        total.extend(sum.profit.map(|profit| ("profit".to_owned(), Data::from(profit))));
        reply = reply.with_summary(total);
    }
    Ok(reply)
}

/// From when until when.
fn period(days: &str, now: Wall, zone: &Zone) -> Result<(Wall, Option<Wall>), Failure> {
    let (today, month) = day_and_month(now, zone);
    let back = |days: i64| (now.plus_ms(-days * DAY_MS), None);
    Ok(match days.trim().to_ascii_lowercase().as_str() {
        "today" => (zone.day_start(today), None),
        "yesterday" => (zone.day_start(today - 1), Some(zone.day_start(today))),
        "thismonth" => (zone.day_start(month), None),
        "lastweek" => back(7),
        "lastmonth" => back(30),
        number => match number.parse::<u32>() {
            Ok(days) if days <= 36_500 => back(i64::from(days)),
            _ => {
                let right =
                    "days must be today, yesterday, lastweek, thismonth, lastmonth or a number of days";
                return Err(Failure::invalid(right));
            }
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::text::date;

    #[test]
    fn periods_are_calendar_days_or_multiples_of_24_hours() {
        let now = Wall(1_795_305_599_999);
        for (days, from, to) in [
            ("today", "2026-11-21 00:00:00", None),
            ("yesterday", "2026-11-20 00:00:00", Some("2026-11-21 00:00:00")),
            ("thismonth", "2026-11-01 00:00:00", None),
            ("lastweek", "2026-11-14 23:59:59", None),
            ("lastmonth", "2026-10-22 23:59:59", None),
            ("3", "2026-11-18 23:59:59", None),
        ] {
            let (a, b) = period(days, now, &Zone::named("UTC")).unwrap();
            assert_eq!((date(a).as_str(), b.map(date).as_deref()), (from, to), "{days}");
        }
        assert!(period("soon", now, &Zone::named("UTC")).is_err());
        if !strowger_switch::is_time_zone("Europe/Budapest") {
            return;
        }
        // A quarter past midnight in Budapest on the day after the clocks went back: yesterday has 25 hours.
        let (now, budapest) = (Wall(1_792_970_100_000), Zone::named("Europe/Budapest"));
        for (days, from, to) in [
            ("today", "2026-10-25 23:00:00", None),
            ("yesterday", "2026-10-24 22:00:00", Some("2026-10-25 23:00:00")),
            ("thismonth", "2026-09-30 22:00:00", None),
        ] {
            let (a, b) = period(days, now, &budapest).unwrap();
            assert_eq!((date(a).as_str(), b.map(date).as_deref()), (from, to), "{days}");
        }
    }
}
