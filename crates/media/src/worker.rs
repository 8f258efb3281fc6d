//! The loop of one media thread: wait, receive, send on; ticks for generated sound; orders between rounds.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use strowger_model::media::{MediaEvent, MediaOrder};
use strowger_model::{Mono, ShardId, SlotId};
use strowger_rtp::is_rtcp;

use crate::config::EngineConfig;
use crate::engine::StartError;
use crate::pace::Pace;
use crate::ports::PortFinder;
use crate::slot::{Feed, Phase, Slot, plain};
use crate::sys::{Epoll, NOT_READY, Ticker, Wake};
use crate::tap::Sink;

/// Where events go.
pub(crate) type Events = Arc<dyn Fn(ShardId, MediaEvent) + Send + Sync>;

/// What a thread shares with those who order it about.
pub(crate) struct Desk {
    pub(crate) wake: Wake,
    pub(crate) errands: Mutex<Vec<Errand>>,
    pub(crate) stopped: AtomicBool,
    /// bound, claimed, resting, received, sent, dropped.
    pub(crate) counters: [AtomicU64; 6],
    /// What each slot has heard, by its index.
    pub(crate) heard: Mutex<Vec<Heard>>,
}

/// What a slot in use has heard, as of the last sweep.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard {
    pub(crate) generation: u32,
    pub(crate) received: u32,
    pub(crate) lost: u32,
    pub(crate) jitter: u32,
}

/// Something to be done between two rounds.
pub(crate) enum Errand {
    Order(MediaOrder),
    Tap(SlotId, Box<dyn Sink>),
    CloseCheck,
    Stop,
}

/// One media thread.
pub(crate) struct Worker {
    pub(crate) thread: u8,
    pub(crate) config: EngineConfig,
    pub(crate) shards: Vec<ShardId>,
    pub(crate) epoll: Epoll,
    pub(crate) finder: PortFinder,
    pub(crate) slots: Vec<Slot>,
    pub(crate) sounding: Vec<u32>,
    pub(crate) events: Events,
    pub(crate) seed: u64,
    pub(crate) no_top_up_before: Mono,
    /// Pairs in use or at rest: while there are any, the thread looks after them.
    pub(crate) standing: usize,
    ready: Vec<i64>,
    /// Pairs claimed in this second and in the one before.
    pub(crate) claims: [u32; 2],
    pub(crate) second: Mono,
    freed: [u64; 3],
    desk: Arc<Desk>,
    ticker: Ticker,
    ticking: bool,
    check: Option<UdpSocket>,
    pace: Pace,
    started: Instant,
    buffer: Box<[u8; MAX_PACKET_BYTES]>,
    /// The list that is written while others read the last one.
    heard: Vec<Heard>,
}

/// The largest datagram that is relayed, bytes.
const MAX_PACKET_BYTES: usize = 4096;
/// Readiness reports taken at once.
const MAX_READY: usize = 256;
/// Generated sound is made in steps of this.
const TICK: Duration = Duration::from_millis(TICK_MS as u64);
const TICK_MS: u32 = 20;
/// Ticks that are made up for after a delay; what is later is left out.
const MAX_TICKS: u64 = 5;
/// Rests and silences are looked after this often, milliseconds.
const SWEEP_MS: u64 = 50;

const WAKE_TOKEN: u64 = u64::MAX;
const TICK_TOKEN: u64 = u64::MAX - 1;
const CHECK_TOKEN: u64 = u64::MAX - 2;

/// The name of a slot's RTP socket in epoll.
pub(crate) const fn rtp_token(index: u32) -> u64 {
    (index as u64) << 1
}

/// The name of a slot's RTCP socket in epoll.
pub(crate) const fn rtcp_token(index: u32) -> u64 {
    rtp_token(index) | 1
}

impl Worker {
    /// Binds the first pool of each shard and hands it out. Returns the port of the thread's check as well.
    pub(crate) fn new(
        thread: u8,
        config: &EngineConfig,
        events: Events,
        desk: Arc<Desk>,
    ) -> Result<(Self, u16), StartError> {
        let (epoll, ticker) = (Epoll::new()?, Ticker::new()?);
        let mut finder = PortFinder::new(config, thread);
        let none = StartError::NoPorts { min: config.port_min, max: config.port_max };
        let pair = finder.first_pair().ok_or(none)?;
        epoll.add(&desk.wake, WAKE_TOKEN)?;
        epoll.add(&ticker, TICK_TOKEN)?;
        epoll.add(&pair.rtp, CHECK_TOKEN)?;
        let (threads, shards) = (config.threads, config.shards);
        let serves = |s: &u8| s % threads == thread || (thread >= shards && thread % shards == *s);
        let mut worker = Self {
            thread,
            config: config.clone(),
            shards: (0..shards).filter(serves).map(ShardId).collect(),
            epoll,
            finder,
            slots: vec![],
            sounding: vec![],
            events,
            // Never zero: the generator would stay there.
            seed: config.seed.wrapping_add(u64::from(thread) << 32) | 1 << 63,
            no_top_up_before: Mono(0),
            standing: 0,
            ready: vec![0; usize::from(shards)],
            claims: [0; 2],
            second: Mono(0),
            freed: [0; 3],
            desk,
            ticker,
            ticking: false,
            check: Some(pair.rtp),
            pace: Pace::new(config.coalesce_above_pps, config.coalesce_sleep_us),
            started: Instant::now(),
            buffer: Box::new([0; MAX_PACKET_BYTES]),
            heard: Vec::new(),
        };
        worker.shards.clone().into_iter().for_each(|shard| worker.top_up(shard));
        worker.publish();
        if worker.slots.is_empty() && !worker.shards.is_empty() {
            return Err(StartError::NoPorts { min: config.port_min, max: config.port_max });
        }
        Ok((worker, pair.port))
    }

    /// Runs until it is told to stop. A panic costs what it happened in, not the other conversations.
    pub(crate) fn run(mut self) {
        while catch_unwind(AssertUnwindSafe(|| self.rounds())).is_err() {
            tracing::error!(thread = self.thread, "a packet or order caused a panic and was given up");
        }
    }

    fn rounds(&mut self) {
        let mut ready = [NOT_READY; MAX_READY];
        let mut swept = Mono(0);
        loop {
            let timeout_ms = match (self.pace.gather(), self.standing) {
                (Some(_), _) => 0,
                (None, 0) => -1,
                (None, _) => SWEEP_MS as i32,
            };
            // An interrupted wait is a round without packets.
            let count = self.epoll.wait(&mut ready, timeout_ms).unwrap_or(0);
            let now = self.now();
            let mut packets = 0;
            let mut stop = false;
            for report in &ready[..count] {
                match report.u64 {
                    WAKE_TOKEN => stop |= self.handle_errands(now),
                    TICK_TOKEN => self.handle_tick(now),
                    CHECK_TOKEN => self.handle_check(),
                    token => packets += u64::from(self.handle_socket(now, token)),
                }
            }
            if stop {
                return;
            }
            self.pace.handle_round(now, packets);
            if now.ms_since(swept) >= SWEEP_MS {
                swept = now;
                self.sweep(now);
            }
            if let Some(sleep) = self.pace.gather().filter(|_| count == 0) {
                std::thread::sleep(sleep);
            }
        }
    }

    /// Tells of an event.
    pub(crate) fn report(&self, shard: ShardId, event: MediaEvent) {
        (self.events)(shard, event);
    }

    /// How many pairs the shard has in hand, unclaimed.
    pub(crate) fn ready(&self, shard: ShardId) -> u32 {
        let count = self.ready.get(usize::from(shard.0)).copied().unwrap_or(0);
        u32::try_from(count).unwrap_or(0)
    }

    pub(crate) fn count_ready(&mut self, shard: ShardId, change: i64) {
        if let Some(count) = self.ready.get_mut(usize::from(shard.0)) {
            *count += change;
        }
    }

    /// Keeps what a freed use has counted, for the sums.
    pub(crate) const fn keep_counts(&mut self, received: u64, sent: u64, dropped: u64) {
        self.freed[0] += received;
        self.freed[1] += sent;
        self.freed[2] += dropped;
    }

    /// Arms the ticker while there is sound to make.
    pub(crate) fn set_ticker(&mut self) {
        let wanted = !self.sounding.is_empty();
        if wanted != self.ticking && self.ticker.arm(if wanted { TICK } else { Duration::ZERO }).is_ok() {
            self.ticking = wanted;
        }
    }

    /// Shows the counts to other threads.
    pub(crate) fn publish(&mut self) {
        self.publish_heard();
        let mut sums = [self.slots.len() as u64, 0, 0, self.freed[0], self.freed[1], self.freed[2]];
        for slot in &self.slots {
            match slot.phase {
                Phase::Ready => continue,
                Phase::Claimed => sums[1] += 1,
                Phase::Resting(_) => sums[2] += 1,
            }
            let stats = slot.stats();
            sums[3] += stats.received;
            sums[4] += stats.sent;
            sums[5] += stats.dropped;
        }
        for (counter, sum) in self.desk.counters.iter().zip(sums) {
            counter.store(sum, Ordering::Relaxed);
        }
    }

    /// The lists change places, so that nobody waits for the other; where one is being read, that is for next time.
    fn publish_heard(&mut self) {
        self.heard.clear();
        self.heard.extend(self.slots.iter().map(Slot::heard));
        if let Ok(mut shown) = self.desk.heard.try_lock() {
            std::mem::swap(&mut *shown, &mut self.heard);
        }
    }

    fn now(&self) -> Mono {
        Mono(u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// Receives one packet and sends it on. False: there was none.
    fn handle_socket(&mut self, now: Mono, token: u64) -> bool {
        let (index, on_rtcp) = ((token >> 1) as usize, token & 1 == 1);
        let Some(slot) = self.slots.get_mut(index) else { return false };
        let socket = if on_rtcp { &slot.pair.rtcp } else { &slot.pair.rtp };
        // An error here is a refusal that came back for an earlier packet, or nothing to read.
        let Ok((size, from)) = socket.recv_from(&mut self.buffer[..]) else { return false };
        if slot.phase != Phase::Claimed || size == MAX_PACKET_BYTES {
            slot.drop_packet();
            return true;
        }
        let from = plain(from);
        if on_rtcp || is_rtcp(&self.buffer[..size]) {
            self.relay_rtcp(now, index, size, from);
        } else {
            self.relay(now, index, size, from);
        }
        true
    }

    fn relay(&mut self, now: Mono, index: usize, size: usize, from: SocketAddr) {
        let Self { slots, buffer, events, .. } = self;
        let packet = &mut buffer[..size];
        let Some(slot) = slots.get_mut(index) else { return };
        let shard = slot.shard;
        let Some(header) = slot.hear(now, packet, from, &|event| events(shard, event)) else { return };
        slot.talk.taps.give(&header, packet);
        match onward(slots, index) {
            Some(to) => slots[to].speak(now, &header, packet),
            None => slots[index].drop_packet(),
        }
    }

    fn relay_rtcp(&mut self, now: Mono, index: usize, size: usize, from: SocketAddr) {
        let Self { slots, buffer, .. } = self;
        let Some(slot) = slots.get_mut(index).filter(|_| is_rtcp(&buffer[..size])) else { return };
        if matches!(slot.talk.source, Feed::Echo) || !slot.hear_rtcp(now, from) {
            return;
        }
        let continuity = slot.continuity();
        if let Some(to) = onward(slots, index) {
            slots[to].speak_rtcp(&continuity, &mut buffer[..size]);
        }
    }

    fn handle_tick(&mut self, now: Mono) {
        let ticks = self.ticker.ticks().min(MAX_TICKS);
        let ms = TICK_MS * u32::try_from(ticks).unwrap_or(0);
        let Self { slots, buffer, sounding, .. } = self;
        for &index in sounding.iter() {
            if let Some(slot) = slots.get_mut(index as usize) {
                slot.generate(now, ms, &mut buffer[..]);
            }
        }
    }

    /// Sends a check's packet back; to this machine only.
    fn handle_check(&mut self) {
        let Some(check) = &self.check else { return };
        let Ok((size, from)) = check.recv_from(&mut self.buffer[..]) else { return };
        let ip: IpAddr = plain(from).ip();
        if ip.is_loopback() || ip == self.config.bind {
            let _ = check.send_to(&self.buffer[..size], from);
        }
    }

    /// Does what was asked for since the last round. True: stop.
    fn handle_errands(&mut self, now: Mono) -> bool {
        self.desk.wake.clear();
        let errands = std::mem::take(&mut *self.desk.errands.lock().unwrap_or_else(PoisonError::into_inner));
        for errand in errands {
            match errand {
                Errand::Order(order) => self.handle_order(now, order),
                Errand::Tap(slot, sink) => {
                    if let Some(slot) = self.live(slot) {
                        slot.tap(sink);
                    }
                }
                Errand::CloseCheck => self.check = None,
                Errand::Stop => return true,
            }
        }
        false
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.desk.stopped.store(true, Ordering::Release);
    }
}

/// Where a slot's packets go: back, or to the slot it is patched to while that generation is in use.
fn onward(slots: &[Slot], index: usize) -> Option<usize> {
    let talk = &slots.get(index)?.talk;
    if matches!(talk.source, Feed::Echo) {
        return Some(index);
    }
    let to = talk.patch?;
    let at = to.index as usize;
    slots.get(at).filter(|s| s.id == to && s.phase == Phase::Claimed).map(|_| at)
}
