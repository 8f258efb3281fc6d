//! `cli`: a number from which the account is known without a PIN (ANI).

use strowger_store::UserError;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

/// The shortest number, in digits: shorter ones would be somebody's extension.
const MIN_DIGITS: usize = 5;
/// The longest, with room for an international prefix (ITU-T E.164 allows 15 digits).
const MAX_DIGITS: usize = 18;

params! {
    /// The number, as trunks present it.
    anum ["num"]: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "cli",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Write,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Adds a pin-less number (ANI): calls from it to an access number are the account's. A number has one account.",
    spec: "server-api: User commands; http-interface: add cli",
    example: "anum=36301234567",
    reply: "OK: 36301234567 added",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    add(&call, "anum", &params.anum, false).await
}

/// Makes the account known by a number.
pub(super) async fn add(call: &Call, name: &str, text: &str, callback: bool) -> Outcome {
    let account = call.account()?;
    call.not_above(account)?;
    let number = caller_number(name, text)?;
    match call.store().add_cli(call.scope, &number, account.id, callback).await {
        Ok(()) => Ok(Reply::ok(format!("{number} added"))
            .with("number", number.as_str())
            .with("callback", callback)),
        Err(UserError::Taken) => {
            Err(Failure::invalid(format!("{name} {number} is the number of another account")))
        }
        Err(wrong) => Err(wrong.into()),
    }
}

/// The digits of a caller's number as trunks present it.
fn caller_number(name: &str, text: &str) -> Result<String, Failure> {
    let bare = text.trim().trim_start_matches('+');
    let number: String = bare.chars().filter(|c| !" -./()".contains(*c)).collect();
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || !(MIN_DIGITS..=MAX_DIGITS).contains(&number.len()) {
        let right = format!("{name} must be a number of {MIN_DIGITS} to {MAX_DIGITS} digits");
        return Err(Failure::invalid(right));
    }
    Ok(number)
}
