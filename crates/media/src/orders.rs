//! What a thread does when it is ordered to, and the pool of pairs that it keeps ready.

use strowger_model::media::{MediaEvent, MediaOrder, MediaRefusal, Slot as ReadySlot, Source};
use strowger_model::{Mono, ShardId, SlotId};
use strowger_rtp::Header;

use crate::slot::{Feed, Phase, Slot};
use crate::worker::{Worker, rtcp_token, rtp_token};

/// Pairs that are kept ready because of the rate, at most.
const MAX_WANTED: u32 = 4_096;

impl Worker {
    /// Performs an order.
    pub(crate) fn handle_order(&mut self, now: Mono, order: MediaOrder) {
        let id = slot_of(&order);
        let Some(slot) = self.live(id) else {
            if !matches!(order, MediaOrder::Free { .. }) {
                let shard = self.slots.get(id.index as usize).map_or(ShardId(0), |s| s.shard);
                self.report(shard, MediaEvent::Refused { slot: id, why: MediaRefusal::NoSuchSlot });
            }
            return;
        };
        let shard = slot.shard;
        match order {
            MediaOrder::Claim { remote, .. } => {
                let fresh = slot.phase == Phase::Ready;
                slot.claim(now, *remote);
                if fresh {
                    self.standing += 1;
                    self.take_ready(now, shard);
                }
            }
            MediaOrder::Patch { to, .. } => {
                if to.is_none_or(|t| t.thread == id.thread) {
                    slot.talk.patch = to;
                } else {
                    self.refuse(shard, id);
                }
            }
            MediaOrder::Source { source, .. } => self.handle_source(shard, id, source),
            MediaOrder::Free { .. } => self.handle_free(now, id),
            MediaOrder::Tap { .. } | MediaOrder::Mix { .. } | MediaOrder::Secure { .. } => {
                self.refuse(shard, id);
            }
        }
    }

    /// Ends rests that are over and tells of silences. Called at each sweep.
    pub(crate) fn sweep(&mut self, now: Mono) {
        for shard in self.shards.clone() {
            let mut slots = vec![];
            for slot in self.slots.iter_mut().filter(|s| s.shard == shard) {
                match slot.phase {
                    Phase::Resting(until) if until <= now => {
                        slot.phase = Phase::Ready;
                        self.standing -= 1;
                        slots.push(ReadySlot { id: slot.id, rtp_port: slot.pair.port });
                    }
                    Phase::Claimed => {
                        if slot.falls_silent(now) {
                            (self.events)(shard, MediaEvent::Silent { slot: slot.id });
                        }
                    }
                    Phase::Resting(_) | Phase::Ready => {}
                }
            }
            self.hand_out(shard, slots);
        }
        self.publish();
    }

    /// Binds pairs until the shard has its pool, or until there are no more.
    pub(crate) fn top_up(&mut self, shard: ShardId) {
        let mut slots = vec![];
        let missing = self.wanted().saturating_sub(self.ready(shard));
        for _ in 0..missing {
            let Ok(index) = u32::try_from(self.slots.len()) else { break };
            let Some(pair) = self.finder.bind_pair().filter(|_| index < self.config.max_pairs) else { break };
            let id = SlotId { thread: self.thread, index, generation: 0 };
            let rtp = self.epoll.add(&pair.rtp, rtp_token(index));
            if rtp.and_then(|()| self.epoll.add(&pair.rtcp, rtcp_token(index))).is_err() {
                break;
            }
            slots.push(ReadySlot { id, rtp_port: pair.port });
            self.slots.push(Slot::new(id, shard, pair));
        }
        if slots.len() < missing as usize {
            tracing::warn!(
                thread = self.thread,
                missing,
                "no more RTP ports: the range, the descriptors or the bound of pairs is used up"
            );
        }
        self.hand_out(shard, slots);
    }

    /// Pairs to be kept ready: what is configured, and at a high rate of calls what half a second takes, because a shard
    /// takes a pair in hand well before it is claimed here.
    fn wanted(&self) -> u32 {
        let half_second = self.claims[0].max(self.claims[1]) / 2;
        self.config.pool_pairs.max(half_second.min(MAX_WANTED))
    }

    fn hand_out(&mut self, shard: ShardId, slots: Vec<ReadySlot>) {
        if slots.is_empty() {
            return;
        }
        self.count_ready(shard, i64::try_from(slots.len()).unwrap_or(0));
        self.report(shard, MediaEvent::Slots { slots });
    }

    /// A handed-out pair went into use: tops up when half of the pool is gone, at most once a second where
    /// the range is used up.
    fn take_ready(&mut self, now: Mono, shard: ShardId) {
        self.count_ready(shard, -1);
        if now.ms_since(self.second) >= 1_000 {
            self.claims = [0, self.claims[0]];
            self.second = now;
        }
        self.claims[0] = self.claims[0].saturating_add(1);
        if self.ready(shard) >= self.wanted().div_ceil(2) || now < self.no_top_up_before {
            return;
        }
        self.top_up(shard);
        if self.ready(shard) < self.wanted() {
            self.no_top_up_before = now.plus_ms(1_000);
        }
    }

    fn handle_source(&mut self, shard: ShardId, id: SlotId, source: Source) {
        let begin = self.begin();
        let Some(slot) = self.live(id) else { return };
        if !slot.feed(source, begin) {
            return self.refuse(shard, id);
        }
        let sounding = matches!(slot.talk.source, Feed::Sound(_));
        self.sounding.retain(|&index| index != id.index);
        if sounding {
            self.sounding.push(id.index);
        }
        self.set_ticker();
    }

    fn handle_free(&mut self, now: Mono, id: SlotId) {
        let (heard_ms, unheard_ms) = (self.config.rest_ms, self.config.rest_unheard_ms);
        let Some(slot) = self.live(id) else { return };
        let until = now.plus_ms(u64::from(if slot.heard_anything() { heard_ms } else { unheard_ms }));
        let (shard, unclaimed) = (slot.shard, slot.phase == Phase::Ready);
        let stats = slot.free(until);
        self.keep_counts(stats.received, stats.sent, stats.dropped);
        if unclaimed {
            self.standing += 1;
            self.count_ready(shard, -1);
        }
        self.sounding.retain(|&index| index != id.index);
        self.set_ticker();
        self.report(shard, MediaEvent::Stats { slot: id, stats });
    }

    fn refuse(&self, shard: ShardId, slot: SlotId) {
        self.report(shard, MediaEvent::Refused { slot, why: MediaRefusal::NotAvailable });
    }

    /// The slot if this generation of it is in use.
    pub(crate) fn live(&mut self, id: SlotId) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(id.index as usize)?;
        (slot.id == id && !matches!(slot.phase, Phase::Resting(_))).then_some(slot)
    }

    /// The first header of a generated stream.
    fn begin(&mut self) -> Header {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        let bytes = self.seed.to_be_bytes();
        Header {
            marker: true,
            ssrc: u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
            sequence: u16::from_be_bytes([bytes[4], bytes[5]]),
            timestamp: u32::from_be_bytes([bytes[6], bytes[7], bytes[4], bytes[5]]),
            ..Header::default()
        }
    }
}

const fn slot_of(order: &MediaOrder) -> SlotId {
    match order {
        MediaOrder::Claim { slot, .. }
        | MediaOrder::Patch { from: slot, .. }
        | MediaOrder::Source { slot, .. }
        | MediaOrder::Tap { slot, .. }
        | MediaOrder::Mix { slot, .. }
        | MediaOrder::Secure { slot, .. }
        | MediaOrder::Free { slot } => *slot,
    }
}

/// The thread that an order goes to.
pub(crate) const fn thread_of(order: &MediaOrder) -> u8 {
    slot_of(order).thread
}
