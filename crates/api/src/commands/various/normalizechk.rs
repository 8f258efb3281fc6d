//! `normalizechk`: how a number is normalised, step by step.

use strowger_route::{Snapshot, normalise_traced};

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Reply};

/// The shortest number with a country code, in digits.
const MIN_E164: usize = 7;
/// The longest (ITU-T E.164 section 6.2.1).
const MAX_E164: usize = 15;

params! {
    /// The dialled number.
    called: String,
    /// The caller's number.
    caller: String = "",
    /// The country it is dialled in, as accounts have it; empty is the server's.
    country: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "normalizechk",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "How a number is normalised, step by step: the result, its E.164 form, what it is, and its destination's name.",
    spec: "server-api: Various",
    example: "called=06201234567&country=Hungary",
    reply: "OK: <n> and the steps",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let snapshot = call.switch().snapshot();
    let mut rows: Vec<Vec<Data>> = Vec::new();
    for (what, number) in [("called", &params.called), ("caller", &params.caller)] {
        if number.trim().is_empty() {
            continue;
        }
        let mut steps = Vec::new();
        let numbering = &snapshot.settings().numbering;
        let result = normalise_traced(numbering, &params.country, number, &mut steps);
        rows.push(vec![what.into(), "given".into(), number.as_str().into()]);
        rows.extend(steps.into_iter().map(|step| vec![what.into(), "step".into(), step.text.into()]));
        rows.push(vec![what.into(), "result".into(), result.as_str().into()]);
        let digits = !result.is_empty() && result.bytes().all(|b| b.is_ascii_digit());
        let e164 = (digits && (MIN_E164..=MAX_E164).contains(&result.len())).then(|| format!("+{result}"));
        rows.extend(e164.map(|text| vec![what.into(), "e164".into(), text.into()]));
        rows.push(vec![what.into(), "kind".into(), kind(&call, &snapshot, &result, digits).into()]);
        let price = call.caller.as_ref().and_then(|who| snapshot.price_for(who.id, &result, call.now().wall));
        let name = price.map(|rating| rating.direction).filter(|name| !name.is_empty());
        rows.extend(name.map(|text| vec![what.into(), "destination".into(), text.into()]));
    }
    Ok(Reply::rows(&["number", "stage", "text"], rows))
}

/// What routing would take the normalised text for.
fn kind(call: &Call, snapshot: &Snapshot, number: &str, digits: bool) -> &'static str {
    if snapshot.settings().services.contains_key(number) {
        "service"
    } else if snapshot.by_number(number).is_some_and(|account| call.find_id(account.id.0, "account").is_ok())
    {
        "account"
    } else if number.contains(['*', '#']) {
        "feature code"
    } else if !digits {
        "name"
    } else if number.len() < MIN_E164 {
        "short"
    } else {
        "outside"
    }
}
