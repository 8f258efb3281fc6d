//! Backups on both engines: increments on their base, a restore that keeps the old database, and what is refused by name.
#![allow(clippy::unwrap_used, reason = "a helper of tests may panic like a test")]

mod common;

use std::path::PathBuf;

use common::*;
use strowger_model::Scope;
use strowger_store::{BackupError, Database, Store};

/// PostgreSQL's programs do its backups; a machine may be without them.
fn able() -> Vec<Bench> {
    let programs = std::process::Command::new("pg_dump").arg("--version").output().is_ok();
    if !programs {
        println!("SKIPPED on PostgreSQL: pg_dump is not installed");
    }
    engines().into_iter().filter(|bench| bench.is_sqlite() || programs).collect()
}

fn folder(bench: &Bench) -> PathBuf {
    let folder = bench.path().join("backups");
    std::fs::create_dir(&folder).unwrap();
    folder
}

/// Accounts as a restored database has them.
fn names(bench: &Bench) -> Vec<String> {
    let store = bench.open();
    let accounts = store.server().load().unwrap().accounts;
    check_books(&store);
    store.close();
    accounts.iter().map(|account| account.username.to_string()).collect()
}

#[test]
fn an_increment_holds_what_is_new_and_is_restored_on_its_base() {
    for bench in able() {
        let (store, folder) = (bench.open(), folder(&bench));
        for n in 0..200 {
            user(&store, &format!("old{n}"), "1");
        }
        let (full, increment) = (folder.join("full.backup"), folder.join("one.increment"));
        let whole = wait(store.backup(Scope::All, full.clone())).unwrap();
        user(&store, "alice", "5");
        let made = wait(store.backup_increment(Scope::All, full.clone(), increment.clone()));
        if !bench.is_sqlite() {
            assert!(matches!(made, Err(BackupError::NotHere { .. })), "{made:?}");
            continue;
        }
        let made = made.unwrap();
        assert_eq!((made.accounts, whole.accounts), (201, 200));
        assert!(made.bytes < whole.bytes / 2, "{} of {}", made.bytes, whole.bytes);
        assert_eq!(Store::backup_bases(&folder), (Some(full.clone()), vec!["full.backup".to_owned()]));
        assert_eq!(wait(store.try_backup(Scope::All, &increment)).unwrap().accounts, 201);
        let mut left: Vec<_> =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["full.backup", "one.increment"], "no scratch stays");

        user(&store, "after", "1");
        let epoch = store.server().recover(now()).unwrap().epoch;
        store.close();
        assert_eq!(Store::restore(&bench.options(), &increment).unwrap().accounts, 201);
        let restored = names(&bench);
        assert!(restored.contains(&"alice".to_owned()) && !restored.contains(&"after".to_owned()));
        let store = bench.open();
        assert!(store.server().recover(now()).unwrap().epoch > epoch, "ids are not minted twice");
        store.close();
    }
}

#[test]
fn what_is_altered_or_missing_is_refused_by_name() {
    for bench in able().iter().filter(|bench| bench.is_sqlite()) {
        let (store, folder) = (bench.open(), folder(bench));
        user(&store, "alice", "5");
        let (full, increment) = (folder.join("full.backup"), folder.join("one.increment"));
        wait(store.backup(Scope::All, full.clone())).unwrap();
        user(&store, "bob", "5");
        wait(store.backup_increment(Scope::All, full.clone(), increment.clone())).unwrap();
        let refused = |name: &str| {
            for tried in
                [wait(store.try_backup(Scope::All, &increment)).map(drop), store.verify_backup(&increment)]
            {
                let Err(BackupError::File { path, what }) = tried else { panic!("{name}: {tried:?}") };
                assert!(path.ends_with(name), "{name}: {path:?}: {what}");
            }
        };
        let (base, own) = (std::fs::read(&full).unwrap(), std::fs::read(&increment).unwrap());
        let altered = |bytes: &[u8], at: usize| {
            let mut bytes = bytes.to_vec();
            bytes[at] ^= 1;
            bytes
        };
        std::fs::write(&full, altered(&base, base.len() - 9)).unwrap();
        refused("full.backup");
        std::fs::remove_file(&full).unwrap();
        refused("full.backup");
        std::fs::write(&full, &base).unwrap();
        for at in [own.len() - 1, own.len() / 2, 40] {
            std::fs::write(&increment, altered(&own, at)).unwrap();
            refused("one.increment");
        }
        std::fs::write(&increment, &own[..own.len() - 100]).unwrap();
        refused("one.increment");
        std::fs::write(&increment, &own).unwrap();
        store.verify_backup(&increment).unwrap();
        let no_base = wait(store.backup_increment(Scope::All, increment.clone(), folder.join("two")));
        assert!(matches!(&no_base, Err(BackupError::File { path, .. }) if *path == increment), "{no_base:?}");
        assert!(!folder.join("two").exists());
        store.close();
    }
}

#[test]
fn a_restore_keeps_the_old_database_and_may_be_repeated() {
    for bench in able() {
        let (store, folder) = (bench.open(), folder(&bench));
        user(&store, "alice", "5");
        let file = folder.join("one.backup");
        wait(store.backup(Scope::All, file.clone())).unwrap();
        user(&store, "bob", "5");
        let epoch = store.server().recover(now()).unwrap().epoch;
        store.close();
        for _ in 0..2 {
            let report = Store::restore(&bench.options(), &file).unwrap();
            assert_eq!((report.accounts, report.cdrs), (1, 0), "{}", bench.name);
            assert_eq!(names(&bench), ["alice"], "{}", bench.name);
        }
        let store = bench.open();
        assert!(store.server().recover(now()).unwrap().epoch > epoch, "{}", bench.name);
        store.close();
        let aside = match &bench.database {
            Database::Sqlite(path) => Database::Sqlite(path.with_extension("db.before-restore")),
            Database::Postgres(url) => Database::Postgres(format!("{url}_before_restore")),
        };
        let mut options = bench.options();
        options.database = aside;
        let old = Store::open(options).unwrap();
        assert_eq!(old.server().load().unwrap().accounts.len(), 1, "{}: the last one", bench.name);
        old.close();

        let broken = folder.join("broken.backup");
        std::fs::write(&broken, "no backup").unwrap();
        assert!(Store::restore(&bench.options(), &broken).is_err(), "{}", bench.name);
        assert_eq!(names(&bench), ["alice"], "{}: nothing happened", bench.name);
    }
}

#[test]
fn a_database_that_others_use_stays_where_it_is() {
    for bench in able().iter().filter(|bench| !bench.is_sqlite()) {
        let (store, folder) = (bench.open(), folder(bench));
        user(&store, "alice", "5");
        let file = folder.join("one.backup");
        wait(store.backup(Scope::All, file.clone())).unwrap();
        store.close();
        let other = bench.client();
        let answer = Store::restore(&bench.options(), &file);
        let Err(BackupError::Server { what }) = &answer else { panic!("{answer:?}") };
        assert!(what.contains("cannot be set aside") && what.contains("accessed by other users"), "{what}");
        other.close().unwrap();
        assert_eq!(names(bench), ["alice"]);
    }
}
