//! The loop of a shard thread: receive what is there, perform it, send what came of it, then wait or nap.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use strowger_call::{Carrier, Hop};
use strowger_model::Now;
use tokio::sync::mpsc;

use super::demux::{Kind, kind_of};
use super::inbox::{Letter, Letters};
use super::pace::{NAP, Pace};
use super::perform::{Performer, is_v6};
use super::sys::{BATCH, Poll, Receiver, want_local_address};
use crate::handle::types::ApiDatagram;
use crate::shard::{MAIN, SIP, Shard, ShardInput};

/// The longest wait, so that a missed wake-up heals.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Letters that are performed before datagrams are looked at again.
const LETTERS_PER_TURN: usize = 256;
/// Batches that are read from a socket that is to be closed: more than its buffer holds.
const MOST_TURNS: usize = 1_024;
/// Bits of both sockets, as [`Poll::wait`] reports them.
const ALL_SOCKETS: u32 = (1 << SIP) | (1 << MAIN);
/// The longest datagram that is handed on as an API request, in bytes: more than any that is answered.
const MAX_API_BYTES: usize = 2_048;
/// The key of the wake-up event.
const WAKE_KEY: u64 = 31;

/// One shard with everything it runs on.
pub struct ShardThread {
    shard: Shard,
    performer: Performer,
    letters: Letters,
    poll: Poll,
    receiver: Receiver,
    api: mpsc::Sender<Vec<ApiDatagram>>,
    pace: Pace,
    next_token: u64,
    ports: [u16; 2],
}

impl ShardThread {
    /// Registers the sockets for waiting.
    ///
    /// # Errors
    /// The system has no more descriptors.
    pub fn new(
        shard: Shard,
        performer: Performer,
        letters: Letters,
        api: mpsc::Sender<Vec<ApiDatagram>>,
    ) -> std::io::Result<Self> {
        let poll = Poll::new()?;
        poll.add(letters.wake().fd(), WAKE_KEY)?;
        let mut ports = [0; 2];
        for (index, socket) in performer.sockets.iter().enumerate() {
            if let Some(socket) = socket {
                want_local_address(socket.as_fd(), is_v6(socket))?;
                poll.add(socket.as_fd(), index as u64)?;
                ports[index] = socket.local_addr()?.port();
            }
        }
        Ok(Self {
            shard,
            performer,
            letters,
            poll,
            receiver: Receiver::new(),
            api,
            pace: Pace::default(),
            next_token: 0,
            ports,
        })
    }

    /// Runs until it is stopped. A shard catches the panics of its machines; one of the driver costs no more than its turn.
    pub fn run(mut self) {
        let mut ready = ALL_SOCKETS;
        loop {
            match catch_unwind(AssertUnwindSafe(|| self.turn(ready))) {
                Ok(Some(next)) => ready = next,
                Ok(None) => return,
                Err(_) => {
                    tracing::error!("a turn of the shard thread panicked; it goes on");
                    ready = ALL_SOCKETS;
                }
            }
        }
    }

    /// Performs what is there, and waits. Returns the sockets to look at next; none: stopped.
    fn turn(&mut self, ready: u32) -> Option<u32> {
        let now = self.performer.clock.now();
        let (letters, stop) = self.read_letters(now);
        let mut datagrams = 0;
        for base in [SIP, MAIN] {
            if ready & (1 << base) != 0 {
                datagrams = self.read_socket(base, now).max(datagrams);
            }
        }
        if self.shard.next_deadline().is_some_and(|at| at <= now.mono) {
            self.shard.handle_input(now, ShardInput::Time);
            self.performer.perform(&mut self.shard);
        }
        self.performer.flush();
        if stop {
            return None;
        }
        self.pace.add(now.mono, letters + datagrams);
        let more = letters >= LETTERS_PER_TURN || datagrams >= BATCH;
        Some(if more { ALL_SOCKETS } else { self.wait() })
    }

    fn wait(&self) -> u32 {
        let now = self.performer.clock.mono();
        let until = self.shard.next_deadline().map(|at| Duration::from_micros(at - now));
        let at_most = until.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
        if at_most.is_zero() {
            return ALL_SOCKETS;
        }
        if self.pace.is_busy() {
            std::thread::sleep(at_most.min(NAP));
            return ALL_SOCKETS;
        }
        if !self.letters.may_sleep() {
            return ALL_SOCKETS;
        }
        let ready = self.poll.wait(at_most);
        self.letters.awake();
        ready
    }

    fn read_socket(&mut self, base: u8, now: Now) -> usize {
        let Some(socket) = self.performer.sockets[usize::from(base)].clone() else { return 0 };
        let (shard, performer, mut api) = (&mut self.shard, &mut self.performer, Vec::new());
        let received = self.receiver.receive(socket.as_fd(), |datagram| {
            let kind = if base == MAIN { kind_of(datagram.bytes) } else { sip_port_kind(datagram.bytes) };
            match kind {
                Kind::Sip => {
                    let listener = shard.listener(base, datagram.local);
                    let from = Hop { carrier: Carrier::Udp, address: datagram.from, listener, flow: None };
                    shard.handle_input(now, ShardInput::Sip { from, bytes: datagram.bytes });
                    performer.perform(shard);
                }
                Kind::Api if datagram.bytes.len() > MAX_API_BYTES => {}
                Kind::Api => {
                    let (from, local) = (datagram.from, datagram.local);
                    api.push(ApiDatagram { from, local, bytes: datagram.bytes.to_vec() });
                }
                Kind::Stun | Kind::KeepAlive => {}
            }
        });
        if !api.is_empty() {
            // A full queue drops them: the client asks again, as with any lost datagram.
            let _ = self.api.try_send(api);
        }
        received.unwrap_or_else(|error| {
            tracing::error!(%error, "a UDP socket cannot be read");
            0
        })
    }

    fn read_letters(&mut self, now: Now) -> (usize, bool) {
        let mut read = 0;
        while read < LETTERS_PER_TURN
            && let Some(letter) = self.letters.take()
        {
            read += 1;
            if !self.letter(now, letter) {
                return (read, true);
            }
            self.performer.perform(&mut self.shard);
        }
        (read, false)
    }

    fn letter(&mut self, now: Now, letter: Letter) -> bool {
        match letter {
            Letter::Flow { flow, carrier, peer, local, bytes, credit } => {
                let listener = self.shard.listener(self.base_of(local), local.ip());
                let from = Hop { carrier, address: peer, listener, flow: Some(flow) };
                self.shard.handle_input(now, ShardInput::Sip { from, bytes: &bytes });
                credit.add_permits(1);
            }
            Letter::FlowClosed(flow) => self.shard.handle_input(now, ShardInput::FlowClosed(flow)),
            Letter::SendFailed(to, branch) => {
                self.shard.handle_input(now, ShardInput::SendFailed { to, branch });
            }
            Letter::Order(order, reply) => {
                self.next_token += 1;
                if let Some(reply) = reply {
                    self.performer.waiting.retain(|_, waiting| !waiting.is_closed());
                    self.performer.waiting.insert(self.next_token, reply);
                }
                self.shard.handle_input(now, ShardInput::Order { token: self.next_token, order });
            }
            Letter::Media(event) => self.shard.handle_input(now, ShardInput::Media(event)),
            Letter::Money(event) => self.shard.handle_input(now, ShardInput::Money(event)),
            Letter::People(answer) => self.shard.handle_input(now, ShardInput::People(answer)),
            Letter::Adopt(snapshot) => self.shard.handle_input(now, ShardInput::Adopt { snapshot }),
            Letter::Sockets(fresh, done) => {
                // Whoever asked may have gone.
                let _ = done.send(self.swap_sockets(now, fresh));
            }
            Letter::Stop => return false,
        }
        true
    }

    /// Goes over to fresh sockets on the same ports; what the old ones had received is read from them first.
    fn swap_sockets(&mut self, now: Now, fresh: [Option<Arc<UdpSocket>>; 2]) -> std::io::Result<()> {
        for (base, fresh) in [SIP, MAIN].into_iter().zip(fresh) {
            let Some(fresh) = fresh else { continue };
            want_local_address(fresh.as_fd(), is_v6(&fresh))?;
            self.poll.add(fresh.as_fd(), base.into())?;
            self.performer.flush();
            let mut turns = 0;
            while self.read_socket(base, now) > 0 && turns < MOST_TURNS {
                turns += 1;
            }
            self.performer.flush();
            if let Some(old) = self.performer.sockets[usize::from(base)].replace(fresh) {
                self.poll.remove(old.as_fd());
            }
        }
        Ok(())
    }

    /// Which port a connection came to; those of TLS ports count as the main port's.
    const fn base_of(&self, local: SocketAddr) -> u8 {
        if local.port() == self.ports[SIP as usize] { SIP } else { MAIN }
    }
}

/// On the SIP port everything that is not a keep-alive is SIP, or answered as what it fails to be.
fn sip_port_kind(bytes: &[u8]) -> Kind {
    match kind_of(bytes) {
        Kind::Api => Kind::Sip,
        other => other,
    }
}

/// The local address from which the system would send to `peer`: an unconnected socket is asked, nothing is sent.
#[must_use]
pub fn route_lookup(peer: std::net::IpAddr) -> std::net::IpAddr {
    let any = if peer.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let ask = || -> std::io::Result<std::net::IpAddr> {
        let socket = UdpSocket::bind(any)?;
        socket.connect(SocketAddr::new(peer, 9))?;
        Ok(socket.local_addr()?.ip())
    };
    ask().unwrap_or_else(|error| {
        tracing::debug!(%peer, %error, "no route");
        if peer.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        }
    })
}

/// Keeps a socket for several owners.
#[must_use]
pub fn shared(socket: Option<UdpSocket>) -> Option<Arc<UdpSocket>> {
    socket.map(Arc::new)
}
