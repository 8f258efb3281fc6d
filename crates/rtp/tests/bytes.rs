//! Bytes that nobody meant: every reader of this crate survives them.

use strowger_rtp::{Continuity, Detector, Header, Reception, is_rtcp, map_ssrcs, walk};

/// A small generator (xorshift): the same bytes on every run.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % below.max(1)
    }
}

#[test]
fn readers_survive_any_bytes() {
    let (mut seeded, mut read) = (Seeded(0x5eed), 0);
    let (mut detector, mut reception, mut continuity) =
        (Detector::default(), Reception::default(), Continuity::default());
    for round in 0..200_000u64 {
        let mut packet: Vec<u8> = (0..seeded.next(80)).map(|_| seeded.next(256) as u8).collect();
        if let Some(first) = packet.first_mut().filter(|_| round % 2 == 0) {
            *first = 0x80 | (*first & 0x3f);
        }
        if is_rtcp(&packet) {
            assert!(walk(&packet).count() <= packet.len() / 4);
        }
        let before = packet.len();
        map_ssrcs(&mut packet, |ssrc| ssrc ^ 1);
        let Some(header) = Header::parse(&packet) else { continue };
        read += 1;
        reception.handle_packet(&header, seeded.next(1 << 32) as u32);
        let _ = detector.handle_event(&header, header.payload(&packet));
        let _ = detector.handle_voice(header.timestamp);
        let mapped = continuity.map(strowger_model::Mono(round * seeded.next(1 << 20) as u64), &header);
        mapped.renumber(&mut packet);
        let again = Header::parse(&packet).expect("renumbering keeps a packet a packet");
        assert_eq!(
            (again.sequence, again.timestamp, again.ssrc),
            (mapped.sequence, mapped.timestamp, mapped.ssrc)
        );
        assert_eq!(packet.len(), before);
    }
    assert!(read > 10_000, "{read} packets read");
}
