//! Messages to phones in virtual time: the first phone that takes one counts, silence is no delivery.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use strowger_location::{Carrier, Delivery, InstantMessage, Key, MessageTarget, Messenger, Reach};
use strowger_model::{Mono, Now, Wall};
use strowger_sip::{Builder, Framing, HeaderId, Message};

fn at(s: u64) -> Now {
    Now { mono: Mono::from_ms(1_000_000 + s * 1000), wall: Wall(0) }
}

fn target(port: u16) -> MessageTarget {
    let source = ([192, 0, 2, 9], port).into();
    let reach = Reach { carrier: Carrier::Udp, source, listener: 0, flow: None };
    MessageTarget { uri: format!("sip:bob@192.0.2.9:{port}").into(), path: "".into(), reach }
}

fn send(messenger: &mut Messenger, ports: &[u16]) -> Vec<Message> {
    let message = InstantMessage {
        id: 5,
        from: "alice".into(),
        to: "bob".into(),
        content_type: "text/plain".into(),
        body: b"hello"[..].into(),
    };
    let targets: Vec<MessageTarget> = ports.iter().map(|port| target(*port)).collect();
    messenger.deliver(at(0), &message, &targets, ("", "test"), |_| "198.51.100.1:5060".into());
    let sent = std::iter::from_fn(|| messenger.poll_transmit());
    sent.map(|sent| Message::parse(&sent.bytes, Framing::Datagram).unwrap()).collect()
}

fn answer(messenger: &mut Messenger, request: &Message, status: u16) -> Option<Delivery> {
    let mut out = Vec::new();
    Builder::response_to(&mut out, request, status, "", "x", None).finish();
    let response = Message::parse(&out, Framing::Datagram).unwrap();
    assert!(messenger.owns(&response));
    messenger.handle_response(at(1), &response);
    messenger.poll_delivery()
}

#[test]
fn the_first_phone_that_takes_it_counts() {
    let mut messenger = Messenger::new(Key::new([1; 16]));
    let sent = send(&mut messenger, &[5060, 5070, 5080]);
    assert_eq!(sent.len(), 3);
    assert_eq!(sent[1].uri_text(), "sip:bob@192.0.2.9:5070");
    assert!(sent[0].text(HeaderId::From).unwrap().starts_with("<sip:alice@198.51.100.1>;tag="));
    assert_eq!(
        (sent[0].body(), sent[0].value(HeaderId::Contact)),
        (&b"hello"[..], None),
        "RFC 3428 section 4"
    );
    assert_eq!(answer(&mut messenger, &sent[0], 486), None);
    assert_eq!(answer(&mut messenger, &sent[1], 200), Some(Delivery { id: 5, status: 200 }));
    assert_eq!(answer(&mut messenger, &sent[2], 200), None, "told once");
}

#[test]
fn refusal_silence_and_nobody_are_no_delivery() {
    let mut messenger = Messenger::new(Key::new([1; 16]));
    let sent = send(&mut messenger, &[5060]);
    let refused = answer(&mut messenger, &sent[0], 405).unwrap();
    assert!(!refused.is_delivered() && refused.status == 405);

    assert!(send(&mut messenger, &[]).is_empty());
    assert_eq!(messenger.poll_delivery(), Some(Delivery { id: 5, status: 480 }));

    send(&mut messenger, &[5060]);
    for s in 1..=32 {
        messenger.handle_timeout(at(s));
    }
    let silent = messenger.poll_delivery().unwrap();
    assert!(!silent.is_delivered(), "{silent:?}");
    for s in 33..=64 {
        messenger.handle_timeout(at(s));
    }
    assert!(messenger.is_empty() && messenger.deadline().is_none());
}
