//! One continuous stream to a peer out of several sources: the first source keeps its own numbers, each
//! later one is moved to follow the last packet sent (RFC 3550 section 7.1, as a translator would).

use strowger_model::Mono;

use crate::header::Header;

/// The numbering of what one peer hears.
#[derive(Debug, Clone, Default)]
pub struct Continuity {
    stream: Option<Stream>,
}

#[derive(Debug, Clone, Copy)]
struct Stream {
    ssrc: u32,
    source: u32,
    sequence_offset: u16,
    timestamp_offset: u32,
    last_sequence: u16,
    last_timestamp: u32,
    last_sent: Mono,
}

/// Clock units in a millisecond: the formats that can be switched between run at 8000 Hz.
const UNITS_PER_MS: u64 = 8;
/// The least distance between the timestamps of two sources, one packet of 20 ms.
const LEAST_STEP_UNITS: u32 = 160;

impl Continuity {
    /// The header under which a packet goes to the peer. A new source is told by its SSRC.
    pub fn map(&mut self, now: Mono, header: &Header) -> Header {
        let begins = self.stream.is_none_or(|s| s.source != header.ssrc);
        let stream = self.stream.get_or_insert(Stream {
            ssrc: header.ssrc,
            source: header.ssrc,
            sequence_offset: 0,
            timestamp_offset: 0,
            last_sequence: header.sequence,
            last_timestamp: header.timestamp,
            last_sent: now,
        });
        let switched = begins && stream.source != header.ssrc;
        if switched {
            stream.follow(now, header);
        }
        let sequence = header.sequence.wrapping_add(stream.sequence_offset);
        let timestamp = header.timestamp.wrapping_add(stream.timestamp_offset);
        if sequence.wrapping_sub(stream.last_sequence).cast_signed() >= 0 {
            stream.last_sequence = sequence;
            stream.last_timestamp = timestamp;
            stream.last_sent = now;
        }
        Header { marker: header.marker || switched, sequence, timestamp, ssrc: stream.ssrc, ..*header }
    }

    /// The source's name as the peer knows it: for RTCP that speaks of the stream.
    #[must_use]
    pub fn outward(&self, ssrc: u32) -> u32 {
        self.stream.filter(|s| s.source == ssrc).map_or(ssrc, |s| s.ssrc)
    }

    /// The peer's name for the stream turned back into its source's own.
    #[must_use]
    pub fn inward(&self, ssrc: u32) -> u32 {
        self.stream.filter(|s| s.ssrc == ssrc).map_or(ssrc, |s| s.source)
    }
}

impl Stream {
    fn follow(&mut self, now: Mono, header: &Header) {
        self.source = header.ssrc;
        let pause =
            u32::try_from(now.ms_since(self.last_sent).saturating_mul(UNITS_PER_MS)).unwrap_or(u32::MAX / 4);
        let next = self.last_timestamp.wrapping_add(pause.max(LEAST_STEP_UNITS));
        self.timestamp_offset = next.wrapping_sub(header.timestamp);
        self.sequence_offset = self.last_sequence.wrapping_add(1).wrapping_sub(header.sequence);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_of_sources_is_one_stream_to_the_peer() {
        let mut stream = Continuity::default();
        // (ms, source, sequence, timestamp) → (sequence, timestamp, marker)
        let steps = [
            ((0, 1, 65535, 1000), (65535, 1000, false)),
            ((20, 1, 0, 1160), (0, 1160, false)),
            ((40, 2, 500, 7), (1, 1320, true)),
            ((60, 2, 502, 327), (3, 1640, false)),
            ((61, 2, 501, 167), (2, 1480, false)),
            ((160, 1, 9, 50), (4, 2440, true)),
            ((161, 3, 9, 50), (5, 2600, true)),
        ];
        for ((ms, ssrc, sequence, timestamp), wanted) in steps {
            let header = Header { ssrc, sequence, timestamp, ..Header::default() };
            let out = stream.map(Mono::from_ms(ms), &header);
            assert_eq!((out.sequence, out.timestamp, out.marker), wanted, "at {ms} ms");
            assert_eq!(out.ssrc, 1, "the first source names the stream");
        }
        assert_eq!((stream.outward(3), stream.inward(1), stream.outward(9)), (1, 3, 9));
    }
}
