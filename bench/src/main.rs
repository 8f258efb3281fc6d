//! `strowger-bench`: what one unit of work costs the server, on this machine, now.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use strowger_bench::{Line, NAMES, Plan, run};

/// Measures CPU microseconds of the server per unit of work, over loopback.
///
/// The server is pinned to the first core, the generator to the second. Build both with --release.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// What to measure: parse udp options register calls rtp http udpapi idle; all by default.
    only: Vec<String>,
    /// The server's binary.
    #[arg(long, default_value = "target/release/strowger")]
    binary: PathBuf,
    /// A bare hyper server to compare with: `cargo build --release -p strowger-gate --example hello`.
    #[arg(long, default_value = "target/release/examples/hello")]
    hyper: PathBuf,
    /// Seconds per line.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Smaller loads and fewer lines.
    #[arg(long)]
    short: bool,
    /// Calls per second, instead of 300, 1000 and 3000; several times for several lines.
    #[arg(long)]
    rate: Vec<u32>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(unknown) = arguments.only.iter().find(|only| !NAMES.contains(&only.as_str())) {
        eprintln!("'{unknown}' is not one of: {}", NAMES.join(" "));
        return ExitCode::from(2);
    }
    let window = Duration::from_secs(arguments.seconds.clamp(1, 600));
    let plan = Plan {
        binary: arguments.binary,
        hyper: Some(arguments.hyper),
        window,
        only: arguments.only,
        short: arguments.short,
        rates: arguments.rate,
    };
    println!("{}", Line::heading());
    match run(&plan, |row| println!("{row}")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
