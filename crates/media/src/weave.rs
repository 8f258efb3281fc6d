//! Two RTP streams of G.711 woven into one stream of two channels, for a listener. Each packet has its place by its
//! timestamp, so that order and alignment come by themselves; what did not come in time is silence. No clock and no
//! sockets: time is handed in.

use strowger_codec::{alaw_decode, ulaw_decode};
use strowger_model::Mono;

/// Samples of one channel in a block, 20 ms.
pub const BLOCK_FRAMES: usize = 160;
/// Samples of a channel in a second.
pub const FRAMES_PER_SECOND: u32 = 8_000;
/// A block stays open so long for what is late, samples: 60 ms.
const DELAY: u64 = 480;
/// What is kept of a channel, samples: a second.
const WINDOW: usize = 8_000;
/// The longest time that is made up for at once, samples: what is older is left out.
const MAX_BEHIND: u64 = WINDOW as u64 / 2;
/// The longest packet that is taken, bytes: 120 ms.
const MAX_PAYLOAD: usize = 960;
/// Packets in a row that fit nowhere before the stream is taken to have a new beginning.
const MAX_STRAYS: u8 = 3;

/// Which party a packet is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The calling one: the first channel.
    Caller,
    /// The called one: the second channel.
    Called,
}

/// What of a packet's header says where its sound belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// RTP payload type.
    pub payload_type: u8,
    /// Timestamp, samples.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
}

/// The weaver of one listener.
pub struct Weave {
    begun: Mono,
    /// Frames given out; each channel's ring begins there.
    given: u64,
    channels: [Channel; 2],
}

struct Channel {
    /// The last packet that had its place: source, timestamp, frame.
    last: Option<(u32, u32, u64)>,
    strays: u8,
    ring: Box<[i16; WINDOW]>,
}

/// How a payload type is decoded: the static ones of RFC 3551 section 6, by which G.711 is sent.
type Decode = fn(u8) -> i16;

/// Can packets of this payload type be heard?
#[must_use]
pub const fn is_heard(payload_type: u8, payload: &[u8]) -> bool {
    decoder(payload_type).is_some() && !payload.is_empty() && payload.len() <= MAX_PAYLOAD
}

const fn decoder(payload_type: u8) -> Option<Decode> {
    match payload_type {
        0 => Some(ulaw_decode),
        8 => Some(alaw_decode),
        _ => None,
    }
}

impl Weave {
    /// Begins to weave.
    #[must_use]
    pub fn new(now: Mono) -> Self {
        let channel = || Channel { last: None, strays: 0, ring: Box::new([0; WINDOW]) };
        Self { begun: now, given: 0, channels: [channel(), channel()] }
    }

    /// Takes a packet in. False: it came too late, or cannot be heard.
    pub fn handle_packet(&mut self, now: Mono, side: Side, stamp: Stamp, payload: &[u8]) -> bool {
        let Some(decode) = decoder(stamp.payload_type).filter(|_| is_heard(stamp.payload_type, payload))
        else {
            return false;
        };
        let (here, given) = (self.frame(now), self.given);
        let channel = &mut self.channels[side as usize];
        let Some(at) = channel.place(stamp, payload.len() as u64, here, given) else { return false };
        channel.last = Some((stamp.ssrc, stamp.timestamp, at));
        for (frame, byte) in (at..).zip(payload) {
            channel.ring[slot(frame)] = decode(*byte);
        }
        true
    }

    /// The next blocks whose time has come: pairs of signed 16-bit samples, little-endian, the caller's first.
    pub fn poll(&mut self, now: Mono) -> Option<Vec<u8>> {
        let due = self.frame(now).saturating_sub(DELAY);
        let behind = due.saturating_sub(self.given);
        if behind > MAX_BEHIND {
            self.skip(behind - MAX_BEHIND);
        }
        let count = (due.saturating_sub(self.given) as usize) / BLOCK_FRAMES * BLOCK_FRAMES;
        (count > 0).then(|| self.give(count))
    }

    fn give(&mut self, count: usize) -> Vec<u8> {
        let mut block = Vec::with_capacity(count * 4);
        for frame in self.given..self.given + count as u64 {
            for channel in &mut self.channels {
                let sample = std::mem::take(&mut channel.ring[slot(frame)]);
                block.extend_from_slice(&sample.to_le_bytes());
            }
        }
        self.given += count as u64;
        block
    }

    fn skip(&mut self, count: u64) {
        for channel in &mut self.channels {
            if count >= WINDOW as u64 {
                channel.ring.fill(0);
            } else {
                (self.given..self.given + count).for_each(|frame| channel.ring[slot(frame)] = 0);
            }
        }
        self.given += count;
    }

    /// The frame that belongs to this moment.
    const fn frame(&self, now: Mono) -> u64 {
        now.0.saturating_sub(self.begun.0) / 1000 * (FRAMES_PER_SECOND as u64 / 1000)
    }
}

impl Channel {
    /// The frame at which a packet of so many samples belongs; none: its time is over.
    fn place(&mut self, stamp: Stamp, count: u64, here: u64, given: u64) -> Option<u64> {
        let follows = |(_, timestamp, at): (u32, u32, u64)| {
            at.checked_add_signed(i64::from(stamp.timestamp.wrapping_sub(timestamp).cast_signed()))
        };
        let fits = |at: &u64| *at >= given && at + count <= given + WINDOW as u64;
        let known = self.last.filter(|(ssrc, ..)| *ssrc == stamp.ssrc);
        if let Some(at) = known.and_then(follows).filter(fits) {
            self.strays = 0;
            return Some(at);
        }
        self.strays += 1;
        if known.is_some() && self.strays < MAX_STRAYS {
            return None;
        }
        self.strays = 0;
        // A new beginning: it is heard from here on.
        Some(here.max(given)).filter(fits)
    }
}

/// Where a frame stands in a ring.
const fn slot(frame: u64) -> usize {
    (frame % WINDOW as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const A_LOUD: u8 = 0xaa;

    /// The first sample and the frame of each run of one value in a channel.
    fn runs(block: &[u8], channel: usize) -> Vec<(usize, i16)> {
        let samples = block.chunks_exact(4).map(|f| i16::from_le_bytes([f[channel * 2], f[channel * 2 + 1]]));
        let mut runs: Vec<(usize, i16)> = Vec::new();
        for (frame, sample) in samples.enumerate() {
            if runs.last().is_none_or(|(_, last)| *last != sample) {
                runs.push((frame, sample));
            }
        }
        runs
    }

    /// Packets (ms, side, source, timestamp, payload type) of 20 ms into the caller's channel; what `poll` gives at the
    /// end and how many packets were taken.
    fn woven(packets: &[(u64, u32, u32, u8)], end_ms: u64) -> (Vec<(usize, i16)>, usize) {
        let mut weave = Weave::new(Mono::from_ms(1_000));
        let mut taken = 0;
        for &(ms, ssrc, timestamp, payload_type) in packets {
            let stamp = Stamp { payload_type, timestamp, ssrc };
            let now = Mono::from_ms(1_000 + ms);
            taken += usize::from(weave.handle_packet(now, Side::Caller, stamp, &[A_LOUD; 160]));
        }
        let block = weave.poll(Mono::from_ms(1_000 + end_ms)).unwrap_or_default();
        assert!(runs(&block, 1).iter().all(|(_, sample)| *sample == 0), "the other side says nothing");
        (runs(&block, 0), taken)
    }

    #[test]
    fn packets_stand_where_their_timestamps_say_and_gaps_are_silent() {
        let loud = alaw_decode(A_LOUD);
        type Row<'a> = (&'a str, &'a [(u64, u32, u32, u8)], u64, &'a [(usize, i16)], usize);
        let rows: [Row<'_>; 8] = [
            ("nothing came", &[], 80, &[(0, 0)], 0),
            ("in order", &[(0, 7, 0, 8), (20, 7, 160, 8)], 120, &[(0, loud), (320, 0)], 2),
            ("crossed", &[(0, 7, 0, 8), (40, 7, 320, 8), (41, 7, 160, 8)], 140, &[(0, loud), (480, 0)], 3),
            (
                "a gap",
                &[(0, 7, 0, 8), (40, 7, 320, 8)],
                140,
                &[(0, loud), (160, 0), (320, loud), (480, 0)],
                2,
            ),
            ("timestamps wrap", &[(0, 7, u32::MAX - 79, 8), (20, 7, 80, 8)], 120, &[(0, loud), (320, 0)], 2),
            ("another codec", &[(0, 7, 0, 18), (20, 7, 160, 101)], 80, &[(0, 0)], 0),
            ("a new source", &[(0, 7, 0, 8), (20, 9, 99_999, 8)], 120, &[(0, loud), (320, 0)], 2),
            ("a later start", &[(40, 7, 5, 8)], 140, &[(0, 0), (320, loud), (480, 0)], 1),
        ];
        for (name, packets, end_ms, wanted, taken) in rows {
            assert_eq!(woven(packets, end_ms), (wanted.to_vec(), taken), "{name}");
        }
    }

    #[test]
    fn what_comes_after_its_block_was_given_is_lost_and_a_jump_is_a_new_beginning() {
        let mut weave = Weave::new(Mono(0));
        let put = |weave: &mut Weave, ms: u64, timestamp: u32| {
            let stamp = Stamp { payload_type: 0, timestamp, ssrc: 1 };
            weave.handle_packet(Mono::from_ms(ms), Side::Called, stamp, &[0x80; 160])
        };
        assert!(put(&mut weave, 0, 0));
        assert_eq!(weave.poll(Mono::from_ms(79)), None, "the block is open");
        assert_eq!(weave.poll(Mono::from_ms(200)).map(|block| block.len()), Some(7 * BLOCK_FRAMES * 4));
        assert!(!put(&mut weave, 201, 160), "too late");
        assert!(put(&mut weave, 202, 8 * 200), "the next in time");
        for (ms, taken) in [(220, false), (240, false), (260, true), (280, true)] {
            assert_eq!(put(&mut weave, ms, 1_000_000 + 8 * ms as u32), taken, "at {ms}");
        }
    }

    #[test]
    fn a_listener_that_was_away_gets_the_last_half_second() {
        let mut weave = Weave::new(Mono(0));
        let block = weave.poll(Mono::from_ms(60_000)).unwrap_or_default();
        assert_eq!(block.len(), 4_000 / BLOCK_FRAMES * BLOCK_FRAMES * 4);
        assert!(weave.poll(Mono::from_ms(60_020)).is_some());
    }

    #[test]
    fn payloads_of_any_length_and_time_do_no_harm() {
        let mut weave = Weave::new(Mono(0));
        for (length, timestamp) in [(0, 0), (1, u32::MAX), (960, 1), (961, 2), (4_000, 3)] {
            let stamp = Stamp { payload_type: 0, timestamp, ssrc: 1 };
            let taken = weave.handle_packet(Mono::from_ms(5), Side::Caller, stamp, &vec![1; length]);
            assert_eq!(taken, (1..=960).contains(&length), "{length}");
        }
        assert!(weave.poll(Mono(u64::MAX)).is_some());
        assert!(!weave.handle_packet(
            Mono(0),
            Side::Caller,
            Stamp { payload_type: 0, timestamp: 9, ssrc: 1 },
            &[1]
        ));
    }
}
