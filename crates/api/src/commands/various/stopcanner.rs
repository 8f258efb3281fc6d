//! `stopcanner`: ends the jobs of the number scanner.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// The job, as checkscanner numbers it; every job where none is given.
    job: u64 = "0",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "stopcanner",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Stops the number scanner's jobs, or one of them; what was found by then is in the result file.",
    spec: "server-api: Various",
    example: "",
    reply: "OK: stopped:<n>",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let jobs = call.memory().scanner.list();
    let wanted = |id| params.job == 0 || params.job == id;
    let mine = jobs.iter().filter(|job| wanted(job.id) && call.find_id(job.account.0, "account").is_ok());
    let mine: Vec<_> = mine.collect();
    if mine.is_empty() && params.job != 0 {
        return Err(Failure::not_found(format!("job {}", params.job)));
    }
    let stopped = mine.into_iter().filter(|job| job.stop()).count();
    Ok(Reply::ok(format!("stopped:{stopped}"))
        .with("stopped", crate::commands::command::files::size_of(stopped)))
}
