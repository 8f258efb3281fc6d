//! RTP and RTCP (RFC 3550) without sockets or clocks: headers, reception statistics, telephone-event
//! (RFC 4733), the rule by which a peer's address is learnt, and the numbering that makes one continuous
//! stream of several.
//!
//! Deliberately not done here: jitter buffers, SRTP and the sending of own RTCP reports.

#![deny(missing_docs)]

mod continuity;
mod event;
mod header;
mod latch;
mod quality;
mod rtcp;
mod stats;

pub use continuity::Continuity;
pub use event::{Detector, EventPacket, Press, digit_of, event_of, press_packets};
pub use header::{FIXED_HEADER_BYTES, Header, is_rtcp};
pub use latch::{LEARN_MS, LEARN_PACKETS, Latcher, Verdict};
pub use quality::{mos, mos_of};
pub use rtcp::{Report, Rtcp, map_ssrcs, walk};
pub use stats::Reception;
