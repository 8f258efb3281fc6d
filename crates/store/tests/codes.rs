//! One-time codes on both engines: good once, in time, for a few tries.
#![allow(clippy::unwrap_used, reason = "a helper of tests may panic like a test")]

mod common;

use common::*;
use strowger_model::Scope;
use strowger_store::{CodePurpose, Store};

#[test]
fn a_code_is_good_once_in_time_and_for_five_tries() {
    for bench in engines() {
        let store = bench.open();
        let alice = user(&store, "alice", "0");
        let keep = |store: &Store| {
            wait(store.keep_code(CodePurpose::SignUp, "s", Some(alice), "h", START.plus_ms(1000))).unwrap();
        };
        let try_at = |store: &Store, hash: &str, ms: i64| {
            wait(store.try_code(CodePurpose::SignUp, "s", hash, START.plus_ms(ms))).unwrap()
        };
        assert_eq!(try_at(&store, "h", 0), None, "{}", bench.name);
        keep(&store);
        assert_eq!(try_at(&store, "other", 0), None);
        assert_eq!(wait(store.try_code(CodePurpose::Recovery, "s", "h", START)).unwrap(), None);
        assert_eq!(try_at(&store, "h", 1000), Some(alice), "{}", bench.name);
        assert_eq!(try_at(&store, "h", 0), None, "once");
        keep(&store);
        assert_eq!(try_at(&store, "h", 1001), None, "in time");
        keep(&store);
        assert!((0..5).all(|_| try_at(&store, "x", 0).is_none()));
        assert_eq!(try_at(&store, "h", 0), None, "five tries");

        wait(store.keep_code(CodePurpose::Recovery, "nobody", None, "h", START.plus_ms(1000))).unwrap();
        assert_eq!(wait(store.try_code(CodePurpose::Recovery, "nobody", "h", START)).unwrap(), None);

        keep(&store);
        let overdue = |at| wait(store.overdue_sign_up("s", START.plus_ms(at))).unwrap();
        assert_eq!(overdue(2000), None, "an account that is enabled is nobody's leftover");
        wait(store.set_fields(Scope::All, alice, vec![("enabled".into(), "0".into())])).unwrap();
        assert_eq!((overdue(500), overdue(2000)), (None, Some(alice)), "{}", bench.name);
        store.close();
    }
}
