//! `finetune`: limits of the system against what a busy server needs.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "finetune",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Checks limits of the kernel and the process; raises the limit of open descriptors as far as it may, and says what to raise by hand.",
    spec: "server-api: Various",
    example: "",
    reply: "OK: <n> and a table",
    run: RUN,
};

async fn run(_: Call, _: Params) -> Outcome {
    let checked = tokio::task::spawn_blocking(checks).await;
    let checks = checked.map_err(|_| Failure::failed("/proc cannot be read"))?;
    let rows = checks
        .into_iter()
        .map(|check| {
            let state = match (check.value >= check.wanted, check.applied) {
                (true, true) => "applied",
                (true, false) => "fine",
                (false, _) => "raise it",
            };
            vec![
                check.name.into(),
                check.value.into(),
                check.wanted.into(),
                state.into(),
                check.advice.into(),
            ]
        })
        .collect();
    Ok(Reply::rows(&["name", "value", "wanted", "state", "advice"], rows))
}

/// One limit of the system.
struct Check {
    name: &'static str,
    value: u64,
    wanted: u64,
    applied: bool,
    advice: String,
}

/// Values of the kernel that matter, what they should be at least, and why.
const KERNEL: [(&str, &str, u64, &str); 6] = [
    (
        "rmem_max",
        "/proc/sys/net/core/rmem_max",
        1_048_576,
        "net.core.rmem_max: bursts of SIP and media are lost below it",
    ),
    (
        "wmem_max",
        "/proc/sys/net/core/wmem_max",
        1_048_576,
        "net.core.wmem_max: bursts of SIP and media are lost below it",
    ),
    (
        "somaxconn",
        "/proc/sys/net/core/somaxconn",
        1_024,
        "net.core.somaxconn: connections that come together are refused below it",
    ),
    ("netdev_max_backlog", "/proc/sys/net/core/netdev_max_backlog", 1_000, "net.core.netdev_max_backlog"),
    (
        "file_max",
        "/proc/sys/fs/file-max",
        100_000,
        "fs.file-max: two descriptors a call and one a connection",
    ),
    ("threads_max", "/proc/sys/kernel/threads-max", 1_000, "kernel.threads-max"),
];
/// Descriptors that a full server needs.
const DESCRIPTORS: u64 = 65_536;

fn checks() -> Vec<Check> {
    let number = |path: &str| -> Option<u64> {
        std::fs::read_to_string(path).ok()?.split_whitespace().next()?.parse().ok()
    };
    let kernel = KERNEL.iter().filter_map(|(name, path, wanted, advice)| {
        Some(Check {
            name,
            value: number(path)?,
            wanted: *wanted,
            applied: false,
            advice: (*advice).to_owned(),
        })
    });
    let mut checks: Vec<Check> = kernel.collect();
    let limit = getrlimit(Resource::Nofile);
    let hard = limit.maximum.unwrap_or(u64::MAX);
    let raised = limit.current.is_some_and(|soft| soft < hard)
        && setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).is_ok();
    let value = if raised { hard } else { limit.current.unwrap_or(u64::MAX) };
    let open = std::fs::read_dir("/proc/self/fd").map_or(0, |fds| fds.count() as u64);
    // Twice what is open now, so that the load may double.
    let wanted = DESCRIPTORS.max(open.saturating_mul(2));
    let advice = format!("LimitNOFILE of the service: {open} descriptors are open");
    checks.push(Check { name: "descriptors", value, wanted, applied: raised, advice });
    checks
}
