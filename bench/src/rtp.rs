//! Voice relayed: standing calls, 50 packets a second each way.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::calls::Exchange;
use crate::latency::Latency;
use crate::report::{Line, Meter};
use crate::server::{Server, StartError};
use crate::udp;

/// G.711 at 20 ms: 12 bytes of header, 160 of voice.
const PACKET_BYTES: usize = 172;
const PACKETS_PER_SECOND: f64 = 50.0;
/// Where a packet's own number stands: behind the header, which the relay writes anew.
const NUMBER: std::ops::Range<usize> = 12..20;
/// Of so many packets the time of one is taken.
const TIMED: u64 = 16;

pub fn measure(
    server: &Server,
    exchange: &mut Exchange,
    calls: usize,
    window: Duration,
) -> Result<Line, StartError> {
    let failed = |error: std::io::Error| StartError::Process(error.to_string());
    let (a, b) = (udp::socket().map_err(failed)?, udp::socket().map_err(failed)?);
    let ports = (a.local_addr().map_err(failed)?.port(), b.local_addr().map_err(failed)?.port());
    exchange.set_up(server, calls, ports)?;
    let sides: Vec<(SocketAddr, SocketAddr)> = exchange
        .standing
        .iter()
        .map(|call| (([127, 0, 0, 1], call.caller_side).into(), ([127, 0, 0, 1], call.trunk_side).into()))
        .collect();
    let mut voice =
        Voice { a, b, sides, sequence: 0, next: 0, sent: 0, received: 0, latency: Latency::default() };
    voice.run(window / 4);
    (voice.sent, voice.received) = (0, 0);
    voice.latency.clear();
    let meter = Meter::start(server);
    voice.run(window);
    let lost = voice.sent.saturating_sub(voice.received);
    let per_second = calls as f64 * PACKETS_PER_SECOND * 2.0;
    let title = format!("RTP relayed, {calls} calls, {per_second} packets/s");
    Ok(meter.finish(title, "packet", voice.received, lost).that_took(&voice.latency))
}

struct Voice {
    a: UdpSocket,
    b: UdpSocket,
    sides: Vec<(SocketAddr, SocketAddr)>,
    sequence: u16,
    next: usize,
    sent: u64,
    received: u64,
    latency: Latency,
}

impl Voice {
    fn run(&mut self, window: Duration) {
        let (started, per_second) = (Instant::now(), self.sides.len() as f64 * PACKETS_PER_SECOND);
        let mut pace = udp::Pace::new(per_second);
        while started.elapsed() < window {
            for _ in 0..pace.due() {
                self.send_pair();
            }
            self.count();
        }
        let drained = Instant::now();
        while drained.elapsed() < Duration::from_millis(50) {
            self.count();
        }
    }

    /// One packet each way of the next call in turn.
    fn send_pair(&mut self) {
        if self.next == self.sides.len() {
            self.next = 0;
            self.sequence = self.sequence.wrapping_add(1);
        }
        let (caller_side, trunk_side) = self.sides[self.next];
        let mut packet = [0xd5; PACKET_BYTES];
        packet[..2].copy_from_slice(&[0x80, 8]);
        packet[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&(u32::from(self.sequence) * 160).to_be_bytes());
        packet[8..12].copy_from_slice(&(self.next as u32).to_be_bytes());
        for (socket, to) in [(&self.a, caller_side), (&self.b, trunk_side)] {
            packet[NUMBER].copy_from_slice(&self.sent.to_be_bytes());
            if self.sent.is_multiple_of(TIMED) {
                self.latency.begin(self.sent);
            }
            self.sent += u64::from(socket.send_to(&packet, to).is_ok());
        }
        self.next += 1;
    }

    fn count(&mut self) {
        let mut buffer = [0; 2048];
        for socket in [&self.a, &self.b] {
            while let Ok((length, _)) = socket.recv_from(&mut buffer) {
                self.received += 1;
                let number = buffer[..length].get(NUMBER).and_then(|bytes| bytes.try_into().ok());
                if let Some(number) = number.map(u64::from_be_bytes).filter(|n| n.is_multiple_of(TIMED)) {
                    self.latency.end(number);
                }
            }
        }
    }
}
