//! What happens while two parties talk, and how their calls end.

mod harness;

use harness::phone::{Phone, Script};
use harness::{ALICE, EAST, World};
use strowger_call::CallOrder;
use strowger_model::cdr::EndedBy;
use strowger_model::event::CallStep;
use strowger_model::media::{MediaEvent, MediaOrder};
use strowger_model::{Amount, SlotId};
use strowger_sip::{HeaderId, Method};

const A: usize = 0;
const B: usize = 1;
const TRUNK: usize = 3;

/// alice talks to `number`.
fn talking(number: &str) -> World {
    let mut world = World::new();
    world.invite(A, number);
    world.run(2000);
    assert!(world.phones[A].has("200 INVITE"), "{:?}", world.phones[A].log);
    world
}

fn last_claim(world: &World, slot: SlotId) -> strowger_model::media::Remote {
    let claims = world.media.iter().rev();
    let mut remotes = claims.filter_map(|order| match order {
        MediaOrder::Claim { slot: claimed, remote } if *claimed == slot => Some((**remote).clone()),
        _ => None,
    });
    remotes.next().expect("a claim")
}

#[test]
fn a_call_by_a_trunk_is_paid_by_the_second() {
    let mut world = talking("4412345");
    let invite = world.phones[TRUNK].last("INVITE");
    assert!(invite.uri_text().starts_with("sip:4412345@192.0.2.11"));
    for name in ["Credit", "Rating", "X-UT"] {
        assert_eq!(invite.named(name), None, "{name} is nothing for trunks");
    }
    let answer = world.phones[A].last("200 INVITE");
    assert_eq!(answer.named("Credit"), Some(&b"10.00 USD"[..]));
    assert_eq!(answer.named("Rating"), Some(&b"0.6 USD/min"[..]));
    assert_eq!(answer.named("X-UT"), Some(&b"s"[..]));
    world.run(118_000);
    world.act(A, Phone::bye);
    world.finish();
    let cdr = world.cdr().clone();
    assert_eq!((cdr.server, cdr.payer, cdr.sent.as_str()), (Some(EAST), Some(ALICE), "4412345"));
    assert!((118_000..120_000).contains(&cdr.duration_ms), "{}", cdr.duration_ms);
    assert_eq!(cdr.cost_enduser, Amount(10_000).times((cdr.duration_ms as i64 + 999) / 1000));
    assert_eq!(world.store.credit[&ALICE], 10_000_000 - cdr.cost_enduser.0);
}

#[test]
fn a_trunk_calls_a_user() {
    let mut world = World::new();
    world.invite(TRUNK, "bob");
    world.run(2000);
    let answer = world.phones[TRUNK].last("200 INVITE");
    for name in ["Credit", "Rating", "X-UT"] {
        assert_eq!(answer.named(name), None, "{name} is nothing for trunks");
    }
    world.act(B, Phone::bye);
    world.run(100);
    assert!(world.phones[TRUNK].has("BYE"));
    world.finish();
    let cdr = world.cdr();
    assert_eq!((cdr.caller, cdr.ended_by), (Some(EAST), EndedBy::Called));
}

#[test]
fn credit_runs_out_and_the_call_is_cut() {
    let mut world = World::new();
    world.store.credit.insert(ALICE, 900_000);
    world.invite(A, "4412345");
    world.run(200_000);
    assert!(world.phones[A].has("BYE") && world.phones[TRUNK].has("BYE"));
    world.finish();
    let cdr = world.cdr();
    assert_eq!(cdr.reason, "no credit");
    assert!((89_000..=90_000).contains(&cdr.duration_ms), "{}", cdr.duration_ms);
    assert_eq!(world.store.credit[&ALICE], 0);
}

#[test]
fn hold_and_resume_pass_across_the_bridge() {
    let mut world = talking("bob");
    world.act(A, |phone, now| {
        phone.direction = "sendonly";
        phone.reinvite(now, true);
    });
    world.phones[B].direction = "recvonly";
    world.run(100);
    assert!(world.phones[B].sdp_of("INVITE").contains("a=sendonly"), "{}", world.phones[B].sdp_of("INVITE"));
    assert!(world.phones[A].sdp_of("200 INVITE").contains("a=recvonly"));
    assert_eq!(world.steps(|step| matches!(step, CallStep::Held { held: true, .. })), 1);
    let a = world.slot_of(&world.phones[A].sdp_of("200 INVITE"));
    assert!(!last_claim(&world, a).send);
    world.media_event(MediaEvent::Silent { slot: a });
    world.run(100);
    assert_eq!(world.calls.len(), 1, "who holds may be silent");
    world.phones[B].direction = "sendrecv";
    world.act(A, |phone, now| {
        phone.direction = "sendrecv";
        phone.reinvite(now, true);
    });
    world.run(100);
    assert!(last_claim(&world, a).send);
    assert_eq!(world.steps(|step| matches!(step, CallStep::Held { held: false, .. })), 1);
    world.act(B, Phone::bye);
    world.finish();
}

#[test]
fn a_codec_change_passes_and_a_refusal_comes_back() {
    let mut world = talking("bob");
    world.phones[B].codecs = vec![8];
    world.act(A, |phone, now| {
        phone.codecs = vec![8];
        phone.reinvite(now, true);
    });
    world.run(100);
    assert!(world.phones[B].sdp_of("INVITE").contains("RTP/AVP 8 101"));
    assert!(world.phones[A].sdp_of("200 INVITE").contains("RTP/AVP 8 101"));
    world.phones[B].script.reinvite = 488;
    world.act(A, |phone, now| {
        phone.codecs = vec![18];
        phone.reinvite(now, true);
    });
    world.run(100);
    assert!(world.phones[A].has("488 INVITE"));
    assert_eq!(world.calls.len(), 1, "a refused offer does not end the call");
    world.act(A, Phone::bye);
    world.finish();
}

#[test]
fn both_parties_offer_at_once() {
    let mut world = talking("bob");
    world.act(A, |phone, now| phone.reinvite(now, true));
    world.act(B, |phone, now| phone.reinvite(now, true));
    world.run(3000);
    let refused = world.phones[A].has("491 INVITE") || world.phones[B].has("491 INVITE");
    assert!(refused, "{:?} {:?}", world.phones[A].log, world.phones[B].log);
    assert_eq!(world.calls.len(), 1);
    world.act(A, Phone::bye);
    world.finish();
}

#[test]
fn an_invite_without_a_description_gets_an_offer() {
    let mut world = World::new();
    world.act(A, |phone, now| phone.invite(now, "bob", false, &[]));
    world.run(2000);
    assert!(world.phones[A].sdp_of("200 INVITE").contains("m=audio"));
    let a = world.slot_of(&world.phones[A].sdp_of("200 INVITE"));
    assert!(last_claim(&world, a).rtp.is_some(), "the answer came with the ACK");
    // And within the dialog.
    world.act(A, |phone, now| phone.reinvite(now, false));
    world.run(100);
    assert_eq!(world.phones[A].count("200 INVITE"), 2);
    world.act(A, Phone::bye);
    world.finish();
}

#[test]
fn silence_ends_a_conversation() {
    let mut world = talking("bob");
    let slot = world.slot_of(&world.phones[B].sdp_of("INVITE"));
    assert_eq!(last_claim(&world, slot).silent_ms, Some(60_000));
    world.media_event(MediaEvent::Silent { slot });
    world.run(100);
    assert!(world.phones[A].has("BYE") && world.phones[B].has("BYE"));
    world.finish();
    assert_eq!(world.cdr().reason, "rtp timeout");
}

#[test]
fn keys_by_info_pass_and_other_requests_are_answered() {
    let mut world = talking("bob");
    world.act(A, |phone, now| phone.info(now, '7'));
    world.run(100);
    assert!(world.phones[A].has("200 INFO"));
    assert!(world.phones[B].sdp_of("INFO").contains("Signal=7"));
    for (method, answer) in
        [(Method::Options, "200 OPTIONS"), (Method::Message, "405 MESSAGE"), (Method::Refer, "603 REFER")]
    {
        world.act(A, |phone, now| phone.within(now, method, None));
        world.run(100);
        assert!(world.phones[A].has(answer), "{:?}", world.phones[A].log);
    }
    world.act(A, Phone::bye);
    world.finish();
}

#[test]
fn both_hang_up_at_once() {
    let mut world = talking("bob");
    world.act(A, Phone::bye);
    world.act(B, Phone::bye);
    world.run(100);
    assert!(world.phones[A].has("200 BYE") && world.phones[B].has("200 BYE"));
    world.finish();
    assert_eq!(world.store.cdrs.len(), 1);
}

#[test]
fn the_longest_conversation_ends() {
    let mut world = World::new();
    world.env.settings.max_call_ms = 30_000;
    world.invite(A, "bob");
    world.run(40_000);
    assert!(world.phones[A].has("BYE") && world.phones[B].has("BYE"));
    world.finish();
    assert_eq!(world.cdr().reason, "maximum duration");
}

#[test]
fn an_administrator_ends_calls() {
    type Order = fn(&World) -> CallOrder;
    let orders: [(Order, &str); 4] = [
        (|world| CallOrder::Hangup { call: world.call() }, "administrator"),
        (|world| CallOrder::HangupLeg { leg: world.calls.list(world.now)[0].legs[1] }, "administrator"),
        (|_| CallOrder::HangupAccount { account: ALICE }, "administrator"),
        (|_| CallOrder::HangupAll, "shutdown"),
    ];
    for (order, reason) in orders {
        let mut world = talking("bob");
        let order = order(&world);
        world.order(5, order);
        world.run(100);
        assert_eq!(world.replies, [(5, Ok(strowger_call::Done::Ended(1)))]);
        assert!(world.phones[A].has("BYE") && world.phones[B].has("BYE"));
        world.finish();
        assert_eq!(world.cdr().reason, reason);
    }
}

#[test]
fn a_fenced_node_drops_its_calls() {
    let mut world = talking("4412345");
    world.store.fenced = true;
    let before = world.store.orders.len();
    world.run(120_000);
    assert!(world.phones[A].has("BYE") && world.phones[TRUNK].has("BYE"));
    world.finish();
    assert!(world.store.cdrs.is_empty());
    assert_eq!(world.store.orders.len(), before + 1, "after Fenced no money is touched");
}

#[test]
fn calls_survive_a_bad_network() {
    for seed in 0..100 {
        let mut world = World::new();
        world.env.seed = seed;
        world.readopt = seed % 2 == 0;
        (world.loss_percent, world.repeat_percent) = (20, 20);
        world.phones[B].script = Script { answer: Some((200, 3000)), ..Script::default() };
        world.invite(A, "bob");
        world.run(30_000);
        if world.phones[A].dialog.is_some() {
            world.act(A, Phone::bye);
        }
        world.run(60_000);
        // Whatever was lost for good is ended by an administrator.
        world.order(1, CallOrder::HangupAll);
        world.finish();
        assert_eq!(world.store.cdrs.len(), 1, "seed {seed}");
    }
}

#[test]
fn an_anonymous_caller_stays_so() {
    let mut world = World::new();
    world.act(A, |phone, now| phone.invite(now, "bob", true, &[("Privacy", "id")]));
    world.run(100);
    let from = world.phones[B].last("INVITE").text(HeaderId::From).unwrap().to_owned();
    assert!(from.contains("anonymous.invalid") && !from.contains("alice"), "{from}");
    assert!(world.phones[B].last("INVITE").text(HeaderId::PAssertedIdentity).is_none());
    world.order(1, CallOrder::HangupAll);
    world.finish();
}

#[test]
fn callers_have_a_name_and_foreign_headers_stay_outside() {
    let mut world = World::new();
    world.act(A, |phone, now| {
        phone.invite(now, "4412345", true, &[("X-Secret", "1"), ("Authorization", "Digest username=\"a\"")]);
    });
    world.run(100);
    let invite = world.phones[TRUNK].last("INVITE");
    assert!(invite.text(HeaderId::From).unwrap().starts_with("\"ALICE\" <sip:"));
    assert!(invite.text(HeaderId::PAssertedIdentity).is_some());
    assert_eq!(invite.max_forwards().unwrap(), Some(69));
    assert!(invite.named("X-Secret").is_none() && invite.named("Authorization").is_none());
    assert_eq!(invite.text(HeaderId::UserAgent), Some("Strowger/0.1.0"));
    world.order(1, CallOrder::HangupAll);
    world.finish();
}

#[test]
fn session_timers_are_kept_by_the_party_that_wants_them() {
    let mut world = World::new();
    let more = [("Require", "timer"), ("Supported", "timer"), ("Session-Expires", "1800")];
    world.act(A, |phone, now| phone.invite(now, "bob", true, &more));
    world.run(2000);
    let answer = world.phones[A].last("200 INVITE");
    let expires = answer.session_expires().expect("readable").expect("there");
    assert_eq!((expires.seconds, expires.refresher), (1800, Some(strowger_sip::Refresher::Uac)));
    world.act(A, |phone, now| phone.within(now, Method::Update, Some("")));
    world.run(100);
    assert!(world.phones[A].has("200 UPDATE"));
    assert!(!world.phones[B].has("UPDATE"), "a refresh is nobody else's business");
    world.act(A, Phone::bye);
    world.finish();
}

#[test]
fn an_update_with_an_offer_passes_as_an_offer() {
    let mut world = talking("bob");
    world.phones[B].direction = "recvonly";
    world.act(A, |phone, now| {
        phone.direction = "sendonly";
        let body = phone.sdp();
        phone.within(now, Method::Update, Some(&body));
    });
    world.run(100);
    assert!(world.phones[B].sdp_of("INVITE").contains("a=sendonly"));
    assert!(world.phones[A].sdp_of("200 UPDATE").contains("a=recvonly"));
    world.act(B, Phone::bye);
    world.finish();
}

#[test]
fn the_journal_follows_the_conversation() {
    let mut world = talking("4412345");
    let billed = |world: &World| world.store.journals.values().next().expect("a journal").billed_ms;
    assert_eq!(billed(&world), 0);
    world.run(120_000);
    let after = billed(&world);
    assert!(after >= 60_000, "{after}");
    let journal = world.store.journals.values().next().expect("a journal");
    let settled = strowger_billing::settle_from_journal(&journal.meter, after, journal.answered);
    assert!(settled.expect("a meter").cost_enduser > Amount::ZERO);
    world.act(A, Phone::bye);
    world.finish();
}
