//! Going over to another configured database, when everything is closed: a backup into it where one is wanted, and a trial
//! whether it opens, before it is the one in use. What fails leaves the old one in use.

use std::path::{Path, PathBuf};

use strowger_config::Config;
use strowger_store::{Database, Store};
use tracing::{error, info};

use crate::backup::describe;
use crate::failure::Failure;
use crate::settings::store_options_of;

/// The order of a command.
#[derive(Debug)]
pub(crate) struct Failover {
    /// The number of the database.
    pub(crate) number: usize,
    /// What is restored into it first.
    pub(crate) restore: Option<PathBuf>,
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
        if let Some(file) = self.restore {
            let report = Store::restore(&options, &file).map_err(anyhow::Error::new)?;
            info!(file = %file.display(), report = describe(&report), "restored");
        }
        Store::make_ready(&options, self.epoch).map_err(anyhow::Error::new)?;
        Database::activate(data, self.number).map_err(|e| Failure::failed(format!("{}: {e}", data.display())))
    }
}
