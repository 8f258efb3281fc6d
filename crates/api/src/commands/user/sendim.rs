//! `sendim`: a chat message to one user or many.

use strowger_model::{Account, AccountId};
use strowger_switch::{InstantText, MAX_MESSAGE_BYTES, MessageState};

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Failure, Reply};

/// Users in one request.
const MAX_USERS: usize = 200;

params! {
    /// The user, by name or number.
    bnum ["touser"]: String = "",
    /// The text, at most 4000 bytes.
    txt: String,
    /// Several users, separated by commas.
    buserlist ["userlist"]: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "sendim",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Write,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Chat message to one or many users: a SIP MESSAGE to each registered phone; kept for who is offline until a phone registers or presence_set asks.",
    spec: "server-api: User commands",
    example: "bnum=bob&txt=hello",
    reply: "OK: 1 delivered, 0 stored",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let account = call.account()?.clone();
    if params.txt.len() > MAX_MESSAGE_BYTES {
        return Err(Failure::invalid(format!("txt must be at most {MAX_MESSAGE_BYTES} bytes")));
    }
    let names = addressees(&params)?;
    let users = names.iter().map(|name| find(&call, &account, name)).collect::<Result<Vec<_>, _>>()?;
    let mut states = Vec::with_capacity(users.len());
    for to in users {
        let text = InstantText {
            from: account.username.to_string(),
            content_type: "text/plain;charset=UTF-8".to_owned(),
            body: params.txt.clone(),
        };
        states.push(call.switch().send_message(Some(account.id), to, text, true).await?);
    }
    let count = |wanted: MessageState| states.iter().filter(|(_, state)| *state == wanted).count();
    let (delivered, stored) = (count(MessageState::Delivered), count(MessageState::Stored));
    let messages = names.into_iter().zip(&states).map(|(name, (id, state))| {
        let fields = [("user", Data::from(name)), ("id", Data::Int(*id)), ("state", state.name().into())];
        Data::Map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    });
    Ok(Reply::ok(format!("{delivered} delivered, {stored} stored"))
        .with("messages", messages.collect::<Vec<_>>()))
}

fn addressees(params: &Params) -> Result<Vec<&str>, Failure> {
    let names = params.bnum.split([',', ';']).chain(params.buserlist.split([',', ';']));
    let mut names: Vec<&str> = names.map(str::trim).filter(|name| !name.is_empty()).collect();
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(*name));
    match names.len() {
        0 => Err(Failure::missing("bnum").with_status(421)),
        n if n > MAX_USERS => Err(Failure::limit(format!("buserlist holds at most {MAX_USERS} users"))),
        _ => Ok(names),
    }
}

/// Who is in another group is not there for the sender.
fn find(call: &Call, sender: &Account, name: &str) -> Result<AccountId, Failure> {
    let snapshot = call.switch().snapshot();
    let found = snapshot.recipient(name, &sender.country).filter(|to| sender.sees(to));
    found.map(|to| to.id).ok_or_else(|| Failure::not_found(format!("user {name}")))
}
