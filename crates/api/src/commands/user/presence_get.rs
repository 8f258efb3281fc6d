//! `presence_get`: the presence of other users.

use strowger_model::AccountId;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Failure, Reply};

/// Users in one request.
const MAX_USERS: usize = 200;

params! {
    /// The user, or several, separated by commas.
    userusername ["user"]: String = "",
    /// 0 at the client's start, 1 from its timer; both answer the same.
    ptype: u32 = "0",
    /// The users' domain; of one that is not ours nobody is known.
    domain: String = "",
    /// Several users, separated by commas.
    userlist: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "presence_get",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Read,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Presence of one or many users: what they set or their phones published, else unknown, offline, online, calling or speaking; only of the account's own usergroup.",
    spec: "server-api: User commands",
    example: "userlist=alice,bob",
    reply: "OK: puserlist: alice:online,bob:away",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let account = call.account()?.clone();
    let snapshot = call.switch().snapshot();
    let names = params.userusername.split([',', ';']).chain(params.userlist.split([',', ';']));
    let names: Vec<&str> = names.map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        return Err(Failure::missing("userusername"));
    }
    if names.len() > MAX_USERS {
        return Err(Failure::limit(format!("userlist holds at most {MAX_USERS} users")));
    }
    if params.ptype > 1 {
        return Err(Failure::invalid("ptype must be 0 or 1"));
    }
    let (domain, ours) = (params.domain.trim(), &call.config().domain);
    let foreign =
        !domain.is_empty() && !ours.is_empty() && !ours.iter().any(|own| own.eq_ignore_ascii_case(domain));
    // Who is in another group is not there.
    let visible = |name: &&str| {
        snapshot.by_username(name).filter(|user| !foreign && account.sees(user)).map(|user| user.id)
    };
    let ids: Vec<AccountId> = names.iter().map(|name| visible(name).unwrap_or_default()).collect();
    let words = call.switch().presence(ids).await?;
    let pairs = || names.iter().zip(&words);
    let text = pairs().map(|(name, word)| format!("{name}:{word}")).collect::<Vec<_>>().join(",");
    let data = pairs().map(|(name, word)| ((*name).to_owned(), Data::from(&**word))).collect();
    Ok(Reply::ok(format!("puserlist: {text}")).with("users", Data::Map(data)))
}
