//! The RTP header (RFC 3550 section 5.1): read, write, renumber in place.

/// Bytes of a header without contributing sources and extension.
pub const FIXED_HEADER_BYTES: usize = 12;

/// An RTP header and where the payload lies in its packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Header {
    /// Marks the first packet after a pause, or of a key press.
    pub marker: bool,
    /// Payload type.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp in units of the payload's clock.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// The payload's first byte in the packet.
    pub payload_start: usize,
    /// The byte after the payload's last.
    pub payload_end: usize,
}

/// Is this datagram RTCP rather than RTP (RFC 5761 section 4)?
#[must_use]
pub fn is_rtcp(packet: &[u8]) -> bool {
    matches!(packet, [first, 192..=223, _, _, _, _, _, _, ..] if first >> 6 == 2)
}

impl Header {
    /// Reads a packet. None: not RTP version 2, or shorter than it says.
    #[must_use]
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let fixed: &[u8; FIXED_HEADER_BYTES] = packet.first_chunk()?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let mut payload_start = FIXED_HEADER_BYTES + 4 * usize::from(fixed[0] & 0x0f);
        if fixed[0] & 0x10 != 0 {
            let extension = packet.get(payload_start..payload_start + 4)?;
            payload_start += 4 + 4 * usize::from(u16::from_be_bytes([extension[2], extension[3]]));
        }
        let padding = if fixed[0] & 0x20 == 0 { 0 } else { usize::from(*packet.last()?).max(1) };
        let payload_end = packet.len().checked_sub(padding).filter(|&end| end >= payload_start)?;
        Some(Self {
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7f,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            payload_start,
            payload_end,
        })
    }

    /// The payload of the packet that this header was read from.
    #[must_use]
    pub fn payload<'a>(&self, packet: &'a [u8]) -> &'a [u8] {
        packet.get(self.payload_start..self.payload_end).unwrap_or_default()
    }

    /// The fixed header of a packet that is made here.
    #[must_use]
    pub fn write(&self) -> [u8; FIXED_HEADER_BYTES] {
        let mut out = [0; FIXED_HEADER_BYTES];
        out[0] = 0x80;
        self.renumber(&mut out);
        out
    }

    /// Writes marker, payload type, sequence, timestamp and source into a packet that has a header; version,
    /// extension, contributing sources and padding stay. A shorter packet is left alone.
    pub fn renumber(&self, packet: &mut [u8]) {
        let Some(fixed) = packet.first_chunk_mut::<FIXED_HEADER_BYTES>() else { return };
        fixed[1] = u8::from(self.marker) << 7 | (self.payload_type & 0x7f);
        fixed[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        fixed[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        fixed[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_read_as_written_and_short_ones_are_refused() {
        let header = Header {
            marker: true,
            payload_type: 8,
            sequence: 7,
            timestamp: 9,
            ssrc: 11,
            ..Header::default()
        };
        let mut packet = header.write().to_vec();
        packet.extend_from_slice(b"abcd");
        let read = Header::parse(&packet).expect("a packet");
        assert_eq!(read, Header { payload_start: 12, payload_end: 16, ..header });
        assert_eq!(read.payload(&packet), b"abcd");
        for cut in 0..12 {
            assert_eq!(Header::parse(&packet[..cut]), None);
        }
        type Case<'a> = (u8, &'a [u8], Option<&'a [u8]>);
        // First byte, rest after the fixed header, payload.
        let cases: [Case<'_>; 6] = [
            (0x81, b"csrcX", Some(b"X")),
            (0x90, b"\0\0\0\x01extnX", Some(b"X")),
            (0x90, b"\0\0\xff\xffX", None),
            (0xa0, b"X\0\x02", Some(b"X")),
            (0xa0, b"X\xff", None),
            (0x40, b"X", None),
        ];
        for (first, rest, wanted) in cases {
            let mut packet = header.write().to_vec();
            packet[0] = first;
            packet.extend_from_slice(rest);
            assert_eq!(Header::parse(&packet).map(|h| h.payload(&packet)), wanted, "{first:x}");
        }
    }

    #[test]
    fn rtcp_is_told_by_its_second_byte() {
        assert!(is_rtcp(&[0x80, 200, 0, 1, 0, 0, 0, 0]));
        assert!(!is_rtcp(&[0x80, 0x80, 0, 1, 0, 0, 0, 0]), "marker and PCMU");
        assert!(!is_rtcp(&[0x80, 200, 0]));
    }
}
