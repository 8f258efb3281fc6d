//! How calls come to nothing, and what each of the ways leaves behind.

mod harness;

use harness::phone::{Phone, Script};
use harness::{ALICE, World};
use strowger_model::cdr::EndedBy;
use strowger_model::{Amount, Mono};

const A: usize = 0;
const B: usize = 1;
const EAST: usize = 3;
const WEST: usize = 4;

/// One call from alice that fails by the callee's doing: what alice gets, what the record says.
fn check(number: &str, callee: usize, script: Script, status: u16, reason: &str, mark: &str) {
    let mut world = World::new();
    world.phones[WEST].script.answer = Some((503, 10));
    world.phones[callee].script = script;
    world.invite(A, number);
    world.run(250_000);
    assert!(world.phones[A].has(&format!("{status} INVITE")), "{number}: {:?}", world.phones[A].log);
    world.finish();
    let cdr = world.cdr();
    assert_eq!((cdr.reason.as_str(), cdr.mark.as_str(), cdr.duration_ms), (reason, mark, 0), "{number}");
    assert_eq!(world.store.credit[&ALICE], 10_000_000, "what failed costs nothing");
}

fn answers(status: u16) -> Script {
    Script { answer: Some((status, 500)), ..Script::default() }
}

#[test]
fn a_phone_that_does_not_take_the_call_decides_the_status() {
    check("bob", B, answers(486), 486, "busy", "");
    check("bob", B, answers(603), 603, "declined", "");
    check("bob", B, answers(404), 404, "not found", "FAIL");
    check("bob", B, answers(488), 488, "no common media", "FAIL");
    check("bob", B, answers(500), 500, "failed", "FAIL");
    check("bob", B, Script { answer: None, ..Script::default() }, 480, "no answer", "");
    check("bob", B, Script { dead: true, ..Script::default() }, 480, "no answer", "");
}

#[test]
fn a_trunk_that_refuses_speaks_for_the_callee() {
    check("4412345", EAST, answers(486), 486, "busy", "");
    check("4412345", EAST, answers(603), 603, "declined", "");
    check("4412345", EAST, answers(404), 404, "not found", "FAIL");
    check("4412345", EAST, Script { answer: None, ..Script::default() }, 480, "no answer", "");
}

#[test]
fn an_account_without_contacts_is_not_registered() {
    let mut world = World::new();
    world.env.contacts.clear();
    world.invite(A, "bob");
    world.run(1000);
    assert!(world.phones[A].has("480 INVITE"), "{:?}", world.phones[A].log);
    world.finish();
    assert_eq!(world.cdr().reason, "not registered");
}

#[test]
fn a_number_without_a_price_is_refused_with_a_reason() {
    let mut world = World::new();
    world.invite(A, "3312345");
    world.run(1000);
    let refusal = world.phones[A].last("403 INVITE");
    assert!(refusal.reasons().any(|reason| reason.text.as_deref() == Some("no price")));
    world.finish();
    assert!(world.store.orders.is_empty());
}

#[test]
fn a_caller_without_credit_is_refused() {
    let mut world = World::new();
    world.store.credit.insert(ALICE, 5_000);
    world.invite(A, "4412345");
    world.run(1000);
    assert!(world.phones[A].has("402 INVITE"), "{:?}", world.phones[A].log);
    assert!(world.phones[EAST].log.is_empty());
    world.finish();
    assert_eq!((world.cdr().status, world.cdr().reason.as_str()), (402, "no credit"));
}

#[test]
fn a_sick_store_refuses_calls() {
    let mut world = World::new();
    world.store.unwell = true;
    world.invite(A, "bob");
    world.run(1000);
    assert!(world.phones[A].has("503 INVITE"));
    world.finish();
}

#[test]
fn a_caller_may_give_up() {
    let mut world = World::new();
    world.phones[B].script.answer = None;
    world.invite(A, "bob");
    world.run(300);
    world.act(A, Phone::cancel);
    world.run(100);
    assert!(world.phones[A].has("200 CANCEL") && world.phones[A].has("487 INVITE"));
    assert!(world.phones[B].has("CANCEL") && world.phones[B].has("ACK"));
    world.finish();
    let cdr = world.cdr();
    assert_eq!((cdr.status, cdr.reason.as_str(), cdr.ended_by), (487, "cancelled", EndedBy::Caller));
}

#[test]
fn an_answer_that_crosses_the_cancel_is_taken_and_ended() {
    let mut world = World::new();
    world.phones[B].script = Script { answer: Some((200, 302)), deaf_to_cancel: true, ..Script::default() };
    world.invite(A, "bob");
    world.run(300);
    world.act(A, Phone::cancel);
    world.run(500);
    assert!(world.phones[A].has("487 INVITE"));
    assert!(world.phones[B].has("ACK") && world.phones[B].has("BYE"), "{:?}", world.phones[B].log);
    world.finish();
    assert_eq!(world.cdr().status, 487);
}

#[test]
fn an_answer_before_the_cancel_arrives_makes_a_call() {
    let mut world = World::new();
    world.phones[B].script = Script { answer: Some((200, 300)), ..Script::default() };
    world.invite(A, "bob");
    // The 200 has reached the switch and is on its way to A when A cancels.
    world.run(319);
    world.act(A, Phone::cancel);
    world.run(100);
    assert!(
        world.phones[A].has("200 INVITE") && world.phones[A].has("200 CANCEL"),
        "{:?}",
        world.phones[A].log
    );
    assert!(!world.phones[A].has("487 INVITE"));
    world.act(A, Phone::bye);
    world.finish();
    assert_eq!(world.cdr().status, 200);
}

#[test]
fn an_invite_that_asks_too_much_is_refused_at_once() {
    for (name, value, status) in [("Require", "100rel", 420), ("Max-Forwards", "0", 483)] {
        let mut world = World::new();
        world.act(A, |phone, now| phone.invite(now, "bob", true, &[(name, value)]));
        world.run(100);
        let refusal = world.phones[A].last(&format!("{status} INVITE"));
        let unsupported = refusal.text(strowger_sip::HeaderId::Unsupported);
        assert_eq!(unsupported, (status == 420).then_some(value));
        world.finish();
        assert!(world.store.cdrs.is_empty());
    }
}

#[test]
fn a_draining_server_takes_no_calls() {
    let mut world = World::new();
    world.env.settings.draining = true;
    world.invite(A, "bob");
    world.run(100);
    assert!(world.phones[A].last("503 INVITE").retry_after().unwrap().is_some());
    world.finish();
    assert!(world.store.cdrs.is_empty());
}

#[test]
fn without_ports_a_call_is_refused() {
    let mut world = World::new();
    world.env.free_slots = 1;
    world.invite(A, "bob");
    world.run(1000);
    assert!(world.phones[A].has("503 INVITE"), "{:?}", world.phones[A].log);
    world.finish();
}

#[test]
fn failover_keeps_the_call_and_writes_one_record() {
    for (script, seen) in [
        (answers(503), true),
        (answers(500), true),
        (answers(408), true),
        (Script { dead: true, ..Script::default() }, false),
    ] {
        let mut world = World::new();
        world.phones[EAST].script = script;
        world.invite(A, "4412345");
        world.run(12_000);
        assert!(world.phones[A].has("200 INVITE"), "{:?}", world.phones[A].log);
        assert!(world.phones[WEST].has("ACK"));
        assert!(world.trunks_seen.contains(&(harness::EAST, seen)), "{:?}", world.trunks_seen);
        world.act(A, Phone::bye);
        world.finish();
        let cdr = world.cdr();
        assert_eq!(cdr.server, Some(harness::WEST));
        assert!(cdr.cost_enduser > Amount::ZERO);
    }
}

#[test]
fn failover_does_not_follow_a_callee_who_declines() {
    let mut world = World::new();
    world.phones[EAST].script = answers(486);
    world.invite(A, "4412345");
    world.run(5000);
    assert!(world.phones[A].has("486 INVITE"));
    assert!(world.phones[WEST].log.is_empty());
    world.finish();
}

#[test]
fn all_trunks_dead_is_the_end() {
    let mut world = World::new();
    for trunk in [EAST, WEST] {
        world.phones[trunk].script.dead = true;
    }
    world.invite(A, "4412345");
    world.run(30_000);
    assert!(world.phones[A].has("408 INVITE"), "{:?}", world.phones[A].log);
    world.finish();
    assert_eq!(world.cdr().reason, "unreachable");
}

#[test]
fn a_trunk_that_challenges_gets_its_own_credentials_once() {
    let mut world = World::new();
    world.phones[EAST].script.challenge = true;
    world.invite(A, "4412345");
    world.run(3000);
    assert!(world.phones[A].has("200 INVITE"), "{:?} {:?}", world.phones[A].log, world.phones[EAST].log);
    let invite = world.phones[EAST].last("INVITE");
    let credentials = strowger_sip::digest::credentials(invite, strowger_sip::HeaderId::ProxyAuthorization)
        .next()
        .unwrap()
        .unwrap();
    let ha1 = strowger_sip::digest::Ha1::of(strowger_sip::digest::Algorithm::Md5, "east", "trunk", "secret");
    assert!(credentials.verify(&ha1, "INVITE").is_ok());
    world.act(A, Phone::bye);
    world.finish();
    assert_eq!(world.store.cdrs.len(), 1);
}

#[test]
fn a_phone_that_challenges_gets_no_credentials() {
    let mut world = World::new();
    world.phones[B].script.challenge = true;
    world.invite(A, "bob");
    world.run(3000);
    assert_eq!(world.phones[B].count("INVITE"), 1);
    world.finish();
}

#[test]
fn a_caller_that_never_acknowledges_is_ended() {
    let mut world = World::new();
    world.invite(A, "bob");
    world.run(300);
    world.phones[A].script.vanish_at = Some(world.now.mono);
    world.run(60_000);
    assert!(world.phones[B].has("BYE"));
    world.finish();
    assert_eq!(world.cdr().status, 200);
}

#[test]
fn a_vanished_party_is_found_out() {
    let mut world = World::new();
    world.env.settings.keepalive_ms = 60_000;
    world.invite(A, "bob");
    world.run(5000);
    let now: Mono = world.now.mono;
    world.phones[B].script.vanish_at = Some(now);
    world.run(200_000);
    assert!(world.phones[A].has("OPTIONS") && world.phones[A].has("BYE"), "{:?}", world.phones[A].log);
    world.finish();
    assert_eq!((world.cdr().reason.as_str(), world.cdr().ended_by), ("vanished", EndedBy::Server));
}

#[test]
fn an_account_has_no_more_lines_than_it_may() {
    let mut world = World::new();
    world.change_account(ALICE, |account| account.max_lines = Some(1));
    world.invite(A, "bob");
    world.run(2000);
    assert!(world.phones[A].has("200 INVITE"), "{:?}", world.phones[A].log);
    world.invite(A, "carol");
    world.run(2000);
    assert_eq!(world.phones[A].count("200 INVITE"), 1, "{:?}", world.phones[A].log);
    world.order(1, strowger_call::CallOrder::HangupAll);
    world.finish();
}
