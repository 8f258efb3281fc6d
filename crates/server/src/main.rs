//! The binary: command line, wiring and signals. Every rule about calls, money and commands lives elsewhere.

mod allocator;
mod backup;
mod bench;
mod check;
mod cli;
mod console;
mod control;
mod exchange;
mod failover;
mod failure;
mod first_start;
mod logfile;
mod logging;
mod mask;
mod print;
mod ready;
mod restart;
mod restore;
mod serve;
mod settings;
mod tls;
mod user;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Auth, Cli, Command};
use crate::failure::Failure;

#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

/// The version of the product.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// What this program was built from and can do, as `version` tells it.
const BUILD: strowger_api::Build = strowger_api::Build {
    version: VERSION,
    commit: env!("STROWGER_COMMIT"),
    features: &["sqlite", "postgresql", "tls", "acme", PROFILE],
};
/// Whether it was built for use or for debugging.
const PROFILE: &str = if cfg!(debug_assertions) { "debug" } else { "release" };

fn main() -> ExitCode {
    // Everything that is written here holds money or secrets: nobody else may read it.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    // The allocator asks for huge pages, of which a mostly idle exchange uses little each: they double what it holds
    // and make nothing measurably faster. A kernel that has none refuses, which is as good.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("strowger: {failure}");
            failure.exit_code()
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Serve(options) => serve::run(&options),
        Command::Init { file, config } => check::init(file.or(config).as_deref()),
        Command::Check { file, data: _, mut source } => {
            source.config = source.config.or(file);
            check::check(&source)
        }
        Command::User { place, order } => match place.place() {
            Some(place) => user::run(&place, order),
            None => Err(Failure::Usage("--data DIR is needed".to_owned())),
        },
        Command::Console { place, line } => console::run(&place, &line),
        Command::Examples { place, user, command, url } => {
            let fields = [("user", user), ("command", command), ("url", url)];
            console::run(&place, &[console::line_of("examples", &fields)])
        }
        Command::Auth { place, order: Auth::Explain { request, from, transport } } => {
            let place = place.place().ok_or_else(|| Failure::Usage("--data DIR is needed".to_owned()))?;
            let fields = [("request", request), ("address", from.to_string()), ("transport", transport)];
            console::run(&place, &[console::line_of("authexplain", &fields)])
        }
        Command::Backup { place, file } => backup::backup(&place, &file),
        Command::Restore { place, file } => backup::restore(&place, &file),
        Command::Bench { seconds, only } => bench::run(seconds, only),
        Command::Version => {
            print::line(format_args!("strowger {VERSION} ({})", BUILD.commit));
            Ok(())
        }
    }
}
