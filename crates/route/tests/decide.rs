//! Where calls go, in which order, and why not.

mod common;

use std::collections::BTreeMap;

use common::{NOON, ask, ask_with, change, list, price, rule, snapshot, trunk, user, way};
use strowger_billing::{ExchangeRate, TimeType};
use strowger_model::account::Transport;
use strowger_model::{AccountId, AccountKind, Amount, Unit};
use strowger_route::{Change, Failover, Forward, NationalRule, Origin, Query, Settings, Stage, decide};

fn check(snapshot: &strowger_route::Snapshot, cases: &[(i64, &str, &str)]) {
    for (caller, called, expected) in cases {
        let decision = ask(snapshot, *caller, called, Origin::Caller);
        assert_eq!(way(snapshot, &decision), *expected, "{caller} calls {called}: {:#?}", decision.trace);
        assert!(decision.trace.last().is_some_and(|t| t.stage == Stage::Result));
    }
}

#[test]
fn names_numbers_services_and_outside_numbers_are_told_apart() {
    let mut snapshot = snapshot();
    change(&mut snapshot, 2, |a| a.phone = "+36 1 555-0002".into());
    snapshot.apply(Change::Number { number: "+3615550003".into(), account: Some(AccountId(3)) });
    snapshot.apply(Change::Number { number: "3615550009".into(), account: None });
    let no_price = "403 no price";
    check(
        &snapshot,
        &[
            (1, "bob", "bob"),
            (1, "BOB", "bob"),
            (1, " bob ", "bob"),
            (1, "+36 1 555-0002", "bob"),
            (1, "003615550003", "carol"),
            (1, "3615550009", "east west north"),
            (1, "5005", "Echo"),
            (1, "5002", "Music"),
            (1, "5001", "404 service not available"),
            (1, "nobody", "404 unknown user"),
            (1, "", "404 unknown user"),
            (1, "36205550000", "east west north"),
            (1, "33100000000", no_price),
            (1, "*21#", no_price),
            (11, "3615550003", "carol"),
            (11, "36205550000", "west north"),
            (99, "bob", "403 unknown account"),
        ],
    );
}

#[test]
fn what_may_not_be_called_is_refused_with_its_reason() {
    let mut snapshot = snapshot();
    change(&mut snapshot, 1, |a| a.enabled_prefixes = ["+44".into()].into());
    change(&mut snapshot, 2, |a| a.block_prefixes = ["3690".into()].into());
    change(&mut snapshot, 3, |a| a.max_lines = Some(0));
    snapshot.apply(Change::Blacklist("44800".into()));
    check(
        &snapshot,
        &[
            (1, "36205550000", "403 prefix not enabled"),
            (1, "4420", "east west north"),
            (1, "448001", "403 number blacklisted"),
            (1, "bob", "bob"),
            (2, "36901", "403 prefix blocked"),
            (2, "36911", "east west north"),
            (3, "bob", "403 too many lines"),
        ],
    );
    snapshot.apply(Change::BlacklistGone("44800".into()));
    change(&mut snapshot, 1, |a| a.active = false);
    check(
        &snapshot,
        &[
            (2, "448001", "east west north"),
            (1, "bob", "403 account disabled"),
            (2, "alice", "404 unknown user"),
        ],
    );
}

#[test]
fn a_trunk_over_tls_is_passed_over_with_its_reason() {
    let mut snapshot = snapshot();
    change(&mut snapshot, 11, |a| a.server.as_mut().unwrap().transport = Transport::Tls);
    let decision = ask(&snapshot, 1, "36205550000", Origin::Caller);
    assert_eq!(way(&snapshot, &decision), "west north");
    let why = "dropped, TLS to trunks is not available in this version";
    assert!(decision.trace.iter().any(|t| t.text.contains(why)), "{:#?}", decision.trace);
}

#[test]
fn a_ported_number_is_routed_by_its_operator_and_paid_as_dialled() {
    let mut snapshot = snapshot();
    let ported = |routing: &str| Change::Ported {
        number: "+36205550000".into(),
        to: strowger_route::Ported { routing_number: routing.into(), operator: "North".into() },
    };
    for id in [11, 12, 13] {
        snapshot.apply(Change::RuleGone(id));
    }
    snapshot.apply(Change::Rule(rule(21, "36", 11, 1, 1)));
    snapshot.apply(Change::Rule(rule(22, "3630", 13, 1, 1)));
    let asked = |snapshot: &strowger_route::Snapshot| ask(snapshot, 1, "36205550000", Origin::Caller);
    let before = asked(&snapshot);
    assert!(snapshot.ported("36205550000").is_none() && !snapshot.knows_ported());
    snapshot.apply(ported("3630"));
    let after = asked(&snapshot);
    assert_ne!(way(&snapshot, &before), way(&snapshot, &after), "{:#?}", after.trace);
    assert!(after.trace.iter().any(|t| t.text == "36205550000 is ported to North, routed as 3630"));
    let (old, new) = (before.plan.unwrap(), after.plan.unwrap());
    let target = |plan: &strowger_route::Plan| plan.steps[0].targets[0].clone();
    assert_eq!(target(&new).sent, "36205550000", "what is dialled stays");
    assert_eq!(target(&new).chain.payers, target(&old).chain.payers, "what the payer pays stays");
    // An operator without a rule of its own, and one without a routing number.
    for routing in ["99", ""] {
        snapshot.apply(ported(routing));
        let decision = asked(&snapshot);
        assert_eq!(decision.plan.as_ref().unwrap().steps.len(), old.steps.len(), "{:#?}", decision.trace);
        assert_eq!(target(decision.plan.as_ref().unwrap()).to, target(&old).to);
    }
    snapshot.apply(Change::PortedGone("36205550000".into()));
    assert_eq!(target(&asked(&snapshot).plan.unwrap()).to, target(&old).to);
}

#[test]
fn candidates_are_dropped_for_their_reasons() {
    let mut snapshot = snapshot();
    snapshot.apply(Change::Rule(strowger_route::RoutingRule { enabled: false, ..rule(11, "", 11, 1, 1) }));
    snapshot.apply(Change::Rule(strowger_route::RoutingRule {
        time: TimeType::Weekend,
        ..rule(12, "", 12, 1, 1)
    }));
    snapshot
        .apply(Change::Rule(strowger_route::RoutingRule { caller: "BOB".into(), ..rule(13, "", 13, 1, 1) }));
    snapshot.apply(Change::Rule(rule(14, "", 404, 1, 1)));
    let decision = ask(&snapshot, 1, "3620", Origin::Caller);
    assert_eq!(way(&snapshot, &decision), "404 no route");
    let dropped: Vec<_> = decision.trace.iter().filter(|t| t.stage == Stage::Candidate).collect();
    for why in ["rule is disabled", "not at this time", "for another caller", "no such server"] {
        assert!(dropped.iter().any(|t| t.text.contains(why)), "{why}: {dropped:#?}");
    }
    assert_eq!(way(&snapshot, &ask(&snapshot, 2, "3620", Origin::Caller)), "north");
    change(&mut snapshot, 1, |a| a.parent = Some(AccountId(2)));
    assert_eq!(way(&snapshot, &ask(&snapshot, 1, "3620", Origin::Caller)), "north");
    for (caller, expected) in
        [("2", "north"), ("3", "404 no route"), ("+36", "north"), ("37", "404 no route")]
    {
        snapshot.apply(Change::Rule(strowger_route::RoutingRule {
            caller: caller.into(),
            ..rule(13, "", 13, 1, 1)
        }));
        assert_eq!(way(&snapshot, &ask(&snapshot, 1, "3620", Origin::Caller)), expected, "caller {caller}");
    }
    snapshot.apply(Change::Rule(rule(13, "", 13, 1, 1)));
    change(&mut snapshot, 13, |a| a.kind = AccountKind::TrafficSender);
    assert_eq!(way(&snapshot, &ask(&snapshot, 1, "3620", Origin::Caller)), "404 no route");
    change(&mut snapshot, 13, |a| a.kind = AccountKind::SipServer);
    assert_eq!(way(&snapshot, &ask(&snapshot, 1, "3620", Origin::Caller)), "north");
    change(&mut snapshot, 13, |a| a.server = None);
    assert_eq!(way(&snapshot, &ask(&snapshot, 1, "3620", Origin::Caller)), "404 no route");
}

#[test]
fn order_is_by_priority_then_prefix_then_weight_and_failing_trunks_go_last() {
    let mut snapshot = snapshot();
    for (id, prefix, server, priority, weight) in
        [(11, "", 11, 1, 1), (12, "36", 12, 1, 0), (13, "36", 13, 1, 5), (14, "361", 11, 2, 1)]
    {
        snapshot.apply(Change::Rule(rule(id, prefix, server, priority, weight)));
    }
    assert_eq!(way(&snapshot, &ask(&snapshot, 1, "361", Origin::Caller)), "north west east");
    let down = BTreeMap::from([(AccountId(13), NOON.plus_ms(1)), (AccountId(12), NOON)]);
    let decision = ask_with(&snapshot, 1, "361", Origin::Caller, 0, &down);
    assert_eq!(way(&snapshot, &decision), "west east north");
    let plan = decision.plan.unwrap();
    assert!(plan.steps.iter().all(|s| s.failover == Failover::OnFailure));
    for (status, wanted) in [(503, true), (500, true), (408, true), (486, false), (404, false), (603, false)]
    {
        assert_eq!(plan.steps[0].failover.wants(status), wanted, "{status}");
    }
}

#[test]
fn weights_share_the_first_place() {
    let mut snapshot = snapshot();
    for (id, weight) in [(11, 1), (12, 3), (13, 0)] {
        snapshot.apply(Change::Rule(rule(id, "", id, 1, weight)));
    }
    let mut first = BTreeMap::new();
    for seed in 0..4_000 {
        let decision = ask_with(&snapshot, 1, "36", Origin::Caller, seed, &BTreeMap::new());
        let way = way(&snapshot, &decision);
        assert!(way.ends_with(" north"), "{way}");
        *first.entry(way.split(' ').next().unwrap().to_owned()).or_insert(0) += 1;
    }
    assert!((2_900..3_100).contains(&first["west"]), "{first:?}");
}

#[test]
fn forwards_of_all_calls_are_followed_and_loops_end() {
    let mut snapshot = snapshot();
    change(&mut snapshot, 2, |a| {
        a.forwarding.always = "+44 20".into();
        a.phone = "3615550002".into();
    });
    let decision = ask(&snapshot, 1, "bob", Origin::Caller);
    assert_eq!(way(&snapshot, &decision), "east west north");
    let plan = decision.plan.unwrap();
    assert_eq!(plan.forwarded, Some(Forward { by: AccountId(2), to: "+44 20".into(), hops: 1 }));
    assert_eq!((plan.payer, plan.caller, plan.mark), (Some(AccountId(2)), Some(AccountId(1)), "FWD"));
    let target = &plan.steps[0].targets[0];
    assert_eq!((target.presented.as_str(), target.sent.as_str()), ("3615550002", "4420"));
    assert_eq!(target.chain.payers[0].account, AccountId(2));
    change(&mut snapshot, 2, |a| a.forwarding.always = "carol".into());
    change(&mut snapshot, 3, |a| a.forwarding.always = "bob".into());
    check(&snapshot, &[(1, "bob", "482 forward loop")]);
    change(&mut snapshot, 3, |a| a.forwarding.always = "".into());
    check(&snapshot, &[(1, "bob", "carol")]);
    let by = AccountId(3);
    let fifth = ask(&snapshot, 1, "alice", Origin::Forward { by, hops: 5 });
    assert_eq!(way(&snapshot, &fifth), "alice");
    let sixth = ask(&snapshot, 1, "bob", Origin::Forward { by, hops: 5 });
    assert_eq!(way(&snapshot, &sixth), "482 forward loop");
}

#[test]
fn a_trunk_gets_back_what_a_user_forwards() {
    let mut snapshot = snapshot();
    change(&mut snapshot, 2, |a| a.forwarding.always = "4420".into());
    check(&snapshot, &[(11, "bob", "east west north"), (11, "4420", "west north")]);
}

#[test]
fn busy_and_no_answer_stand_in_the_plan() {
    let mut snapshot = snapshot();
    change(&mut snapshot, 2, |a| {
        a.forwarding.on_busy = "carol".into();
        a.forwarding.on_no_answer = "3620".into();
        a.forwarding.no_answer_ms = Some(7_000);
    });
    let plan = ask(&snapshot, 1, "bob", Origin::Caller).plan.unwrap();
    let forward = |to: &str| Some(Forward { by: AccountId(2), to: to.into(), hops: 1 });
    assert_eq!((plan.on_busy.clone(), plan.on_no_answer), (forward("carol"), forward("3620")));
    assert_eq!(plan.steps[0].ring_ms, 7_000);
    let Forward { by, to, hops } = plan.on_busy.unwrap();
    let next = ask(&snapshot, 1, &to, Origin::Forward { by, hops }).plan.unwrap();
    assert_eq!((next.called, next.payer, next.mark), (Some(AccountId(3)), Some(AccountId(2)), "FWD"));
}

#[test]
fn payers_are_found_for_every_origin() {
    let mut snapshot = snapshot();
    change(&mut snapshot, 1, |a| a.billing_account = Some(AccountId(3)));
    let payer = |origin| ask(&snapshot, 1, "3620", origin).plan.unwrap().payer;
    assert_eq!(payer(Origin::Caller), Some(AccountId(3)));
    assert_eq!(payer(Origin::Forward { by: AccountId(2), hops: 1 }), Some(AccountId(2)));
    assert_eq!(payer(Origin::Initiated { by: AccountId(2) }), Some(AccountId(2)));
    change(&mut snapshot, 3, |a| a.active = false);
    check(&snapshot, &[(1, "3620", "403 billing account disabled")]);
}

#[test]
fn an_unknown_caller_reaches_local_accounts_only() {
    let snapshot = snapshot();
    let down = BTreeMap::new();
    for (called, expected) in [("bob", "bob"), ("3620", "403 unknown caller")] {
        let query = Query {
            caller: None,
            called,
            presented: "7",
            now: NOON,
            origin: Origin::Caller,
            seed: 0,
            down: &down,
            lines: 0,
        };
        assert_eq!(way(&snapshot, &decide(&snapshot, &query)), expected);
    }
}

/// The price that alice pays for 3620, per minute.
fn paid(snapshot: &strowger_route::Snapshot) -> Option<(i64, Unit)> {
    snapshot.price_for(AccountId(1), "3620", NOON).map(|r| (r.price.0, r.unit))
}

#[test]
fn the_price_comes_from_the_nearest_list_that_knows_the_number() {
    let mut snapshot = snapshot();
    snapshot.apply(Change::Account(Box::new(common::account(20, AccountKind::Reseller, "reseller"))));
    snapshot.apply(Change::Account(Box::new(common::account(21, AccountKind::Reseller, "above"))));
    change(&mut snapshot, 20, |a| a.parent = Some(AccountId(21)));
    change(&mut snapshot, 1, |a| a.parent = Some(AccountId(20)));
    assert_eq!(paid(&snapshot), Some((200_000, Unit::USD)));
    snapshot.apply(list(5, Some(21), true));
    snapshot.apply(price(5, 5, "36", 150_000));
    assert_eq!(paid(&snapshot), Some((150_000, Unit::USD)));
    snapshot.apply(list(4, Some(20), true));
    snapshot.apply(price(4, 4, "36", 140_000));
    assert_eq!(paid(&snapshot), Some((140_000, Unit::USD)));
    snapshot.apply(Change::Packet { id: 7, price_list: Some(3) });
    snapshot.apply(list(3, None, false));
    snapshot.apply(price(3, 3, "36", 130_000));
    change(&mut snapshot, 1, |a| a.packet = Some(7));
    assert_eq!(paid(&snapshot), Some((130_000, Unit::USD)));
    snapshot.apply(list(2, None, false));
    snapshot.apply(price(6, 2, "99", 1));
    change(&mut snapshot, 1, |a| a.price_list = Some(2));
    assert_eq!(paid(&snapshot), Some((130_000, Unit::USD)));
    snapshot.apply(price(7, 2, "362", 120_000));
    assert_eq!(paid(&snapshot), Some((120_000, Unit::USD)));
    let chain = ask(&snapshot, 1, "3620", Origin::Caller).plan.unwrap().steps[0].targets[0].chain.clone();
    let levels: Vec<_> = chain.payers.iter().map(|r| (r.account.0, r.level, r.price.0)).collect();
    assert_eq!(levels, [(1, 0, 120_000), (20, 1, 150_000), (21, 2, 200_000)]);
    assert!(chain.free_seconds);
}

#[test]
fn without_any_price_the_default_one_holds_if_there_is_one() {
    let mut snapshot = snapshot();
    snapshot.apply(Change::PriceListGone(1));
    check(&snapshot, &[(1, "3620", "403 no price"), (1, "bob", "bob")]);
    let settings = Settings { default_price: Some(Amount(90_000)), ..Settings::default() };
    snapshot.apply(Change::Settings(Box::new(settings)));
    assert_eq!(paid(&snapshot), Some((90_000, Unit::USD)));
}

#[test]
fn prices_are_converted_and_a_missing_rate_is_no_price() {
    let mut snapshot = snapshot();
    let eur = Unit::Currency(*b"EUR");
    change(&mut snapshot, 1, |a| a.currency = eur);
    assert_eq!(paid(&snapshot), None);
    check(&snapshot, &[(1, "3620", "403 no price")]);
    snapshot.apply(Change::Rate { unit: eur, in_default: ExchangeRate::parse("1.25").unwrap() });
    assert_eq!(paid(&snapshot), Some((160_000, eur)));
}

#[test]
fn local_calls_are_free_unless_a_price_is_set() {
    let mut snapshot = snapshot();
    let chain = |s: &strowger_route::Snapshot, caller| {
        ask(s, caller, "bob", Origin::Caller).plan.unwrap().steps[0].targets[0].chain.clone()
    };
    assert!(chain(&snapshot, 1).payers.is_empty());
    let settings = Settings { onnet_price: Some(Amount(10_000)), ..Settings::default() };
    snapshot.apply(Change::Settings(Box::new(settings)));
    assert_eq!(chain(&snapshot, 1).rating_text().as_deref(), Some("0.01 USD/min"));
    assert!(chain(&snapshot, 11).payers.is_empty());
}

#[test]
fn a_trunk_has_its_own_cost() {
    let mut snapshot = snapshot();
    snapshot.apply(list(9, None, false));
    snapshot.apply(price(90, 9, "36", 70_000));
    change(&mut snapshot, 12, |a| a.price_list = Some(9));
    let plan = ask(&snapshot, 1, "3620", Origin::Caller).plan.unwrap();
    let costs: Vec<_> =
        plan.steps.iter().map(|s| s.targets[0].chain.provider.as_ref().map(|r| r.price.0)).collect();
    assert_eq!(costs, [None, Some(70_000), None]);
}

#[test]
fn national_numbers_follow_the_caller_s_country() {
    let mut snapshot = snapshot();
    let mut settings = Settings::default();
    let hungary = NationalRule { trunk_prefix: "06".into(), country_code: "36".into() };
    settings.numbering.national.insert("hungary".into(), hungary);
    snapshot.apply(Change::Settings(Box::new(settings)));
    change(&mut snapshot, 1, |a| a.country = "Hungary".into());
    let plan = ask(&snapshot, 1, "06-20", Origin::Caller).plan.unwrap();
    assert_eq!((plan.dialled.as_str(), plan.number.as_str()), ("06-20", "3620"));
    check(&snapshot, &[(2, "06-20", "403 no price")]);
}

#[test]
fn a_copy_is_not_changed_by_what_happens_later() {
    let mut snapshot = snapshot();
    let copy = snapshot.clone();
    for id in 100..1_100 {
        snapshot.apply(Change::Account(Box::new(user(id, &format!("u{id}")))));
    }
    snapshot.apply(Change::AccountGone(AccountId(2)));
    snapshot.apply(Change::RuleGone(11));
    snapshot.apply(Change::EntryGone(1));
    snapshot.apply(Change::Account(Box::new(trunk(12, "west2", 9))));
    assert_eq!((snapshot.len(), copy.len()), (1_005, 6));
    assert!(snapshot.by_username("bob").is_none() && copy.by_username("bob").is_some());
    assert!(snapshot.by_username("west").is_none() && snapshot.by_username("west2").is_some());
    assert_eq!(way(&copy, &ask(&copy, 1, "3620", Origin::Caller)), "east west north");
    assert_eq!(way(&snapshot, &ask(&snapshot, 1, "3620", Origin::Caller)), "403 no price");
    assert_eq!(snapshot.trunks_at([192, 0, 2, 2].into()), []);
    assert_eq!(snapshot.trunks_at([192, 0, 2, 9].into()), [AccountId(12)]);
    assert_eq!(copy.trunks_at([192, 0, 2, 2].into()), [AccountId(12)]);
}

#[test]
fn parents_may_not_loop() {
    let mut snapshot = snapshot();
    change(&mut snapshot, 1, |a| a.parent = Some(AccountId(2)));
    change(&mut snapshot, 2, |a| a.parent = Some(AccountId(1)));
    assert_eq!(snapshot.ancestors(AccountId(1)).map(|a| a.id.0).collect::<Vec<_>>(), [2]);
    assert!(snapshot.is_below(AccountId(1), AccountId(2)));
    assert_eq!(snapshot.children(AccountId(1)).collect::<Vec<_>>(), [AccountId(2)]);
    change(&mut snapshot, 2, |a| a.parent = None);
    assert_eq!(snapshot.children(AccountId(1)).count(), 0);
}
