//! `bannedlist`: who is shut out, why and until when.

use crate::commands::text::date;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "bannedlist",
    aliases: &[],
    group: Group::Command,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Banned addresses and accounts: reason, since, until, hits.",
    spec: "server-api: Commands",
    example: "",
    reply: "OK: 1 and a table",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let now = call.now();
    let bans = call.switch().guard(|guard| guard.bans(now));
    let rows = bans
        .into_iter()
        .map(|ban| {
            vec![
                ban.subject.to_string().into(),
                (&*ban.reason).into(),
                date(ban.since).into(),
                date(ban.until).into(),
                ban.hits.into(),
            ]
        })
        .collect();
    Ok(Reply::rows(&["ip", "reason", "since", "until", "hits"], rows))
}
