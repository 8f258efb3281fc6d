//! Card payments on both engines: begun once for a request, booked once whoever says so how often and wherever it breaks.
#![allow(clippy::unwrap_used, reason = "a helper of tests may panic like a test")]

mod common;

use common::*;
use strowger_model::{AccountId, Scope, Wall};
use strowger_store::{
    FaultKind, NewPayment, Payment, PaymentError, PaymentState, RequestKey, SqlAnswer, SqlLimits, Store,
};

const NOW: i64 = 4_000_000_000_000;

fn key(request: &str) -> Option<RequestKey> {
    Some(RequestKey { request: request.to_owned(), command: "cccharge", caller: AccountId(1) })
}

fn new(account: AccountId, sum: &str) -> NewPayment {
    NewPayment {
        account,
        amount: amount(sum),
        currency: EUR,
        provider: "https://pay.example".into(),
        most_declined: 3,
    }
}

fn begin(store: &Store, id: AccountId, sum: &str, request: &str) -> Result<(Payment, bool), PaymentError> {
    wait(store.begin_payment(Scope::All, new(id, sum), key(request)))
}

fn asked(store: &Store, id: AccountId, request: &str) -> Payment {
    let (payment, fresh) = begin(store, id, "10", request).unwrap();
    assert!(fresh);
    wait(store.payment_asked(payment.id, "pi_1")).unwrap()
}

/// Rows of the ledger that book payments to an account.
fn bookings(store: &Store, id: AccountId) -> usize {
    let sql = format!("select id from ledger where kind = 'payment' and account_id = {id}");
    match wait(store.sql(Scope::All, &sql, SqlLimits::default())).unwrap() {
        SqlAnswer::Rows(table, _) => table.rows.len(),
        SqlAnswer::Changed(_) => panic!("a query"),
    }
}

#[test]
fn a_request_begins_one_payment_and_saying_paid_again_books_nothing() {
    for bench in engines() {
        let store = bench.open();
        let id = user(&store, "alice", "1");
        let payment = asked(&store, id, "r1");
        assert_eq!((payment.state, payment.intent.as_str()), (PaymentState::Asked, "pi_1"), "{}", bench.name);
        let (again, fresh) = begin(&store, id, "10", "r1").unwrap();
        assert_eq!((again.id, again.state, fresh), (payment.id, PaymentState::Asked, false));
        assert_eq!(begin(&store, id, "11", "r1"), Err(PaymentError::RequestReused));
        // Another one waits until it is known what becomes of the first.
        assert_eq!(begin(&store, id, "10", "r2"), Err(PaymentError::Open { id: payment.id }));
        for _ in 0..3 {
            let paid = wait(store.payment_paid(payment.id)).unwrap();
            assert_eq!((paid.state, settled(&store, id)), (PaymentState::Paid, amount("11")));
        }
        // Paid stays paid.
        let refused = wait(store.payment_refused(payment.id, "late", true)).unwrap();
        assert_eq!((refused.state, refused.reason.as_str()), (PaymentState::Paid, ""));
        assert_eq!(wait(store.payment_asked(payment.id, "pi_2")).unwrap().intent, "pi_1");
        assert_eq!(bookings(&store, id), 1);
        let (second, fresh) = begin(&store, id, "10", "r2").unwrap();
        assert!(fresh && second.id != payment.id && second.key != payment.key);
        check_books(&store);
        store.close();
    }
}

#[test]
fn a_payment_that_was_ended_is_not_asked_for_any_more() {
    for bench in engines() {
        let store = bench.open();
        let id = user(&store, "alice", "1");
        let (payment, _) = begin(&store, id, "10", "r1").unwrap();
        wait(store.payment_refused(payment.id, &"é".repeat(300), false)).unwrap();
        let ended = wait(store.payment_asked(payment.id, "pi_1")).unwrap();
        assert_eq!((ended.state, ended.intent.as_str()), (PaymentState::Refused, ""), "{}", bench.name);
        assert_eq!(ended.reason.chars().count(), 200);
        // Three declined cards are enough for a day; what the provider did not take is no card's fault.
        for request in ["r2", "r3", "r4"] {
            let (payment, _) = begin(&store, id, "10", request).unwrap();
            wait(store.payment_refused(payment.id, "no", true)).unwrap();
        }
        assert_eq!(begin(&store, id, "10", "r6"), Err(PaymentError::TooMany));
        let other = user(&store, "bob", "1");
        let foreign = wait(store.begin_payment(Scope::Own(other), new(id, "1"), None));
        assert_eq!(foreign, Err(PaymentError::NotFound));
        assert_eq!(begin(&store, other, "0", "r5"), Err(PaymentError::NotPositive));
        assert_eq!(wait(store.payments_of(Scope::Own(id), id, 2)).unwrap().len(), 2);
        assert_eq!(wait(store.payments_of(Scope::Own(other), id, 2)).unwrap(), []);
        assert_eq!((settled(&store, id), bookings(&store, id)), (amount("1"), 0));
        check_books(&store);
        store.close();
    }
}

#[test]
fn twenty_at_a_time_begin_one_and_twenty_that_say_paid_book_one() {
    for bench in engines() {
        let store = bench.open();
        let id = user(&store, "alice", "0");
        let all = |work: &(dyn Fn(&Store) -> bool + Sync)| {
            std::thread::scope(|scope| {
                let threads: Vec<_> = (0..20).map(|_| scope.spawn(|| work(&store))).collect();
                threads.into_iter().filter(|_| true).map(|t| t.join().unwrap()).filter(|won| *won).count()
            })
        };
        assert_eq!(all(&|store| begin(store, id, "10", "r1").unwrap().1), 1, "{}", bench.name);
        let payment = wait(store.payments_of(Scope::All, id, 9)).unwrap().remove(0);
        wait(store.payment_asked(payment.id, "pi_1")).unwrap();
        let paid = |store: &Store| wait(store.payment_paid(payment.id)).unwrap().state == PaymentState::Paid;
        assert_eq!(all(&paid), 20);
        assert_eq!((settled(&store, id), bookings(&store, id)), (amount("10"), 1));
        check_books(&store);
        store.close();
    }
}

#[test]
fn open_payments_are_due_after_a_restart_and_then_ever_more_seldom() {
    for bench in engines() {
        let store = bench.open();
        let id = user(&store, "alice", "0");
        let payment = asked(&store, id, "r1");
        let now = Wall(payment.changed.0);
        assert_eq!(wait(store.payments_due(now)).unwrap(), [], "{}: it is somebody's", bench.name);
        assert_eq!(wait(store.payments_left(Wall(0))).unwrap(), 0);
        assert_eq!(wait(store.payments_left(Wall(NOW))).unwrap(), 1);
        assert_eq!(wait(store.payments_due(now)).unwrap().len(), 1);
        let unclear = wait(store.payment_unclear(payment.id, "no answer", 60_000)).unwrap();
        assert_eq!((unclear.state, unclear.attempts), (PaymentState::Asked, 1));
        assert_eq!(wait(store.payments_due(now)).unwrap(), []);
        assert_eq!(wait(store.payments_due(Wall(NOW))).unwrap().len(), 1);
        wait(store.payment_paid(payment.id)).unwrap();
        assert_eq!(wait(store.payments_due(Wall(NOW))).unwrap(), []);
        store.close();
    }
}

#[test]
fn what_was_paid_is_booked_whatever_became_of_the_account() {
    for bench in engines() {
        let store = bench.open();
        let sql = |text: &str| wait(store.sql(Scope::All, text, SqlLimits::default())).unwrap();
        sql("insert into tb_currencies (code, rate) values ('EUR', 2), ('USD', 1)");
        let ids: Vec<_> = ["dollar", "pound", "gone"].map(|name| user(&store, name, "0")).into();
        let payments: Vec<_> = ids.iter().map(|id| asked(&store, *id, &format!("r{id}"))).collect();
        sql("update tb_users set currency = 'USD' where username = 'dollar'");
        sql("update tb_users set currency = 'GBP' where username = 'pound'");
        wait(store.delete_user(Scope::All, ids[2])).unwrap();
        for payment in &payments {
            assert_eq!(wait(store.payment_paid(payment.id)).unwrap().state, PaymentState::Paid);
        }
        assert_eq!(settled(&store, ids[0]), amount("20"), "{}", bench.name);
        let held = "select sum(settled) from balance where unit = 'EUR' and account_id > 0";
        let SqlAnswer::Rows(table, _) = sql(held) else { panic!("a query") };
        assert_eq!(table.rows[0][0].to_string(), "20000000", "in the currency that was paid");
        check_books(&store);
        store.close();
    }
}

/// Whatever write the process dies at or loses its answer to, the next one finds either an open payment without a credit
/// or a paid one with it, and saying it is paid again makes it one credit.
#[test]
fn a_credit_and_its_payment_are_one_whichever_write_is_the_last() {
    for bench in engines() {
        let mut died = 0;
        for (nth, kind) in (1..=12).flat_map(|n| [(n, FaultKind::Kill), (n, FaultKind::LostAfterCommit)]) {
            let store = bench.open();
            let id = user(&store, &format!("u{nth}{kind:?}"), "0");
            let payment = asked(&store, id, &format!("r{nth}{kind:?}"));
            bench.faults.arm(nth, kind);
            died += usize::from(wait(store.payment_paid(payment.id)).is_err());
            bench.faults.disarm();
            store.close();
            let store = bench.open();
            let found = wait(store.payments_of(Scope::All, id, 1)).unwrap().remove(0);
            let booked = usize::from(found.state == PaymentState::Paid);
            assert_eq!(bookings(&store, id), booked, "{} {nth} {kind:?}", bench.name);
            assert!(found.state == PaymentState::Paid || found.state == PaymentState::Asked);
            wait(store.payment_paid(payment.id)).unwrap();
            assert_eq!((bookings(&store, id), settled(&store, id)), (1, amount("10")));
            check_books(&store);
            store.close();
        }
        assert!(died >= 5, "{}: {died} of them died", bench.name);
    }
}
