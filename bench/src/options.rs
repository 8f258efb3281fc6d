//! SIP OPTIONS answered.

use std::fmt::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::latency::Latency;
use crate::report::{Line, Meter};
use crate::server::Server;
use crate::udp::{self, Pace};

/// Of so many requests the time of one is taken: the generator has other things to do.
const TIMED: u64 = 8;

/// The shape of the load.
#[derive(Debug, Clone, Copy)]
pub enum Load {
    /// So many outstanding requests.
    Window(usize),
    /// So many requests per second.
    Rate(u32),
}

pub fn loads(short: bool) -> Vec<Load> {
    if short {
        vec![Load::Window(64)]
    } else {
        vec![Load::Window(64), Load::Rate(10_000), Load::Rate(50_000)]
    }
}

pub fn measure(server: &Server, load: Load, window: Duration) -> Line {
    let mut generator = Generator::new(server);
    let mut pace = match load {
        Load::Window(outstanding) => {
            (0..outstanding).for_each(|_| generator.send());
            None
        }
        Load::Rate(rate) => Some(Pace::new(f64::from(rate))),
    };
    generator.run(pace.as_mut(), window / 4);
    if pace.is_some() {
        generator.drain();
    }
    (generator.sent, generator.answered) = (0, 0);
    generator.latency.clear();
    let mut pace = pace.map(Pace::again);
    let meter = Meter::start(server);
    generator.run(pace.as_mut(), window);
    let title = match load {
        Load::Window(outstanding) => format!("OPTIONS, w:{outstanding}"),
        Load::Rate(rate) => format!("OPTIONS, {rate}/s"),
    };
    let line = meter.finish(title, "request", generator.answered, 0);
    generator.drain();
    Line { lost: generator.sent.saturating_sub(generator.answered), ..line.that_took(&generator.latency) }
}

struct Generator {
    socket: UdpSocket,
    port: u16,
    to: SocketAddr,
    number: u64,
    sent: u64,
    answered: u64,
    text: String,
    latency: Latency,
}

impl Generator {
    fn new(server: &Server) -> Self {
        let socket = udp::socket().expect("the loopback has free ports");
        let port = socket.local_addr().expect("a bound socket has an address").port();
        let (text, latency) = (String::new(), Latency::default());
        Self { socket, port, to: server.sip(), number: 0, sent: 0, answered: 0, text, latency }
    }

    fn send(&mut self) {
        self.number += 1;
        let Self { port, number, text, .. } = self;
        text.clear();
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bKo{number};rport\r\n\
             From: <sip:bench@127.0.0.1>;tag=b{number}\r\nTo: <sip:127.0.0.1>\r\nCall-ID: o{number}\r\nCSeq: 1 OPTIONS\r\n\
             Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        );
        if self.number.is_multiple_of(TIMED) {
            self.latency.begin(self.number);
        }
        self.sent += u64::from(self.socket.send_to(text.as_bytes(), self.to).is_ok());
    }

    fn run(&mut self, mut pace: Option<&mut Pace>, window: Duration) {
        let started = Instant::now();
        while started.elapsed() < window {
            for _ in 0..pace.as_deref_mut().map_or(0, Pace::due) {
                self.send();
            }
            self.read(pace.is_none());
        }
    }

    fn read(&mut self, again: bool) {
        let mut buffer = [0; 2048];
        // Not longer than the window of a closed loop, so that the time is looked at.
        for _ in 0..64 {
            let Some((text, _)) = udp::receive(&self.socket, &mut buffer) else { return };
            self.answered += u64::from(text.starts_with("SIP/2.0 200"));
            if let Some(number) = number_of(text).filter(|number| number.is_multiple_of(TIMED)) {
                self.latency.end(number);
            }
            if again {
                self.send();
            }
        }
    }

    /// What is still under way gets a moment.
    fn drain(&mut self) {
        let started = Instant::now();
        while started.elapsed() < Duration::from_millis(200) {
            self.read(false);
        }
    }
}

/// The request that a response is for, from the branch of its Via, which stands near its beginning.
fn number_of(text: &str) -> Option<u64> {
    let behind = &text[text.find("z9hG4bKo")? + "z9hG4bKo".len()..];
    behind[..behind.find(|c: char| !c.is_ascii_digit())?].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_names_its_request() {
        let text = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:5;branch=z9hG4bKo17;rport=5\r\n";
        assert_eq!(number_of(text), Some(17));
        assert_eq!(number_of("SIP/2.0 200 OK\r\n"), None);
    }
}
