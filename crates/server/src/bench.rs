//! `strowger bench`: the short form of the load generator, against this binary.

use std::time::Duration;

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
    strowger_bench::run(&plan, |line| crate::print::line(line)).context("bench")?;
    Ok(())
}
