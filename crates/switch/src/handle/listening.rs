//! Listening to a running call: its slots are tapped, and what they hear is woven together as it comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use strowger_media::{Side, Sink, Stamp, Weave, is_heard};
use strowger_model::{CallId, Scope};
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::types::{Audible, CallRef, ListenError};
use super::{Handle, ask};
use crate::clock::Clock;
use crate::shard::{Answer, Order};

/// Packets that wait for a listener: of both sides more than a second.
const QUEUE: usize = 128;
/// How often a block is due.
const BLOCK: Duration = Duration::from_millis(20);

/// A copy of a packet on its way to the listener.
struct Piece {
    side: Side,
    stamp: Stamp,
    payload: Box<[u8]>,
}

/// The media engine's end of a listener.
struct Ear {
    side: Side,
    to: mpsc::Sender<Piece>,
    lost: Arc<AtomicU64>,
}

/// One listener's end of a call. Dropping it ends the listening.
pub struct Listening {
    /// What is listened to.
    pub call: Audible,
    pieces: mpsc::Receiver<Piece>,
    weave: Weave,
    ticks: Interval,
    lost: Arc<AtomicU64>,
    clock: Clock,
}

impl Handle {
    /// The call within the scope that is meant, if it can be listened to; of several the youngest.
    ///
    /// # Errors
    /// [`ListenError`].
    pub async fn audible(&self, scope: Scope, which: CallRef) -> Result<Audible, ListenError> {
        let mut why = ListenError::NoSuchCall;
        for inbox in &self.0.inboxes {
            match ask(inbox, Order::Audible(scope, which.clone())).await {
                Ok(Answer::Audible(found)) => match *found {
                    Ok(audible) => return Ok(audible),
                    Err(ListenError::NoSuchCall) => {}
                    Err(not) => why = not,
                },
                Ok(_) | Err(_) => return Err(ListenError::Stopped),
            }
        }
        Err(why)
    }

    /// Begins to listen to a call.
    ///
    /// # Errors
    /// [`ListenError`].
    pub async fn listen(&self, call: CallId) -> Result<Listening, ListenError> {
        let call = self.audible(Scope::All, CallRef::Call(call)).await?;
        let (to, pieces) = mpsc::channel(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        for (slot, side) in call.voices.into_iter().zip([Side::Caller, Side::Called]) {
            let ear = Ear { side, to: to.clone(), lost: Arc::clone(&lost) };
            self.0.media.tap(slot, Box::new(ear));
        }
        let mut ticks = interval(BLOCK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let weave = Weave::new(self.now().mono);
        Ok(Listening { call, pieces, weave, ticks, lost, clock: self.0.clock })
    }
}

impl Listening {
    /// The next samples: signed 16 bits, little-endian, 8000 a second, the caller's and the called one's in turn. None:
    /// the call has ended. May be cancelled at any time.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            tokio::select! {
                // A flood of packets must not keep back what is due.
                biased;
                _ = self.ticks.tick() => {
                    if let Some(block) = self.weave.poll(self.clock.now().mono) {
                        return Some(block);
                    }
                }
                piece = self.pieces.recv() => {
                    let Piece { side, stamp, payload } = piece?;
                    if !self.weave.handle_packet(self.clock.now().mono, side, stamp, &payload) {
                        self.lost.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        }
    }

    /// Packets that the listener did not hear: it was too slow for them, or they came too late.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Sink for Ear {
    fn take(&self, header: &strowger_media::Header, payload: &[u8]) {
        if !is_heard(header.payload_type, payload) {
            return;
        }
        match self.to.try_reserve() {
            Ok(place) => place.send(Piece {
                side: self.side,
                stamp: Stamp {
                    payload_type: header.payload_type,
                    timestamp: header.timestamp,
                    ssrc: header.ssrc,
                },
                payload: payload.into(),
            }),
            Err(_) => {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn is_gone(&self) -> bool {
        self.to.is_closed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ear_never_waits_and_counts_what_found_no_room() {
        let (to, mut pieces) = mpsc::channel(2);
        let ear = Ear { side: Side::Called, to, lost: Arc::default() };
        for (payload_type, length) in [(8, 160), (101, 4), (0, 160), (0, 160), (8, 2_000), (8, 160)] {
            let header = strowger_media::Header { payload_type, ..Default::default() };
            ear.take(&header, &vec![0; length]);
        }
        assert_eq!(ear.lost.load(Ordering::Relaxed), 2, "what cannot be heard is not lost");
        let kept: Vec<u8> =
            std::iter::from_fn(|| pieces.try_recv().ok()).map(|piece| piece.stamp.payload_type).collect();
        assert_eq!(kept, [8, 0]);
        assert!(!ear.is_gone());
        drop(pieces);
        assert!(ear.is_gone());
    }
}
