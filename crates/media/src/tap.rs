//! Copies of what a slot hears, for whoever listens to a call. A tap sees packets and decides nothing about them; it
//! ends with the slot's use, or when nobody takes its copies any more.

use strowger_rtp::Header;

use crate::slot::{Phase, Slot};

/// Takes the copies of one slot, on the media thread: it must not block. Whoever is too slow loses packets, never the
/// conversation.
pub trait Sink: Send {
    /// A packet that the slot accepted from its peer: its header and its payload.
    fn take(&self, header: &Header, payload: &[u8]);
    /// Nobody takes copies any more.
    fn is_gone(&self) -> bool;
}

/// Taps of one slot at a time.
pub const MAX_TAPS: usize = 4;

/// The taps of one use of a slot.
#[derive(Default)]
pub(crate) struct Taps(Vec<Box<dyn Sink>>);

impl Taps {
    /// Gives a packet to all. Where there are none, that is a look at a length.
    #[inline]
    pub(crate) fn give(&mut self, header: &Header, packet: &[u8]) {
        if !self.0.is_empty() {
            self.copy(header, packet);
        }
    }

    #[cold]
    fn copy(&mut self, header: &Header, packet: &[u8]) {
        let payload = header.payload(packet);
        self.0.retain(|sink| {
            sink.take(header, payload);
            !sink.is_gone()
        });
    }
}

impl Slot {
    /// Begins a tap; a slot that is not in use, or has all that it may have, drops it.
    pub(crate) fn tap(&mut self, sink: Box<dyn Sink>) {
        let taps = &mut self.talk.taps.0;
        taps.retain(|sink| !sink.is_gone());
        if self.phase == Phase::Claimed && taps.len() < MAX_TAPS {
            taps.push(sink);
        }
    }
}
