//! What a call may ask of its surroundings while it works on an input. The driver implements it over the
//! shard's state, tests over a fake; every answer is immediate.

use std::collections::BTreeMap;
use std::sync::Arc;

use strowger_billing::MeterSettings;
use strowger_model::media::Slot;
use strowger_model::{AccountId, Mint, Now, SlotId, Wall};
use strowger_route::{Service, Snapshot};

use crate::app::App;
use crate::hop::{Hop, Local};

/// One registered contact of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The Request-URI: the registered Contact.
    pub uri: Box<str>,
    /// Where the phone is.
    pub hop: Hop,
    /// The Path of the registration (RFC 3327), outermost first.
    pub path: Vec<Box<str>>,
}

/// The surroundings of the calls of one shard.
pub trait Env {
    /// Time-outs and names.
    fn settings(&self) -> &Settings;
    /// Accounts, prices and routes as of now.
    fn routes(&self) -> Arc<Snapshot>;
    /// Live registrations of an account, best first; empty: not registered.
    fn contacts(&self, now: Now, account: AccountId) -> Vec<Target>;
    /// Addresses of a trunk in the order to try; empty: unresolved, or known to be down.
    fn trunk(&self, now: Now, account: AccountId) -> Vec<Hop>;
    /// Trunks that are down, and until when.
    fn down(&self) -> Arc<BTreeMap<AccountId, Wall>>;
    /// How we appear behind a hop.
    fn local(&self, hop: &Hop) -> Local;
    /// A port pair, on the same media thread as `beside`; none: the pool is empty.
    fn claim_slot(&mut self, beside: Option<SlotId>) -> Option<Slot>;
    /// How well the slot's peer was heard so far, a mean opinion score in hundredths for this codec; none: too little
    /// was heard, or nobody knows.
    fn mos(&self, _slot: SlotId, _codec: &str) -> Option<u16> {
        None
    }
    /// The shard's mint of ids.
    fn mint(&mut self) -> &mut Mint;
    /// The next number of the shard's seeded generator.
    fn random(&mut self) -> u64;
    /// The app behind a service number; none: not served.
    fn app(&self, service: Service) -> Option<Box<dyn App>>;
}

/// Settings of the calls, from the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// User-Agent and Server.
    pub user_agent: Box<str>,
    /// The host in our From, To and P-Asserted-Identity; empty: our address towards that peer.
    pub domain: Box<str>,
    /// How long a p2p party rings, and a step that says nothing else, in milliseconds.
    pub ring_timeout_ms: u64,
    /// A trunk that sends nothing at all within this is given up, in milliseconds.
    pub trunk_timeout_ms: u64,
    /// No audio from a party for this long ends the call, in milliseconds; 0: never.
    pub rtp_timeout_ms: u32,
    /// In-dialog OPTIONS are sent this often, in milliseconds; 0: never.
    pub keepalive_ms: u64,
    /// No conversation is longer, in milliseconds.
    pub max_call_ms: u64,
    /// Calls of this shard at the same time.
    pub max_calls: usize,
    /// New calls are refused with 503.
    pub draining: bool,
    /// Retry-After of that 503, in seconds.
    pub retry_after_s: u32,
    /// Learn the media address of phones from their packets; trunks: only the port.
    pub learn_media: bool,
    /// Slices and reserves of the meters.
    pub meter: MeterSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            user_agent: concat!("Strowger/", env!("CARGO_PKG_VERSION")).into(),
            domain: "".into(),
            ring_timeout_ms: 30_000,
            trunk_timeout_ms: 6_000,
            rtp_timeout_ms: 60_000,
            keepalive_ms: 300_000,
            max_call_ms: 24 * 3_600_000,
            max_calls: 10_000,
            draining: false,
            retry_after_s: 10,
            learn_media: true,
            meter: MeterSettings::default(),
        }
    }
}
