//! Packets between two telephones over real sockets: who is heard, who is not, and what is told of it.

use std::net::UdpSocket;

use crate::common::{Exchange, LOCAL, PATIENCE, Phone, config};
use strowger_model::SlotId;
use strowger_model::media::{Codec, Latch, MediaEvent, MediaOrder, MediaRefusal, MixId, SlotStats, TapId};
use strowger_rtp::press_packets;

#[test]
fn two_phones_hear_each_other_and_the_counts_are_told() {
    let mut exchange = Exchange::start(config());
    let (mut alice, mut bob) = (Phone::new(1), Phone::new(2));
    let (a, b) = (exchange.claim(alice.at(), |_| {}), exchange.claim(bob.at(), |_| {}));
    exchange.join(a.id, b.id);
    exchange.settle();
    for round in 0..5u8 {
        alice.say(a.rtp_port, &[round; 160]);
        let (header, payload) = bob.hear();
        assert_eq!((header.ssrc, header.sequence, payload), (1, u16::from(round) + 1, vec![round; 160]));
        bob.say(b.rtp_port, &[round + 100; 160]);
        assert_eq!(alice.hear().1, vec![round + 100; 160]);
    }
    alice.sequence += 3;
    alice.say(a.rtp_port, b"after a gap");
    assert_eq!(bob.hear().1, b"after a gap");
    let stats = exchange.free(a.id);
    assert_eq!((stats.received, stats.sent, stats.dropped, stats.lost), (6, 5, 0, 3));
    assert_eq!(exchange.free(b.id).received, 5);
}

#[test]
fn how_well_a_peer_is_heard_is_told_while_it_speaks() {
    let mut exchange = Exchange::start(config());
    let mut alice = Phone::new(1);
    let a = exchange.claim(alice.at(), |_| {});
    exchange.settle();
    assert_eq!(exchange.engine.mos(a.id, "PCMA"), None, "nothing was heard");
    for _ in 0..54 {
        alice.say(a.rtp_port, &[0; 160]);
    }
    // Of 60 packets 6 are missing.
    alice.sequence += 6;
    alice.say(a.rtp_port, &[0; 160]);
    exchange.await_packets(55);
    let score = exchange.engine.mos(a.id, "PCMA").expect("a score");
    assert!((100..400).contains(&score), "a tenth is missing: {score}");
    let other = SlotId { generation: a.id.generation + 1, ..a.id };
    assert_eq!(exchange.engine.mos(other, "PCMA"), None, "another use of the pair");
    for nobody in [SlotId { index: u32::MAX, ..a.id }, SlotId { thread: u8::MAX, ..a.id }] {
        assert_eq!(exchange.engine.mos(nobody, "PCMA"), None);
    }
}

#[test]
fn rtcp_goes_to_the_next_port_or_where_the_peer_wants_it() {
    let mut exchange = Exchange::start(config());
    let (alice, bob) = (Phone::new(1), Phone::new(2));
    let control = UdpSocket::bind((LOCAL, 0)).expect("a socket");
    control.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let control_at = control.local_addr().expect("bound");
    let a = exchange.claim(alice.at(), |r| r.latch = Latch::SameHost);
    let b = exchange.claim(bob.at(), |r| r.rtcp = Some(control_at));
    exchange.join(a.id, b.id);
    exchange.settle();
    let report = [0x80, 201, 0, 1, 0, 0, 0, 1];
    let mut heard = [0; 64];
    for port in [a.rtp_port + 1, a.rtp_port] {
        alice.send(port, &report);
        let (size, from) = control.recv_from(&mut heard).expect("a report");
        assert_eq!((&heard[..size], from.port()), (&report[..], b.rtp_port + 1));
    }
}

#[test]
fn a_peer_behind_nat_is_learnt_and_a_stranger_is_not_heard() {
    let mut exchange = Exchange::start(config());
    let (mut alice, mut bob, mut stranger) = (Phone::new(1), Phone::new(2), Phone::new(3));
    // What Alice describes is not where she sends from.
    let described = Phone::new(9).at();
    let a = exchange.claim(described, |r| r.latch = Latch::Learn);
    let b = exchange.claim(bob.at(), |_| {});
    exchange.join(a.id, b.id);
    exchange.settle();
    alice.say(a.rtp_port, b"alice");
    assert_eq!(bob.hear().1, b"alice");
    let from = exchange.await_event(|e| match e {
        MediaEvent::Latched { slot, from } if *slot == a.id => Some(*from),
        _ => None,
    });
    assert_eq!(from, alice.at());
    stranger.say(a.rtp_port, b"stranger");
    stranger.say(b.rtp_port, b"stranger");
    stranger.send(a.rtp_port, b"not RTP at all");
    bob.say(b.rtp_port, b"bob");
    assert_eq!(alice.hear().1, b"bob", "what Bob says goes where Alice really is");
    alice.say(a.rtp_port, b"again");
    assert_eq!(bob.hear().1, b"again", "the stranger is not between the two");
    assert_eq!(exchange.free(a.id).dropped, 2);
    assert_eq!(exchange.free(b.id).dropped, 1);
}

#[test]
fn a_changed_description_is_learnt_anew() {
    let mut exchange = Exchange::start(config());
    let (mut before, mut after, mut bob) = (Phone::new(1), Phone::new(1), Phone::new(2));
    let a = exchange.claim(before.at(), |r| r.latch = Latch::SameHost);
    let b = exchange.claim(bob.at(), |_| {});
    exchange.join(a.id, b.id);
    exchange.settle();
    before.say(a.rtp_port, b"before");
    assert_eq!(bob.hear().1, b"before");
    exchange.describe(a.id, after.at(), |r| r.latch = Latch::SameHost);
    exchange.settle();
    bob.say(b.rtp_port, b"to the new place");
    assert_eq!(after.hear().1, b"to the new place");
    after.say(a.rtp_port, b"after");
    assert_eq!(bob.hear().1, b"after");
}

#[test]
fn a_key_press_passes_and_is_told_once() {
    let mut exchange = Exchange::start(config());
    let (mut alice, bob) = (Phone::new(1), Phone::new(2));
    let (a, b) = (exchange.claim(alice.at(), |_| {}), exchange.claim(bob.at(), |_| {}));
    exchange.join(a.id, b.id);
    exchange.settle();
    let mut told = vec![];
    for digit in ['5', '#'] {
        let timestamp = u32::from(alice.sequence) * 160 + 7;
        for event in press_packets(digit, 80, 20).expect("a key") {
            let header = strowger_rtp::Header {
                marker: event.marker,
                payload_type: 101,
                sequence: alice.sequence,
                timestamp,
                ssrc: 1,
                ..Default::default()
            };
            alice.sequence += 1;
            alice.send(a.rtp_port, &[&header.write()[..], &event.payload].concat());
            assert_eq!(bob.hear().1, event.payload);
        }
    }
    for _ in 0..2 {
        told.push(exchange.await_event(|e| match e {
            MediaEvent::Dtmf { slot, digit, duration_ms } if *slot == a.id => Some((*digit, *duration_ms)),
            _ => None,
        }));
    }
    assert_eq!(told, [('5', 80), ('#', 80)]);
    exchange.engine.order(MediaOrder::Free { slot: a.id });
    let next = exchange.await_event(|e| match e {
        MediaEvent::Dtmf { .. } => Some(true),
        MediaEvent::Stats { .. } => Some(false),
        _ => None,
    });
    assert!(!next, "each press is told once");
}

#[test]
fn nothing_is_sent_to_a_peer_on_hold_and_nothing_heard_from_it() {
    let mut exchange = Exchange::start(config());
    let (mut alice, mut bob) = (Phone::new(1), Phone::new(2));
    let a = exchange.claim(alice.at(), |r| (r.send, r.receive, r.silent_ms) = (false, false, Some(1)));
    let b = exchange.claim(bob.at(), |_| {});
    exchange.join(a.id, b.id);
    exchange.settle();
    alice.say(a.rtp_port, b"unheard");
    bob.say(b.rtp_port, b"unsent");
    exchange.await_packets(2);
    exchange.describe(a.id, alice.at(), |_| {});
    exchange.settle();
    alice.say(a.rtp_port, b"heard");
    bob.say(b.rtp_port, b"sent");
    assert_eq!((bob.hear().1, alice.hear().1), (b"heard".to_vec(), b"sent".to_vec()));
    let wanted = SlotStats { received: 1, sent: 1, dropped: 1, ..SlotStats::default() };
    assert_eq!(exchange.free(a.id), wanted);
}

#[test]
fn a_freed_pair_rests_and_comes_back_as_another_generation() {
    let mut exchange = Exchange::start(strowger_media::EngineConfig {
        rest_ms: 1,
        rest_unheard_ms: 1,
        pool_pairs: 1,
        ..config()
    });
    let mut alice = Phone::new(1);
    let slot = exchange.claim(alice.at(), |_| {});
    // The pool is topped up because its only pair is in use.
    exchange.await_slots();
    let other = exchange.pool.remove(0);
    assert_ne!(other.id.index, slot.id.index);
    exchange.free(slot.id);
    exchange.await_slots();
    let again = exchange.pool.remove(0);
    assert_eq!((again.id.index, again.rtp_port), (slot.id.index, slot.rtp_port));
    assert_eq!(again.id.generation, slot.id.generation + 1);
    alice.say(again.rtp_port, b"late");
    exchange.engine.order(MediaOrder::Free { slot: slot.id });
    exchange.describe(slot.id, alice.at(), |_| {});
    let refused = exchange.await_event(|e| match e {
        MediaEvent::Refused { slot, why } => Some((*slot, *why)),
        MediaEvent::Stats { .. } => panic!("an old generation cannot be freed"),
        _ => None,
    });
    assert_eq!(refused, (slot.id, MediaRefusal::NoSuchSlot));
    // A pair that was taken but never claimed is given back as well.
    assert_eq!(exchange.free(other.id), SlotStats::default());
}

#[test]
fn orders_that_cannot_be_performed_are_refused() {
    let mut exchange = Exchange::start(config());
    let slot = exchange.claim(Phone::new(1).at(), |r| r.audio.codec = Codec::Other).id;
    let elsewhere = SlotId { thread: 7, ..slot };
    let orders = [
        MediaOrder::Tap { slot, tap: TapId(1), on: true },
        MediaOrder::Mix { slot, mix: Some(MixId(1)) },
        MediaOrder::Secure { slot, suite: "x".into(), receive_key: "x".into(), send_key: "x".into() },
        MediaOrder::Patch { from: slot, to: Some(elsewhere) },
        MediaOrder::Source { slot, source: strowger_model::media::Source::Music },
    ];
    for order in orders {
        exchange.engine.order(order);
        let why = exchange.await_event(|e| match e {
            MediaEvent::Refused { why, .. } => Some(*why),
            _ => None,
        });
        assert_eq!(why, MediaRefusal::NotAvailable);
    }
    // A thread that does not exist is nobody's order.
    exchange.engine.order(MediaOrder::Free { slot: elsewhere });
    exchange.settle();
}

#[test]
fn silence_is_told_once_until_the_peer_is_heard_again() {
    let mut exchange = Exchange::start(config());
    let mut alice = Phone::new(1);
    let a = exchange.claim(alice.at(), |r| r.silent_ms = Some(20));
    let silent = |e: &MediaEvent| match e {
        MediaEvent::Silent { slot } => Some(*slot),
        _ => None,
    };
    assert_eq!(exchange.await_event(silent), a.id);
    alice.say(a.rtp_port, b"still here");
    assert_eq!(exchange.await_event(silent), a.id);
    exchange.engine.order(MediaOrder::Free { slot: a.id });
    let again = exchange.await_event(|e| match e {
        MediaEvent::Silent { .. } => Some(true),
        MediaEvent::Stats { .. } => Some(false),
        _ => None,
    });
    assert!(!again);
}

#[test]
fn a_peer_that_refuses_packets_ends_nothing() {
    let mut exchange = Exchange::start(config());
    let mut alice = Phone::new(1);
    let gone = Phone::new(2).at();
    let (a, b) = (exchange.claim(alice.at(), |_| {}), exchange.claim(gone, |_| {}));
    exchange.join(a.id, b.id);
    exchange.settle();
    for _ in 0..20 {
        alice.say(a.rtp_port, b"nobody there");
    }
    exchange.source(a.id, strowger_model::media::Source::Echo);
    exchange.settle();
    alice.say(a.rtp_port, b"marked");
    loop {
        if alice.hear().1 == b"marked" {
            break;
        }
    }
    assert_eq!(exchange.free(a.id).received, 21);
}
