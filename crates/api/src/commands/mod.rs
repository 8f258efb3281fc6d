//! The commands, one file each, by the chapters of the catalogue; and those that are declared only.

pub(crate) mod command;
pub(crate) mod csv;
mod diagnostics;
mod errors;
mod onetime;
mod ours;
mod prices;
mod public;
mod reset;
mod routes;
pub(crate) mod text;
mod unavailable;
mod user;
mod various;

use crate::declare::Command;

/// Every working command.
pub const GROUPS: [&[&Command]; 7] = [
    public::COMMANDS,
    user::COMMANDS,
    diagnostics::COMMANDS,
    command::COMMANDS,
    reset::COMMANDS,
    various::COMMANDS,
    ours::COMMANDS,
];

pub use diagnostics::as_asked;
pub use text::{date, day_of};
pub use unavailable::UNAVAILABLE;

use strowger_model::Unit;

use crate::dispatch::Call;
use crate::reply::Failure;

/// The longest username, in bytes.
const MAX_USERNAME: usize = 64;

/// A parameter that the documents name and that means nothing here may only be left out.
fn means_nothing(name: &str, value: &str) -> Result<(), Failure> {
    match value.trim() {
        "" | "0" | "no" | "false" | "all" => Ok(()),
        _ => Err(Failure::invalid(format!("{name} means nothing here: leave it out"))),
    }
}

/// Columns that were given a value.
fn user_fields(given: &[(&str, &str)]) -> Vec<(String, String)> {
    let given = given.iter().filter(|(_, value)| !value.is_empty());
    given.map(|(column, value)| ((*column).to_owned(), (*value).to_owned())).collect()
}

/// A username that can stand in a SIP address and in a line of an answer.
fn username(text: &str) -> Result<String, Failure> {
    let text = text.trim();
    let allowed = |c: char| !c.is_control() && !c.is_whitespace() && !"<>\"'`\\@:;,?&%/".contains(c);
    if text.is_empty() || text.len() > MAX_USERNAME || !text.chars().all(allowed) {
        let most = format!(
            "u_username must be 1 to {MAX_USERNAME} characters without spaces or any of <>\"'`\\@:;,?&%/"
        );
        return Err(Failure::invalid(most));
    }
    Ok(text.to_owned())
}

/// A number or a username, as forwarding and lists of numbers hold it; `name` is the parameter's.
fn dialable(name: &str, text: &str) -> Result<String, Failure> {
    let text = text.trim();
    let allowed = |c: char| c.is_alphanumeric() || "+*#._-".contains(c);
    if text.is_empty() || text.len() > MAX_USERNAME || !text.chars().all(allowed) {
        let most = format!("{name} must be a number or a username of at most {MAX_USERNAME} characters");
        return Err(Failure::invalid(most));
    }
    Ok(text.to_owned())
}

/// A currency code in upper-case letters, or the default.
fn currency(call: &Call, text: &str) -> Result<String, Failure> {
    if text.is_empty() {
        return Ok(call.config().defcurrency.clone());
    }
    let unit = text.trim().parse().ok().filter(|unit| matches!(unit, Unit::Currency(_)));
    let unit: Unit =
        unit.ok_or_else(|| Failure::invalid("u_currency must be a currency code of three letters"))?;
    Ok(unit.code().to_owned())
}
