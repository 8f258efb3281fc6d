//! `logrename`: begins a new log file.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "logrename",
    aliases: &[],
    group: Group::Reset,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Rotates the log files now.",
    spec: "server-api: Reset",
    example: "",
    reply: "OK: a new log file is begun",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    call.log()?;
    let dispatcher = std::sync::Arc::clone(&call.dispatcher);
    let rotated = tokio::task::spawn_blocking(move || dispatcher.log().map(|log| (log.rotate)())).await;
    match rotated {
        Ok(Some(Ok(()))) => Ok(Reply::ok("a new log file is begun")),
        Ok(Some(Err(why))) => Err(Failure::failed(why)),
        _ => Err(Failure::failed("the log did not answer")),
    }
}
