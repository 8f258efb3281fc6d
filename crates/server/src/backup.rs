//! `backup` and `restore`.

use std::io::{IsTerminal, stderr};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use strowger_model::Scope;
use strowger_store::{BackupReport, Store};

use crate::cli::Place;
use crate::control::{self, Order};
use crate::failure::Failure;
use crate::settings::{Texts, data_folder, open_store, store_options};

/// Writes a copy of the database.
pub(crate) fn backup(place: &Place, file: &Path) -> Result<(), Failure> {
    let data = data_folder(place)?;
    let file = std::path::absolute(file).with_context(|| format!("{}", file.display()))?;
    let text = watched("backup", &file.clone(), || match control::connect(&data)? {
        Some(mut server) => server.ask(&Order::Backup(file)),
        None => {
            let store = open_store(&Texts::read(&place.source)?.resolve_startup()?, &data)?;
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().context("the runtime")?;
            let report = runtime.block_on(store.backup(Scope::All, file));
            store.close();
            Ok(describe(&report.context("backup")?))
        }
    })?;
    crate::print::line(text);
    Ok(())
}

/// Puts a backup in the database's place; a running server stops for it and starts again.
pub(crate) fn restore(place: &Place, file: &Path) -> Result<(), Failure> {
    let data = data_folder(place)?;
    let file = std::path::absolute(file).with_context(|| format!("{}", file.display()))?;
    let text = watched("restore", &data.join("strowger.db.restoring"), || match control::connect(&data)? {
        Some(mut server) => {
            let outcome = server.watch(&Order::Restore(file), |progress| {
                if !stderr().is_terminal() {
                    eprintln!("{progress}");
                }
            })?;
            if outcome.done { Ok(outcome.text) } else { Err(Failure::failed(outcome.text)) }
        }
        None => {
            let options = store_options(&Texts::read(&place.source)?.resolve_startup()?, &data)?;
            let report = Store::restore(&options, &file).with_context(|| format!("{}", file.display()))?;
            Ok(describe(&report))
        }
    })?;
    crate::print::line(text);
    Ok(())
}

/// One line about what was copied.
pub(crate) fn describe(report: &BackupReport) -> String {
    format!("done: {} bytes, {} accounts, {} CDRs", report.bytes, report.accounts, report.cdrs)
}

/// Runs something long; on a terminal with a bar that shows how far `file` has grown.
fn watched<T: Send>(
    what: &'static str,
    file: &Path,
    work: impl FnOnce() -> Result<T, Failure> + Send,
) -> Result<T, Failure> {
    /// How often the bar moves.
    const TICK: Duration = Duration::from_millis(100);
    if !stderr().is_terminal() {
        return work();
    }
    let (done, waiting) = mpsc::channel::<()>();
    let file: PathBuf = file.to_owned();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let bar = ProgressBar::new_spinner().with_message(what);
            bar.set_style(
                ProgressStyle::with_template("{spinner} {msg} {bytes} {elapsed}")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
            while waiting.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                bar.set_position(std::fs::metadata(&file).map_or(0, |m| m.len()));
                bar.tick();
            }
            bar.finish_and_clear();
        });
        let outcome = work();
        drop(done);
        outcome
    })
}
