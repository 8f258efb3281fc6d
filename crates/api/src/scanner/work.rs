//! A job at work: a number at a time, in slices with a pause between them, and the result at the end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use strowger_switch::{Handle, RoutingTest, Stopped};

use super::look::{COLUMNS, plain, row};
use super::{Job, Line, State};
use crate::commands::csv;
use crate::folder::{Folder, on_disk};

/// Slices of a second's numbers: a job that is told to stop does so within one.
const SLICES_A_SECOND: u32 = 10;

/// Begins a job. `root` is the folder of files, which may hold `quota` bytes.
pub fn start(job: Arc<Job>, numbers: Vec<Line>, switch: Handle, root: PathBuf, quota: u64) {
    let ends = Ends { job: Arc::clone(&job), switch: switch.clone() };
    tokio::spawn(async move {
        let mut text = csv::line(COLUMNS) + "\n";
        let state = match look_at(&job, numbers, &switch, &mut text).await {
            Ok(state) => state,
            Err(stopped) => return ends.with(State::Failed(stopped.to_string())),
        };
        let file = job.file.clone();
        match on_disk(move || Folder::open(&root)?.write(&file, text.as_bytes(), quota)).await {
            Ok(()) => {
                job.progress().written = true;
                ends.with(state);
            }
            Err(why) => ends.with(State::Failed(why.to_string())),
        }
    });
}

/// What becomes of a job however it ends: one that panicked has not run for ever.
struct Ends {
    job: Arc<Job>,
    switch: Handle,
}

impl Ends {
    fn with(&self, state: State) {
        let mut progress = self.job.progress();
        (progress.state, progress.ended) = (state, Some(self.switch.now()));
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        if self.job.progress().state == State::Running {
            self.with(State::Failed("an internal error".to_owned()));
        }
    }
}

async fn look_at(
    job: &Job,
    numbers: Vec<Line>,
    switch: &Handle,
    text: &mut String,
) -> Result<State, Stopped> {
    let slice = usize::try_from((job.rate / SLICES_A_SECOND).max(1)).unwrap_or(1);
    let pause_ms = u64::try_from(slice).unwrap_or(1) * 1_000 / u64::from(job.rate.max(1));
    let mut pace = tokio::time::interval(Duration::from_millis(pause_ms.max(1)));
    // What a busy machine was late with is not made up for at once.
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for slice in numbers.chunks(slice) {
        pace.tick().await;
        for line in slice {
            if job.is_stopped() {
                return Ok(State::Stopped);
            }
            look_at_one(job, line, switch, text).await?;
        }
    }
    Ok(State::Finished)
}

async fn look_at_one(job: &Job, line: &Line, switch: &Handle, text: &mut String) -> Result<(), Stopped> {
    let snapshot = switch.snapshot();
    let account = snapshot.account(job.account);
    let found = plain(&snapshot, account.map_or("", |account| &*account.country), line);
    let decision = match found.wrong {
        Some(_) => None,
        None => {
            let caller_number = account.map_or_else(String::new, |account| account.username.to_string());
            let called = line.text.to_string();
            let query = RoutingTest { ip: None, caller: Some(job.account), caller_number, called };
            Some(switch.routing_test(query).await?)
        }
    };
    let (row, counts) = row(&snapshot, (job.account, switch.now().wall), line, &found, decision.as_ref());
    text.push_str(&row);
    text.push('\n');
    let mut progress = job.progress();
    progress.done += 1;
    progress.valid += usize::from(counts.valid);
    progress.invalid += usize::from(!counts.valid);
    progress.blacklisted += usize::from(counts.blacklisted);
    if snapshot.knows_ported() {
        *progress.ported.get_or_insert(0) += usize::from(counts.ported);
    }
    progress.unroutable += usize::from(counts.valid && !counts.routable);
    Ok(())
}
