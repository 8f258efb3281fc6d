//! `mmq`: lets a WebSocket of /mmstwebsock into the message queue; elsewhere lists who is in it.

use crate::commands::text::date;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::mmq::{Member, Shown, device_name};
use crate::reply::{Data, Failure, Reply};

/// Connections of one page.
const PAGE: usize = 500;

params! {
    /// What the device calls itself, at most 64 bytes; other devices see it.
    device: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: crate::mmq::COMMAND,
    aliases: &[],
    group: Group::Ours,
    access: Access::User,
    effect: Effect::Session,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Lists the connections of the account's message queue, of an administrator all or those of targetuser; as the login of a WebSocket of /mmstwebsock it opens one (docs/api/mmq.md).",
    spec: "Strowger",
    example: "",
    reply: "OK: <n>, a header line and one line per connection",
    run: RUN,
};

/// The columns.
const COLUMNS: [&str; 9] =
    ["connection", "userid", "user", "device", "address", "since", "topics", "waiting", "lost"];

async fn run(call: Call, params: Params) -> Outcome {
    let device = device_name(&params.device)?;
    if !call.config().usemmq {
        return Err(Failure::unavailable("the message queue is switched off, see usemmq"));
    }
    if let Some(joining) = &call.joining {
        joining.put(Member::join(&call, device)?);
        return Ok(Reply::ok("joined"));
    }
    let account = if call.is_admin() && !call.target_named { None } else { Some(call.account()?.id) };
    let after = call.cursor.and_then(|cursor| u64::try_from(cursor).ok()).unwrap_or(0);
    let shown = call.dispatcher.mmq().queues().shown(account, after, PAGE + 1);
    let next = shown.get(PAGE - 1).filter(|_| shown.len() > PAGE).map(|last| last.id.to_string());
    let rows = shown.into_iter().take(PAGE).map(|shown| row(&call, shown)).collect();
    let mut reply = Reply::rows(&COLUMNS, rows);
    reply.cursor = next;
    Ok(reply)
}

fn row(call: &Call, shown: Shown) -> Vec<Data> {
    let account = shown.who.account;
    let user = call.switch().snapshot().account(account).map(|account| account.username.to_string());
    let count = |n: usize| Data::from(u64::try_from(n).unwrap_or(u64::MAX));
    vec![
        shown.id.into(),
        account.0.into(),
        user.into(),
        shown.who.device.into(),
        shown.who.address.to_string().into(),
        date(shown.who.since).into(),
        shown.topics.join(" ").into(),
        count(shown.waiting),
        shown.lost.into(),
    ]
}
