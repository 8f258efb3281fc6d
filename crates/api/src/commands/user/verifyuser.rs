//! `verifyuser`: the line state of other users.

use strowger_model::AccountId;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Failure, Reply};

/// Users in one request.
const MAX_USERS: usize = 200;

params! {
    /// The user.
    userusername ["user", "username", "usr"]: String = "",
    /// Several, separated by commas.
    userlist: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "verifyuser",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Line state of another user, with the numbers of status; with userlist of several.",
    spec: "server-api: User commands",
    example: "userusername=alice",
    reply: "OK: 1",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let snapshot = call.switch().snapshot();
    let id = |name: &str| snapshot.by_username(name.trim()).map(|account| account.id).unwrap_or(AccountId(0));
    if params.userlist.is_empty() {
        if params.userusername.trim().is_empty() {
            return Err(Failure::missing("userusername"));
        }
        let state = call.switch().line_state(id(&params.userusername)).await?;
        let number = i64::from(state.number());
        return Ok(Reply::ok(number.to_string()).with("status", number));
    }
    let names: Vec<&str> =
        params.userlist.split([',', ';']).map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.len() > MAX_USERS {
        return Err(Failure::limit(format!("userlist holds at most {MAX_USERS} users")));
    }
    let ids: Vec<AccountId> = names.iter().map(|name| id(name)).collect();
    let states = call.switch().line_states(&ids).await?;
    let pairs: Vec<(String, i64)> = names
        .iter()
        .zip(&states)
        .map(|(name, state)| ((*name).to_owned(), i64::from(state.number())))
        .collect();
    let text = pairs.iter().map(|(name, state)| format!("{name}:{state}")).collect::<Vec<_>>().join(",");
    let data = pairs.into_iter().map(|(name, state)| (name, Data::Int(state))).collect();
    Ok(Reply::ok(format!("puserlist: {text}")).with("users", Data::Map(data)))
}
