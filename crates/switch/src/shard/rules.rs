//! What the configuration means to a shard, worked out once per change.

use std::net::IpAddr;

use strowger_call::Settings as CallSettings;
use strowger_config::Config;
use strowger_location::{PresenceSettings, RegistrarSettings};
use strowger_model::Amount;
use strowger_sip::digest::Algorithm;

/// Seconds after which a caller may try again while the server is being stopped.
const RETRY_AFTER_S: u32 = 10;

/// A day in milliseconds.
const DAY_MS: i64 = 24 * 3_600 * 1_000;

/// The settings of a shard.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The digest realm.
    pub realm: Box<str>,
    /// Offered algorithms, the preferred one first.
    pub algorithms: Vec<Algorithm>,
    /// Server and User-Agent.
    pub user_agent: Box<str>,
    /// API requests are taken from a header of SIP requests.
    pub api: bool,
    /// For the registrar.
    pub registrar: RegistrarSettings,
    /// For subscriptions and publications.
    pub presence: PresenceSettings,
    /// Messages that may wait for one account.
    pub max_messages: u32,
    /// Messages are dropped at this age, in milliseconds.
    pub message_age_ms: i64,
    /// For the calls.
    pub calls: CallSettings,
    /// Lifetime that we ask for at upper servers, in seconds.
    pub outbound_expires_s: u32,
    /// Public addresses for SIP on `sipport` and on the main port, and for media; none: the local one.
    pub public_sip: Option<IpAddr>,
    /// As above, for the main port.
    pub public_main: Option<IpAddr>,
    /// As above, for media.
    pub public_media: Option<IpAddr>,
}

impl Rules {
    /// Reads the configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            realm: config.realm.as_str().into(),
            algorithms: algorithms(config.digestalgorithms.iter().map(String::as_str)),
            user_agent: config.useragent.as_str().into(),
            api: config.apioversip,
            registrar: RegistrarSettings {
                max_contacts: usize::try_from(config.maxcontacts).unwrap_or(usize::MAX),
                min_expires_s: config.registerminexpires,
                max_expires_s: config.registermaxexpires,
                default_expires_s: config.registerdefaultexpires,
                ping_ms: (config.natkeepalive > 0).then_some(u64::from(config.natkeepalive) * 1000),
            },
            presence: PresenceSettings {
                max_subscriptions: usize::try_from(config.maxsubscriptions).unwrap_or(usize::MAX),
                min_expires_s: config.registerminexpires,
                max_expires_s: config.registermaxexpires,
            },
            max_messages: config.maxmessages,
            message_age_ms: i64::from(config.messageage) * DAY_MS,
            calls: call_settings(config),
            outbound_expires_s: config.registermaxexpires,
            public_sip: config.advertiseipsip.or(config.advertiseip),
            public_main: config.advertiseipmain.or(config.advertiseip),
            public_media: config.advertiseipmedia.or(config.advertiseip),
        }
    }
}

fn call_settings(config: &Config) -> CallSettings {
    let mut settings = CallSettings {
        user_agent: config.useragent.as_str().into(),
        domain: config.domain.first().map_or("", String::as_str).into(),
        ring_timeout_ms: u64::from(config.noanswertimeout) * 1000,
        trunk_timeout_ms: u64::from(config.trunktimeout) * 1000,
        rtp_timeout_ms: config.rtptimeout.saturating_mul(1000),
        max_call_ms: u64::from(config.maxcallduration) * 1000,
        max_calls: usize::try_from(config.maxcalls).unwrap_or(usize::MAX),
        retry_after_s: RETRY_AFTER_S,
        ..CallSettings::default()
    };
    settings.meter.first_slice_s = config.maxslice;
    settings.meter.reserve_s = config.reserveslice;
    settings.meter.least_credit = Amount(config.mincreditonroute.0);
    settings.meter.warn_s = config.lowcreditwarn;
    settings
}

/// The algorithms that the texts name, SHA-256 before MD5 (RFC 8760 section 2.4); MD5 where none is known.
pub fn algorithms<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Algorithm> {
    let mut known: Vec<Algorithm> = names.filter_map(|name| Algorithm::from_text(name.trim())).collect();
    known.sort_by_key(|algorithm| *algorithm == Algorithm::Md5);
    known.dedup();
    if known.is_empty() {
        known.push(Algorithm::Md5);
    }
    known
}
