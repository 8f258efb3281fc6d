//! `dbfailover`: going over to another configured database, and how far each of them is behind.

use std::path::PathBuf;

use strowger_store::{Database, Standing};

use crate::backups;
use crate::commands::{date, means_nothing};
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::folder::on_disk;
use crate::reply::{Failure, Reply};
use crate::service::ServiceOrder;

params! {
    /// Nothing.
    reserved: String = "",
    /// The database's number: 1 is `database`, from 2 on `failoverdatabases`. Named, it may lag; else it is the next one.
    forcedbnum: Option<u32> = "",
    /// Only look how the databases stand.
    checkonly: bool = "no",
    /// First restore the newest backup of the backups folder into it.
    withrestore: bool = "no",
    /// Nothing but yes: the server ends its calls and starts again.
    needrestart: bool = "yes",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "dbfailover",
    aliases: &[],
    group: Group::Reset,
    access: Access::Sensitive,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Ends calls and starts again on another of the configured databases (failoverdatabases), which must hold all that this one holds unless it is named or a backup is restored into it; with checkonly=1 only the health of this one and how far the others are behind.",
    spec: "server-api: Reset",
    example: "checkonly=1",
    reply: "OK: SQLite: written and read, 812 us; database 2 (PostgreSQL): up to date",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    means_nothing("reserved", &params.reserved)?;
    let known = Known::of(&call).await?;
    let health = call.store().health().await;
    let healthy = health.ok && health.unwell.is_none();
    if params.checkonly {
        if !healthy {
            return Err(Failure::failed(health.unwell.unwrap_or(health.detail)));
        }
        let mut text = format!("{}: {}, {} us", health.engine, health.detail, health.write_us);
        let own = call.store().standing().await?;
        for (number, database) in known.others(params.forcedbnum)? {
            let state = match standing_of(&database).await {
                Ok(standing) => lag(&own, &standing).unwrap_or_else(|| "up to date".to_owned()),
                Err(why) => why,
            };
            text.push_str(&format!("; database {number} ({}): {state}", database.engine()));
        }
        return Ok(Reply::ok(text)
            .with("engine", health.engine)
            .with("writeus", health.write_us)
            .with("database", i64::from(known.active)));
    }
    if !params.needrestart {
        return Err(Failure::unavailable(
            "another database needs the server to start again: leave needrestart out",
        ));
    }
    let (number, database) = known.target(params.forcedbnum)?;
    let named = format!("database {number} ({})", database.engine());
    let standing = standing_of(&database).await.map_err(|why| Failure::failed(format!("{named}: {why}")))?;
    if !standing.writable {
        return Err(Failure::failed(format!("{named}: {STANDBY}")));
    }
    let (restore, state) = if params.withrestore {
        let (file, state) = verified_backup(&call, &database).await?;
        (Some(file), state)
    } else {
        // A database that cannot be asked any more is no measure.
        let own = if healthy { Some(call.store().standing().await?) } else { None };
        (None, accepted(own.as_ref(), &standing, params.forcedbnum, &named)?)
    };
    let lagging = restore.is_some() || params.forcedbnum.is_some();
    let order =
        ServiceOrder::Failover { number: usize::try_from(number).unwrap_or(usize::MAX), restore, lagging };
    call.dispatcher.order(order)?;
    let text = format!("{named}: {state}; calls end, the server starts again on it");
    Ok(Reply::ok(text).with("database", i64::from(number)))
}

/// What is said of a standby.
const STANDBY: &str = "only reads, it is a standby: promote it first";

/// The databases of the configuration.
struct Known {
    all: Vec<Database>,
    /// The one in use.
    active: u32,
}

impl Known {
    async fn of(call: &Call) -> Result<Self, Failure> {
        let (config, data) = (call.config(), call.switch().data_folder().to_owned());
        let all = Database::all(&config.database, &config.failoverdatabases, &data);
        let all = all.map_err(|error| Failure::failed(error.to_string()))?;
        let active = tokio::task::spawn_blocking(move || Database::active(&data)).await;
        let active = active.map_err(|_| Failure::failed("reading which database is in use"))?;
        let active = active.map_err(|error| Failure::failed(error.to_string()))?;
        Ok(Self { all, active: u32::try_from(active).unwrap_or(u32::MAX) })
    }

    /// Those that are not in use, or the one that is asked for.
    fn others(&self, only: Option<u32>) -> Result<Vec<(u32, Database)>, Failure> {
        if only.is_some() {
            return Ok(vec![self.target(only)?]);
        }
        let numbered = (1..).zip(self.all.iter().cloned());
        Ok(numbered.filter(|(number, _)| *number != self.active).collect())
    }

    /// The one that is asked for, else the next one.
    fn target(&self, number: Option<u32>) -> Result<(u32, Database), Failure> {
        let count = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        if count < 2 {
            return Err(Failure::unavailable(
                "one database is configured: name others in failoverdatabases of the start-up file",
            ));
        }
        let number = number.unwrap_or(self.active % count + 1);
        if number == self.active {
            return Err(Failure::invalid(format!("forcedbnum {number} is the database in use")));
        }
        let found = number.checked_sub(1).and_then(|at| self.all.get(at as usize)).cloned();
        let found = found.ok_or_else(|| Failure::invalid(format!("forcedbnum must be from 1 to {count}")))?;
        Ok((number, found))
    }
}

async fn standing_of(database: &Database) -> Result<Standing, String> {
    let database = database.clone();
    let asked = tokio::task::spawn_blocking(move || database.standing()).await;
    asked.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

/// What another database has not, or has otherwise; none: it is as this one.
fn lag(own: &Standing, other: &Standing) -> Option<String> {
    if !other.has_tables {
        return Some("has no tables: fill it by replication, or with withrestore=1".to_owned());
    }
    if !other.writable {
        let behind = difference(own, other).unwrap_or_else(|| "up to date".to_owned());
        return Some(format!("{behind}, but {STANDBY}"));
    }
    difference(own, other)
}

fn difference(own: &Standing, other: &Standing) -> Option<String> {
    if own.origin != other.origin {
        return Some("is no copy of this one, its accounts are others".to_owned());
    }
    let behind = [
        (own.changes - other.changes, "changes"),
        (own.ledger.0 - other.ledger.0, "entries of the ledger"),
        (own.records - other.records, "call records"),
    ];
    if behind.iter().any(|(count, _)| *count < 0) {
        return Some("holds what this one does not: it is no copy".to_owned());
    }
    let told: Vec<String> = behind
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what} behind"))
        .collect();
    if told.is_empty() {
        return (own.ledger.1 != other.ledger.1).then(|| "has another ledger: it is no copy".to_owned());
    }
    let newest = other.newest.map_or_else(|| "none".to_owned(), date);
    Some(format!("{}, its newest entry of the ledger is of {newest}", told.join(", ")))
}

/// The state in which a database may take over.
fn accepted(
    own: Option<&Standing>,
    other: &Standing,
    forced: Option<u32>,
    named: &str,
) -> Result<String, Failure> {
    if !other.has_tables {
        return Err(Failure::failed(format!(
            "{named}: has no tables: fill it by replication, or with withrestore=1"
        )));
    }
    let Some(own) = own else { return Ok("how far it is behind cannot be asked".to_owned()) };
    match lag(own, other) {
        None => Ok("up to date".to_owned()),
        Some(lag) if forced.is_some() => Ok(lag),
        Some(lag) => {
            Err(Failure::failed(format!("{named}: {lag}; name it with forcedbnum to take it all the same")))
        }
    }
}

/// The newest backup that the database takes, after it was restored into a scratch database there.
async fn verified_backup(call: &Call, database: &Database) -> Result<(PathBuf, String), Failure> {
    let (folder, into) = (backups::own_folder(call.switch()), database.clone());
    let file = on_disk(move || {
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let files = entries.map(|entry| entry.path()).filter(|path| path.is_file() && into.takes(path));
        Ok(files.max_by_key(|path| path.metadata().and_then(|about| about.modified()).ok()))
    })
    .await?;
    let file = file.ok_or_else(|| {
        Failure::failed(format!("the backups folder has no backup that {} takes", database.engine()))
    })?;
    let (from, into) = (file.clone(), database.clone());
    let tried = tokio::task::spawn_blocking(move || into.try_backup(&from)).await;
    let report = tried.map_err(|_| Failure::failed("the trial of the backup"))?.map_err(backups::failed)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((file, format!("gets {name} with {} accounts and {} CDRs", report.accounts, report.cdrs)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(changes: i64, ledger: i64, records: i64) -> Standing {
        let (ledger, origin) = ((ledger, format!("step{ledger}")), "same".to_owned());
        Standing { has_tables: true, writable: true, origin, changes, ledger, records, newest: None }
    }

    #[test]
    fn what_lags_takes_over_only_where_it_is_named() {
        let own = standing(9, 8, 7);
        let other_ledger = Standing { ledger: (8, "other".into()), ..standing(9, 8, 7) };
        let foreign = Standing { origin: "other".into(), ..standing(9, 8, 7) };
        let empty = Standing { has_tables: false, ..Standing::default() };
        for (other, forced, wanted) in [
            (standing(9, 8, 7), None, Ok("up to date")),
            (standing(8, 6, 7), Some(2), Ok("1 changes behind, 2 entries of the ledger behind")),
            (standing(8, 6, 7), None, Err("name it with forcedbnum")),
            (standing(9, 8, 9), None, Err("it is no copy")),
            (other_ledger, None, Err("has another ledger")),
            (foreign, None, Err("its accounts are others")),
            (empty, Some(2), Err("has no tables")),
        ] {
            let got = accepted(Some(&own), &other, forced, "database 2");
            match (&got, wanted) {
                (Ok(state), Ok(wanted)) => assert!(state.starts_with(wanted), "{state}"),
                (Err(why), Err(wanted)) => assert!(why.to_string().contains(wanted), "{why}"),
                _ => panic!("{got:?}"),
            }
        }
        assert!(accepted(None, &standing(0, 0, 0), None, "database 2").is_ok());
    }

    #[test]
    fn a_standby_is_told_apart() {
        let standby = Standing { writable: false, ..standing(1, 1, 1) };
        assert!(lag(&standing(1, 1, 1), &standby).unwrap().contains("promote it first"));
    }
}
