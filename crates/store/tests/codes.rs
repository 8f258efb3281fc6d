//! One-time codes on both engines: good once, in time, for a few tries.
#![allow(clippy::unwrap_used, reason = "a helper of tests may panic like a test")]

mod common;

use common::*;
use strowger_model::{Scope, Secret};
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

#[test]
fn the_answer_to_the_own_question_counts_like_the_code() {
    for bench in engines() {
        let store = bench.open();
        let alice = user(&store, "alice", "0");
        let set = |name: &str, value: &str| {
            wait(store.set_fields(Scope::All, alice, vec![(name.into(), value.into())])).unwrap();
        };
        let keep = |account| {
            wait(store.keep_code(CodePurpose::Recovery, "s", account, "h", START.plus_ms(1000))).unwrap();
        };
        let answer = |text: &str| wait(store.try_recovery("s", "no code", Secret::new(text), START)).unwrap();
        keep(Some(alice));
        assert_eq!(answer(""), None, "{}: none is set", bench.name);
        set("forgotpasswordquestion", "First pet?");
        set("forgotpasswordanswer", "Old  Rex");
        assert_eq!((answer("Rex"), answer("")), (None, None));
        assert_eq!(answer(" old rex "), Some(alice), "{}: in any case", bench.name);
        assert_eq!(answer("old rex"), None, "once, and only after the question");
        keep(Some(alice));
        let by_code = wait(store.try_recovery("s", "h", Secret::new("h"), START)).unwrap();
        assert_eq!(by_code, Some(alice));
        keep(Some(alice));
        assert!((0..5).all(|_| answer("wrong").is_none()));
        assert_eq!(answer("old rex"), None, "five tries");
        keep(None);
        assert_eq!((answer("old rex"), answer("")), (None, None), "nobody's address");

        // It is kept like a password: encrypted, whoever wrote it, and shown to nobody.
        let sql = |text: &str| wait(store.sql(Scope::All, text, strowger_store::SqlLimits::default()));
        let shown = |text: &str| format!("{:?}", sql(text).unwrap());
        assert!(shown("select forgotpasswordanswer from tb_users").contains("***"));
        assert!(shown("select id from tb_users where forgotpasswordanswer = 'Old  Rex'").contains("Int("));
        sql("update tb_users set forgotpasswordanswer = 'Bello' where username = 'alice'").unwrap();
        keep(Some(alice));
        assert_eq!(answer("bello"), Some(alice), "{}", bench.name);
        let fields = wait(store.user_fields(Scope::All, alice, &[])).unwrap();
        assert!(fields.iter().any(|(name, value)| name == "forgotpasswordquestion" && value == "First pet?"));
        assert!(fields.iter().all(|(name, _)| name != "forgotpasswordanswer"));
        store.close();
    }
}
