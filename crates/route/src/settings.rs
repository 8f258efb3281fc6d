//! What of the configuration routing depends on.

use std::collections::BTreeMap;

use strowger_billing::Calendar;
use strowger_model::{Amount, Unit};

use crate::numbers::Numbering;

/// Settings of routing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `realm`.
    pub realm: Box<str>,
    /// `domain`: names by which we are addressed; empty: any.
    pub domains: Vec<Box<str>>,
    /// `defcurrency`.
    pub currency: Unit,
    /// `onnetprice` per minute in `currency`; none: calls between local accounts are free.
    pub onnet_price: Option<Amount>,
    /// `defprice` per minute in `currency`; none: numbers without a price are refused.
    pub default_price: Option<Amount>,
    /// `noanswertimeout` in milliseconds: how long a local account rings.
    pub no_answer_ms: u32,
    /// How long a trunk may ring, in milliseconds.
    pub trunk_ring_ms: u32,
    /// `maxhops`: forwards of one call at most.
    pub max_hops: u8,
    /// Service numbers.
    pub services: BTreeMap<Box<str>, Service>,
    /// The server's time zone and holidays.
    pub calendar: Calendar,
    /// How dialled numbers become international ones.
    pub numbering: Numbering,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            realm: "strowger".into(),
            domains: Vec::new(),
            currency: Unit::USD,
            onnet_price: None,
            default_price: None,
            no_answer_ms: 30_000,
            trunk_ring_ms: 180_000,
            max_hops: 5,
            services: SERVICES.iter().map(|(number, service)| ((*number).into(), *service)).collect(),
            calendar: Calendar::default(),
            numbering: Numbering::default(),
        }
    }
}

/// The documented service numbers.
const SERVICES: [(&str, Service); 8] = [
    ("5001", Service::Voicemail),
    ("5002", Service::Music),
    ("5003", Service::Joke),
    ("5004", Service::DelayedEcho),
    ("5005", Service::Echo),
    ("5010", Service::Record),
    ("5011", Service::Playback),
    ("5901", Service::Redial),
];

/// What answers at a service number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Voicemail.
    Voicemail,
    /// Music.
    Music,
    /// A recording.
    Joke,
    /// Echo after a pause.
    DelayedEcho,
    /// Echo.
    Echo,
    /// Recording of a message.
    Record,
    /// Playing it.
    Playback,
    /// The last number again.
    Redial,
}

impl Service {
    /// There is something that answers.
    #[must_use]
    pub const fn is_served(self) -> bool {
        matches!(self, Self::Music | Self::Echo)
    }
}
