//! Several contacts, forwards, sound before the answer, placed calls, service numbers.

mod harness;

use harness::phone::{Phone, Script};
use harness::{ALICE, BOB, CAROL, EAST, World};
use strowger_call::{CallOrder, Done, OrderError, Wait};
use strowger_model::account::Forwarding;
use strowger_model::cdr::EndedBy;
use strowger_model::event::CallStep;
use strowger_model::media::{MediaEvent, MediaOrder, Source};
use strowger_model::{AccountId, Amount};

const A: usize = 0;
const B: usize = 1;
const C: usize = 2;
const TRUNK: usize = 3;

/// bob has two phones; the second one's position.
fn two_phones(world: &mut World) -> usize {
    world.add_phone("bob2", BOB, ([198, 51, 100, 22], 5099).into())
}

fn played(world: &World) -> Vec<Source> {
    let sources = world.media.iter().filter_map(|order| match order {
        MediaOrder::Source { source, .. } => Some(*source),
        _ => None,
    });
    sources.collect()
}

#[test]
fn all_contacts_ring_and_the_losers_are_cancelled() {
    let mut world = World::new();
    let second = two_phones(&mut world);
    world.phones[second].script.answer = Some((200, 600));
    world.invite(A, "bob");
    world.run(3000);
    assert!(world.phones[second].has("ACK"));
    assert!(world.phones[B].has("CANCEL") && !world.phones[B].has("BYE"), "{:?}", world.phones[B].log);
    assert_eq!(world.phones[A].count("180 INVITE"), 1);
    world.act(A, Phone::bye);
    world.run(100);
    assert!(world.phones[second].has("BYE"));
    world.finish();
    assert_eq!(world.cdr().called, Some(BOB));
}

#[test]
fn a_loser_that_answers_all_the_same_gets_its_bye() {
    let mut world = World::new();
    let second = two_phones(&mut world);
    world.phones[second].script =
        Script { answer: Some((200, 1001)), deaf_to_cancel: true, ..Script::default() };
    world.invite(A, "bob");
    world.run(3000);
    assert!(world.phones[B].has("ACK") && !world.phones[B].has("BYE"));
    assert!(world.phones[second].has("ACK") && world.phones[second].has("BYE"));
    world.act(A, Phone::bye);
    world.finish();
    assert_eq!(world.store.cdrs.len(), 1);
}

#[test]
fn one_busy_contact_does_not_end_the_fork() {
    let mut world = World::new();
    let second = two_phones(&mut world);
    world.phones[second].script.answer = Some((486, 100));
    world.invite(A, "bob");
    world.run(3000);
    assert!(world.phones[A].has("200 INVITE"));
    world.act(A, Phone::bye);
    world.finish();
    let mut world = World::new();
    let second = two_phones(&mut world);
    world.phones[second].script.answer = Some((486, 100));
    world.phones[B].script.answer = Some((480, 200));
    world.invite(A, "bob");
    world.run(3000);
    assert!(world.phones[A].has("486 INVITE"), "the most telling status: {:?}", world.phones[A].log);
    world.finish();
}

#[test]
fn sound_before_the_answer_freezes_the_description() {
    let mut world = World::new();
    world.phones[TRUNK].script = Script { ring_ms: None, early_ms: Some(100), ..Script::default() };
    world.invite(A, "4412345");
    world.run(500);
    let early = world.phones[A].sdp_of("183 INVITE");
    let a = world.slot_of(&early);
    let b = world.slot_of(&world.phones[TRUNK].sdp_of("INVITE"));
    assert!(world.patched(b, a) && world.patched(a, b));
    world.run(2000);
    assert_eq!(world.phones[A].sdp_of("200 INVITE"), early);
    world.act(A, Phone::bye);
    world.finish();
}

#[test]
fn two_branches_with_sound_are_ring_back_until_one_answers() {
    let mut world = World::new();
    let second = two_phones(&mut world);
    for (phone, ms) in [(B, 100), (second, 200)] {
        world.phones[phone].script =
            Script { ring_ms: None, early_ms: Some(ms), answer: Some((200, ms * 10)), ..Script::default() };
    }
    world.invite(A, "bob");
    world.run(150);
    let a = world.slot_of(&world.phones[A].sdp_of("183 INVITE"));
    let b = world.slot_of(&world.phones[B].sdp_of("INVITE"));
    assert!(world.patched(a, b), "one branch with sound is heard");
    world.run(200);
    assert_eq!(played(&world).last(), Some(&Source::Ringback));
    world.run(2000);
    assert_eq!(played(&world).last(), Some(&Source::None));
    assert!(world.patched(a, b) && world.patched(b, a));
    world.act(A, Phone::bye);
    world.finish();
}

#[test]
fn an_answer_that_does_not_fit_the_frozen_description_is_offered_again() {
    let mut world = World::new();
    world.phones[TRUNK].script =
        Script { ring_ms: None, early_ms: Some(100), answer: Some((503, 500)), ..Script::default() };
    world.phones[TRUNK].codecs = vec![0];
    world.phones[4].codecs = vec![8];
    world.invite(A, "4412345");
    world.run(3000);
    assert!(world.phones[A].sdp_of("183 INVITE").contains("AVP 0"));
    assert!(world.phones[A].sdp_of("INVITE").contains("AVP 8"), "{:?}", world.phones[A].log);
    world.act(A, Phone::bye);
    world.finish();
    assert_eq!(world.cdr().codec, "PCMA");
}

/// bob forwards; the call ends at carol or at the trunk and is answered there.
fn forwarded(forwarding: Forwarding, script: Script, to: usize) -> World {
    let mut world = World::new();
    world.change_account(BOB, |account| account.forwarding = forwarding);
    world.phones[B].script = script;
    world.invite(A, "bob");
    world.run(40_000);
    assert!(world.phones[A].has("200 INVITE"), "{:?}", world.phones[A].log);
    assert!(world.phones[to].has("ACK"));
    world.act(A, Phone::bye);
    world.finish();
    world
}

fn check_forward(world: &World, b_status: u16, b_reason: &str, c: Option<AccountId>) {
    let [first, second] = world.store.cdrs.as_slice() else {
        panic!("two records: {:?}", world.store.cdrs);
    };
    assert_eq!((first.called, first.mark.as_str()), (Some(BOB), "FWD"));
    assert_eq!((first.status, first.reason.as_str(), first.duration_ms), (b_status, b_reason, 0));
    assert_eq!((second.called, second.mark.as_str(), second.status), (c, "FWD", 200));
    assert_eq!(second.payer.or(Some(BOB)), Some(BOB));
    assert_eq!(world.store.credit[&ALICE], 10_000_000, "the caller pays nothing for the way on");
}

#[test]
fn forwards_write_two_records_and_the_forwarder_pays() {
    let to = |number: &str| number.into();
    let always = Forwarding { always: to("carol"), ..Forwarding::default() };
    let world = forwarded(always, Script::default(), C);
    assert!(world.phones[B].log.is_empty());
    check_forward(&world, 302, "forwarded", Some(CAROL));

    let on_busy = Forwarding { on_busy: to("4412345"), ..Forwarding::default() };
    let busy = Script { answer: Some((486, 100)), ..Script::default() };
    let world = forwarded(on_busy, busy, TRUNK);
    check_forward(&world, 486, "busy", None);
    let paid = world.store.cdrs[1].cost_enduser;
    assert!(paid > Amount::ZERO);
    assert_eq!(world.store.credit[&BOB], 10_000_000 - paid.0);

    let on_no_answer =
        Forwarding { on_no_answer: to("carol"), no_answer_ms: Some(5000), ..Forwarding::default() };
    let never = Script { answer: None, ..Script::default() };
    let world = forwarded(on_no_answer, never, C);
    check_forward(&world, 480, "no answer", Some(CAROL));
    assert!(world.phones[B].has("CANCEL"));
}

#[test]
fn forwards_in_a_circle_come_to_an_end() {
    let mut world = World::new();
    let to = |number: &str| Forwarding { on_busy: number.into(), ..Forwarding::default() };
    world.change_account(BOB, |account| account.forwarding = to("carol"));
    world.change_account(CAROL, |account| account.forwarding = to("bob"));
    for phone in [B, C] {
        world.phones[phone].script.answer = Some((486, 10));
    }
    world.invite(A, "bob");
    world.run(20_000);
    assert!(world.phones[A].log.iter().any(|line| line == "486 INVITE" || line == "482 INVITE"));
    world.finish();
    assert!(world.store.cdrs.len() <= 8);
}

#[test]
fn the_server_makes_both_calls() {
    let mut world = World::new();
    let order = CallOrder::Place {
        initiator: ALICE,
        first: "bob".into(),
        second: "4412345".into(),
        shown: None,
        wait: Wait::Connected,
    };
    world.order(9, order);
    world.run(500);
    assert!(world.phones[B].sdp_of("INVITE").contains("m=audio"));
    assert!(world.phones[TRUNK].log.is_empty());
    assert!(world.replies.is_empty());
    world.run(700);
    assert!(world.phones[B].has("ACK"));
    assert_eq!(played(&world).first(), Some(&Source::Ringback));
    world.run(2000);
    let call = world.call();
    assert_eq!(world.replies, [(9, Ok(Done::Placed { call, answered: true }))]);
    let b = world.slot_of(&world.phones[B].sdp_of("INVITE"));
    let trunk = world.slot_of(&world.phones[TRUNK].sdp_of("INVITE"));
    assert!(world.patched(b, trunk) && world.patched(trunk, b));
    assert_eq!(played(&world).last(), Some(&Source::None));
    world.run(10_000);
    world.act(TRUNK, Phone::bye);
    world.run(100);
    assert!(world.phones[B].has("BYE"));
    world.finish();
    let records: Vec<_> =
        world.store.cdrs.iter().map(|cdr| (cdr.dialled.as_str(), cdr.status, cdr.caller)).collect();
    assert_eq!(records, [("bob", 200, Some(ALICE)), ("4412345", 200, Some(ALICE))]);
    let paid = world.store.cdrs[1].cost_enduser;
    assert_eq!(world.store.credit[&ALICE], 10_000_000 - paid.0);
    let by: Vec<_> = world.store.cdrs.iter().map(|cdr| cdr.ended_by).collect();
    assert_eq!(by, [EndedBy::Caller, EndedBy::Called], "the second party hung up");
}

#[test]
fn parties_of_a_placed_call_that_chose_different_codecs_are_asked_again() {
    let mut world = World::new();
    world.phones[TRUNK].codecs = vec![8];
    let order = CallOrder::Place {
        initiator: ALICE,
        first: "bob".into(),
        second: "4412345".into(),
        shown: Some("777".into()),
        wait: Wait::Placed,
    };
    world.order(1, order);
    world.run(5000);
    assert_eq!(world.phones[B].count("INVITE"), 2);
    assert!(world.phones[B].sdp_of("INVITE").contains("AVP 8"));
    world.act(B, Phone::bye);
    world.finish();
    assert_eq!(world.store.cdrs.len(), 2);
}

#[test]
fn our_offer_that_meets_another_one_is_repeated() {
    let mut world = World::new();
    world.phones[TRUNK].codecs = vec![8];
    world.phones[B].script.reinvite = 491;
    let (first, second) = ("bob".to_owned(), "4412345".to_owned());
    world.order(1, CallOrder::Place { initiator: ALICE, first, second, shown: None, wait: Wait::Placed });
    world.run(3000);
    assert_eq!(world.phones[B].count("INVITE"), 2);
    world.phones[B].script.reinvite = 200;
    world.run(4000);
    assert_eq!(world.phones[B].count("INVITE"), 3);
    world.act(B, Phone::bye);
    world.finish();
}

#[test]
fn a_placed_call_fails_with_its_reason() {
    let place = |first: &str, second: &str, wait| CallOrder::Place {
        initiator: ALICE,
        first: first.into(),
        second: second.into(),
        shown: None,
        wait,
    };
    let mut world = World::new();
    world.order(1, place("3312345", "bob", Wait::Placed));
    world.run(100);
    let refused = OrderError::Refused { status: 403, reason: "no price".into() };
    assert_eq!(world.replies, [(1, Err(refused))]);
    world.store.credit.insert(ALICE, 0);
    world.order(2, place("4412345", "bob", Wait::Placed));
    world.run(100);
    assert_eq!(world.replies[1], (2, Err(OrderError::Refused { status: 402, reason: "no credit".into() })));
    world.phones[C].script.answer = Some((486, 10));
    world.order(3, place("bob", "carol", Wait::Connected));
    world.run(3000);
    assert!(
        matches!(&world.replies[2], (3, Err(OrderError::Failed { status: 486, .. }))),
        "{:?}",
        world.replies
    );
    assert!(world.phones[B].has("BYE"));
    world.finish();
}

#[test]
fn service_numbers_answer_by_themselves() {
    for (number, source) in [("5005", Source::Echo), ("5002", Source::Music)] {
        let mut world = World::new();
        world.invite(A, number);
        world.run(1000);
        assert!(world.phones[A].has("200 INVITE"), "{:?}", world.phones[A].log);
        assert_eq!(played(&world), [source]);
        let slot = world.slot_of(&world.phones[A].sdp_of("200 INVITE"));
        world.media_event(MediaEvent::Dtmf { slot, digit: '5', duration_ms: 100 });
        assert_eq!(world.calls.len(), 1);
        world.media_event(MediaEvent::Dtmf { slot, digit: '#', duration_ms: 100 });
        world.run(100);
        assert!(world.phones[A].has("BYE"));
        world.finish();
        assert_eq!((world.cdr().status, world.cdr().dialled.as_str()), (200, number));
    }
}

#[test]
fn legs_of_a_crashed_call_get_their_bye() {
    let mut world = World::new();
    world.invite(A, "4412345");
    world.run(5000);
    let journal = world.store.journals.values().next().unwrap().clone();
    let (a_cseq, b_cseq) = (1, world.phones[TRUNK].last("INVITE").cseq());
    let mut after = World::new();
    std::mem::swap(&mut after.phones, &mut world.phones);
    for snapshot in journal.legs.iter().chain(&journal.legs) {
        after.adopt(snapshot);
    }
    after.run(1000);
    assert_eq!((after.phones[A].count("BYE"), after.phones[TRUNK].count("BYE")), (1, 1));
    assert!(after.phones[A].last("BYE").cseq() >= 100 + a_cseq - 1);
    assert_eq!(after.phones[TRUNK].last("BYE").cseq(), b_cseq + 101);
    after.finish();
    assert!(!journal.legs[0].contains("secret"));
}

#[test]
fn an_abandoned_call_leaves_nothing_and_the_others_live() {
    let mut world = World::new();
    world.invite(A, "bob");
    world.run(3000);
    let call = world.call();
    world.invite(C, "4412345");
    world.run(3000);
    world.abandon(call);
    world.run(100);
    assert!(world.phones[A].has("BYE") && world.phones[B].has("BYE"));
    assert_eq!(world.calls.len(), 1);
    assert!(!world.phones[C].has("BYE"));
    world.act(C, Phone::bye);
    world.finish();
    assert_eq!(world.store.cdrs.len(), 2);
    assert_eq!(world.store.cdrs[0].reason, "internal error");
}

/// The word that the settlement is done may be what panicked: it will not come again.
#[test]
fn an_abandoned_call_does_not_wait_for_a_settlement_that_was_ordered_before() {
    let mut world = World::new();
    world.invite(A, "bob");
    world.run(3000);
    let call = world.call();
    world.order(1, CallOrder::HangupAll);
    assert_eq!(world.calls.len(), 1, "its settlement is under way");
    world.abandon(call);
    assert_eq!(world.calls.len(), 0);
    world.finish();
    assert_eq!(world.store.cdrs.len(), 1);
}

#[test]
fn overlapping_calls_never_spend_more_than_there_is() {
    let mut world = World::new();
    world.store.credit.insert(ALICE, 1_000_000);
    for _ in 0..20 {
        world.phones[A].dialog = None;
        world.invite(A, "4412345");
        world.run(700);
    }
    world.run(300_000);
    world.order(1, CallOrder::HangupAll);
    world.finish();
    assert_eq!(world.store.cdrs.len(), 20);
    let paid: Amount = world.store.cdrs.iter().map(|cdr| cdr.cost_enduser).sum();
    assert_eq!(paid.0 + world.store.credit[&ALICE], 1_000_000);
    assert_eq!(world.steps(|step| matches!(step, CallStep::Started { .. })), 20);
    assert!(world.trunks_seen.contains(&(EAST, true)));
}

#[test]
fn a_panic_at_any_point_costs_one_call() {
    let mut panicked = 0;
    for at in 0..8 {
        let mut world = World::new();
        two_phones(&mut world);
        world.invite(C, "4412345");
        world.run(2000);
        let other = world.call();
        world.env.panic_in = Some(at);
        world.invite(A, "bob");
        world.run(3000);
        panicked += usize::from(world.env.panic_in.take().is_none());
        assert!(
            world.calls.get(world.now, other).is_some() && !world.phones[C].has("BYE"),
            "the other call lives"
        );
        world.order(1, CallOrder::HangupAll);
        world.finish();
    }
    assert!(panicked >= 3, "{panicked}");
}

#[test]
fn legs_may_move_at_any_moment() {
    let mut world = World::new();
    world.readopt = true;
    let second = two_phones(&mut world);
    world.phones[second].script = Script { early_ms: Some(100), ..Script::default() };
    world.invite(A, "bob");
    world.run(3000);
    world.act(A, |phone, now| phone.reinvite(now, true));
    world.run(300);
    assert_eq!(world.phones[A].count("200 INVITE"), 2);
    world.act(A, Phone::bye);
    world.finish();
    assert_eq!(world.store.cdrs.len(), 1);
}
