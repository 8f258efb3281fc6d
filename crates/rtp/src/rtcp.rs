//! RTCP compound packets (RFC 3550 section 6): a bounded walk with the facts that are used, and the
//! renaming of sources where a stream was renumbered.

/// One packet of a compound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rtcp {
    /// Sender or receiver report; the first report block only.
    Report(Report),
    /// The source says goodbye.
    Bye {
        /// The first source named.
        ssrc: u32,
    },
    /// Any other type, passed along.
    Other {
        /// Its packet type.
        packet_type: u8,
    },
}

/// What a report says about the stream that its sender hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Who reports.
    pub ssrc: u32,
    /// About whom; none in an empty report.
    pub about: Option<u32>,
    /// Lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Interarrival jitter in clock units.
    pub jitter: u32,
}

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const BYE: u8 = 203;
/// Bytes of one report block.
const BLOCK_BYTES: usize = 24;

/// The packets of a compound in order; ends at the first that is not whole.
pub fn walk(compound: &[u8]) -> impl Iterator<Item = Rtcp> {
    spans(compound).filter_map(|(start, end)| read(compound.get(start..end)?))
}

/// Renames sources by `name`: of senders, report blocks and descriptions.
pub fn map_ssrcs(compound: &mut [u8], name: impl Fn(u32) -> u32) {
    let mut start = 0;
    while let Some(end) = span_end(compound, start) {
        let packet = &mut compound[start..end];
        let count = usize::from(packet[0] & 0x1f);
        rename(packet, 4, &name);
        let first_block = match packet[1] {
            SENDER_REPORT => Some(28),
            RECEIVER_REPORT => Some(8),
            _ => None,
        };
        if let Some(first) = first_block {
            (0..count).for_each(|at| rename(packet, first + at * BLOCK_BYTES, &name));
        }
        start = end;
    }
}

fn rename(packet: &mut [u8], at: usize, name: &impl Fn(u32) -> u32) {
    let names_a_source = matches!(packet[1], SENDER_REPORT | RECEIVER_REPORT | SOURCE_DESCRIPTION | BYE);
    if let Some(field) = packet.get_mut(at..at + 4).filter(|_| names_a_source) {
        let old = u32::from_be_bytes([field[0], field[1], field[2], field[3]]);
        field.copy_from_slice(&name(old).to_be_bytes());
    }
}

fn spans(compound: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let end = span_end(compound, start)?;
        let span = (start, end);
        start = end;
        Some(span)
    })
}

/// The end of the packet that begins at `start`; none where it is not whole or not version 2.
fn span_end(compound: &[u8], start: usize) -> Option<usize> {
    let head = compound.get(start..start + 4)?;
    let end = start + 4 + 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
    (head[0] >> 6 == 2 && end <= compound.len()).then_some(end)
}

fn read(packet: &[u8]) -> Option<Rtcp> {
    let word = |at: usize| Some(u32::from_be_bytes(*packet.get(at..)?.first_chunk()?));
    let block = match packet[1] {
        SENDER_REPORT => 28,
        RECEIVER_REPORT => 8,
        BYE => return Some(Rtcp::Bye { ssrc: word(4)? }),
        packet_type => return Some(Rtcp::Other { packet_type }),
    };
    let about = if packet[0] & 0x1f == 0 { None } else { word(block) };
    let fraction_lost = about.and_then(|_| packet.get(block + 4).copied()).unwrap_or_default();
    let jitter = about.and_then(|_| word(block + 12)).unwrap_or_default();
    Some(Rtcp::Report(Report { ssrc: word(4)?, about, fraction_lost, jitter }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receiver_report() -> Vec<u8> {
        let mut packet = vec![0x81, RECEIVER_REPORT, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 64, 0, 0, 9];
        packet.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 30, 0, 0, 0, 0, 0, 0, 0, 0]);
        packet.extend_from_slice(&[0x81, BYE, 0, 1, 0, 0, 0, 1]);
        packet
    }

    #[test]
    fn a_compound_is_walked_to_its_last_whole_packet() {
        let mut compound = receiver_report();
        let report = Report { ssrc: 1, about: Some(2), fraction_lost: 64, jitter: 30 };
        assert_eq!(walk(&compound).collect::<Vec<_>>(), [Rtcp::Report(report), Rtcp::Bye { ssrc: 1 }]);
        compound.truncate(38);
        assert_eq!(walk(&compound).count(), 1);
        for cut in 0..32 {
            assert_eq!(walk(&compound[..cut]).count(), 0, "{cut}");
        }
    }

    #[test]
    fn sources_are_renamed_wherever_they_are_named() {
        let mut compound = receiver_report();
        map_ssrcs(&mut compound, |ssrc| ssrc + 10);
        let report = Report { ssrc: 11, about: Some(12), fraction_lost: 64, jitter: 30 };
        assert_eq!(walk(&compound).collect::<Vec<_>>(), [Rtcp::Report(report), Rtcp::Bye { ssrc: 11 }]);
        for cut in 0..40 {
            map_ssrcs(&mut compound[..cut], |ssrc| ssrc);
        }
    }
}
