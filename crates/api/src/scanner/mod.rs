//! The number scanner: lists of numbers are checked in the background against the numbering plan, the blacklist,
//! routing and prices, by the functions that calls are checked by. It calls nobody.
//!
//! A job lives in the memory of this process: it ends with it, and what it had found by then is lost.

mod look;
mod numbers;
mod work;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use strowger_model::{AccountId, Now};

pub use numbers::{Line, of_file, of_list};
pub use work::start;

/// Jobs that run at the same time.
pub const MAX_RUNNING: usize = 4;
/// Jobs that are remembered, those that run among them.
const MAX_KEPT: usize = 32;
/// Numbers a second where nothing is said.
pub const USUAL_RATE: u32 = 200;
/// Numbers a second at most: each of them is a question to the thread that also carries calls.
pub const MAX_RATE: u32 = 1_000;

/// How far a job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It works.
    Running,
    /// Every number was looked at.
    Finished,
    /// It was told to stop.
    Stopped,
    /// It could not go on.
    Failed(String),
}

impl State {
    /// One lower-case word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Failed(_) => "failed",
        }
    }
}

/// What a job has found.
#[derive(Debug, Clone)]
pub struct Progress {
    /// How far it is.
    pub state: State,
    /// When it ended.
    pub ended: Option<Now>,
    /// Numbers looked at.
    pub done: usize,
    /// Numbers that could be called as far as the numbering plan says.
    pub valid: usize,
    /// Those that are none.
    pub invalid: usize,
    /// Of the valid ones, those on the blacklist.
    pub blacklisted: usize,
    /// Numbers that moved to another operator; none: no such numbers are known here.
    pub ported: Option<usize>,
    /// Of the valid ones, those that a call would be refused to.
    pub unroutable: usize,
    /// The result is written.
    pub written: bool,
}

/// A list of numbers that is being checked.
#[derive(Debug)]
pub struct Job {
    /// Its number in this run of the process.
    pub id: u64,
    /// For whom the calls would be.
    pub account: AccountId,
    /// Where the numbers come from.
    pub source: String,
    /// The result, below the folder of files.
    pub file: String,
    /// How many numbers.
    pub total: usize,
    /// Numbers a second at most.
    pub rate: u32,
    /// When it began.
    pub started: Now,
    stop: AtomicBool,
    progress: Mutex<Progress>,
}

impl Job {
    /// What it has found so far.
    pub fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It ends after the number that it looks at. False: it had ended.
    pub fn stop(&self) -> bool {
        self.stop.store(true, Ordering::Relaxed);
        self.progress().state == State::Running
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// What is asked of a new job.
#[derive(Debug)]
pub struct Wish {
    /// For whom the calls would be.
    pub account: AccountId,
    /// Where the numbers come from, in words.
    pub source: String,
    /// How many there are.
    pub total: usize,
    /// Numbers a second at most.
    pub rate: u32,
}

/// The jobs of this process.
#[derive(Default)]
pub struct Jobs {
    kept: VecDeque<Arc<Job>>,
    last: u64,
}

impl Jobs {
    /// A job that has not begun yet; none: as many run as may.
    pub fn open(&mut self, now: Now, wish: Wish) -> Option<Arc<Job>> {
        let runs = |job: &&Arc<Job>| job.progress().state == State::Running;
        if self.kept.iter().filter(runs).count() >= MAX_RUNNING {
            return None;
        }
        while self.kept.len() >= MAX_KEPT {
            let oldest = self.kept.iter().position(|job| !runs(&job))?;
            self.kept.remove(oldest);
        }
        self.last += 1;
        let Wish { account, source, total, rate } = wish;
        let progress = Progress {
            state: State::Running,
            ended: None,
            done: 0,
            valid: 0,
            invalid: 0,
            blacklisted: 0,
            ported: None,
            unroutable: 0,
            written: false,
        };
        let job = Arc::new(Job {
            id: self.last,
            account,
            source,
            // The time makes the name another one after a restart, which begins to count anew.
            file: format!("scans/scan-{}-{}.csv", now.wall.0 / 1_000, self.last),
            total,
            rate,
            started: now,
            stop: AtomicBool::new(false),
            progress: Mutex::new(progress),
        });
        self.kept.push_back(Arc::clone(&job));
        Some(job)
    }

    /// The jobs that are remembered, the oldest first.
    pub fn list(&self) -> Vec<Arc<Job>> {
        self.kept.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish() -> Wish {
        Wish { account: AccountId(1), source: "list".into(), total: 1, rate: 1 }
    }

    #[test]
    fn so_many_jobs_run_and_so_many_are_remembered() {
        let (mut jobs, now) = (Jobs::default(), Now::default());
        let first: Vec<_> = (0..MAX_RUNNING).map(|_| jobs.open(now, wish()).unwrap()).collect();
        assert!(jobs.open(now, wish()).is_none());
        for id in 0..2 * MAX_KEPT {
            let running = jobs.list().into_iter().rev().find(|job| job.progress().state == State::Running);
            running.unwrap().progress().state = State::Finished;
            assert!(jobs.open(now, wish()).is_some(), "{id}");
        }
        assert_eq!(jobs.list().len(), MAX_KEPT);
        assert!(first[..MAX_RUNNING - 1].iter().all(|job| jobs.list().iter().any(|kept| kept.id == job.id)));
        assert!(first[0].stop() && first[0].is_stopped());
        assert!(!first[MAX_RUNNING - 1].stop(), "it had ended");
    }
}
