//! A call between two phones: from the first ring to the record.

mod harness;

use harness::phone::Phone;
use harness::{ALICE, BOB, World};
use strowger_call::LineState;
use strowger_model::cdr::EndedBy;
use strowger_model::{Amount, SlotId, Unit};

const A: usize = 0;
const B: usize = 1;
const TRUNK: usize = 3;

#[test]
fn a_user_calls_a_user() {
    let mut world = World::new();
    world.invite(A, "bob");
    world.run(11);
    assert!(world.phones[A].has("100 INVITE"), "Trying before anything else: {:?}", world.phones[A].log);
    world.run(200);
    assert!(world.phones[A].has("180 INVITE"));
    assert_eq!(world.lines.get(&BOB), Some(&LineState::Calling));
    world.run(2000);
    assert!(world.phones[A].has("200 INVITE"), "{:?}", world.phones[A].log);
    assert!(world.phones[B].has("ACK"));
    assert_eq!(world.lines.get(&ALICE), Some(&LineState::Speaking));
    let a = world.slot_of(&world.phones[A].sdp_of("200 INVITE"));
    let b = world.slot_of(&world.phones[B].sdp_of("INVITE"));
    assert!(world.patched(a, b) && world.patched(b, a));
    let journal = world.store.journals.values().next().expect("a journal");
    assert_eq!(journal.legs.len(), 2);
    assert!(journal.answered.is_some());
    world.run(10_000);
    world.act(A, Phone::bye);
    world.run(100);
    assert!(world.phones[A].has("200 BYE"));
    assert!(world.phones[B].has("BYE"));
    world.finish();
    let cdr = world.cdr();
    assert_eq!((cdr.status, cdr.reason.as_str(), cdr.ended_by), (200, "normal", EndedBy::Caller));
    assert_eq!((cdr.caller, cdr.called), (Some(ALICE), Some(BOB)));
    assert!((11_000..12_500).contains(&cdr.duration_ms), "{}", cdr.duration_ms);
    assert_eq!(cdr.codec, "PCMU");
    assert!(world.store.charges.is_empty(), "calls between local accounts are free");
}

#[test]
fn the_worse_side_is_what_is_shown_and_recorded() {
    for (near, far, worse) in [
        (Some(437), Some(210), Some(210)),
        (Some(150), Some(437), Some(150)),
        (Some(400), None, Some(400)),
        (None, None, None),
    ] {
        for (party, paid) in [("bob", None), ("4412345", Some(Unit::USD))] {
            let mut world = World::new();
            let callee = if paid.is_some() { TRUNK } else { B };
            world.invite(A, party);
            world.run(5_000);
            let sides = [world.phones[A].sdp_of("200 INVITE"), world.phones[callee].sdp_of("INVITE")];
            let slots = sides.map(|sdp| world.slot_of(&sdp));
            world.env.scores =
                slots.into_iter().zip([near, far]).filter_map(|(slot, score)| Some((slot, score?))).collect();
            let mut view = world.calls.list(world.now).remove(0);
            assert_eq!((view.mos, view.cost), (None, None), "not asked for");
            world.calls.detail(world.now, &world.env, &mut view);
            assert_eq!((view.mos, view.cost.map(|(_, unit)| unit)), (worse, paid), "{party}");
            assert!(view.cost.is_none_or(|(amount, _)| amount > Amount::ZERO), "{view:?}");
            world.act(A, Phone::bye);
            world.run(100);
            world.finish();
            assert_eq!(world.cdr().mos, worse, "{party}");
        }
    }
}

#[test]
fn a_call_that_nobody_answers_has_no_score() {
    let mut world = World::new();
    world.invite(A, "bob");
    world.run(200);
    let slot = world.slot_of(&world.phones[B].sdp_of("INVITE"));
    world.env.scores = (0..=slot.index).map(|index| (SlotId { index, ..slot }, 437)).collect();
    world.act(A, Phone::cancel);
    world.run(2_000);
    world.finish();
    assert_eq!(world.cdr().mos, None);
}
