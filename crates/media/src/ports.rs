//! Port pairs: RTP on an even port, RTCP on the next (RFC 3550 section 11). Found in ascending order within
//! the range, passing over what others have bound.

use std::collections::BTreeSet;
use std::net::{IpAddr, UdpSocket};

use crate::config::EngineConfig;

/// A bound pair.
pub(crate) struct Pair {
    pub(crate) rtp: UdpSocket,
    pub(crate) rtcp: UdpSocket,
    pub(crate) port: u16,
    /// Are these IPv6 sockets?
    pub(crate) v6: bool,
}

/// Finds and binds the pairs of one thread.
pub(crate) struct PortFinder {
    bind: IpAddr,
    range: Option<Range>,
    ours: BTreeSet<u16>,
}

/// The thread's share of the port range: every `step`-th pair from `first`.
struct Range {
    first: u32,
    step: u32,
    count: u32,
    next: u32,
}

/// Pairs that are tried where the system chooses the port.
const SYSTEM_TRIES: u32 = 64;
/// Pairs of the range that are tried for one order, so that a full range does not hold up the packets.
const RANGE_TRIES: u32 = 256;

impl PortFinder {
    pub(crate) fn new(config: &EngineConfig, thread: u8) -> Self {
        let range = (config.port_min != 0).then(|| {
            let first = u32::from(config.port_min).next_multiple_of(2);
            let pairs = (u32::from(config.port_max) + 1).saturating_sub(first) / 2;
            let (threads, thread) = (u32::from(config.threads.max(1)), u32::from(thread));
            let count = pairs.saturating_sub(thread).div_ceil(threads);
            Range { first: first + 2 * thread, step: 2 * threads, count, next: 0 }
        });
        Self { bind: config.bind, range, ours: BTreeSet::new() }
    }

    /// Binds a pair. None: none found within the tries; later calls go on from there.
    pub(crate) fn bind_pair(&mut self) -> Option<Pair> {
        let pair = match self.range {
            None => (0..SYSTEM_TRIES).find_map(|_| self.any_pair()),
            Some(_) => self.pair_in_range(),
        }?;
        self.ours.insert(pair.port);
        Some(pair)
    }

    /// Binds the first pair, at start: the whole range may be searched, nobody waits for a packet yet.
    pub(crate) fn first_pair(&mut self) -> Option<Pair> {
        let rounds = self.range.as_ref().map_or(1, |range| range.count.div_ceil(RANGE_TRIES));
        (0..rounds).find_map(|_| self.bind_pair())
    }

    fn pair_in_range(&mut self) -> Option<Pair> {
        let range = self.range.as_mut()?;
        for _ in 0..RANGE_TRIES.min(range.count) {
            let port = u16::try_from(range.first + range.next * range.step).ok()?;
            range.next = (range.next + 1) % range.count;
            if self.ours.contains(&port) {
                continue;
            }
            if let Some(rtp) = bind(self.bind, port)
                && let Some(rtcp) = bind(self.bind, port + 1)
            {
                return Some(Pair { rtp, rtcp, port, v6: self.bind.is_ipv6() });
            }
        }
        None
    }

    fn any_pair(&self) -> Option<Pair> {
        let one = bind(self.bind, 0)?;
        let port = one.local_addr().ok()?.port();
        let even = port & !1;
        let other = bind(self.bind, port ^ 1)?;
        let (rtp, rtcp) = if port == even { (one, other) } else { (other, one) };
        Some(Pair { rtp, rtcp, port: even, v6: self.bind.is_ipv6() })
    }
}

fn bind(ip: IpAddr, port: u16) -> Option<UdpSocket> {
    let socket = UdpSocket::bind((ip, port)).ok()?;
    socket.set_nonblocking(true).ok()?;
    Some(socket)
}
