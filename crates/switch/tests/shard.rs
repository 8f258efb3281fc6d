//! The shard as a value, in virtual time and without sockets.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use strowger_call::{Carrier, Hop};
use strowger_config::Config;
use strowger_guard::{Guard, Limits};
use strowger_model::account::{Account, AccountKind, NeedAuth};
use strowger_model::media::{MediaEvent, Slot};
use strowger_model::payment::{MoneyEvent, MoneyOrder};
use strowger_model::{AccountId, Mono, Now, Scope, Secret, ShardId, SlotId, Wall};
use strowger_route::{Change, Settings, Snapshot};
use strowger_sip::{Framing, HeaderId, Message};
use strowger_switch::shard::{Addresses, Answer, Order};
use strowger_switch::{Shard, ShardInput, ShardOutput, ShardSetup};

fn at(ms: u64) -> Now {
    Now { mono: Mono::from_ms(1000 + ms), wall: Wall(i64::try_from(ms).unwrap() + 1_000_000) }
}

fn account(id: i64, name: &str) -> Account {
    let kind = AccountKind::Enduser;
    Account {
        password: Secret::new("pw"),
        need_auth: NeedAuth::Open,
        ..Account::new(AccountId(id), kind, name)
    }
}

/// A shard with its surroundings played: money is always granted, slots are there.
struct Table {
    shard: Shard,
    sent: Vec<(Hop, Message)>,
    answers: Vec<(u64, Answer)>,
    freed: usize,
}

impl Table {
    fn new(pairs: &[(&str, &str)]) -> Self {
        let mut snapshot = Snapshot::new(Settings::default());
        for (id, name) in [(1, "alice"), (2, "bob")] {
            snapshot.apply(Change::Account(Box::new(account(id, name))));
        }
        let own: IpAddr = "10.0.0.1".parse().unwrap();
        let setup = ShardSetup {
            node: 1,
            shard: ShardId(0),
            epoch: 1,
            seed: 42,
            config: Arc::new(Config::with(pairs)),
            routes: Arc::new(ArcSwap::from_pointee(snapshot)),
            guard: Arc::new(Mutex::new(Guard::new(Limits::default()))),
            addresses: Addresses::new([5060, 8080], "0.0.0.0".parse().unwrap(), Box::new(move |_| own)),
            bindings: Vec::new(),
        };
        let mut table =
            Self { shard: Shard::new(setup, at(0)), sent: Vec::new(), answers: Vec::new(), freed: 0 };
        let slot = |index: u16| Slot {
            id: SlotId { thread: 0, index: u32::from(index), generation: 1 },
            rtp_port: 20_000 + 2 * index,
        };
        table.put(at(0), ShardInput::Media(MediaEvent::Slots { slots: (0..20).map(slot).collect() }));
        table
    }

    fn put(&mut self, now: Now, input: ShardInput<'_>) {
        self.shard.handle_input(now, input);
        while let Some(output) = self.shard.poll_output() {
            match output {
                ShardOutput::Transmit { to, bytes } => {
                    self.sent.push((to, Message::parse(&bytes, Framing::Datagram).unwrap()));
                }
                ShardOutput::Money(order) => {
                    let event = granted(&order);
                    self.shard.handle_input(now, ShardInput::Money(event));
                }
                ShardOutput::Media(strowger_model::media::MediaOrder::Free { .. }) => self.freed += 1,
                ShardOutput::Reply { token, answer } => self.answers.push((token, answer)),
                _ => {}
            }
        }
    }

    fn sip(&mut self, now: Now, text: &str) -> Vec<Message> {
        let address = "192.0.2.7:5060".parse().unwrap();
        let from = Hop { carrier: Carrier::Udp, address, listener: 0, flow: None };
        self.put(now, ShardInput::Sip { from, bytes: text.as_bytes() });
        self.sent.drain(..).map(|(_, message)| message).collect()
    }

    fn live(&mut self, now: Now) -> usize {
        self.put(now, ShardInput::Order { token: 9, order: Order::LiveCalls(Scope::All) });
        match self.answers.pop() {
            Some((9, Answer::Calls(calls))) => calls.len(),
            other => panic!("{other:?}"),
        }
    }
}

fn granted(order: &MoneyOrder) -> MoneyEvent {
    let step = order.step();
    match order {
        MoneyOrder::Hold { max_steps, .. } | MoneyOrder::Extend { max_steps, .. } => {
            MoneyEvent::Held { step, steps: *max_steps, left: None }
        }
        _ => MoneyEvent::Settled { step },
    }
}

fn invite(call: u32) -> String {
    let sdp =
        "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
    format!(
        "INVITE sip:5005@strowger SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK{call}\r\nMax-Forwards: 70\r\nFrom: <sip:alice@strowger>;tag=t{call}\r\nTo: <sip:5005@strowger>\r\nCall-ID: c{call}\r\nCSeq: 1 INVITE\r\nContact: <sip:alice@192.0.2.7>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
}

fn ack(call: u32, to: &str) -> String {
    format!(
        "ACK sip:5005@strowger SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKa{call}\r\nFrom: <sip:alice@strowger>;tag=t{call}\r\nTo: {to}\r\nCall-ID: c{call}\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n"
    )
}

fn status_of(messages: &[Message]) -> Vec<u16> {
    messages.iter().map(Message::status).collect()
}

#[test]
fn a_call_that_panics_dies_alone() {
    let mut table = Table::new(&[]);
    let first = table.sip(at(0), &invite(1));
    let answer = first.last().unwrap();
    assert_eq!(status_of(&first), [100, 200], "100 before any lookup");
    let to = answer.text(HeaderId::To).unwrap().to_owned();
    table.sip(at(10), &ack(1, &to));
    assert_eq!(table.live(at(20)), 1);

    table.shard.panic_after(0);
    let second = table.sip(at(30), &invite(2));
    assert_eq!(table.shard.statistics().panics, 1);
    assert_eq!(status_of(&second), [500], "a request whose handling panics is answered");
    let third = table.sip(at(40), &invite(3));
    assert_eq!(status_of(&third), [100, 200], "later calls are served");
    assert!(table.live(at(50)) >= 2, "the first call lives");
    table.put(at(60), ShardInput::Order { token: 1, order: Order::Finish });
    let byes = table.sent.drain(..).filter(|(_, message)| message.method_text() == "BYE").count();
    assert!(byes >= 1, "running calls are ended");
    let refused = table.sip(at(70), &invite(4));
    assert_eq!(status_of(&refused), [503]);
}

#[test]
fn everything_comes_back_after_calls_whose_phone_is_silent() {
    let mut table = Table::new(&[]);
    for call in 0..5 {
        table.sip(at(0), &invite(call));
    }
    assert_eq!((table.live(at(1)), table.shard.statistics().slots_used), (5, 5));
    // Nobody acknowledges: RFC 3261 timer H ends each call with a BYE, which nobody answers either.
    let mut steps = 0;
    while let Some(deadline) = table.shard.next_deadline() {
        steps += 1;
        assert!(steps < 5000, "time goes on without end");
        table.put(Now { mono: deadline, wall: Wall(2_000_000) }, ShardInput::Time);
        assert!(
            table.shard.next_deadline().is_none_or(|next| next > deadline),
            "what is due at {deadline:?} is done then"
        );
    }
    assert!(table.shard.is_idle());
    assert_eq!((table.shard.statistics().slots_used, table.freed), (0, 5));
}

#[test]
fn an_invite_whose_caller_is_unknown_is_challenged_without_a_trace() {
    let mut table = Table::new(&[]);
    let text = invite(1).replace("alice", "ghost");
    let challenge = table.sip(at(0), &text);
    assert_eq!(status_of(&challenge), [407]);
    let to = challenge[0].text(HeaderId::To).unwrap().to_owned();
    let ack = ack(1, &to).replace("alice", "ghost").replace("z9hG4bKa1", "z9hG4bK1");
    assert!(table.sip(at(1), &ack).is_empty());
    assert!(table.shard.is_idle() && table.shard.next_deadline().is_none());
}

#[test]
fn the_public_address_stands_in_what_is_sent() {
    let mut table = Table::new(&[("advertiseip", "198.51.100.9")]);
    let answers = table.sip(at(0), &invite(1));
    let answer = answers.last().unwrap();
    assert_eq!(answer.contact().unwrap().unwrap().uri.host, "198.51.100.9");
    assert!(String::from_utf8_lossy(answer.body()).contains("c=IN IP4 198.51.100.9"));
}
