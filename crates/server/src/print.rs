//! Lines for whoever called a subcommand. `println!` would panic when the reader has gone, as `| head` does.

use std::fmt::Display;
use std::io::Write;

/// Writes a line to standard output; ends the process when nobody reads it any more.
pub fn line(text: impl Display) {
    if writeln!(std::io::stdout(), "{text}").is_err() {
        std::process::exit(1);
    }
}
