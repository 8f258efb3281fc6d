//! The threads of the own process, as the kernel tells of them (proc(5)).

use std::fs;

use crate::reply::{Data, Failure};

/// Threads of one answer.
const MAX_THREADS: usize = 4_096;
/// The kernel counts processor time in ticks of this many milliseconds (`USER_HZ` is 100 on Linux).
const TICK_MS: u64 = 10;
/// The position of the state in /proc/…/stat, after the name; then those of user and system time.
const STATE: usize = 0;
const USER_TICKS: usize = 11;
const SYSTEM_TICKS: usize = 12;

/// What [`rows`] gives.
pub const COLUMNS: [&str; 4] = ["id", "name", "cpums", "state"];

/// One row per thread, those that worked most first.
pub async fn rows() -> Result<Vec<Vec<Data>>, Failure> {
    let read = tokio::task::spawn_blocking(threads).await;
    let mut threads = read.ok().flatten().ok_or_else(|| Failure::failed("/proc/self/task cannot be read"))?;
    threads.sort_by_key(|thread| (std::cmp::Reverse(thread.cpu_ms), thread.id));
    let row = |thread: Thread| {
        vec![thread.id.into(), thread.name.into(), thread.cpu_ms.into(), thread.state.into()]
    };
    Ok(threads.into_iter().map(row).collect())
}

struct Thread {
    id: u32,
    name: String,
    cpu_ms: u64,
    state: &'static str,
}

fn threads() -> Option<Vec<Thread>> {
    let folder = fs::read_dir("/proc/self/task").ok()?;
    // A thread that ends meanwhile is left out.
    let stat = |id: u32| fs::read_to_string(format!("/proc/self/task/{id}/stat")).ok();
    let ids = folder.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    Some(ids.take(MAX_THREADS).filter_map(|id| thread(id, &stat(id)?)).collect())
}

/// Reads a line of /proc/…/stat. The name stands in parentheses and may itself have some.
fn thread(id: u32, stat: &str) -> Option<Thread> {
    let (head, rest) = stat.rsplit_once(')')?;
    let name = head.split_once('(')?.1.to_owned();
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let state = match *fields.get(STATE)? {
        "R" => "running",
        "S" => "sleeping",
        "D" => "waiting for a disk",
        "T" | "t" => "stopped",
        "Z" | "X" => "ended",
        "I" => "idle",
        _ => "unknown",
    };
    Some(Thread { id, name, cpu_ms: (ticks(USER_TICKS)? + ticks(SYSTEM_TICKS)?) * TICK_MS, state })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_kernel_is_read() {
        let line = "77 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 41 1 14 15 16 17 18";
        let read = thread(77, line).unwrap();
        assert_eq!((read.name.as_str(), read.cpu_ms, read.state), ("a (b) c", 420, "sleeping"));
        assert!(thread(1, "nonsense").is_none());
    }

    #[test]
    fn this_thread_is_among_them() {
        let mine = std::thread::Builder::new()
            .name("seen".into())
            .spawn(|| threads().unwrap())
            .unwrap()
            .join()
            .unwrap();
        assert!(mine.iter().any(|thread| thread.name == "seen" && thread.state == "running"));
    }
}
