//! Going over to another configured database, when everything is closed: a backup into it where one is wanted, and a trial
//! whether it opens, before it is the one in use. What fails leaves the old one in use.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use strowger_config::Config;
use strowger_store::{Database, Store};
use tracing::{error, info};

use crate::backup::describe;
use crate::failure::Failure;
use crate::settings::{store_options, store_options_of};

/// How long replication may take to carry over what the end of the calls wrote.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// The order of a command.
#[derive(Debug)]
pub(crate) struct Failover {
    /// The number of the database.
    pub(crate) number: usize,
    /// What is restored into it first.
    pub(crate) restore: Option<PathBuf>,
    /// It may hold less than the old one.
    pub(crate) lagging: bool,
    /// The epoch of this process: the next one's is above it.
    pub(crate) epoch: u32,
}

impl Failover {
    /// Does it; what came of it is in the log.
    pub(crate) fn carry_out(self, startup: &Config, data: &Path) {
        let number = self.number;
        match self.go_over(startup, data) {
            Ok(()) => info!(number, "failed over"),
            Err(failure) => error!(number, %failure, "not failed over: the old database stays in use"),
        }
    }

    fn go_over(self, startup: &Config, data: &Path) -> Result<(), Failure> {
        let options = store_options_of(startup, data, self.number)?;
        if !self.lagging {
            caught_up(&store_options(startup, data)?.database, &options.database)?;
        }
        if let Some(file) = self.restore {
            let report = Store::restore(&options, &file).map_err(anyhow::Error::new)?;
            info!(file = %file.display(), report = describe(&report), "restored");
        }
        Store::make_ready(&options, self.epoch).map_err(anyhow::Error::new)?;
        Database::activate(data, self.number).map_err(|e| Failure::failed(format!("{}: {e}", data.display())))
    }
}

/// Waits until the new database holds all that the old one holds. One that cannot be asked any more is no measure.
fn caught_up(old: &Database, new: &Database) -> Result<(), Failure> {
    let end = Instant::now() + PATIENCE;
    while let Ok(held) = old.standing() {
        if new.standing().map_err(anyhow::Error::new)?.equals(&held) {
            break;
        }
        if Instant::now() > end {
            let why =
                "it lacks what the end of the calls wrote: name it with forcedbnum to take it all the same";
            return Err(Failure::failed(why));
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}
