//! Telephone-event (RFC 4733): a key press, reported once, and the packets of one.

use crate::header::Header;

/// A key that was pressed and released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Press {
    /// `0`–`9`, `*`, `#`, `A`–`D`.
    pub digit: char,
    /// How long, by the sender's own count, milliseconds.
    pub duration_ms: u32,
}

/// Turns the event packets of one peer into presses. A press is reported at its first end packet; where
/// all of these are lost, when the next press begins or voice has gone on.
#[derive(Debug, Clone, Default)]
pub struct Detector {
    ssrc: u32,
    open: Option<Open>,
    last: Option<u32>,
}

/// One packet of a press that is made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventPacket {
    /// Set on the first.
    pub marker: bool,
    /// The payload; the RTP timestamp of all packets is that of the press's begin.
    pub payload: [u8; 4],
}

#[derive(Debug, Clone, Copy)]
struct Open {
    timestamp: u32,
    digit: char,
    duration: u16,
}

/// Units of the event clock in a millisecond: 8000 Hz, which phones use whatever the voice's clock is.
const UNITS_PER_MS: u32 = 8;
/// Voice this long after the last heard moment of a press means that its end was lost, clock units.
const LOST_END_UNITS: i32 = 800;
/// End packets are sent three times (RFC 4733 section 2.5.1.4).
const END_PACKETS: u32 = 3;
const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];

/// The digit of an event code; none for codes that are no key.
#[must_use]
pub fn digit_of(event: u8) -> Option<char> {
    DIGITS.get(usize::from(event)).copied()
}

/// The event code of a digit.
#[must_use]
pub fn event_of(digit: char) -> Option<u8> {
    let at = DIGITS.iter().position(|&d| d == digit.to_ascii_uppercase())?;
    u8::try_from(at).ok()
}

impl Detector {
    /// Takes an event packet in. The presses that it completes: an earlier one whose end was lost, and its own.
    pub fn handle_event(&mut self, header: &Header, payload: &[u8]) -> [Option<Press>; 2] {
        let [event, flags, high, low, ..] = *payload else { return [None; 2] };
        let Some(digit) = digit_of(event) else { return [None; 2] };
        if header.ssrc != self.ssrc {
            // Another source counts from another begin: its timestamps say nothing about the earlier ones.
            *self = Self { ssrc: header.ssrc, ..Self::default() };
        }
        let timestamp = header.timestamp;
        let old = |last: u32| timestamp.wrapping_sub(last).cast_signed() <= 0;
        if self.last.is_some_and(old) {
            return [None; 2];
        }
        let duration = u16::from_be_bytes([high, low]);
        let earlier = match self.open {
            Some(open) if open.timestamp == timestamp => None,
            Some(open) if old(open.timestamp) => return [None; 2],
            Some(_) => self.close(),
            None => None,
        };
        let longest = self.open.map_or(0, |o| o.duration).max(duration);
        self.open = Some(Open { timestamp, digit, duration: longest });
        let own = if flags & 0x80 == 0 { None } else { self.close() };
        [earlier, own]
    }

    /// Takes the timestamp of a voice packet in: completes a press whose end was lost.
    pub fn handle_voice(&mut self, timestamp: u32) -> Option<Press> {
        let open = self.open?;
        let heard = open.timestamp.wrapping_add(u32::from(open.duration));
        let past = timestamp.wrapping_sub(heard).cast_signed();
        if past > LOST_END_UNITS { self.close() } else { None }
    }

    fn close(&mut self) -> Option<Press> {
        let open = self.open.take()?;
        self.last = Some(open.timestamp);
        Some(Press { digit: open.digit, duration_ms: u32::from(open.duration) / UNITS_PER_MS })
    }
}

/// The packets of a press, one each `ptime_ms`, then the repeated end. None for a character that is no key.
#[must_use]
pub fn press_packets(
    digit: char,
    duration_ms: u16,
    ptime_ms: u8,
) -> Option<impl Iterator<Item = EventPacket>> {
    let event = event_of(digit)?;
    let total = u32::from(duration_ms) * UNITS_PER_MS;
    let step = u32::from(ptime_ms.max(1)) * UNITS_PER_MS;
    let updates = total.div_ceil(step).max(1);
    Some((1..=updates + END_PACKETS - 1).map(move |at| {
        let duration = u16::try_from((at * step).min(total)).unwrap_or(u16::MAX).to_be_bytes();
        let end = if at >= updates { 0x80 } else { 0 };
        EventPacket { marker: at == 1, payload: [event, end | 10, duration[0], duration[1]] }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(timestamp: u32) -> Header {
        Header { timestamp, ..Header::default() }
    }

    #[test]
    fn a_press_is_reported_once_however_often_its_end_comes() {
        let mut detector = Detector::default();
        let mut presses = vec![];
        for (digit, start) in [('5', 1000), ('#', 3000), ('5', u32::MAX - 10), ('d', 900)] {
            // The clock wraps between the last two; the third is therefore older and not heard again.
            for packet in press_packets(digit, 100, 20).expect("a key") {
                presses.extend(detector.handle_event(&at(start), &packet.payload).into_iter().flatten());
            }
        }
        let wanted = [('5', 100), ('#', 100)];
        assert_eq!(presses, wanted.map(|(digit, duration_ms)| Press { digit, duration_ms }));
    }

    #[test]
    fn the_clock_may_wrap_between_presses() {
        let mut detector = Detector::default();
        let heard: Vec<_> = [u32::MAX - 100, 700]
            .into_iter()
            .flat_map(|start| detector.handle_event(&at(start), &[1, 0x80, 1, 0]))
            .flatten()
            .collect();
        assert_eq!(heard.len(), 2);
    }

    #[test]
    fn a_lost_end_is_made_up_for() {
        let mut detector = Detector::default();
        assert_eq!(detector.handle_event(&at(0), &[7, 10, 1, 0x40]), [None; 2]);
        assert_eq!(detector.handle_voice(400), None, "voice may go on under the key");
        let seven = Some(Press { digit: '7', duration_ms: 40 });
        assert_eq!(detector.clone().handle_voice(2000), seven);
        assert_eq!(detector.handle_event(&at(1600), &[8, 0x80, 0, 160])[0], seven);
        assert_eq!(detector.handle_event(&at(0), &[7, 0x80, 1, 0x40]), [None; 2], "too late");
    }

    #[test]
    fn another_source_counts_anew() {
        let mut detector = Detector::default();
        for (ssrc, timestamp) in [(1, 90_000), (2, 100)] {
            let header = Header { ssrc, timestamp, ..Header::default() };
            assert!(detector.handle_event(&header, &[1, 0x80, 1, 0])[1].is_some());
        }
    }

    #[test]
    fn what_is_no_key_is_passed_over() {
        let mut detector = Detector::default();
        for payload in [&b""[..], &[1, 0x80, 0], &[16, 0x80, 0, 160], &[255; 4]] {
            assert_eq!(detector.handle_event(&at(1), payload), [None; 2]);
        }
        assert!(press_packets('x', 100, 20).is_none());
    }
}
