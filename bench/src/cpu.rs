//! CPU time of a process and the core it runs on, from the Linux kernel.

#![allow(unsafe_code)]

use std::fs;

/// CPU time used so far by all threads of a process, user and system, in microseconds.
///
/// The scheduler's exact sum is used where the kernel shows it (`/proc/PID/task/*/schedstat`), else the ticks of
/// `/proc/PID/stat`.
pub fn used_us(pid: u32) -> f64 {
    let exact: Option<u64> = fs::read_dir(format!("/proc/{pid}/task")).ok().map(|tasks| {
        tasks
            .flatten()
            .filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok())
            .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
            .sum()
    });
    match exact {
        Some(ns) if ns > 0 => ns as f64 / 1000.0,
        _ => ticks_us(pid),
    }
}

/// CPU microseconds of the calling thread.
pub fn thread_us() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1000.0
}

fn ticks_us(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The second field is the name in parentheses and may hold spaces.
    let after = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks = |n: usize| fields.get(n).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    // SAFETY: sysconf has no preconditions.
    let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64;
    (ticks(11) + ticks(12)) * 1e6 / per_second
}

/// Resident memory of a process in kilobytes.
pub fn memory_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// Thousands of connections need as many descriptors: takes all that the system allows this process.
pub fn raise_descriptor_limit() {
    // SAFETY: the structure is plain numbers, which the calls fill and read.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
    }
}

/// The generator runs on the second core, where there is one.
pub fn pin_generator() {
    pin(1);
}

/// Runs `spawn` with this thread on the first core, so that a process it starts inherits that core.
pub fn on_server_core<T>(spawn: impl FnOnce() -> T) -> T {
    pin(0);
    let spawned = spawn();
    pin(1);
    spawned
}

fn pin(core: usize) {
    if std::thread::available_parallelism().map_or(1, std::num::NonZero::get) < 2 && core > 0 {
        return;
    }
    // SAFETY: the set is a plain bit mask that the calls fill and read; pid 0 is this thread.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
    }
}
