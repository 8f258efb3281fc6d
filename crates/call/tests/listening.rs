//! When a call can be listened to, and where its voice is.

mod harness;

use harness::phone::Phone;
use harness::{ALICE, World};
use strowger_call::{CallOrder, NotAudible, Voices};

const A: usize = 0;
const B: usize = 1;

fn voices(world: &World) -> Result<Voices, NotAudible> {
    world.calls.voices(world.call())
}

#[test]
fn a_conversation_is_heard_where_its_parties_send() {
    let mut world = World::new();
    world.invite(A, "bob");
    world.run(500);
    assert_eq!(voices(&world), Err(NotAudible::NotAnswered));
    world.run(1_500);
    let told = [world.phones[A].sdp_of("200 INVITE"), world.phones[B].sdp_of("INVITE")];
    let expected = told.each_ref().map(|sdp| world.slot_of(sdp));
    assert_eq!(voices(&world), Ok(expected));
    let call = world.call();
    world.act(A, Phone::bye);
    world.finish();
    assert_eq!(world.calls.voices(call), Err(NotAudible::Over));
}

#[test]
fn what_is_not_decoded_here_is_named() {
    let mut world = World::new();
    for phone in [A, B] {
        world.phones[phone].codecs = vec![18];
    }
    world.invite(A, "bob");
    world.run(2_000);
    let not = voices(&world).expect_err("G.729 is only relayed");
    assert_eq!(not, NotAudible::Codec("G729".into()));
    assert_eq!(not.to_string(), "the call speaks G729, only PCMU and PCMA can be listened to");
    for phone in [A, B] {
        world.phones[phone].codecs = vec![8];
    }
    world.act(A, |phone, now| phone.reinvite(now, true));
    world.run(2_000);
    assert!(voices(&world).is_ok(), "they changed to PCMA");
    world.act(A, Phone::bye);
    world.finish();
}

#[test]
fn a_side_that_is_the_server_itself_is_no_party() {
    let mut world = World::new();
    world.invite(A, "5005");
    world.run(2_000);
    assert_eq!(voices(&world), Err(NotAudible::Service));
    world.act(A, Phone::bye);
    world.finish();
    let mut world = World::new();
    world.order(1, CallOrder::Test { account: ALICE, called: "4412345".into(), seconds: 10 });
    world.run(5_000);
    assert_eq!(voices(&world), Err(NotAudible::Service));
    world.run(20_000);
    world.finish();
}
