//! What the engine is told at its start.

use std::net::{IpAddr, Ipv4Addr};

/// How many threads, which ports, how patient.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// The address that the sockets are bound to.
    pub bind: IpAddr,
    /// The first port that may be used; 0: whatever the system gives (tests).
    pub port_min: u16,
    /// The last port that may be used.
    pub port_max: u16,
    /// Media threads, at least one.
    pub threads: u8,
    /// Call shards that get a pool of pairs, at least one. With several threads shard `s` is served by thread
    /// `s % threads`; with more threads than shards by several.
    pub shards: u8,
    /// Pairs kept ready for each shard on each of its threads; topped up when half of them are claimed.
    pub pool_pairs: u32,
    /// Most pairs of a thread.
    pub max_pairs: u32,
    /// How long a freed pair rests so that late packets meet nobody, milliseconds.
    pub rest_ms: u32,
    /// The same for a pair that heard nothing: nobody is known to send there, so only what was under way is waited for.
    pub rest_unheard_ms: u32,
    /// The rate beyond which packets are drained in rounds, packets per second and thread.
    pub coalesce_above_pps: u32,
    /// The sleep between two rounds, microseconds.
    pub coalesce_sleep_us: u32,
    /// Seed of the numbers that name generated streams: to be truly random outside tests.
    pub seed: u64,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            port_min: 20_000,
            port_max: 29_999,
            threads: 1,
            shards: 1,
            pool_pairs: 64,
            max_pairs: 5_000,
            rest_ms: 10_000,
            rest_unheard_ms: 500,
            coalesce_above_pps: 8_000,
            coalesce_sleep_us: 1_000,
            seed: 1,
        }
    }
}
