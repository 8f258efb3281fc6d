//! What a run comes to: numbers where every promise was kept, else the promise that was broken and what happened
//! before.

use std::fmt;

/// A run that broke a promise.
#[derive(Debug)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// Virtual time in milliseconds.
    pub at_ms: u64,
    /// Which promise.
    pub what: String,
    /// What happened before.
    pub events: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {} failed at {} ms: {}", self.seed, self.at_ms, self.what)?;
        for event in &self.events {
            writeln!(f, "  {event}")?;
        }
        write!(f, "again: STROWGER_SIM_SEED={} cargo test -p strowger-sim seeds", self.seed)
    }
}

impl std::error::Error for Failure {}

/// What happened in a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Calls that the switch admitted.
    pub calls: u64,
    /// Records.
    pub records: u64,
    /// Records of conversations.
    pub answered: u64,
    /// Records by recovery.
    pub recovered: u64,
    /// Datagrams to and from the switch.
    pub datagrams: u64,
    /// Panics that were asked for.
    pub panics: u64,
    /// Crashes and takeovers.
    pub crashes: u64,
    /// Records with a charge to an enduser.
    pub charged: u64,
    /// Holds, extensions, settlements, releases.
    pub money_steps: u64,
    /// Legs whose snapshot was moved and ended elsewhere.
    pub adopted: u64,
    /// Moments at which all legs went through their snapshots.
    pub moved: u64,
    /// Damaged datagrams that the switch received.
    pub noise: u64,
    /// A digest of every event: equal for equal seeds.
    pub digest: u64,
}
