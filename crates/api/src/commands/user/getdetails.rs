//! `getdetails`: the account's own data, never a password.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Failure, Reply};

/// What `min` answers.
const MIN: &[&str] = &["id", "username", "type", "name", "credit", "currency", "postpaid"];
/// What `normal` adds.
const NORMAL: &[&str] = &[
    "parentid",
    "displayname",
    "phone",
    "email",
    "email2",
    "address",
    "country",
    "language",
    "callbacknumber",
    "packetid",
    "freeminutesleft",
    "freesmsleft",
    "enabled",
    "temporarydisabled",
    "forwardalways",
    "forwardonbusy",
    "forwardonnoanswer",
    "noanswertimeout",
    "maxlines",
    "statusdate",
];

params! {
    /// How much: min, normal or max.
    mode: String = "normal",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "getdetails",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Read,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Account details as name=value lines; never passwords.",
    spec: "server-api: User commands",
    example: "mode=min",
    reply: "OK: 8 and the lines",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let account = call.account()?;
    let normal = [MIN, NORMAL].concat();
    let names: &[&str] = match params.mode.trim().to_ascii_lowercase().as_str() {
        "min" => MIN,
        "normal" => &normal,
        "max" | "all" => &[],
        _ => return Err(Failure::invalid("mode must be min, normal or max")),
    };
    let fields = call.store().user_fields(call.scope, account.id, names).await?;
    let state = call.switch().line_state(account.id).await?;
    let mut data: Vec<(String, Data)> = fields
        .into_iter()
        .filter(|(name, _)| name != "status" && name != "password" && name != "pin")
        .map(|(name, value)| (name, Data::Text(value)))
        .collect();
    data.push(("status".into(), i64::from(state.number()).into()));
    Ok(Reply::fields(data))
}
