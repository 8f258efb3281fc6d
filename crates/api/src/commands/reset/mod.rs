//! Reloading and restarting.

mod apireload;
mod dbbackup;
mod dbfailover;
mod dbreset;
mod dbrestore;
mod dbrsttgs;
mod gwrst;
mod logrename;
mod maintreset;
mod rebill;
mod reload;
mod reloadapikeys;
mod reloaddialplan;
mod reloadnumdircache;
mod restart;
mod rulesreload;
mod sipreset;
mod upgradeall;
mod vsiprst;
mod webrst;

use crate::declare::{Command, Outcome};
use crate::dispatch::Call;
use crate::reply::{Data, Reply};
use crate::service::failed;

/// The group's commands.
pub const COMMANDS: &[&Command] = &[
    &apireload::COMMAND,
    &dbbackup::COMMAND,
    &dbfailover::COMMAND,
    &dbreset::COMMAND,
    &dbrestore::COMMAND,
    &dbrsttgs::COMMAND,
    &gwrst::COMMAND,
    &logrename::COMMAND,
    &maintreset::COMMAND,
    &rebill::COMMAND,
    &reload::COMMAND,
    &reloadapikeys::COMMAND,
    &reloaddialplan::COMMAND,
    &reloadnumdircache::COMMAND,
    &restart::COMMAND,
    &rulesreload::COMMAND,
    &sipreset::COMMAND,
    &upgradeall::COMMAND,
    &vsiprst::COMMAND,
    &webrst::COMMAND,
];

/// Reads tables again and says what changed since the last time.
async fn reread(call: &Call, tables: &[&'static str]) -> Outcome {
    let changes = call.switch().reread(tables).await.map_err(failed)?;
    let number = |n: usize| Data::Int(i64::try_from(n).unwrap_or(i64::MAX));
    let rows = changes.iter().map(|change| {
        let counts = [change.rows, change.added, change.changed, change.removed].map(number);
        std::iter::once(Data::from(change.table)).chain(counts).collect()
    });
    Ok(Reply::rows(&["table", "rows", "added", "changed", "removed"], rows.collect()))
}
