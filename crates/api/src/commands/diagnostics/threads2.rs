//! `threads2`: the threads of the process and the counters of the runtime.

use tokio::runtime::Handle;

use super::process::{COLUMNS, rows};
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Reply};

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "threads2",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "As threads, and the runtime's workers, tasks, tasks that wait, and the time its workers spent polling tasks.",
    spec: "server-api: Diagnostics",
    example: "",
    reply: "OK: <n>, a table and the runtime's counters",
    run: RUN,
};

async fn run(_: Call, _: Params) -> Outcome {
    let metrics = Handle::current().metrics();
    let workers = metrics.num_workers();
    let count = |n: usize| Data::from(u64::try_from(n).unwrap_or(u64::MAX));
    let busy =
        |n: usize| u64::try_from(metrics.worker_total_busy_duration(n).as_millis()).unwrap_or(u64::MAX);
    let parked: u64 = (0..workers).map(|n| metrics.worker_park_count(n)).sum();
    let sums: Vec<(String, Data)> = vec![
        ("workers".into(), count(workers)),
        ("tasks".into(), count(metrics.num_alive_tasks())),
        ("waiting".into(), count(metrics.global_queue_depth())),
        ("busyms".into(), (0..workers).map(busy).sum::<u64>().into()),
        ("busiestms".into(), (0..workers).map(busy).max().unwrap_or(0).into()),
        ("parked".into(), parked.into()),
    ];
    Ok(Reply::rows(&COLUMNS, rows().await?).with_summary(sums))
}
