//! `init` and `check`: the start-up file.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use strowger_config::Config;

use crate::cli::Source;
use crate::failure::Failure;
use crate::settings::Texts;

/// Writes the commented file.
pub(crate) fn init(file: Option<&Path>) -> Result<(), Failure> {
    let text = strowger_config::commented_file();
    match file {
        None => std::io::stdout().write_all(text.as_bytes()).context("standard output")?,
        Some(path) => {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(path)
                .with_context(|| format!("{}", path.display()))?;
            file.write_all(text.as_bytes()).with_context(|| format!("{}", path.display()))?;
            crate::print::line(format_args!("written: {}", path.display()));
        }
    }
    Ok(())
}

/// One line for each key that is set although nobody reads it.
pub(crate) fn without_effect(config: &Config) -> impl Iterator<Item = String> {
    let keys = config.without_effect();
    keys.into_iter().map(|key| format!("{} is set, but has no effect in this version", key.name))
}

/// Says whether a configuration is right.
pub(crate) fn check(source: &Source) -> Result<(), Failure> {
    let config = Texts::read(source)?.resolve_startup()?;
    crate::logging::filter(&config)?;
    if let Some(files) = crate::tls::Files::of(&config) {
        files.load()?;
    }
    for warning in without_effect(&config) {
        eprintln!("strowger: {warning}");
    }
    crate::print::line("OK");
    Ok(())
}
