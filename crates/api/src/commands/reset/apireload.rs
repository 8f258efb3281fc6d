//! `apireload`: the rules of `tb_api` again.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "apireload",
    aliases: &[],
    group: Group::Reset,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Reloads tb_api at once; a wrong row is named and leaves the old rules.",
    spec: "server-api: Authentication; Reset",
    example: "",
    reply: "OK: 3 entries loaded",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let count = i64::try_from(call.dispatcher.reload_rules().await?).unwrap_or(i64::MAX);
    Ok(Reply::ok(format!("{count} entries loaded")).with("entries", count))
}
