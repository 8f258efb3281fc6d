//! `codesgenerate`: recharge codes for sale.

use strowger_model::{Amount, Unit};
use strowger_store::{parse_date, show_date};

use crate::commands::{csv, onetime};
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

/// Codes of one request.
const MAX_CODES: u32 = 5_000;
/// Random characters of a code.
const LENGTHS: std::ops::RangeInclusive<u32> = 10..=32;
/// Characters of a prefix.
const MAX_PREFIX: usize = 12;

params! {
    /// How many.
    count: u32,
    /// What each is worth.
    amount: Amount,
    /// The currency; the default currency where none is given.
    currency: Option<Unit> = "",
    /// The last day, YYYY-MM-DD, UTC; never where none is given.
    expires: String = "",
    /// What every code begins with.
    prefix: String = "",
    /// Random characters after it, 10 to 32.
    length: u32 = "16",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "codesgenerate",
    aliases: &[],
    group: Group::Ours,
    access: Access::Admin,
    effect: Effect::Money,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Makes random recharge codes and answers them once as CSV; codeslist shows only their ends later.",
    spec: "Strowger",
    example: "count=100&amount=5&currency=USD&expires=2027-12-31",
    reply: "OK: <n>, a header line and one line a code",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    if !(1..=MAX_CODES).contains(&params.count) {
        return Err(Failure::invalid(format!("count must be 1 to {MAX_CODES}")));
    }
    if params.amount <= Amount::ZERO {
        return Err(Failure::invalid("amount must be above zero"));
    }
    if !LENGTHS.contains(&params.length) {
        return Err(Failure::invalid(format!("length must be {} to {}", LENGTHS.start(), LENGTHS.end())));
    }
    let prefix = params.prefix.trim();
    if prefix.len() > MAX_PREFIX || !prefix.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(Failure::invalid(format!("prefix must be at most {MAX_PREFIX} letters and digits")));
    }
    let expires = match params.expires.trim() {
        "" => None,
        text => Some(parse_date(text).ok_or_else(|| Failure::invalid("expires must be a date, YYYY-MM-DD"))?),
    };
    let default = || call.config().defcurrency.parse().unwrap_or(Unit::USD);
    let currency = params.currency.unwrap_or_else(default);
    let length = usize::try_from(params.length).unwrap_or(16);
    let codes = (0..params.count).map(|_| onetime::random_text(length).map(|text| format!("{prefix}{text}")));
    let codes = codes.collect::<Result<Vec<String>, Failure>>()?;
    let mut lines = vec![csv::line(["code", "value", "currency", "expires"])];
    let (value, until) = (params.amount.to_string(), expires.map(show_date).unwrap_or_default());
    lines.extend(
        codes.iter().map(|code| csv::line([code.as_str(), value.as_str(), currency.code(), until.as_str()])),
    );
    call.store().codes_add(call.scope, codes, (params.amount, currency), expires).await.map_err(|wrong| {
        match wrong {
            strowger_store::UserError::Taken => Failure::failed("a code exists already, try again"),
            other => other.into(),
        }
    })?;
    let text = lines.join("\n");
    Ok(Reply::lines(lines).with("count", params.count).with("csv", text))
}
