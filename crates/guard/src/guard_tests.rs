//! Failures, bans and limits in virtual time.

use super::*;

const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));
const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 9));

fn at(ms: u64) -> Now {
    Now::default().plus_ms(ms)
}

fn address(last: u8) -> IpAddr {
    [198, 51, 100, last].into()
}

fn fail(guard: &mut Guard, now: Now, source: IpAddr, user: &str, times: u32) {
    for _ in 0..times {
        guard.failure(now, source, Some(user), Door::Sip);
    }
}

#[test]
fn the_tenth_failure_in_five_minutes_bans_for_ten() {
    let mut guard = Guard::new(Limits::default());
    fail(&mut guard, at(0), HOME, "a", 9);
    assert_eq!(guard.check(at(1), HOME, None), Verdict::Pass);
    let verdict = guard.failure(at(299_999), HOME, Some("b"), Door::Api);
    assert_eq!(verdict, Verdict::Banned { retry_after_ms: 600_000 });
    assert_eq!(guard.admit(at(300_000), HOME, None), Verdict::Banned { retry_after_ms: 599_999 });
    assert_eq!(guard.admit(at(899_998), HOME, None), Verdict::Banned { retry_after_ms: 1 });
    assert_eq!(guard.admit(at(899_999), HOME, None), Verdict::Pass);
}

#[test]
fn old_failures_do_not_count() {
    let mut guard = Guard::new(Limits::default());
    fail(&mut guard, at(0), HOME, "a", 9);
    fail(&mut guard, at(300_000), HOME, "a", 9);
    assert_eq!(guard.check(at(300_001), HOME, Some("a")), Verdict::Pass);
}

#[test]
fn success_begins_the_count_anew() {
    let mut guard = Guard::new(Limits::default());
    for _ in 0..5 {
        fail(&mut guard, at(0), HOME, "a", 9);
        guard.success(at(0), HOME, Some("A"));
    }
    assert!(guard.bans(at(1)).iter().all(|b| matches!(b.subject, Subject::Network(_))));
}

#[test]
fn strangers_do_not_lock_an_owner_out_and_many_of_them_are_stopped() {
    let mut guard = Guard::new(Limits::default());
    guard.success(at(0), HOME, Some("alice"));
    let stranger = |n: u8| IpAddr::from([10, n, 0, 1]);
    for n in 1..=99 {
        guard.failure(at(1), stranger(n), Some("Alice"), Door::Portal);
    }
    // Ten times an address's failures so far: the owner still comes in from an address that nobody knows yet.
    assert!(guard.check(at(2), [203, 0, 113, 1].into(), Some("alice")).is_pass());
    let verdict = guard.failure(at(3), stranger(100), Some("alice"), Door::Sip);
    assert_eq!(verdict, Verdict::Banned { retry_after_ms: 60_000 }, "a tenth of the time");
    assert!(!guard.check(at(4), [203, 0, 113, 1].into(), Some("ALICE")).is_pass());
    assert!(guard.check(at(4), stranger(99), Some("bob")).is_pass());
    assert!(guard.check(at(4), HOME, Some("alice")).is_pass());
    assert!(guard.check(at(60_003), [203, 0, 113, 1].into(), Some("alice")).is_pass());
}

#[test]
fn an_own_account_does_not_excuse_guesses_at_a_neighbours() {
    let mut guard = Guard::new(Limits::default());
    for n in 0..10 {
        assert!(guard.check(at(n), HOME, Some("alice")).is_pass(), "{n}");
        guard.failure(at(n), HOME, Some("alice"), Door::Api);
        guard.success(at(n), HOME, Some("mallory"));
    }
    assert!(!guard.check(at(11), HOME, Some("alice")).is_pass());
    assert!(guard.check(at(11), HOME, Some("mallory")).is_pass());
    assert!(guard.check(at(11), address(1), Some("alice")).is_pass());
    assert_eq!(guard.bans(at(11))[0].subject.to_string(), "alice@192.0.2.7");
    assert!(guard.lift(&Subject::account("alice")));
    assert!(guard.check(at(12), HOME, Some("alice")).is_pass());
}

#[test]
fn an_account_has_several_addresses_that_are_known_to_be_good() {
    let mut guard = Guard::new(Limits { ban_failures: 1, ..Limits::default() });
    for last in 1..=6 {
        guard.success(at(u64::from(last)), address(last), Some("alice"));
    }
    for last in 1..=10 {
        guard.failure(at(10), [10, last, 0, 1].into(), Some("alice"), Door::Api);
    }
    let passes: Vec<bool> =
        (1..=6).map(|last| guard.check(at(11), address(last), Some("alice")).is_pass()).collect();
    assert_eq!(passes, [false, false, true, true, true, true]);
}

#[test]
fn a_network_is_banned_but_never_this_machine() {
    let mut guard = Guard::new(Limits::default());
    for last in 1..=20 {
        fail(&mut guard, at(0), address(last), "", 2);
        fail(&mut guard, at(0), [127, 0, 0, last].into(), "", 2);
    }
    assert!(!guard.check(at(1), address(200), None).is_pass());
    assert!(guard.check(at(1), [198, 51, 101, 1].into(), None).is_pass());
    assert!(guard.check(at(1), LOOPBACK, None).is_pass());
    let v6: IpAddr = "2001:db8::1".parse().unwrap();
    for last in 1..=40_u16 {
        guard.failure(at(0), format!("2001:db8::{last:x}").parse().unwrap(), None, Door::Turn);
    }
    assert!(!guard.check(at(1), v6, None).is_pass());
    assert!(guard.check(at(1), "2001:db8:0:1::1".parse().unwrap(), None).is_pass());
}

#[test]
fn trusted_addresses_are_limited_but_never_banned() {
    let trusted = vec![IpRange { first: HOME, last: HOME }];
    let mut guard = Guard::new(Limits { trusted, rate_ip: 2, ..Limits::default() });
    fail(&mut guard, at(0), HOME, "a", 100);
    guard.ban(at(0), &Subject::address(HOME), 1000, "by hand");
    assert_eq!(guard.admit(at(0), HOME, Some("a")), Verdict::Pass);
    assert_eq!(guard.admit(at(0), HOME, Some("a")), Verdict::Pass);
    assert_eq!(guard.admit(at(0), HOME, Some("a")), Verdict::Limited { retry_after_ms: 500 });
}

#[test]
fn zero_switches_a_limit_off() {
    let mut guard = Guard::new(Limits { ban_failures: 0, ..Limits::default() });
    fail(&mut guard, at(0), HOME, "a", 1000);
    assert!((0..1000).all(|_| guard.admit(at(0), HOME, Some("a")).is_pass()));
    guard.set_limits(Limits { ban_time_ms: 0, ..Limits::default() });
    fail(&mut guard, at(0), HOME, "a", 1000);
    assert!(guard.check(at(0), HOME, Some("a")).is_pass());
}

#[test]
fn rates_hold_per_address_user_and_for_all() {
    for (limits, expected) in [
        (Limits { rate_ip: 3, ..Limits::default() }, [3, 3]),
        (Limits { rate_user: 3, ..Limits::default() }, [3, 0]),
        (Limits { rate_global: 4, ..Limits::default() }, [4, 0]),
    ] {
        let mut guard = Guard::new(limits.clone());
        let mut passed = |source| (0..10).filter(|_| guard.admit(at(0), source, Some("a")).is_pass()).count();
        assert_eq!([passed(address(1)), passed(address(2))], expected, "{limits:?}");
    }
}

#[test]
fn naming_an_account_uses_up_none_of_its_requests() {
    let mut guard = Guard::new(Limits { rate_user: 2, ..Limits::default() });
    for _ in 0..100 {
        assert!(guard.admit_source(at(0), HOME, Some("alice")).is_pass());
    }
    let mut passed = || guard.admit_account(at(0).mono, "alice");
    assert_eq!(
        [passed(), passed(), passed()],
        [Verdict::Pass, Verdict::Pass, Verdict::Limited { retry_after_ms: 500 }]
    );
}

#[test]
fn bans_are_listed_and_lifted() {
    let mut guard = Guard::new(Limits::default());
    fail(&mut guard, at(0), HOME, "alice", 10);
    guard.admit(at(1), HOME, None);
    let bans = guard.bans(at(1));
    assert_eq!(bans.len(), 1);
    assert_eq!((bans[0].subject.to_string().as_str(), bans[0].hits), ("192.0.2.7", 1));
    assert_eq!(&*bans[0].reason, "10 failures, the last by SIP");
    assert_eq!(bans[0].until, Wall(600_000));
    assert_eq!(guard.lift_address(HOME), 1);
    assert!(guard.check(at(2), HOME, None).is_pass());
    for subject in [Subject::account("alice"), Subject::account_at("alice", HOME)] {
        guard.ban(at(2), &subject, 1000, "by hand");
        assert!(!guard.check(at(2), HOME, Some("Alice")).is_pass(), "{subject}");
        assert!(guard.lift(&"Alice".parse().unwrap()));
        assert!(guard.check(at(2), HOME, Some("alice")).is_pass());
        assert!(!guard.lift(&"alice".parse().unwrap()));
    }
    fail(&mut guard, at(3), HOME, "alice", 9);
    assert!(guard.bans(at(3)).is_empty());
    guard.ban(at(3), &Subject::address(HOME), 5, "by hand");
    assert_eq!(guard.lift_all(), 1);
    assert!(guard.bans(at(3)).is_empty());
}

#[test]
fn memory_is_bounded_and_the_oldest_goes_first() {
    let mut guard = Guard::new(Limits { max_tracked: 100, rate_ip: 1, ban_failures: 1, ..Limits::default() });
    for n in 0..10_000_u32 {
        let source = IpAddr::V4((0x0a00_0000 + n * 256).into());
        guard.admit(at(u64::from(n)), source, Some(&n.to_string()));
        guard.failure(at(u64::from(n)), source, Some(&n.to_string()), Door::Api);
        guard.success(at(u64::from(n)), source, Some(&n.to_string()));
    }
    for length in [guard.failures.len(), guard.bans.len(), guard.rates.len(), guard.good.len()] {
        assert_eq!(length, 100);
    }
    assert!(guard.bans(at(10_000)).iter().all(|b| b.since >= Wall(9_900)));
}

#[test]
fn a_login_excuses_wrong_passwords_but_no_guessed_codes() {
    let mut guard = Guard::new(Limits::default());
    fail(&mut guard, at(0), HOME, "a", 9);
    guard.success(at(1), HOME, Some("a"));
    fail(&mut guard, at(2), HOME, "a", 1);
    assert_eq!(guard.check(at(3), HOME, Some("a")), Verdict::Pass);
    for n in 0..10 {
        assert_eq!(guard.check(at(10 + n), HOME, Some("a")), Verdict::Pass, "{n}");
        guard.success(at(10 + n), HOME, Some("a"));
        guard.guess(at(10 + n), HOME, Some("a"), Door::Api);
    }
    assert_ne!(guard.check(at(30), HOME, None), Verdict::Pass);
}

#[test]
fn an_address_that_cannot_be_believed_is_told_of_a_limit_once_a_second_and_of_a_ban_never() {
    let mut guard = Guard::new(Limits::default());
    let (limited, banned) = (Verdict::Limited { retry_after_ms: 1 }, Verdict::Banned { retry_after_ms: 1 });
    let mut told = |ms: u64, source, verdict| guard.is_told(at(ms).mono, source, verdict);
    let begun: Vec<bool> =
        [0, 1, 500, 999, 1_000, 1_500, 2_000].map(|ms| told(10_000 + ms, HOME, limited)).to_vec();
    assert_eq!(begun, [true, false, false, false, true, false, true]);
    assert!(told(12_000, address(1), limited), "each address by itself");
    assert!(!told(20_000, HOME, banned) && told(20_000, HOME, Verdict::Pass));
}
