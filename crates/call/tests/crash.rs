//! What recovery does for legs that nobody had answered when the process was killed: the callee gets the CANCEL of its
//! INVITE, the caller a refusal of its own.

mod harness;

use harness::phone::Phone;
use harness::{ALICE, BOB, World};
use strowger_call::{CallOrder, Wait};
use strowger_sip::Message;

const A: usize = 0;
const B: usize = 1;
const TRUNK: usize = 3;
const OTHER_TRUNK: usize = 4;

/// A minute: no test waits for it.
const LONG_MS: u64 = 60_000;

/// The next life of the process: the same phones, the legs of the journal.
fn crash(mut world: World) -> World {
    let mut after = World::new();
    std::mem::swap(&mut after.phones, &mut world.phones);
    after.now = world.now;
    let journals: Vec<_> = world.store.journals.values().cloned().collect();
    // Recovery may be killed and run again.
    for leg in journals.iter().chain(&journals).flat_map(|journal| &journal.legs) {
        assert!(!leg.contains("secret"), "{leg}");
        after.adopt(leg);
    }
    after
}

/// What makes a CANCEL that of an INVITE (RFC 3261 section 9.1).
fn transaction(request: &Message) -> (String, String, String, String, u32) {
    let from =
        String::from_utf8_lossy(request.value(strowger_sip::HeaderId::From).expect("a From")).into_owned();
    let uri = request.uri_text().to_owned();
    (uri, request.branch().to_owned(), request.call_id().to_owned(), from, request.cseq())
}

/// The callee was cancelled by what matches its INVITE, and all its words were heard.
fn is_cancelled(phone: &Phone) {
    let wanted = transaction(phone.last("INVITE"));
    let cancels = phone.received.iter().filter(|m| m.is_request() && m.method_text() == "CANCEL");
    // A trunk that might have asked for credentials gets those of the INVITEs that it would have had then, too.
    assert_eq!(cancels.filter(|cancel| transaction(cancel) == wanted).count(), 1, "{:?}", phone.log);
    assert_eq!(phone.count("ACK"), 1, "its 487 is acknowledged: {:?}", phone.log);
}

#[test]
fn a_ringing_callee_is_cancelled_and_the_caller_refused() {
    for number in ["bob", "4412345"] {
        let callee = if number == "bob" { B } else { TRUNK };
        let mut world = World::new();
        world.phones[callee].script.answer = Some((200, LONG_MS));
        world.invite(A, number);
        world.run(2_000);
        assert!(world.phones[A].has("180 INVITE"));
        let mut after = crash(world);
        after.run(1_000);
        is_cancelled(&after.phones[callee]);
        let refusal = after.phones[A].last("503 INVITE");
        assert!(refusal.value(strowger_sip::HeaderId::RetryAfter).is_some());
        assert_eq!(refusal.to_tag(), after.phones[A].last("180 INVITE").to_tag(), "in the dialog that rang");
        after.finish();
        assert!(after.phones[callee].dialog.is_none(), "nobody answered");
    }
}

#[test]
fn the_journal_is_complete_before_the_invite_leaves() {
    let mut world = World::new();
    world.invite(A, "4412345");
    // The hold is durable, its answer still on the way to the call.
    world.run(6);
    assert_eq!((world.store.journals.len(), world.sent.len()), (1, 1), "{:?}", world.sent);
    let journal = world.store.journals.values().next().unwrap().clone();
    assert_eq!(journal.legs.len(), 2);
    let bytes: usize = journal.legs.iter().map(String::len).sum();
    assert!(bytes < 700, "every call pays for it: {bytes} bytes, {:#?}", journal.legs);
    world.phones[TRUNK].script.answer = Some((200, LONG_MS));
    world.run(500);
    assert!(world.phones[TRUNK].has("INVITE"));
    assert_eq!(world.store.journals.values().next(), Some(&journal), "no further write");
    let mut after = crash(world);
    after.run(500);
    is_cancelled(&after.phones[TRUNK]);
    after.finish();
}

#[test]
fn every_phone_of_a_fork_is_cancelled() {
    let mut world = World::new();
    let second = world.add_phone("bob2", BOB, "198.51.100.9:5069".parse().unwrap());
    for phone in [B, second] {
        world.phones[phone].script.answer = Some((200, LONG_MS));
    }
    world.invite(A, "bob");
    world.run(2_000);
    let mut after = crash(world);
    after.run(1_000);
    is_cancelled(&after.phones[B]);
    is_cancelled(&after.phones[second]);
    after.finish();
}

#[test]
fn a_trunk_that_asked_for_credentials_is_cancelled_too() {
    let mut world = World::new();
    world.phones[TRUNK].script.challenge = true;
    world.phones[TRUNK].script.answer = Some((200, LONG_MS));
    world.invite(A, "4412345");
    world.run(2_000);
    assert_eq!(world.phones[TRUNK].last("INVITE").cseq(), 2);
    let mut after = crash(world);
    after.run(1_000);
    let trunk = &after.phones[TRUNK];
    let wanted = transaction(trunk.last("INVITE"));
    let cancels = trunk.received.iter().filter(|m| m.is_request() && m.method_text() == "CANCEL");
    assert_eq!(cancels.filter(|cancel| transaction(cancel) == wanted).count(), 1, "{:?}", trunk.log);
    assert_eq!(trunk.count("ACK"), 2, "of the challenge and of the 487: {:?}", trunk.log);
    after.finish();
}

#[test]
fn the_second_route_is_cancelled_after_a_failover() {
    let mut world = World::new();
    world.phones[TRUNK].script.answer = Some((503, 20));
    world.phones[OTHER_TRUNK].script.answer = Some((200, LONG_MS));
    world.invite(A, "4412345");
    world.run(2_000);
    assert!(world.phones[OTHER_TRUNK].has("INVITE"));
    let mut after = crash(world);
    after.run(1_000);
    is_cancelled(&after.phones[OTHER_TRUNK]);
    assert!(!after.phones[TRUNK].has("CANCEL"));
    after.finish();
}

#[test]
fn a_callee_that_answers_in_that_moment_gets_ack_and_bye() {
    let mut world = World::new();
    world.phones[B].script.answer = Some((200, 2_500));
    world.phones[B].script.deaf_to_cancel = true;
    world.invite(A, "bob");
    world.run(2_000);
    let mut after = crash(world);
    after.run(3_000);
    assert!(after.phones[B].has("CANCEL") && after.phones[B].has("ACK") && after.phones[B].has("BYE"));
    after.finish();
}

#[test]
fn a_callee_that_says_nothing_more_is_given_up() {
    let mut world = World::new();
    world.phones[B].script.answer = None;
    world.invite(A, "bob");
    world.run(2_000);
    let mut after = crash(world);
    after.phones[B].script.dead = true;
    after.phones[A].script.dead = true;
    after.finish();
}

#[test]
fn a_caller_that_repeats_itself_or_gives_up_makes_no_new_call() {
    let mut world = World::new();
    world.phones[B].script.answer = Some((200, LONG_MS));
    world.invite(A, "bob");
    world.run(2_000);
    let invite = world.phones[B].received.len();
    let mut after = crash(world);
    // Before the refusal arrives.
    after.act(A, Phone::cancel);
    after.run(1_000);
    assert!(after.phones[A].has("200 CANCEL"), "{:?}", after.phones[A].log);
    assert!(after.phones[A].has("503 INVITE"));
    assert_eq!((after.calls.len(), after.changed.len()), (0, 0));
    assert!(after.phones[B].received.len() > invite);
    after.finish();
}

#[test]
fn both_parts_of_a_placed_call_are_ended() {
    let mut world = World::new();
    world.phones[B].script.answer = Some((200, LONG_MS));
    let (first, second) = ("alice".to_owned(), "bob".to_owned());
    world.order(1, CallOrder::Place { initiator: ALICE, first, second, shown: None, wait: Wait::Placed });
    world.run(3_000);
    assert!(world.phones[A].has("ACK") && world.phones[B].has("INVITE"));
    let mut after = crash(world);
    after.run(1_000);
    assert_eq!(after.phones[A].count("BYE"), 1, "{:?}", after.phones[A].log);
    is_cancelled(&after.phones[B]);
    after.finish();
}

#[test]
fn a_caller_with_odd_headers_hears_its_refusal_too() {
    let mut world = World::new();
    world.phones[B].script.answer = Some((200, LONG_MS));
    let more = [("Via", "SIP/2.0/UDP 192.0.2.77:5060\r\n ;branch=z9hG4bKfar")];
    world.act(A, |phone, now| phone.invite(now, "bob", true, &more));
    world.run(2_000);
    assert!(world.phones[A].has("180 INVITE"), "{:?}", world.phones[A].log);
    let mut after = crash(world);
    after.run(1_000);
    let refusal = after.phones[A].last("503 INVITE");
    assert_eq!(refusal.values(strowger_sip::HeaderId::Via).count(), 2);
    after.finish();
}
