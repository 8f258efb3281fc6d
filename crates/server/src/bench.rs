//! `strowger bench`: the short form of the load generator, against this binary.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use strowger_bench::{Line, NAMES, Plan};

use crate::failure::Failure;

/// Measures and prints one line per measurement.
pub(crate) fn run(seconds: u64, only: Vec<String>) -> Result<(), Failure> {
    if let Some(unknown) = only.iter().find(|name| !NAMES.contains(&name.as_str())) {
        return Err(Failure::Usage(format!("{unknown} is no measurement; there are {}", NAMES.join(", "))));
    }
    let binary = std::env::current_exe().context("finding this program")?;
    let window = Duration::from_secs(seconds);
    let plan = Plan { binary, hyper: None, window, only, short: true, rates: Vec::new() };
    crate::print::line(Line::heading());
    strowger_bench::run(&plan, |row| crate::print::line(row)).context("bench")?;
    Ok(())
}

/// Beside the measuring itself: starting the exchange, accounts, warm-up.
const MOST_EACH: Duration = Duration::from_secs(60);
/// How often the process is looked after.
const LOOK: Duration = Duration::from_millis(50);

/// The same as a process, so that a running server neither shares its threads nor its processor's core with it. Its lines,
/// or what went wrong. Blocks.
pub(crate) fn in_a_process_of_its_own(only: &[String], seconds: u32) -> Result<Vec<String>, String> {
    let each = Duration::from_secs(seconds.into()) * 2 + MOST_EACH;
    let until = Instant::now() + each * u32::try_from(only.len()).unwrap_or(1);
    let failed = |error: std::io::Error| error.to_string();
    let program = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new(program);
    command.arg("bench").arg("--seconds").arg(seconds.to_string()).args(only);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    // A few lines: they fit into the pipes while nobody reads.
    while child.try_wait().map_err(failed)?.is_none() {
        if Instant::now() > until {
            child.kill().and_then(|()| child.wait()).map_err(failed)?;
            return Err("the load generator did not end in time".to_owned());
        }
        std::thread::sleep(LOOK);
    }
    let output = child.wait_with_output().map_err(failed)?;
    let lines = |bytes: &[u8]| -> Vec<String> {
        String::from_utf8_lossy(bytes).lines().map(|line| line.trim_end().to_owned()).collect()
    };
    if output.status.success() {
        return Ok(lines(&output.stdout));
    }
    Err(lines(&output.stderr).pop().unwrap_or_else(|| "the load generator failed".to_owned()))
}
