//! Moving credit outside calls, on both engines.
#![allow(clippy::unwrap_used, reason = "a helper of tests may panic like a test")]

mod common;

use common::*;
use strowger_model::{AccountId, Amount, Scope, Secret};
use strowger_store::{CreditError, RedeemError, RequestKey, SqlLimits, Store};

fn key(request: &str) -> Option<RequestKey> {
    Some(RequestKey { request: request.to_owned(), command: "addcredit", caller: AccountId(1) })
}

fn sql(store: &Store, text: &str) {
    wait(store.sql(Scope::All, text, SqlLimits::default())).unwrap();
}

#[test]
fn a_repeated_request_has_its_effect_once() {
    for bench in engines() {
        let store = bench.open();
        let id = user(&store, "alice", "1");
        for _ in 0..3 {
            let credit = wait(store.add_credit(Scope::All, id, amount("2.5"), None, "", key("r1"))).unwrap();
            assert_eq!(credit.settled, amount("3.5"), "{}", bench.name);
        }
        let other = wait(store.add_credit(Scope::All, id, amount("9"), None, "", key("r1")));
        assert_eq!(other, Err(CreditError::RequestReused));
        let again = wait(store.add_credit(Scope::All, id, amount("1"), None, "", key("r2"))).unwrap();
        assert_eq!(again.settled, amount("4.5"));
        let too_much = wait(store.add_credit(Scope::All, id, amount("-5"), None, "", None));
        assert_eq!(too_much, Err(CreditError::NoCredit { available: amount("4.5") }));
        check_books(&store);
        store.close();
    }
}

#[test]
fn a_transfer_moves_both_rows_or_none() {
    for bench in engines() {
        let store = bench.open();
        let (a, b) = (user(&store, "a", "10"), user(&store, "b", "0"));
        let left = wait(store.transfer(Scope::Own(a), a, b, amount("4"), None)).unwrap();
        assert_eq!((left.settled, settled(&store, b)), (amount("6"), amount("4")), "{}", bench.name);
        for (from, to, sum, expected) in [
            (a, b, "7", CreditError::NoCredit { available: amount("6") }),
            (a, b, "0", CreditError::NotPositive),
            (a, b, "-1", CreditError::NotPositive),
            (a, AccountId(999), "1", CreditError::NotFound { id: AccountId(999) }),
            (b, a, "1", CreditError::NotFound { id: b }),
        ] {
            let answer = wait(store.transfer(Scope::Own(a), from, to, amount(sum), None));
            assert_eq!(answer, Err(expected));
        }
        check_books(&store);
        store.close();
    }
}

#[test]
fn currencies_are_converted_by_their_rates_or_refused() {
    for bench in engines() {
        let store = bench.open();
        let euro = user(&store, "euro", "10");
        let mut new = new_user("dollar", "0");
        new.fields = vec![("currency".to_owned(), "USD".to_owned())];
        let dollar = wait(store.create_user(Scope::All, new, None)).unwrap();
        let answer = wait(store.transfer(Scope::All, euro, dollar, amount("1"), None));
        assert!(matches!(answer, Err(CreditError::NoRate { .. })), "{}", bench.name);
        sql(&store, "insert into tb_currencies (code, rate) values ('EUR', 1.1), ('USD', 1)");
        wait(store.transfer(Scope::All, euro, dollar, amount("2"), None)).unwrap();
        assert_eq!((settled(&store, euro), settled(&store, dollar)), (amount("8"), amount("2.2")));
        wait(store.add_credit(Scope::All, dollar, amount("1"), Some(EUR), "", None)).unwrap();
        assert_eq!(settled(&store, dollar), amount("3.3"));
        check_books(&store);
        store.close();
    }
}

#[test]
fn a_code_is_redeemed_exactly_once_under_concurrency() {
    for bench in engines() {
        let store = bench.open();
        let users: Vec<AccountId> = (0..10).map(|n| user(&store, &format!("u{n}"), "0")).collect();
        sql(&store, "insert into tb_prepaidcodes (code, value, currency) values ('4711', 12.5, 'EUR')");
        sql(
            &store,
            "insert into tb_prepaidcodes (code, value, expires) values ('old', 1, '2001-01-01 00:00:00')",
        );
        let outcomes: Vec<bool> = std::thread::scope(|scope| {
            let threads: Vec<_> = users
                .iter()
                .map(|id| {
                    let store = store.clone();
                    scope.spawn(move || {
                        match wait(store.redeem(Scope::Own(*id), *id, &Secret::new("4711"), None)) {
                            Ok(credit) => credit.settled == amount("12.5"),
                            Err(RedeemError::UnknownCode) => false,
                            Err(other) => panic!("{other:?}"),
                        }
                    })
                })
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert_eq!(outcomes.iter().filter(|won| **won).count(), 1, "{}", bench.name);
        let total: Amount = users.iter().map(|id| settled(&store, *id)).sum();
        assert_eq!(total, amount("12.5"));
        for code in ["old", "nonsense", ""] {
            let answer = wait(store.redeem(Scope::All, users[0], &Secret::new(code), None));
            assert_eq!(answer, Err(RedeemError::UnknownCode), "{code}");
        }
        check_books(&store);
        store.close();
    }
}

#[test]
fn a_scope_covers_its_children_and_no_others() {
    for bench in engines() {
        let store = bench.open();
        let reseller = user(&store, "reseller", "0");
        let mut new = new_user("child", "1");
        new.parent = Some(reseller);
        let child = wait(store.create_user(Scope::Children(reseller), new, None)).unwrap();
        let stranger = user(&store, "stranger", "1");
        assert!(wait(store.credit(Scope::Children(reseller), child)).is_ok(), "{}", bench.name);
        assert!(wait(store.credit(Scope::Own(reseller), child)).is_err());
        for scope in [Scope::Children(reseller), Scope::Own(reseller), Scope::Own(child)] {
            assert!(wait(store.credit(scope, stranger)).is_err());
            assert!(wait(store.add_credit(scope, stranger, amount("1"), None, "", None)).is_err());
            assert!(wait(store.delete_user(scope, stranger)).is_err());
            assert!(wait(store.user_fields(scope, stranger, &["name"])).is_err());
            assert_eq!(wait(store.find_user(scope, "stranger")), Ok(None));
        }
        let page = wait(store.list_users(Scope::Children(reseller), Default::default(), None)).unwrap();
        assert_eq!(page.table.rows.len(), 2);
        let outside = wait(store.create_user(Scope::Children(reseller), new_user("x", "0"), None));
        assert!(outside.is_err());
        store.close();
    }
}
