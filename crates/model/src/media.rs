//! What the call machines tell the media engine, and what it reports. A graph over slots: a patch
//! joins two, a source feeds one, a tap copies one, a mix joins many.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::id::SlotId;

/// A pre-bound RTP/RTCP port pair, handed to a shard before it is needed so that a session
/// description can be written without waiting for a media thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The pair.
    pub id: SlotId,
    /// The RTP port (even); RTCP is the next one.
    pub rtp_port: u16,
}

/// Whether the engine may learn the remote address from packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Latch {
    /// Send to the described address; accept only from its host, and learn the port within the first packets.
    SameHost,
    /// The peer may be behind NAT: learn host and port within the first packets, then strict.
    Learn,
    /// Only the described address.
    Never,
}

/// One end of a media session as negotiated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remote {
    /// Where RTP goes, from the peer's session description; none while unknown or on hold with 0.0.0.0.
    pub rtp: Option<SocketAddr>,
    /// Where RTCP goes; none: the RTP port plus one. Equal to `rtp` with rtcp-mux.
    pub rtcp: Option<SocketAddr>,
    /// May the address be learnt from packets?
    pub latch: Latch,
    /// The peer is to receive media (not held by us or by itself).
    pub send: bool,
    /// The peer may send media.
    pub receive: bool,
    /// Payload type of telephone-event, where negotiated.
    pub dtmf_payload: Option<u8>,
    /// The audio format that generated sound is encoded in.
    pub audio: Audio,
    /// Report [`MediaEvent::Silent`] after this long without RTP; none: never.
    pub silent_ms: Option<u32>,
}

/// The audio format of one leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audio {
    /// RTP payload type.
    pub payload: u8,
    /// What it carries.
    pub codec: Codec,
    /// Milliseconds per packet.
    pub ptime_ms: u8,
}

/// Codecs that the engine can generate; everything else only passes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Codec {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// Some other codec, relayed but not generated.
    Other,
}

/// Sound that is made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// Nothing: the slot is fed by its patch alone.
    None,
    /// Ring-back tone: 425 Hz, one second on, four off (ITU-T E.180).
    Ringback,
    /// Generated music, endless.
    Music,
    /// What the peer sends comes back to it.
    Echo,
    /// One steady tone.
    Tone {
        /// Frequency in hertz.
        hz: u16,
    },
}

/// A copy of what passes a slot: for recording and listening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TapId(pub u64);

/// A room where many slots hear each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MixId(pub u64);

/// An order to the media engine. Orders about one slot are performed in the order given; an order for an
/// older generation of a slot is ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediaOrder {
    /// Take a free slot into use, or tell it of a changed remote description.
    Claim {
        /// The pair.
        slot: SlotId,
        /// The peer as negotiated so far.
        remote: Box<Remote>,
    },
    /// What arrives at `from` leaves by `to`; none: it goes nowhere. Two orders make a conversation.
    Patch {
        /// Where packets arrive.
        from: SlotId,
        /// Where they leave.
        to: Option<SlotId>,
    },
    /// Feed the peer of `slot` with generated sound in place of its patch.
    Source {
        /// The pair whose peer hears it.
        slot: SlotId,
        /// What it hears.
        source: Source,
    },
    /// Copy what passes the slot; answered by [`MediaEvent::Refused`] where taps are not available.
    Tap {
        /// The pair.
        slot: SlotId,
        /// The copy's name.
        tap: TapId,
        /// Begin or end.
        on: bool,
    },
    /// Put the slot into a room, or take it out; answered by [`MediaEvent::Refused`] where mixing is not available.
    Mix {
        /// The pair.
        slot: SlotId,
        /// The room; none: out.
        mix: Option<MixId>,
    },
    /// Key the slot for SRTP; answered by [`MediaEvent::Refused`] where it is not available.
    Secure {
        /// The pair.
        slot: SlotId,
        /// The SDES crypto-suite name and the keys for receiving and sending, base64.
        suite: Box<str>,
        /// Key for packets that arrive.
        receive_key: Box<str>,
        /// Key for packets that leave.
        send_key: Box<str>,
    },
    /// The call is done with the slot. It rests before it is handed out again.
    Free {
        /// The pair.
        slot: SlotId,
    },
}

/// What a slot has seen, reported once when it is freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SlotStats {
    /// RTP packets from the peer.
    pub received: u64,
    /// RTP packets to the peer.
    pub sent: u64,
    /// Packets refused: wrong source, not RTP, or nowhere to go.
    pub dropped: u64,
    /// Lost by sequence numbers.
    pub lost: u64,
    /// Interarrival jitter in RTP clock units (RFC 3550 section 6.4.1), last value.
    pub jitter: u32,
}

/// Why an order was not performed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediaRefusal {
    /// The engine of this version cannot do it.
    NotAvailable,
    /// No such slot, or an older generation of it.
    NoSuchSlot,
}

/// A report of the media engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediaEvent {
    /// Fresh pairs for the shard's pool, at start, when the pool runs low, and after a freed pair has rested.
    Slots {
        /// Ready for use.
        slots: Vec<Slot>,
    },
    /// The first packet that was accepted from the peer, and where it came from.
    Latched {
        /// The pair.
        slot: SlotId,
        /// The peer's address as seen.
        from: SocketAddr,
    },
    /// A key was pressed (RFC 4733), reported once at its end.
    Dtmf {
        /// The pair.
        slot: SlotId,
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        digit: char,
        /// How long it was held.
        duration_ms: u32,
    },
    /// No RTP for `silent_ms`; once per silence.
    Silent {
        /// The pair.
        slot: SlotId,
    },
    /// A bounded source came to its end.
    Played {
        /// The pair.
        slot: SlotId,
    },
    /// The copy ended.
    TapClosed {
        /// The copy.
        tap: TapId,
    },
    /// The slot was freed.
    Stats {
        /// The pair.
        slot: SlotId,
        /// What it saw.
        stats: SlotStats,
    },
    /// An order was not performed.
    Refused {
        /// The pair.
        slot: SlotId,
        /// Why.
        why: MediaRefusal,
    },
}
