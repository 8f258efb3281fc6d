//! One port pair in use: whom it hears, whom it speaks to, what it has seen.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use strowger_codec::{Sound, alaw_encode, ulaw_encode};
use strowger_model::media::{Codec, MediaEvent, Remote, SlotStats, Source};
use strowger_model::{Mono, ShardId, SlotId};
use strowger_rtp::{
    Continuity, Detector, FIXED_HEADER_BYTES, Header, Latcher, Press, Reception, Verdict, map_ssrcs,
};

use crate::ports::Pair;
use crate::tap::Taps;
use crate::worker::Heard;

/// A port pair and its present use.
pub(crate) struct Slot {
    pub(crate) id: SlotId,
    pub(crate) shard: ShardId,
    pub(crate) phase: Phase,
    pub(crate) pair: Pair,
    pub(crate) talk: Talk,
}

/// Where a pair stands between two uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Handed to a shard.
    Ready,
    /// In use.
    Claimed,
    /// Freed; packets meet nobody until then.
    Resting(Mono),
}

/// What belongs to one use of a pair and ends with it.
#[derive(Default)]
pub(crate) struct Talk {
    pub(crate) remote: Option<Remote>,
    pub(crate) patch: Option<SlotId>,
    pub(crate) source: Feed,
    pub(crate) taps: Taps,
    rtp_latch: Option<Latcher>,
    rtcp_latch: Option<Latcher>,
    continuity: Continuity,
    reception: Reception,
    detector: Detector,
    sent: u64,
    dropped: u64,
    heard: Mono,
    silent_told: bool,
}

/// The source that feeds the peer.
#[derive(Default)]
pub(crate) enum Feed {
    /// The patch alone.
    #[default]
    Patch,
    /// What the peer sends.
    Echo,
    /// Generated sound.
    Sound(Box<Generator>),
}

/// Generated sound and the numbering of its packets.
pub(crate) struct Generator {
    kind: Source,
    sound: Sound,
    next: Header,
    owed_ms: u32,
}

/// The longest generated packet, samples: 120 ms.
const MAX_SAMPLES: usize = 960;
/// Samples in a millisecond.
const SAMPLES_PER_MS: usize = 8;
/// Units of the clock by which jitter is measured, per millisecond: that of nearly all telephone formats; the
/// figure of a stream with another clock (Opus) is not meaningful.
const CLOCK_UNITS_PER_MS: u64 = 8;

impl Slot {
    pub(crate) fn new(id: SlotId, shard: ShardId, pair: Pair) -> Self {
        Self { id, shard, phase: Phase::Ready, pair, talk: Talk::default() }
    }

    /// Takes a packet in. The header of what is to be sent on; none: refused, counted.
    pub(crate) fn hear(
        &mut self,
        now: Mono,
        packet: &[u8],
        from: SocketAddr,
        report: &impl Fn(MediaEvent),
    ) -> Option<Header> {
        let slot = self.id;
        let talk = &mut self.talk;
        let (Some(remote), Some(latch)) = (&talk.remote, &mut talk.rtp_latch) else {
            talk.dropped += 1;
            return None;
        };
        let Some(header) = Header::parse(packet).filter(|_| remote.receive) else {
            talk.dropped += 1;
            return None;
        };
        match latch.handle_packet(now, from) {
            Verdict::Accept => {}
            Verdict::Learnt => report(MediaEvent::Latched { slot, from }),
            Verdict::Drop => {
                talk.dropped += 1;
                return None;
            }
        }
        talk.heard = now;
        talk.silent_told = false;
        let arrival = (now.0 * CLOCK_UNITS_PER_MS / 1000) as u32;
        talk.reception.handle_packet(&header, arrival);
        let presses = if remote.dtmf_payload == Some(header.payload_type) {
            talk.detector.handle_event(&header, header.payload(packet))
        } else {
            [talk.detector.handle_voice(header.timestamp), None]
        };
        for Press { digit, duration_ms } in presses.into_iter().flatten() {
            report(MediaEvent::Dtmf { slot, digit, duration_ms });
        }
        Some(header)
    }

    /// Sends another slot's packet to this peer, unless generated sound has its ear.
    pub(crate) fn speak(&mut self, now: Mono, header: &Header, packet: &mut [u8]) {
        if !matches!(self.talk.source, Feed::Sound(_)) {
            self.send(now, header, packet);
        }
    }

    /// Makes the sound of `ms` milliseconds and sends the packets that are complete.
    pub(crate) fn generate(&mut self, now: Mono, ms: u32, packet: &mut [u8]) {
        let Some(audio) = self.talk.remote.as_ref().map(|r| r.audio) else { return };
        let encode = match audio.codec {
            Codec::Pcmu => ulaw_encode,
            Codec::Pcma => alaw_encode,
            Codec::Other => return,
        };
        let Feed::Sound(mut generator) = std::mem::take(&mut self.talk.source) else { return };
        generator.owed_ms += ms;
        let ptime_ms = u32::from(audio.ptime_ms.max(10));
        while generator.owed_ms >= ptime_ms {
            generator.owed_ms -= ptime_ms;
            let mut samples = [0; MAX_SAMPLES];
            let count = (ptime_ms as usize * SAMPLES_PER_MS).min(MAX_SAMPLES);
            let samples = &mut samples[..count];
            generator.sound.fill(samples);
            let header = Header { payload_type: audio.payload, ..generator.next };
            generator.next.sequence = header.sequence.wrapping_add(1);
            generator.next.timestamp = header.timestamp.wrapping_add(count as u32);
            generator.next.marker = false;
            let Some(packet) = packet.get_mut(..FIXED_HEADER_BYTES + count) else { break };
            packet[..FIXED_HEADER_BYTES].copy_from_slice(&header.write());
            packet[FIXED_HEADER_BYTES..].iter_mut().zip(samples).for_each(|(byte, s)| *byte = encode(*s));
            self.send(now, &header, packet);
        }
        self.talk.source = Feed::Sound(generator);
    }

    /// Judges an RTCP packet by its source.
    pub(crate) fn hear_rtcp(&mut self, now: Mono, from: SocketAddr) -> bool {
        let latch = self.talk.rtcp_latch.as_mut();
        let accepted = latch.is_some_and(|l| l.handle_packet(now, from) != Verdict::Drop);
        if !accepted {
            self.talk.dropped += 1;
        }
        accepted
    }

    /// Sends RTCP that was heard from `other`'s peer to this one, streams named as this peer knows them.
    pub(crate) fn speak_rtcp(&self, other: &Continuity, packet: &mut [u8]) {
        let (Some(remote), Some(latch)) = (&self.talk.remote, &self.talk.rtcp_latch) else { return };
        let Some(target) = latch.target().filter(|_| !matches!(self.talk.source, Feed::Sound(_))) else {
            return;
        };
        map_ssrcs(packet, |ssrc| {
            let outward = self.talk.continuity.outward(ssrc);
            if outward == ssrc { other.inward(ssrc) } else { outward }
        });
        let muxed = remote.rtcp.is_some() && remote.rtcp == remote.rtp;
        send(if muxed { &self.pair.rtp } else { &self.pair.rtcp }, self.pair.v6, packet, target);
    }

    /// The numbering of what this peer hears.
    pub(crate) fn continuity(&self) -> Continuity {
        self.talk.continuity.clone()
    }

    /// The peer is known, or known better.
    pub(crate) fn claim(&mut self, now: Mono, remote: Remote) {
        let talk = &mut self.talk;
        let rtcp = remote
            .rtcp
            .or_else(|| remote.rtp.map(|rtp| SocketAddr::new(rtp.ip(), rtp.port().wrapping_add(1))));
        describe(&mut talk.rtp_latch, &remote, remote.rtp);
        describe(&mut talk.rtcp_latch, &remote, rtcp);
        if talk.remote.as_ref().is_none_or(|old| !old.receive || old.silent_ms != remote.silent_ms) {
            talk.heard = now;
            talk.silent_told = false;
        }
        talk.remote = Some(remote);
        self.phase = Phase::Claimed;
    }

    /// What feeds the peer from here on; the same sound goes on. False: this sound cannot be made for the peer.
    pub(crate) fn feed(&mut self, source: Source, begin: Header) -> bool {
        let sound = match source {
            Source::None | Source::Echo => {
                self.talk.source = if source == Source::Echo { Feed::Echo } else { Feed::Patch };
                return true;
            }
            Source::Ringback => Sound::ringback(),
            Source::Music => Sound::music(),
            Source::Tone { hz } => Sound::tone(hz),
        };
        if self.talk.remote.as_ref().is_some_and(|r| r.audio.codec == Codec::Other) {
            return false;
        }
        if !matches!(&self.talk.source, Feed::Sound(g) if g.kind == source) {
            let generator = Generator { kind: source, sound, next: begin, owed_ms: 0 };
            self.talk.source = Feed::Sound(Box::new(generator));
        }
        true
    }

    /// Is the silence of this peer to be told now?
    pub(crate) fn falls_silent(&mut self, now: Mono) -> bool {
        let talk = &mut self.talk;
        let limit = talk.remote.as_ref().filter(|r| r.receive).and_then(|r| r.silent_ms);
        let silent = limit.is_some_and(|ms| now.ms_since(talk.heard) >= u64::from(ms)) && !talk.silent_told;
        talk.silent_told |= silent;
        silent
    }

    /// Ends the use: what was seen. The pair rests and has its next generation.
    pub(crate) fn free(&mut self, until: Mono) -> SlotStats {
        let stats = self.stats();
        self.talk = Talk::default();
        self.phase = Phase::Resting(until);
        self.id.generation = self.id.generation.wrapping_add(1);
        stats
    }

    /// Some packet came in this use, accepted or not.
    pub(crate) const fn heard_anything(&self) -> bool {
        self.talk.reception.received() > 0 || self.talk.dropped > 0
    }

    /// What was heard in this use, for the list of all slots.
    pub(crate) fn heard(&self) -> Heard {
        let (reception, most) = (&self.talk.reception, u64::from(u32::MAX));
        Heard {
            generation: self.id.generation,
            received: reception.received().min(most) as u32,
            lost: reception.lost().min(most) as u32,
            jitter: reception.jitter(),
        }
    }

    /// What was seen in this use.
    pub(crate) fn stats(&self) -> SlotStats {
        let talk = &self.talk;
        SlotStats {
            received: talk.reception.received(),
            sent: talk.sent,
            dropped: talk.dropped,
            lost: talk.reception.lost(),
            jitter: talk.reception.jitter(),
        }
    }

    /// Counts a packet that was accepted and has nowhere to go.
    pub(crate) const fn drop_packet(&mut self) {
        self.talk.dropped += 1;
    }

    fn send(&mut self, now: Mono, header: &Header, packet: &mut [u8]) {
        let talk = &mut self.talk;
        let Some(remote) = talk.remote.as_ref().filter(|r| r.send) else { return };
        let Some(target) = talk.rtp_latch.as_ref().and_then(Latcher::target) else { return };
        // A format that is not made here may be sealed by its sender: it passes with its own numbers.
        if remote.audio.codec != Codec::Other {
            let mapped = talk.continuity.map(now, header);
            if mapped != *header {
                mapped.renumber(packet);
            }
        }
        if send(&self.pair.rtp, self.pair.v6, packet, target) {
            talk.sent += 1;
        } else {
            talk.dropped += 1;
        }
    }
}

fn describe(latch: &mut Option<Latcher>, remote: &Remote, address: Option<SocketAddr>) {
    match latch {
        Some(latch) => latch.describe(remote.latch, address),
        None => *latch = Some(Latcher::new(remote.latch, address)),
    }
}

/// Sends. An error (a full buffer, a refusal that came back) concerns this packet alone.
fn send(socket: &UdpSocket, v6: bool, packet: &[u8], target: SocketAddr) -> bool {
    let target = match target.ip() {
        // An IPv6 socket reaches IPv4 peers by their mapped addresses (RFC 4291 section 2.5.5.2).
        IpAddr::V4(ip) if v6 => SocketAddr::new(IpAddr::V6(ip.to_ipv6_mapped()), target.port()),
        _ => target,
    };
    socket.send_to(packet, target).is_ok()
}

/// The source as descriptions write it: an IPv4 address that arrived on an IPv6 socket is one again.
pub(crate) fn plain(from: SocketAddr) -> SocketAddr {
    match from.ip() {
        IpAddr::V4(_) => from,
        IpAddr::V6(ip) => SocketAddr::new(ip.to_canonical(), from.port()),
    }
}
