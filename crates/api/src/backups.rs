//! Backups by command and by themselves: into DATA/backups, or the operator's `backuptarget`, each proved by a trial restore
//! into a scratch database whose rows and books are counted.

use std::path::PathBuf;

use strowger_config::Config;
use strowger_model::{Scope, Wall};
use strowger_store::{BackupError, BackupReport, Store};
use strowger_switch::Handle;

use crate::commands::date;
use crate::declare::Outcome;
use crate::dispatch::Call;
use crate::folder::{Folder, on_disk};
use crate::reply::{Failure, Reply};

/// What backups that were made by themselves begin with.
const SCHEDULED: &str = "auto-";

/// DATA/backups.
pub(crate) fn own_folder(switch: &Handle) -> PathBuf {
    switch.data_folder().join("backups")
}

/// The second place: what the operator named, else DATA/backups.
pub(crate) fn target_folder(switch: &Handle, config: &Config) -> PathBuf {
    if config.backuptarget.is_empty() { own_folder(switch) } else { PathBuf::from(&config.backuptarget) }
}

/// The name of a backup that is given none.
fn name_of(at: Wall, prefix: &str) -> String {
    // With milliseconds: commands that follow each other must not meet at one name.
    let second = date(at).replace(' ', "T").replace(':', "");
    format!("{prefix}{second}.{:03}.backup", at.0.rem_euclid(1_000))
}

/// Makes a backup and proves it: a whole one, or what is other than in the newest whole one of its folder.
pub(crate) async fn back_up(
    switch: &Handle,
    root: PathBuf,
    name: String,
    incremental: bool,
) -> Result<BackupReport, Failure> {
    let path = on_disk(move || Folder::open(&root)?.path_of(&name)).await?;
    if incremental {
        let folder = path.parent().map(std::path::Path::to_owned).unwrap_or_default();
        let base = on_disk(move || Ok(Store::backup_bases(&folder).0)).await?;
        // Without a base it is the engine's reason that counts, where it has one.
        let base = base.unwrap_or_default();
        let made = switch.store().backup_increment(Scope::All, base.clone(), path.clone()).await;
        match made {
            Err(BackupError::File { .. }) if base.as_os_str().is_empty() => {
                return Err(Failure::failed(
                    "there is no full backup to begin from: make one with type=full",
                ));
            }
            made => made.map_err(failed)?,
        };
    } else {
        switch.store().backup(Scope::All, path.clone()).await.map_err(failed)?;
    }
    let tried = switch.store().try_backup(Scope::All, &path).await;
    if tried.is_err() {
        // A backup that cannot be restored is none.
        let _ = std::fs::remove_file(&path);
    }
    tried.map_err(failed)
}

/// The same as a command: a name below the folder, or one of the moment.
pub(crate) async fn command(call: &Call, root: PathBuf, path: &str, incremental: bool) -> Outcome {
    let path = path.trim();
    let name = if path.is_empty() { name_of(call.now().wall, "") } else { path.to_owned() };
    let report = back_up(call.switch(), root, name.clone(), incremental).await?;
    let text = format!(
        "{name}: {} bytes, {} accounts, {} CDRs, restored into a scratch database and counted",
        report.bytes, report.accounts, report.cdrs
    );
    Ok(Reply::ok(text)
        .with("path", name)
        .with("bytes", report.bytes)
        .with("accounts", report.accounts)
        .with("cdrs", report.cdrs))
}

/// The backup of this interval, where one is wanted and was not made; says what it did.
pub(crate) async fn scheduled(switch: &Handle) -> Result<String, Failure> {
    let config = switch.config();
    let (root, now) = (target_folder(switch, &config), switch.now().wall);
    let report = back_up(switch, root.clone(), name_of(now, SCHEDULED), false).await?;
    let keep = usize::try_from(config.backupkeep).unwrap_or(usize::MAX);
    let removed = on_disk(move || {
        let folder = Folder::open(&root)?;
        let mut own: Vec<String> = folder.list()?.into_iter().map(|entry| entry.name).collect();
        own.retain(|name| name.starts_with(SCHEDULED) && !name.contains('/'));
        own.sort();
        // What an increment needs stays as long as the increment.
        let (_, needed) = Store::backup_bases(&root);
        let old = own.len().saturating_sub(keep);
        let mut removed = 0;
        for name in own[..old].iter().filter(|name| !needed.contains(name)) {
            folder.remove(name)?;
            removed += 1;
        }
        Ok(removed)
    })
    .await?;
    Ok(format!("backup of {} bytes, {removed} old ones removed", report.bytes))
}

/// A backup's failure as clients see it.
pub(crate) fn failed(error: BackupError) -> Failure {
    match error {
        BackupError::Denied => Failure::denied("a backup needs the rights of an administrator"),
        BackupError::File { path, what } => {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Failure::invalid(format!("path {name}: {what}"))
        }
        BackupError::NotHere { what } => Failure::unavailable(what),
        BackupError::Server { what } => Failure::unavailable(format!("the database's server: {what}")),
        BackupError::Program { program, .. } if !installed(program) => {
            Failure::unavailable(format!("{program} is not installed on this machine"))
        }
        other => Failure::failed(other.to_string()),
    }
}

fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
