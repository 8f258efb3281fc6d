//! A call between two phones: from the first ring to the record.

mod harness;

use harness::phone::Phone;
use harness::{ALICE, BOB, World};
use strowger_call::LineState;
use strowger_model::cdr::EndedBy;

const A: usize = 0;
const B: usize = 1;

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
