//! What is found out about one number, and how it stands in the result.

use strowger_model::{AccountId, Wall};
use strowger_route::{Decision, Snapshot, TargetKind, country_code, normalise};

use super::Line;
use crate::commands::csv;

/// The columns of the result.
pub const COLUMNS: [&str; 12] = [
    "line",
    "number",
    "normalised",
    "kind",
    "countrycode",
    "valid",
    "blacklisted",
    "ported",
    "routable",
    "route",
    "price",
    "reason",
];

/// The longest number with its country code (ITU-T E.164 section 6.2.1), in digits.
const MAX_E164: usize = 15;
/// The shortest that this takes for one, in digits.
const MIN_E164: usize = 7;
/// Digits of a number of the North American numbering plan, its country code among them.
const NANP_DIGITS: usize = 11;

/// A number by the numbering plan.
#[derive(Debug, PartialEq, Eq)]
pub struct Plain {
    /// As routing would have it.
    pub number: String,
    /// `service`, `account`, `outside`, or empty.
    pub kind: &'static str,
    /// Its country code; empty where it has none.
    pub country: String,
    /// Why it cannot be called; none: it can.
    pub wrong: Option<&'static str>,
}

/// By the numbering plan alone. `dialled_in` is the country of the account.
pub fn plain(snapshot: &Snapshot, dialled_in: &str, line: &Line) -> Plain {
    let none = |number: String, wrong| Plain { number, kind: "", country: String::new(), wrong: Some(wrong) };
    if let Some(broken) = line.broken {
        return none(String::new(), broken);
    }
    let number = normalise(&snapshot.settings().numbering, dialled_in, &line.text);
    let inside = |kind| Plain { number: number.clone(), kind, country: String::new(), wrong: None };
    if snapshot.settings().services.contains_key(&*number) {
        return inside("service");
    }
    if snapshot.by_number(&number).is_some() {
        return inside("account");
    }
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return none(number, "not a number after normalisation");
    }
    let Some(country) = country_code(&number).map(str::to_owned) else {
        return none(number, "no such country code");
    };
    let wrong = match number.len() {
        ..MIN_E164 => Some("too short"),
        length if length > MAX_E164 => Some("too long"),
        length if country == "1" && length != NANP_DIGITS => Some("not eleven digits with country code 1"),
        _ if country == "1" && !matches!((number.as_bytes()[1], number.as_bytes()[4]), (b'2'.., b'2'..)) => {
            Some("no such area or exchange with country code 1")
        }
        _ => None,
    };
    Plain { number, kind: "outside", country, wrong }
}

/// What counts of a line.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// The numbering plan has it.
    pub valid: bool,
    /// It is on the blacklist.
    pub blacklisted: bool,
    /// It moved to another operator.
    pub ported: bool,
    /// A call would find its way.
    pub routable: bool,
}

/// A line of the result for a number that the plan has, with what routing says of it.
pub fn row(
    snapshot: &Snapshot,
    (account, now): (AccountId, Wall),
    line: &Line,
    plain: &Plain,
    decision: Option<&Decision>,
) -> (String, Counts) {
    let valid = plain.wrong.is_none();
    let blacklisted = valid && snapshot.is_blacklisted(&plain.number);
    let ported = valid && snapshot.ported(&plain.number).is_some();
    let plan = decision.map(|decision| &decision.plan);
    let routable = plan.is_some_and(Result::is_ok);
    let refused = match plan {
        Some(Err(refuse)) => format!("{} {}", refuse.status, refuse.reason),
        _ => String::new(),
    };
    let route = match plan.and_then(|plan| plan.as_ref().ok()) {
        Some(plan) => plan.steps.first().and_then(|step| step.targets.first()).map(|target| target.to),
        None => None,
    };
    let name = |id| snapshot.account(id).map_or_else(String::new, |account| account.username.to_string());
    let route = match route {
        Some(TargetKind::Account(id) | TargetKind::Trunk(id)) => name(id),
        Some(TargetKind::Service(_)) => "service".to_owned(),
        None => String::new(),
    };
    let price = valid.then(|| snapshot.price_for(account, &plain.number, now)).flatten();
    let price = price.map(|rating| format!("{} {}", rating.price, rating.unit)).unwrap_or_default();
    let yes = |on: bool| if on { "yes" } else { "no" };
    let at = line.at.to_string();
    let text = csv::line([
        at.as_str(),
        &line.text,
        &plain.number,
        plain.kind,
        &plain.country,
        yes(valid),
        yes(blacklisted),
        if snapshot.knows_ported() { yes(ported) } else { "unknown" },
        yes(routable),
        &route,
        &price,
        plain.wrong.unwrap_or(&refused),
    ]);
    (text, Counts { valid, blacklisted, ported, routable })
}

#[cfg(test)]
mod tests {
    use strowger_route::Settings;

    use super::*;

    #[test]
    fn the_numbering_plan_says_what_is_a_number() {
        let snapshot = Snapshot::new(Settings::default());
        for (text, number, country, wrong) in [
            ("+36 30 123-4567", "36301234567", "36", None),
            ("0044 20 7946 0000", "442079460000", "44", None),
            ("+353 1 234 5678", "35312345678", "353", None),
            ("+1 202 555 0100", "12025550100", "1", None),
            ("+1 202 555 010", "1202555010", "1", Some("not eleven digits with country code 1")),
            ("+1 102 555 0100", "11025550100", "1", Some("no such area or exchange with country code 1")),
            ("+210 1234567", "2101234567", "", Some("no such country code")),
            ("+36301", "36301", "36", Some("too short")),
            ("+3630123456789012", "3630123456789012", "36", Some("too long")),
        ] {
            let line = Line { at: 1, text: text.into(), broken: None };
            let found = plain(&snapshot, "", &line);
            assert_eq!((&*found.number, &*found.country, found.wrong), (number, country, wrong), "{text}");
        }
        let broken = Line { at: 3, text: "abc".into(), broken: Some("no digits") };
        let found = plain(&snapshot, "", &broken);
        let (text, counts) = row(&snapshot, (AccountId(1), Wall(0)), &broken, &found, None);
        assert_eq!(text, "3,abc,,,,no,no,unknown,no,,,no digits");
        assert_eq!(counts, Counts::default());
        assert_eq!(text.split(',').count(), COLUMNS.len());
    }

    #[test]
    fn service_numbers_need_no_country() {
        let snapshot = Snapshot::new(Settings::default());
        let line = Line { at: 1, text: "5005".into(), broken: None };
        let found = plain(&snapshot, "", &line);
        assert_eq!((found.kind, found.wrong), ("service", None));
    }
}
