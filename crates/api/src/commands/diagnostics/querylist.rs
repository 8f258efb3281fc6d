//! `querylist`: the statements that the database is running.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "querylist",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Statements of this server that the database is running: id, age in milliseconds, text without values.",
    spec: "server-api: Diagnostics",
    example: "",
    reply: "OK: <n> and a table",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let rows = call
        .store()
        .running_queries()
        .into_iter()
        .map(|query| {
            let ms = u64::try_from(query.age.as_millis()).unwrap_or(u64::MAX);
            vec![query.id.into(), ms.into(), query.text.into()]
        })
        .collect();
    Ok(Reply::rows(&["id", "ms", "text"], rows))
}
