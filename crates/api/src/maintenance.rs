//! Maintenance by the hour, day, week and month: what is done in each, and the task that does it when its time has come.
//! A period is done once whoever asks, by itself or by command, on whichever node: the store writes that down.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use strowger_model::{Secret, Wall};
use strowger_store::{Letter, LetterKind, Retention, Turn};
use strowger_switch::{Handle, Zone};
use tokio::task::JoinHandle;

use crate::commands::date;
use crate::dispatch::Dispatcher;
use crate::folder::{Folder, on_disk};
use crate::reply::{Failure, Kind, Reply};

const DAY_MS: i64 = 86_400_000;
/// Bytes of reports that are kept as files.
const REPORTS_QUOTA: u64 = 16 * 1024 * 1024;
/// Days that are summed up again, in case that nothing ran for some.
const DAYS_BACK: i64 = 7;

/// What recurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Period {
    /// Lapsed credit, the zone's offset.
    Hour,
    /// Old rows and logs, sums of the days before.
    Day,
    /// The database's statistics, the books added up.
    Week,
    /// Free minutes of packets.
    Month,
    /// The report of the day before.
    Report,
    /// A backup, every `backupinterval` hours.
    Backup,
}

impl Period {
    /// All of them, in the order in which they are done.
    const ALL: [Self; 6] = [Self::Hour, Self::Day, Self::Week, Self::Month, Self::Report, Self::Backup];

    const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Report => "report",
            Self::Backup => "backup",
        }
    }

    /// The name of the period of that local time.
    fn slot(self, mut local: Wall, backup_hours: u32) -> String {
        if self == Self::Backup {
            let interval_ms = i64::from(backup_hours.max(1)) * 3_600_000;
            local = Wall(local.0.div_euclid(interval_ms) * interval_ms);
        }
        let text = match self {
            // 1970-01-05 was a Monday.
            Self::Week => date(Wall(local.0 - (local.0.div_euclid(DAY_MS) + 3).rem_euclid(7) * DAY_MS)),
            _ => date(local),
        };
        let length = match self {
            Self::Hour | Self::Backup => 13,
            Self::Month => 7,
            Self::Day | Self::Week | Self::Report => 10,
        };
        text[..length].replace(' ', "T")
    }
}

/// The server's zone.
fn zone(switch: &Handle) -> Zone {
    Zone::named(&switch.config().timezone)
}

/// Does what is due and was not done yet.
///
/// # Errors
/// What failed; the next call tries again.
pub(crate) async fn run(switch: &Handle, period: Period) -> Result<Reply, Failure> {
    let (now, zone) = (switch.now().wall, zone(switch));
    let slot = period.slot(zone.local(now), switch.config().backupinterval);
    match switch.store().begin_maintenance(period.name(), &slot).await? {
        Turn::Done(at, report) => {
            let text = format!("done already at {} for {slot}: {report}", date(at));
            return Ok(Reply::ok(text).with("slot", slot).with("again", true).with("report", report));
        }
        Turn::Running => {
            return Err(Failure::new(Kind::Busy, format!("the maintenance for {slot} is running")));
        }
        Turn::Yours => {}
    }
    let done = match period {
        Period::Hour => hourly(switch, now).await,
        Period::Day => daily(switch, now, &zone).await,
        Period::Week => weekly(switch).await,
        Period::Month => monthly(switch, &slot).await,
        Period::Report => report(switch, now, &zone).await,
        Period::Backup => crate::backups::scheduled(switch).await,
    };
    let report = done.as_ref().ok().cloned();
    switch.store().maintenance_done(period.name(), &slot, report).await?;
    let report = done?;
    tracing::info!(period = period.name(), slot, report, "maintenance");
    Ok(Reply::ok(format!("done for {slot}: {report}"))
        .with("slot", slot)
        .with("again", false)
        .with("report", report))
}

async fn hourly(switch: &Handle, now: Wall) -> Result<String, Failure> {
    switch.refresh_zone();
    let lapsed = switch.store().expire_credits(now).await?;
    Ok(format!("credit of {} accounts lapsed", lapsed.len()))
}

async fn daily(switch: &Handle, now: Wall, zone: &Zone) -> Result<String, Failure> {
    let config = switch.config();
    let mut days = 0;
    for back in (1..=DAYS_BACK).rev() {
        let (day, time) = day_before(now, zone, back);
        days += switch.store().sum_day(&day, time).await?.len();
    }
    let keep = Retention {
        cdr: config.keepcdrdays,
        audit: config.keepauditdays,
        line_state: config.keeplinestatedays,
    };
    let pruned = switch.store().prune_old(keep, now).await?;
    let logs = if config.logdir.is_empty() {
        switch.data_folder().join("logs")
    } else {
        PathBuf::from(&config.logdir)
    };
    let age = Duration::from_secs(u64::from(config.keeplogdays) * 86_400);
    let files = tokio::task::spawn_blocking(move || remove_old_logs(&logs, age)).await.unwrap_or(0);
    Ok(format!(
        "{days} sums of days, removed {} call records, {} audit rows, {} line states, {files} log files",
        pruned.cdr, pruned.audit, pruned.line_state
    ))
}

/// The name of a day so many days before `now`, its first moment, and that of the next.
fn day_before(now: Wall, zone: &Zone, back: i64) -> (String, (Wall, Wall)) {
    let day = zone.day(now) - back;
    (date(Wall(day * DAY_MS))[..10].to_owned(), (zone.day_start(day), zone.day_start(day + 1)))
}

/// Rotated logs that nobody wrote to for that long; none where the age is nothing. Returns how many.
fn remove_old_logs(folder: &std::path::Path, age: Duration) -> usize {
    if age.is_zero() {
        return 0;
    }
    let Some(before) = SystemTime::now().checked_sub(age) else { return 0 };
    // A server that keeps no log has no folder.
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let old = |entry: &std::fs::DirEntry| {
        let name = entry.file_name();
        let rotated = name.to_string_lossy().contains(".log.");
        let written =
            entry.metadata().ok().filter(std::fs::Metadata::is_file).and_then(|m| m.modified().ok());
        rotated && written.is_some_and(|written| written < before)
    };
    entries.flatten().filter(old).filter(|entry| std::fs::remove_file(entry.path()).is_ok()).count()
}

async fn weekly(switch: &Handle) -> Result<String, Failure> {
    switch.store().optimise().await?;
    let server = switch.store().server();
    let books = tokio::task::spawn_blocking(move || server.check_ledger()).await;
    let books = books.map_err(|_| Failure::failed("the books were not added up"))??;
    for problem in &books.problems {
        tracing::error!(problem, "ALARM: the books are wrong");
    }
    let verdict =
        if books.ok { "are right".to_owned() } else { format!("have {} mistakes", books.problems.len()) };
    Ok(format!("statistics renewed, the books {verdict}"))
}

async fn monthly(switch: &Handle, month: &str) -> Result<String, Failure> {
    let granted = switch.store().grant_packets(month).await?;
    Ok(format!("free minutes and messages of {granted} accounts renewed"))
}

/// The traffic of the day before, to the operator's address or, where there is none, into a file.
async fn report(switch: &Handle, now: Wall, zone: &Zone) -> Result<String, Failure> {
    let (day, time) = day_before(now, zone, 1);
    let mut text = format!("Traffic of {day}\n\n");
    let sums = switch.store().sum_day(&day, time).await?;
    for sum in &sums {
        let _ = writeln!(
            text,
            "{}: {} calls, {} answered, {} minutes, {} charged",
            sum.currency,
            sum.calls,
            sum.answered,
            sum.duration_ms / 60_000,
            sum.cost
        );
    }
    if sums.is_empty() {
        text.push_str("No calls.\n");
    }
    let info = switch.info().await;
    let _ = writeln!(text, "\nNow: {} accounts, {} registered", info.accounts, info.registered_accounts);
    let to = switch.config().adminemail.trim().to_owned();
    if to.is_empty() {
        let (root, name) = (switch.data_folder().join("reports"), format!("daily-{day}.txt"));
        let file = format!("reports/{name}");
        on_disk(move || Folder::open(&root)?.write(&name, text.as_bytes(), REPORTS_QUOTA)).await?;
        return Ok(format!("the report of {day} is in {file}"));
    }
    let letter = Letter {
        kind: LetterKind::Mail,
        to,
        from: String::new(),
        subject: format!("Strowger: traffic of {day}"),
        body: Secret::new(text),
        correlation: format!("dailyreport/{day}"),
    };
    let queued = switch.store().outbox_queue(letter).await;
    queued.map_err(|error| Failure::failed(error.to_string()))?;
    Ok(format!("the report of {day} is queued for the operator's address"))
}

/// The task that looks for due maintenance; one at a time.
#[derive(Default)]
pub(crate) struct Schedule(Mutex<Option<JoinHandle<()>>>);

impl Schedule {
    fn replace(&self, task: Option<JoinHandle<()>>) -> bool {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let was = running.take();
        let replaced = was.is_some();
        // Ends between two steps: the steps themselves are transactions.
        was.inspect(JoinHandle::abort);
        *running = task;
        replaced
    }
}

impl Dispatcher {
    /// Starts looking for due maintenance, every `maintinterval` seconds.
    pub fn start_maintenance(self: &Arc<Self>) {
        let switch = self.switch().clone();
        self.schedule.replace(Some(tokio::spawn(look_for_ever(switch))));
    }

    /// Starts it anew where it runs; false: it does not.
    pub(crate) fn restart_maintenance(self: &Arc<Self>) -> bool {
        if !self.schedule.replace(None) {
            return false;
        }
        self.start_maintenance();
        true
    }
}

async fn look_for_ever(switch: Handle) {
    // What was found done is not asked for again.
    let mut done: [String; Period::ALL.len()] = Default::default();
    loop {
        let config = switch.config();
        tokio::time::sleep(Duration::from_secs(config.maintinterval.into())).await;
        if !config.maintenance {
            continue;
        }
        for (period, done) in Period::ALL.into_iter().zip(&mut done) {
            let slot = period.slot(zone(&switch).local(switch.now().wall), config.backupinterval);
            if *done == slot || (period == Period::Backup && config.backupinterval == 0) {
                continue;
            }
            match run(&switch, period).await {
                Ok(_) => *done = slot,
                Err(failure) => tracing::warn!(period = period.name(), %failure, "maintenance"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_named_in_the_servers_zone() {
        // 2026-11-21 23:59:59, a Saturday.
        let at = Wall(1_795_305_599_999);
        for (period, offset, name) in [
            (Period::Hour, 0, "2026-11-21T23"),
            (Period::Hour, 60, "2026-11-22T00"),
            (Period::Day, 0, "2026-11-21"),
            (Period::Week, 0, "2026-11-16"),
            (Period::Week, 24 * 60, "2026-11-16"),
            (Period::Week, 2 * 24 * 60, "2026-11-23"),
            (Period::Month, 0, "2026-11"),
        ] {
            assert_eq!(period.slot(at.plus_ms(offset * 60_000), 0), name, "{period:?} {offset}");
        }
        assert_eq!(Period::Backup.slot(at, 6), "2026-11-21T18");
        let (utc, midnight) = (Zone::named("UTC"), 1_795_219_200_000);
        let before = ("2026-11-20".to_owned(), (Wall(midnight - DAY_MS), Wall(midnight)));
        assert_eq!(day_before(at, &utc, 1), before);
    }

    #[test]
    fn only_old_rotated_logs_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["main.log", "main.log.1", "main.log.2", "other"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        let old = SystemTime::now() - Duration::from_secs(10 * 86_400);
        for name in ["main.log", "main.log.2", "other"] {
            std::fs::File::options()
                .write(true)
                .open(folder.path().join(name))
                .unwrap()
                .set_modified(old)
                .unwrap();
        }
        assert_eq!(remove_old_logs(folder.path(), Duration::ZERO), 0);
        assert_eq!(remove_old_logs(folder.path(), Duration::from_secs(86_400)), 1);
        assert!(!folder.path().join("main.log.2").exists());
    }
}
