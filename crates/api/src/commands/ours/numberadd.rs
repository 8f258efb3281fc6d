//! `numberadd`: numbers for the pool.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

/// Numbers that one request may add.
const MAX_NUMBERS: u64 = 10_000;
/// Digits of a number.
const MAX_DIGITS: usize = 20;

params! {
    /// Numbers separated by commas; 36301000-36301099 is a range.
    numbers: String,
    /// Where they are, such as a country or a city.
    location: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "numberadd",
    aliases: &[],
    group: Group::Ours,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Adds numbers and ranges to the pool; those that are there already stay as they are.",
    spec: "Strowger",
    example: "numbers=36301000-36301099&location=Budapest",
    reply: "OK: added:<n> known:<n>",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let mut numbers = Vec::new();
    for part in params.numbers.split([',', ';', ' ', '\n']).map(str::trim).filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (digits(first)?, digits(last)?);
        if first.len() != last.len() || first > last {
            return Err(Failure::invalid(format!(
                "numbers: {part} must go from a lower to a higher number of the same length"
            )));
        }
        let (from, to): (u128, u128) = (first.parse().unwrap_or(0), last.parse().unwrap_or(0));
        if to - from >= u128::from(MAX_NUMBERS) || numbers.len() as u64 + (to - from) as u64 >= MAX_NUMBERS {
            return Err(Failure::invalid(format!("numbers may be at most {MAX_NUMBERS} at a time")));
        }
        let width = first.len();
        numbers.extend((from..=to).map(|number| format!("{number:0width$}")));
    }
    if numbers.is_empty() {
        return Err(Failure::missing("numbers"));
    }
    let asked = numbers.len() as u64;
    let added = call.store().numbers_add(call.scope, numbers, &params.location).await?;
    let known = asked.saturating_sub(added);
    Ok(Reply::ok(format!("added:{added} known:{known}")).with("added", added).with("known", known))
}

/// A number without a plus sign.
fn digits(text: &str) -> Result<&str, Failure> {
    let number = text.trim().trim_start_matches('+');
    let right = (1..=MAX_DIGITS).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    right
        .then_some(number)
        .ok_or_else(|| Failure::invalid(format!("numbers: {text} must be 1 to {MAX_DIGITS} digits")))
}
