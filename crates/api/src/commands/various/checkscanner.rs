//! `checkscanner`: the jobs of the number scanner, and what they have found.

use crate::commands::command::files::size_of;
use crate::commands::text::date;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Reply};
use crate::scanner::{Job, State};

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "checkscanner",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "The number scanner's jobs since the start: state, progress, what was found, and the result file; scannumbers begins one.",
    spec: "server-api: Various",
    example: "",
    reply: "OK: <n> and a table",
    run: RUN,
};

const COLUMNS: [&str; 15] = [
    "job",
    "state",
    "done",
    "total",
    "valid",
    "invalid",
    "blacklisted",
    "ported",
    "unroutable",
    "rate",
    "account",
    "source",
    "started",
    "file",
    "reason",
];

async fn run(call: Call, _params: Params) -> Outcome {
    let jobs = call.memory().scanner.list();
    let mine = jobs.iter().filter(|job| call.find_id(job.account.0, "account").is_ok());
    Ok(Reply::rows(&COLUMNS, mine.map(|job| row(&call, job)).collect()))
}

fn row(call: &Call, job: &Job) -> Vec<Data> {
    let found = job.progress().clone();
    let until = found.ended.unwrap_or_else(|| call.now());
    let took_ms = until.mono.ms_since(job.started.mono).max(1);
    let rate = u64::try_from(found.done).unwrap_or(u64::MAX).saturating_mul(1_000) / took_ms;
    let snapshot = call.switch().snapshot();
    let account = snapshot.account(job.account).map_or_else(String::new, |a| a.username.to_string());
    let why = if let State::Failed(why) = &found.state { why.as_str() } else { "" };
    vec![
        job.id.into(),
        found.state.name().into(),
        size_of(found.done),
        size_of(job.total),
        size_of(found.valid),
        size_of(found.invalid),
        size_of(found.blacklisted),
        found.ported.map_or_else(|| "unknown".into(), size_of),
        size_of(found.unroutable),
        rate.into(),
        account.into(),
        job.source.as_str().into(),
        date(job.started.wall).into(),
        if found.written { job.file.as_str() } else { "" }.into(),
        why.into(),
    ]
}
