//! Legs over connections: their messages say so, stay on their connection, and end with it.

mod harness;

use harness::{ALICE, World};
use strowger_call::{CallInput, CallOrder, Carrier, Hop, leg_of_branch, leg_of_call_id, leg_of_tag};
use strowger_model::id::FlowId;
use strowger_sip::{Framing, HeaderId, Message};

const FLOW: FlowId = FlowId(7);

fn tcp() -> Hop {
    let address = ([198, 51, 100, 1], 40_000).into();
    Hop { carrier: Carrier::Tcp, address, listener: 2, flow: Some(FLOW) }
}

fn invite() -> Message {
    let text = "INVITE sip:bob@strowger SIP/2.0\r\nVia: SIP/2.0/TCP 10.9.9.9:5060;branch=z9hG4bK1\r\n\
        Max-Forwards: 70\r\nFrom: <sip:alice@strowger>;tag=a\r\nTo: <sip:bob@strowger>\r\nCall-ID: over-tcp\r\n\
        CSeq: 1 INVITE\r\nContact: <sip:alice@10.9.9.9>\r\nContent-Type: application/sdp\r\n\r\n\
        v=0\r\no=- 1 1 IN IP4 10.9.9.9\r\ns=-\r\nc=IN IP4 10.9.9.9\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0 8\r\n\
        a=rtpmap:0 PCMU/8000\r\n";
    Message::parse(text.as_bytes(), Framing::Datagram).expect("a message")
}

/// What goes to alice's connection in answer to an input.
fn give(world: &mut World, input: CallInput) -> Vec<Message> {
    let sent = world.give(input).into_iter().filter(|(to, _)| to.carrier == Carrier::Tcp);
    sent.map(|(to, message)| {
        assert_eq!(to, tcp());
        message
    })
    .collect()
}

/// alice calls bob over her connection.
fn start(world: &mut World) -> Vec<Message> {
    // Somebody must be there to whom the messages go; the test reads them on their way.
    let address = tcp().address;
    let peer = world.add_phone("alice-tcp", ALICE, address);
    world.phones[peer].script.dead = true;
    let called = "bob".to_owned();
    give(world, CallInput::Invite { message: invite(), from: tcp(), caller: ALICE, trunk: false, called })
}

fn statuses(messages: &[Message]) -> Vec<u16> {
    messages.iter().map(Message::status).collect()
}

#[test]
fn answers_stay_on_the_connection() {
    let mut world = World::new();
    let sent = start(&mut world);
    assert_eq!(statuses(&sent), [100]);
    let text = String::from_utf8_lossy(invite().bytes()).replace("INVITE", "CANCEL");
    let head = text.split("\r\nContact").next().unwrap();
    let cancel = format!("{head}\r\nContent-Length: 0\r\n\r\n");
    let message = Message::parse(cancel.as_bytes(), Framing::Datagram).unwrap();
    let sent = give(&mut world, CallInput::Sip { message, from: tcp() });
    assert_eq!(statuses(&sent), [200, 487], "both requests are answered");
    let leg = leg_of_tag(sent[0].to_tag()).expect("our tag names the leg");
    assert_eq!(leg.shard(), world.calls.shard());
    world.finish();
}

#[test]
fn our_contact_names_the_carrier() {
    let mut world = World::new();
    start(&mut world);
    world.run(3000);
    let answer = world.sent.iter().find(|(to, bytes)| {
        to.carrier == Carrier::Tcp && Message::parse(bytes, Framing::Datagram).unwrap().status() == 200
    });
    let (_, bytes) = answer.expect("an answer");
    let answer = Message::parse(bytes, Framing::Datagram).unwrap();
    assert!(answer.text(HeaderId::Contact).unwrap().contains(";transport=tcp"));
    world.order(1, CallOrder::HangupAll);
    world.finish();
}

#[test]
fn a_connection_that_breaks_before_the_answer_ends_the_call() {
    let mut world = World::new();
    start(&mut world);
    world.run(300);
    assert!(world.phones[1].has("INVITE"));
    world.give(CallInput::FlowClosed(FLOW));
    world.run(300);
    assert!(world.phones[1].has("CANCEL"));
    world.finish();
    assert_eq!(world.cdr().reason, "vanished");
}

#[test]
fn a_connection_that_breaks_during_a_conversation_does_not_end_it() {
    let mut world = World::new();
    start(&mut world);
    world.run(2000);
    world.give(CallInput::FlowClosed(FLOW));
    world.run(1000);
    assert_eq!(world.calls.len(), 1);
    world.order(1, CallOrder::HangupAll);
    world.finish();
}

#[test]
fn a_request_that_cannot_be_sent_fails_at_once() {
    let mut world = World::new();
    world.phones[3].script.dead = true;
    world.invite(0, "4412345");
    world.run(100);
    let invite = world.sent.iter().find(|(to, _)| to.address == world.phones[3].address).unwrap();
    let branch = Message::parse(&invite.1, Framing::Datagram).unwrap().branch().to_owned();
    let to = invite.0;
    world.give(CallInput::SendFailed { to, branch });
    world.run(1500);
    assert!(world.phones[0].has("200 INVITE"), "the next trunk took the call: {:?}", world.phones[0].log);
    world.order(1, CallOrder::HangupAll);
    world.finish();
}

#[test]
fn what_we_mint_names_its_leg() {
    let mut world = World::new();
    world.invite(0, "bob");
    world.run(100);
    let invite = world.phones[1].last("INVITE");
    let leg = leg_of_branch(invite.branch());
    assert!(leg.is_some());
    assert_eq!(leg, leg_of_call_id(invite.call_id()));
    assert_eq!(leg, leg_of_tag(invite.from_tag()));
    let contact = invite.text(HeaderId::Contact).unwrap();
    assert!(contact.contains(&leg.unwrap().to_string()), "{contact}");
    world.order(1, CallOrder::HangupAll);
    world.finish();
}
