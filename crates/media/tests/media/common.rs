//! An engine on loopback, telephones as sockets, and events with a deadline.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use strowger_media::{Engine, EngineConfig, EngineHandle};
use strowger_model::SlotId;
use strowger_model::media::{Audio, Codec, Latch, MediaEvent, MediaOrder, Remote, Slot, Source};
use strowger_rtp::Header;

/// How long anything may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(5);
pub const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub struct Exchange {
    pub engine: EngineHandle,
    pub pool: Vec<Slot>,
    events: Receiver<MediaEvent>,
}

pub struct Phone {
    pub socket: UdpSocket,
    pub payload_type: u8,
    pub sequence: u16,
    pub ssrc: u32,
}

pub fn config() -> EngineConfig {
    EngineConfig {
        bind: LOCAL,
        port_min: 0,
        pool_pairs: 4,
        rest_ms: 60_000,
        rest_unheard_ms: 60_000,
        ..EngineConfig::default()
    }
}

impl Exchange {
    pub fn start(config: EngineConfig) -> Self {
        let (to, events) = channel();
        let engine = Engine::start(config, move |_, event| drop(to.send(event))).expect("the engine starts");
        let mut exchange = Self { engine, pool: vec![], events };
        exchange.await_slots();
        exchange
    }

    pub fn await_slots(&mut self) {
        let slots = self.await_event(|e| match e {
            MediaEvent::Slots { slots } => Some(slots.clone()),
            _ => None,
        });
        self.pool.extend(slots);
    }

    /// Takes a pair and claims it for a peer that is described at `at`.
    pub fn claim(&mut self, at: SocketAddr, change: impl Fn(&mut Remote)) -> Slot {
        let slot = self.pool.remove(0);
        self.describe(slot.id, at, change);
        slot
    }

    pub fn describe(&self, slot: SlotId, at: SocketAddr, change: impl Fn(&mut Remote)) {
        let mut remote = Box::new(Remote {
            rtp: Some(at),
            rtcp: None,
            latch: Latch::Never,
            send: true,
            receive: true,
            dtmf_payload: Some(101),
            audio: Audio { payload: 8, codec: Codec::Pcma, ptime_ms: 20 },
            silent_ms: None,
        });
        change(&mut remote);
        self.engine.order(MediaOrder::Claim { slot, remote });
    }

    /// Joins two pairs both ways.
    pub fn join(&self, a: SlotId, b: SlotId) {
        self.engine.orders(&mut vec![
            MediaOrder::Patch { from: a, to: Some(b) },
            MediaOrder::Patch { from: b, to: Some(a) },
        ]);
    }

    pub fn source(&self, slot: SlotId, source: Source) {
        self.engine.order(MediaOrder::Source { slot, source });
    }

    /// Waits for the first event that `pick` takes; others are passed over.
    pub fn await_event<T>(&mut self, pick: impl Fn(&MediaEvent) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let event = self.events.recv_timeout(left).expect("the event comes in time");
            if let Some(found) = pick(&event) {
                return found;
            }
        }
    }

    /// Frees the pair and gives what it saw; events before that are passed over.
    pub fn free(&mut self, slot: SlotId) -> strowger_model::media::SlotStats {
        self.engine.order(MediaOrder::Free { slot });
        self.await_event(|e| match e {
            MediaEvent::Stats { slot: of, stats } if *of == slot => Some(*stats),
            _ => None,
        })
    }

    /// Waits until the engine has counted so many packets, accepted or refused.
    pub fn await_packets(&self, count: u64) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let stats = self.engine.stats();
            if stats.received + stats.dropped >= count {
                return;
            }
            assert!(Instant::now() < deadline, "{stats:?}");
            std::thread::yield_now();
        }
    }

    /// Waits until all orders given so far are performed: an order that nobody can perform is answered.
    pub fn settle(&mut self) {
        let nobody = SlotId { thread: 0, index: u32::MAX, generation: 0 };
        self.engine.order(MediaOrder::Patch { from: nobody, to: None });
        self.await_event(|e| matches!(e, MediaEvent::Refused { slot, .. } if *slot == nobody).then_some(()));
    }
}

impl Phone {
    pub fn new(ssrc: u32) -> Self {
        let socket = UdpSocket::bind((LOCAL, 0)).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        Self { socket, payload_type: 8, sequence: 1, ssrc }
    }

    pub fn at(&self) -> SocketAddr {
        self.socket.local_addr().expect("bound")
    }

    /// Sends a packet with this payload to a port of the engine.
    pub fn say(&mut self, port: u16, payload: &[u8]) {
        let header = Header {
            payload_type: self.payload_type,
            sequence: self.sequence,
            timestamp: u32::from(self.sequence) * 160,
            ssrc: self.ssrc,
            ..Header::default()
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.send(port, &[&header.write()[..], payload].concat());
    }

    pub fn send(&self, port: u16, packet: &[u8]) {
        self.socket.send_to(packet, (LOCAL, port)).expect("sent");
    }

    /// The next packet that arrives.
    pub fn hear(&self) -> (Header, Vec<u8>) {
        let mut packet = [0; 2048];
        let (size, _) = self.socket.recv_from(&mut packet).expect("a packet arrives in time");
        let header = Header::parse(&packet[..size]).expect("RTP");
        (header, header.payload(&packet[..size]).to_vec())
    }
}
