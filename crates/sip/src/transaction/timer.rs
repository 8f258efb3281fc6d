//! The timers of RFC 3261 table 4 and RFC 6026, and their values.

use serde::{Deserialize, Serialize};

/// Estimate of the round trip, in milliseconds.
pub const T1_MS: u64 = 500;
/// Longest interval between retransmissions of a non-INVITE request or an INVITE response, in milliseconds.
pub const T2_MS: u64 = 4_000;
/// How long a message may stay in the network, in milliseconds.
pub const T4_MS: u64 = 5_000;
/// 64 × T1: timers B, F, H, J, L and M, in milliseconds.
pub const GIVE_UP_MS: u64 = 64 * T1_MS;
/// Timer D over unreliable transports: at least 32 s, in milliseconds.
pub const TIMER_D_MS: u64 = 32_000;

/// Every timer of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Timer {
    /// Client INVITE: sends the request again, T1 doubling, unreliable transports only.
    A,
    /// Client INVITE: no response at all after 64 × T1.
    B,
    /// Proxy: no final response within three minutes. Kept by whoever rings, not by a machine here.
    C,
    /// Client INVITE: absorbs repeated 300–699, 32 s over unreliable transports, else none.
    D,
    /// Client non-INVITE: sends the request again, T1 doubling up to T2, unreliable transports only.
    E,
    /// Client non-INVITE: no final response after 64 × T1.
    F,
    /// Server INVITE: sends the 300–699 again, T1 doubling up to T2, unreliable transports only.
    G,
    /// Server INVITE: no ACK after 64 × T1.
    H,
    /// Server INVITE: absorbs repeated ACKs, T4 over unreliable transports, else none.
    I,
    /// Server non-INVITE: absorbs repeated requests, 64 × T1 over unreliable transports, else none.
    J,
    /// Client non-INVITE: absorbs repeated responses, T4 over unreliable transports, else none.
    K,
    /// Server INVITE after a 2xx: absorbs repeated INVITEs, 64 × T1 (RFC 6026).
    L,
    /// Client INVITE after a 2xx: lets further 2xx of other branches through, 64 × T1 (RFC 6026).
    M,
}
