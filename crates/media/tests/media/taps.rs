//! Copies of what is said between two telephones: what a listener gets, and that the conversation does not mind.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Weak};

use strowger_media::{MAX_TAPS, Sink};
use strowger_model::SlotId;
use strowger_rtp::Header;

use crate::common::{Exchange, PATIENCE, Phone, config};

/// A listener with room for so many packets; it is there as long as its ear.
struct Ear {
    copies: SyncSender<(u16, Vec<u8>)>,
    there: Weak<AtomicBool>,
}

impl Sink for Ear {
    fn take(&self, header: &Header, payload: &[u8]) {
        let _ = self.copies.try_send((header.sequence, payload.to_vec()));
    }

    fn is_gone(&self) -> bool {
        self.there.upgrade().is_none_or(|there| !there.load(Ordering::Relaxed))
    }
}

fn listen(exchange: &Exchange, slot: SlotId, room: usize) -> (Receiver<(u16, Vec<u8>)>, Arc<AtomicBool>) {
    let (copies, heard) = sync_channel(room);
    let there = Arc::new(AtomicBool::new(true));
    exchange.engine.tap(slot, Box::new(Ear { copies, there: Arc::downgrade(&there) }));
    (heard, there)
}

/// Has the tap ended? Its sender is dropped with it.
fn is_over(heard: &Receiver<(u16, Vec<u8>)>) -> bool {
    while heard.recv_timeout(PATIENCE).is_ok() {}
    matches!(heard.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected))
}

#[test]
fn a_listener_hears_its_side_and_a_slow_one_costs_the_conversation_nothing() {
    let mut exchange = Exchange::start(config());
    let (mut alice, mut bob) = (Phone::new(1), Phone::new(2));
    let (a, b) = (exchange.claim(alice.at(), |_| {}), exchange.claim(bob.at(), |_| {}));
    exchange.join(a.id, b.id);
    let (heard, _there) = listen(&exchange, a.id, 64);
    let (slow, _still_there) = listen(&exchange, a.id, 2);
    exchange.settle();
    for round in 0..20u8 {
        alice.say(a.rtp_port, &[round; 160]);
        assert_eq!(bob.hear().1, vec![round; 160]);
        bob.say(b.rtp_port, &[0xee; 160]);
        assert_eq!(alice.hear().1, vec![0xee; 160]);
    }
    for round in 0..20u8 {
        let copy = heard.recv_timeout(PATIENCE).expect("a copy");
        assert_eq!(copy, (u16::from(round) + 1, vec![round; 160]));
    }
    let (a_stats, b_stats) = (exchange.free(a.id), exchange.free(b.id));
    assert_eq!((a_stats.received, b_stats.sent, b_stats.received, a_stats.sent), (20, 20, 20, 20));
    assert_eq!(slow.iter().count(), 2, "the rest was lost");
    assert!(is_over(&heard), "the tap ends with the use of the pair");
}

#[test]
fn taps_are_bounded_end_with_their_listener_and_need_a_pair_in_use() {
    let mut exchange = Exchange::start(config());
    let mut alice = Phone::new(1);
    let unclaimed = exchange.pool[1].id;
    let a = exchange.claim(alice.at(), |_| {});
    let mut listeners: Vec<_> = (0..MAX_TAPS).map(|_| listen(&exchange, a.id, 8)).collect();
    for slot in [a.id, unclaimed, SlotId { generation: 9, ..a.id }, SlotId { thread: 9, ..a.id }] {
        assert!(is_over(&listen(&exchange, slot, 8).0), "{slot:?}");
    }
    listeners.truncate(MAX_TAPS - 1);
    let (heard, there) = listen(&exchange, a.id, 8);
    exchange.settle();
    alice.say(a.rtp_port, b"one");
    assert_eq!(heard.recv_timeout(PATIENCE).expect("there is room again").1, b"one");
    there.store(false, Ordering::Relaxed);
    alice.say(a.rtp_port, b"two");
    assert!(is_over(&heard), "nobody takes copies");
    for (other, _) in &listeners {
        assert_eq!(other.recv_timeout(PATIENCE).expect("the others hear").1, b"one");
    }
}
