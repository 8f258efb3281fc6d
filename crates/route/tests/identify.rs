//! The needauth matrix: which proof each kind accepts.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::net::SocketAddr;

use common::{account, change, snapshot, trunk, user};
use strowger_model::account::{IpRange, Transport};
use strowger_model::{Account, AccountId, AccountKind, NeedAuth, Secret};
use strowger_route::{Arrival, Change, Identity, Settings, Snapshot, identify};

const RIGHT: &str = "192.0.2.50:5060";
const WRONG_PORT: &str = "192.0.2.50:9999";
const IN_RANGE: &str = "192.0.2.77:5060";
const ELSEWHERE: &str = "203.0.113.1:5060";

fn arrival<'a>(source: &str, from_user: &'a str, called_user: &'a str, digest: Option<i64>) -> Arrival<'a> {
    Arrival {
        source: source.parse::<SocketAddr>().unwrap(),
        transport: Transport::Tcp,
        from_user,
        from_host: "example.com",
        called_user,
        called_host: "192.0.2.9",
        digest: digest.map(AccountId),
        bound_listener: false,
    }
}

/// `ok`, `digest` (with a candidate), `unknown` (challenged without one) or the refusal's status.
fn verdict(snapshot: &Snapshot, arrival: &Arrival) -> String {
    match identify(snapshot, arrival) {
        Identity::Accept { called, .. } => format!("ok {called}"),
        Identity::NeedDigest { candidates } if candidates.is_empty() => "unknown".into(),
        Identity::NeedDigest { .. } => "digest".into(),
        Identity::Refuse { status, .. } => status.to_string(),
    }
}

fn peer(need_auth: NeedAuth) -> Snapshot {
    let ip = [192, 0, 2, 50].into();
    let range = IpRange { first: [192, 0, 2, 60].into(), last: [192, 0, 2, 90].into() };
    let one = IpRange { first: ip, last: ip };
    let auth_ip = match need_auth {
        NeedAuth::IpRange | NeedAuth::IpRangeUserPassword => [range].into(),
        _ => [one].into(),
    };
    let server = trunk(0, "", 50).server;
    let peer = Account {
        need_auth,
        auth_ip,
        server,
        tech_prefix: "77".into(),
        ..account(7, AccountKind::TrafficSender, "peer")
    };
    let mut snapshot = Snapshot::new(Settings::default());
    snapshot.apply(Change::Account(Box::new(peer)));
    snapshot
}

#[test]
fn every_kind_accepts_its_proof_and_no_other() {
    use NeedAuth as N;
    // The columns: its address; its address and a wrong port; an address of its range; elsewhere under its
    // name; elsewhere with its prefix; elsewhere as a stranger; digest from its address; digest from elsewhere.
    #[rustfmt::skip]
    let matrix: [(NeedAuth, [&str; 8]); 11] = [
        (N::Open,                ["ok 36", "ok 36", "unknown", "ok 36", "unknown", "unknown", "ok 36", "ok 36"]),
        (N::Ip,                  ["ok 36", "ok 36", "unknown", "unknown", "unknown", "unknown", "ok 36", "403"]),
        (N::Prefix,              ["unknown", "unknown", "unknown", "unknown", "ok 36", "unknown", "403", "403"]),
        (N::PrefixIp,            ["unknown", "unknown", "unknown", "unknown", "unknown", "unknown", "403", "403"]),
        (N::UserPassword,        ["unknown", "unknown", "unknown", "digest", "unknown", "unknown", "ok 36", "ok 36"]),
        (N::Username,            ["unknown", "unknown", "unknown", "ok 36", "unknown", "unknown", "ok 36", "ok 36"]),
        (N::IpPort,              ["ok 36", "unknown", "unknown", "unknown", "unknown", "unknown", "ok 36", "403"]),
        (N::IpUsername,          ["unknown", "unknown", "unknown", "unknown", "unknown", "unknown", "ok 36", "403"]),
        (N::IpUserPassword,      ["digest", "digest", "unknown", "unknown", "unknown", "unknown", "ok 36", "403"]),
        // Its own `ip` (the server's) counts beside the range.
        (N::IpRange,             ["ok 36", "ok 36", "ok 36", "unknown", "unknown", "unknown", "ok 36", "403"]),
        (N::IpRangeUserPassword, ["digest", "digest", "digest", "unknown", "unknown", "unknown", "ok 36", "403"]),
    ];
    for (kind, expected) in matrix {
        let snapshot = peer(kind);
        let got = [
            arrival(RIGHT, "361", "36", None),
            arrival(WRONG_PORT, "361", "36", None),
            arrival(IN_RANGE, "361", "36", None),
            arrival(ELSEWHERE, "Peer", "36", None),
            arrival(ELSEWHERE, "361", "7736", None),
            arrival(ELSEWHERE, "361", "36", None),
            arrival(RIGHT, "361", "36", Some(7)),
            arrival(ELSEWHERE, "361", "36", Some(7)),
        ]
        .map(|a| verdict(&snapshot, &a));
        assert_eq!(got, expected, "{kind:?}");
    }
}

#[test]
fn combined_kinds_need_both_parts() {
    let snapshot = peer(NeedAuth::PrefixIp);
    assert_eq!(verdict(&snapshot, &arrival(RIGHT, "361", "7736", None)), "ok 36");
    assert_eq!(verdict(&snapshot, &arrival(RIGHT, "361", "77", None)), "unknown");
    let mut snapshot = peer(NeedAuth::IpPort);
    change(&mut snapshot, 7, |a| a.server.as_mut().unwrap().port = 0);
    assert_eq!(verdict(&snapshot, &arrival(RIGHT, "361", "36", None)), "ok 36");
    let snapshot = peer(NeedAuth::IpUsername);
    assert_eq!(verdict(&snapshot, &arrival(RIGHT, "peer", "36", None)), "ok 36");
}

#[test]
fn two_trunks_on_one_address_are_told_apart() {
    let mut snapshot = snapshot();
    for (id, name) in [(31, "first"), (32, "second")] {
        snapshot.apply(Change::Account(Box::new(trunk(id, name, 40))));
    }
    let who = |snapshot: &Snapshot, source: &str, from: &str, called: &str| match identify(
        snapshot,
        &arrival(source, from, called, None),
    ) {
        Identity::Accept { account, called, .. } => (account.0, called),
        other => panic!("{other:?}"),
    };
    assert_eq!(who(&snapshot, "192.0.2.40:5060", "x", "36"), (31, "36".into()));
    assert_eq!(who(&snapshot, "192.0.2.40:5060", "SECOND", "36"), (32, "36".into()));
    change(&mut snapshot, 32, |a| a.tech_prefix = "99".into());
    assert_eq!(who(&snapshot, "192.0.2.40:5060", "first", "9936"), (32, "36".into()));
    change(&mut snapshot, 32, |a| a.server.as_mut().unwrap().port = 5080);
    assert_eq!(who(&snapshot, "192.0.2.40:5080", "first", "36"), (32, "36".into()));
    assert_eq!(who(&snapshot, "192.0.2.40:5060", "second", "9936"), (31, "9936".into()));
}

#[test]
fn a_phone_beside_a_trunk_is_asked_for_its_digest() {
    let mut snapshot = snapshot();
    let call = |source, from_user, from_host, called_host| Arrival {
        from_host,
        called_host,
        ..arrival(source, from_user, "36", None)
    };
    for (source, from, host, called_host, expected) in [
        // Everything on one machine, behind one router.
        ("192.0.2.1:40000", "alice", "192.0.2.1", "192.0.2.1", "digest"),
        ("192.0.2.1:40000", "ALICE", "strowger", "192.0.2.9", "digest"),
        // The trunk's own port, its own callers, its own host in From.
        ("192.0.2.1:5060", "alice", "192.0.2.1", "192.0.2.1", "ok 36"),
        ("192.0.2.1:40000", "49301", "192.0.2.1", "192.0.2.1", "ok 36"),
        ("192.0.2.1:40000", "alice", "192.0.2.1", "192.0.2.9", "ok 36"),
        ("192.0.2.1:40000", "alice", "carrier.example", "192.0.2.9", "ok 36"),
    ] {
        change(&mut snapshot, 11, |a| a.server.as_mut().unwrap().domain = "carrier.example".into());
        assert_eq!(
            verdict(&snapshot, &call(source, from, host, called_host)),
            expected,
            "{source} {from}@{host}"
        );
    }
    change(&mut snapshot, 11, |a| a.tech_prefix = "3".into());
    assert_eq!(verdict(&snapshot, &call("192.0.2.1:40000", "alice", "strowger", "192.0.2.9")), "ok 6");
}

#[test]
fn a_disabled_trunk_speaks_for_nobody_else_at_its_address() {
    let mut snapshot = snapshot();
    change(&mut snapshot, 11, |a| a.active = false);
    assert_eq!(verdict(&snapshot, &arrival("192.0.2.1:5060", "49301", "bob", None)), "403");
    assert_eq!(verdict(&snapshot, &arrival("192.0.2.1:5060", "alice", "bob", None)), "digest");
    snapshot.apply(Change::Account(Box::new(trunk(31, "other", 1))));
    assert_eq!(verdict(&snapshot, &arrival("192.0.2.1:5060", "49301", "bob", None)), "ok bob");
}

#[test]
fn an_address_over_plain_udp_is_weak() {
    let snapshot = snapshot();
    let base = arrival("192.0.2.1:5060", "1", "36", None);
    for (transport, bound_listener, expected) in
        [(Transport::Udp, false, true), (Transport::Udp, true, false), (Transport::Tcp, false, false)]
    {
        match identify(&snapshot, &Arrival { transport, bound_listener, ..base }) {
            Identity::Accept { weak, trunk, .. } => {
                assert_eq!((weak, trunk), (expected, true), "{transport:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_user_is_who_its_digest_says() {
    let mut snapshot = snapshot();
    change(&mut snapshot, 1, |a| a.phone = "3615550001".into());
    for (from, expected) in [
        ("alice", "ok bob"),
        ("ALICE", "ok bob"),
        ("3615550001", "ok bob"),
        ("+3615550001", "ok bob"),
        ("1", "ok bob"),
        ("anonymous", "ok bob"),
        ("bob", "403"),
        ("carol", "403"),
    ] {
        assert_eq!(verdict(&snapshot, &arrival(ELSEWHERE, from, "bob", Some(1))), expected, "{from}");
    }
    change(&mut snapshot, 1, |a| a.active = false);
    assert_eq!(verdict(&snapshot, &arrival(ELSEWHERE, "alice", "bob", Some(1))), "403");
    assert_eq!(verdict(&snapshot, &arrival(ELSEWHERE, "alice", "bob", Some(404))), "403");
}

#[test]
fn nothing_tells_whether_an_account_exists() {
    let snapshot = snapshot();
    for from in ["alice", "nobody"] {
        let identity = identify(&snapshot, &arrival(ELSEWHERE, from, "bob", None));
        assert!(matches!(identity, Identity::NeedDigest { .. }), "{from}: {identity:?}");
    }
}

#[test]
fn a_server_that_only_takes_calls_makes_none() {
    let mut snapshot = snapshot();
    change(&mut snapshot, 11, |a| a.server.as_mut().unwrap().sends_traffic = false);
    assert_eq!(verdict(&snapshot, &arrival("192.0.2.1:5060", "1", "bob", None)), "unknown");
    assert_eq!(verdict(&snapshot, &arrival("192.0.2.1:5060", "1", "bob", Some(11))), "403");
    change(&mut snapshot, 12, |a| a.active = false);
    assert_eq!(verdict(&snapshot, &arrival("192.0.2.2:5060", "1", "bob", None)), "403");
}

#[test]
fn resolved_names_count_as_addresses() {
    let mut snapshot = snapshot();
    let there = "198.51.100.7:5070";
    let call = arrival(there, "1", "bob", None);
    assert_eq!(verdict(&snapshot, &call), "unknown");
    let addresses = vec![there.parse().unwrap()];
    snapshot.apply(Change::TrunkAddresses { trunk: AccountId(11), addresses });
    assert_eq!(verdict(&snapshot, &call), "ok bob");
    assert_eq!(snapshot.trunk_addresses(AccountId(11)).len(), 1);
    let mapped = arrival("[::ffff:198.51.100.7]:5070", "1", "bob", None);
    assert_eq!(verdict(&snapshot, &mapped), "ok bob");
    snapshot.apply(Change::TrunkAddresses { trunk: AccountId(11), addresses: Vec::new() });
    assert_eq!(verdict(&snapshot, &call), "unknown");
}

#[test]
fn foreign_domains_are_not_ours() {
    let settings = Settings { domains: vec!["Example.org".into()], ..Settings::default() };
    let mut snapshot = Snapshot::new(settings);
    snapshot.apply(Change::Account(Box::new(user(1, "alice"))));
    for (host, expected) in [
        ("example.ORG", "ok bob"),
        ("192.0.2.9", "ok bob"),
        ("[2001:db8::1]", "ok bob"),
        ("strowger", "ok bob"),
        ("example.com", "404"),
    ] {
        let call = Arrival { called_host: host, ..arrival(ELSEWHERE, "alice", "bob", Some(1)) };
        assert_eq!(verdict(&snapshot, &call), expected, "{host}");
    }
}

#[test]
fn accounts_are_found_by_name_and_pin_as_they_are_now() {
    let named = |id, name: &str, pin: &str| Account {
        name: name.into(),
        pin: Secret::new(pin),
        ..user(id, &format!("user{id}"))
    };
    let mut snapshot = Snapshot::new(Settings::default());
    for account in [named(2, "Same", "1234"), named(1, "same", "1234"), named(3, "", "")] {
        snapshot.apply(Change::Account(Box::new(account)));
    }
    let mut check = |change: Option<Change>, text: &str, expected: Option<i64>| {
        if let Some(change) = change {
            snapshot.apply(change);
        }
        assert_eq!(snapshot.by_name_or_pin(text).map(|account| account.id.0), expected, "{text}");
    };
    check(None, "SAME", Some(1));
    check(None, "1234", Some(1));
    check(None, "", None);
    check(Some(Change::Account(Box::new(named(1, "other", "77")))), "same", Some(2));
    check(None, "77", Some(1));
    check(Some(Change::AccountGone(AccountId(2))), "same", None);
    check(None, "1234", None);
}
