//! Test calls: routed, paid and recorded as any call of the account, and reported when they are over.

mod harness;

use harness::phone::Phone;
use harness::{ALICE, BOB, EAST, WEST, World};
use strowger_call::{CallOrder, Done, OrderError, TestReport};
use strowger_model::cdr::EndedBy;
use strowger_model::media::{MediaEvent, MediaOrder, SlotStats, Source};
use strowger_model::{AccountId, Amount};

const B: usize = 1;
const TRUNK: usize = 3;
const OTHER_TRUNK: usize = 4;
const TOKEN: u64 = 5;
/// What the report waits for figures at most, and a margin, in milliseconds.
const REPORT_MS: u64 = 2_100;

fn test(account: AccountId, called: &str, seconds: u32) -> CallOrder {
    CallOrder::Test { account, called: called.into(), seconds }
}

/// The one reply, of an order that came to a report.
fn report(world: &World) -> TestReport {
    match &*world.replies {
        [(TOKEN, Ok(Done::Tested(report)))] => (**report).clone(),
        other => panic!("no report: {other:?}"),
    }
}

fn tone(world: &World) -> bool {
    world.media.iter().any(|order| matches!(order, MediaOrder::Source { source: Source::Tone { .. }, .. }))
}

#[test]
fn a_test_call_is_answered_talks_for_its_time_and_reports() {
    let mut world = World::new();
    world.order(TOKEN, test(ALICE, "4412345", 10));
    world.run(5_000);
    assert!(world.phones[TRUNK].has("ACK") && tone(&world), "{:?}", world.phones[TRUNK].log);
    assert!(world.replies.is_empty(), "not before it is over");
    assert_eq!(world.calls.list(world.now)[0].state, "speaking");
    world.run(6_100);
    assert!(world.phones[TRUNK].has("BYE"), "{:?}", world.phones[TRUNK].log);
    assert!(world.replies.is_empty(), "the figures are still to come");
    let stats = SlotStats { received: 480, sent: 500, lost: 20, ..SlotStats::default() };
    world.media_event(MediaEvent::Stats { slot: world.freed[0], stats });
    let report = report(&world);
    assert_eq!(report.media, Some(stats));
    assert!((50..100).contains(&report.post_dial_ms), "{report:?}");
    assert!((900..1_000).contains(&report.ringing_ms), "{report:?}");
    assert_eq!(report.cdr, *world.cdr());
    let cdr = world.cdr().clone();
    assert_eq!((cdr.status, &*cdr.reason, cdr.ended_by), (200, "normal", EndedBy::Caller));
    assert_eq!((cdr.caller, cdr.payer, cdr.server), (Some(ALICE), Some(ALICE), Some(EAST)));
    assert!((9_990..10_020).contains(&cdr.duration_ms), "{}", cdr.duration_ms);
    assert_eq!((cdr.cost_enduser, &*cdr.codec), (Amount(100_000), "PCMU"));
    assert_eq!(world.store.credit[&ALICE], 10_000_000 - cdr.cost_enduser.0);
    world.finish();
}

#[test]
fn a_report_does_not_wait_for_figures_for_ever() {
    let mut world = World::new();
    world.order(TOKEN, test(ALICE, "bob", 1));
    world.run(2_300 + REPORT_MS);
    let report = report(&world);
    assert_eq!((report.media, report.cdr.status), (None, 200));
    assert_eq!(report.cdr.called, Some(BOB));
    world.finish();
}

#[test]
fn what_is_not_answered_is_reported_with_its_status() {
    /// How the phone answers, and when.
    type Answer = Option<(u16, u64)>;
    let rows: [(Answer, u64, u16, &str); 4] = [
        (Some((486, 400)), 1_000, 486, "busy"),
        (Some((404, 400)), 1_000, 404, "not found"),
        (Some((603, 400)), 1_000, 603, "declined"),
        (None, 31_000, 480, "no answer"),
    ];
    for (answer, within_ms, status, reason) in rows {
        let mut world = World::new();
        world.phones[B].script.answer = answer;
        world.order(TOKEN, test(ALICE, "bob", 10));
        world.run(within_ms);
        let report = report(&world);
        assert_eq!((report.cdr.status, &*report.cdr.reason), (status, reason));
        assert_eq!((report.cdr.duration_ms, report.media), (0, None), "{reason}");
        assert!(report.ringing_ms >= 300 && (50..100).contains(&report.post_dial_ms), "{report:?}");
        assert!(!tone(&world));
        world.finish();
        assert_eq!(*world.cdr(), report.cdr);
    }
}

#[test]
fn the_called_party_may_hang_up_first() {
    let mut world = World::new();
    world.order(TOKEN, test(ALICE, "bob", 60));
    world.run(4_000);
    world.act(B, Phone::bye);
    world.run(REPORT_MS);
    let cdr = report(&world).cdr;
    assert_eq!((cdr.status, &*cdr.reason, cdr.ended_by), (200, "normal", EndedBy::Called));
    assert!((2_900..3_010).contains(&cdr.duration_ms), "{}", cdr.duration_ms);
    world.finish();
}

#[test]
fn a_test_call_is_cut_when_the_credit_ends() {
    let mut world = World::new();
    world.store.credit.insert(ALICE, 50_000);
    world.order(TOKEN, test(ALICE, "4412345", 60));
    world.run(10_000 + REPORT_MS);
    let cdr = report(&world).cdr;
    assert_eq!((cdr.status, &*cdr.reason), (200, "no credit"));
    assert_eq!(world.store.credit[&ALICE], 0);
    world.finish();
}

#[test]
fn a_test_call_fails_over_as_any_call_does() {
    let mut world = World::new();
    world.phones[TRUNK].script.dead = true;
    world.phones[OTHER_TRUNK].script.challenge = true;
    world.order(TOKEN, test(ALICE, "4412345", 2));
    world.run(15_000 + REPORT_MS);
    let cdr = report(&world).cdr;
    assert_eq!((cdr.status, cdr.server), (200, Some(WEST)));
    world.finish();
}

#[test]
fn what_may_not_be_dialled_is_refused() {
    type Prepare = fn(&mut World);
    let rows: [(Prepare, AccountId, &str, OrderError, usize); 6] = [
        (
            |world| {
                world.store.credit.insert(ALICE, 0);
            },
            ALICE,
            "4412345",
            OrderError::Refused { status: 402, reason: "no credit".into() },
            1,
        ),
        (|_| {}, AccountId(77), "bob", OrderError::NoSuchAccount, 0),
        (|world| world.env.settings.draining = true, ALICE, "bob", OrderError::Draining, 0),
        (|world| world.env.settings.max_calls = 0, ALICE, "bob", OrderError::Full, 0),
        (|_| {}, ALICE, "3312345", OrderError::Refused { status: 403, reason: "no price".into() }, 0),
        (
            |world| world.change_account(ALICE, |alice| alice.active = false),
            ALICE,
            "bob",
            OrderError::Refused { status: 403, reason: "forbidden".into() },
            0,
        ),
    ];
    for (prepare, account, called, expected, records) in rows {
        let mut world = World::new();
        prepare(&mut world);
        world.order(TOKEN, test(account, called, 10));
        world.run(200);
        assert_eq!(world.replies, [(TOKEN, Err(expected))]);
        assert!(world.sent.is_empty(), "nobody is dialled");
        world.finish();
        assert_eq!(world.store.cdrs.len(), records);
    }
}

#[test]
fn an_operator_ends_a_test_call() {
    let mut world = World::new();
    world.order(TOKEN, test(ALICE, "bob", 300));
    world.run(3_000);
    let call = world.call();
    world.order(6, CallOrder::Hangup { call });
    world.run(REPORT_MS);
    let reports: Vec<_> = world.replies.iter().filter(|(token, _)| *token == TOKEN).collect();
    assert!(
        matches!(&*reports, [(_, Ok(Done::Tested(report)))] if report.cdr.reason == "administrator"),
        "{reports:?}"
    );
    world.finish();
}

#[test]
fn a_test_call_that_panics_is_reported_as_failed() {
    let mut world = World::new();
    world.order(TOKEN, test(ALICE, "bob", 300));
    world.run(3_000);
    let call = world.call();
    world.abandon(call);
    world.run(REPORT_MS);
    let cdr = report(&world).cdr;
    assert_eq!((cdr.status, &*cdr.reason), (200, "internal error"));
    world.finish();
}
