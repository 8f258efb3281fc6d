//! `reloadapikeys`: the named API keys again, as another node or a restored database has them.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Reply};

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "reloadapikeys",
    aliases: &[],
    group: Group::Reset,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Reads the named API keys again and says which are new, gone or different.",
    spec: "server-api: Reset",
    example: "",
    reply: "OK: 2 keys loaded, added: web, removed: none, changed: none",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let (count, changes) = call.dispatcher.reload_keys().await?;
    let said = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(" ") };
    let [added, removed, changed] = &changes;
    let text = format!(
        "{count} keys loaded, added: {}, removed: {}, changed: {}",
        said(added),
        said(removed),
        said(changed)
    );
    let list = |names: &[String]| Data::List(names.iter().map(|name| name.as_str().into()).collect());
    Ok(Reply::ok(text)
        .with("keys", i64::try_from(count).unwrap_or(i64::MAX))
        .with("added", list(added))
        .with("removed", list(removed))
        .with("changed", list(changed)))
}
