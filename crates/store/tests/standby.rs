//! Databases that could take over, on both engines: how they stand, which one is in use, and epochs that only rise.
#![allow(clippy::unwrap_used, reason = "a helper of tests may panic like a test")]

mod common;

use common::*;
use strowger_store::{Database, Standing, Store};

#[test]
fn a_database_tells_how_it_stands() {
    for bench in engines() {
        let empty = bench.database.standing().unwrap();
        assert_eq!(empty, Standing { writable: true, ..Standing::default() }, "{}", bench.name);
        let store = bench.open();
        user(&store, "alice", "5");
        let own = wait(store.standing()).unwrap();
        assert!(own.has_tables && own.writable && own.changes > 0, "{}: {own:?}", bench.name);
        assert_eq!((own.ledger.0, own.records, own.origin.len()), (2, 0, 32), "{}", bench.name);
        store.close();
        assert_eq!(bench.database.standing().unwrap(), own, "{}: from outside", bench.name);
        assert!(own.equals(&own) && !empty.equals(&own) && !empty.equals(&empty), "{}", bench.name);
        assert_eq!(bench.database.engine(), bench.name);
    }
}

#[test]
fn an_epoch_only_rises() {
    for bench in engines() {
        let epoch = |store: &Store| store.server().recover(now()).unwrap().epoch;
        let store = bench.open();
        assert_eq!(epoch(&store), 1, "{}", bench.name);
        store.close();
        Store::make_ready(&bench.options(), 40).unwrap();
        Store::make_ready(&bench.options(), 7).unwrap();
        let store = bench.open();
        assert_eq!(epoch(&store), 41, "{}", bench.name);
        store.close();
    }
}

#[test]
fn the_database_in_use_is_kept_by_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let all = Database::all("", &["sqlite:spare.db".to_owned(), "postgres://h/x".to_owned()], data).unwrap();
    let names = [data.join("strowger.db"), data.join("spare.db")].map(Database::Sqlite);
    assert_eq!(all[..2], names);
    assert_eq!(all[2], Database::Postgres("postgres://h/x".to_owned()));
    assert!(Database::all("", &["mysql://h/x".to_owned()], data).is_err());
    assert_eq!(Database::active(data).unwrap(), 1);
    Database::activate(data, 3).unwrap();
    assert_eq!(Database::active(data).unwrap(), 3);
    for wrong in ["", "0", "two", "-1"] {
        std::fs::write(data.join("database.number"), wrong).unwrap();
        assert!(Database::active(data).is_err(), "{wrong}");
    }
}
