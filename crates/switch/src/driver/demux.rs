//! What a datagram on the main port is, by its first bytes.

use strowger_sip::looks_like_sip;

/// The magic cookie of STUN (RFC 8489 section 5).
const STUN_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// Length of a STUN header in bytes.
const STUN_HEADER_BYTES: usize = 20;

/// What a datagram is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// For the shard.
    Sip,
    /// STUN: not answered by this version.
    Stun,
    /// Nothing but line breaks or zeros: it keeps a NAT open, and needs no answer.
    KeepAlive,
    /// For the gate, which knows what an API request looks like.
    Api,
}

/// Looks at the first bytes.
#[must_use]
pub fn kind_of(bytes: &[u8]) -> Kind {
    if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        return Kind::KeepAlive;
    }
    let stun = bytes.len() >= STUN_HEADER_BYTES && bytes[0] < 4 && bytes[4..8] == STUN_COOKIE;
    if stun {
        Kind::Stun
    } else if looks_like_sip(bytes) {
        Kind::Sip
    } else {
        Kind::Api
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_are_told_apart_by_their_first_bytes() {
        let mut stun = vec![0, 1, 0, 0];
        stun.extend(STUN_COOKIE);
        stun.extend([7; 12]);
        for (bytes, kind) in [
            (&b"OPTIONS sip:a@b SIP/2.0\r\n"[..], Kind::Sip),
            (b"SIP/2.0 200 OK\r\n", Kind::Sip),
            (b"mvapireq apientry=balance", Kind::Api),
            (b"?apientry=balance", Kind::Api),
            (b"\r\n\r\n", Kind::KeepAlive),
            (b"\0\0\0\0", Kind::KeepAlive),
            (b"", Kind::KeepAlive),
            (&stun, Kind::Stun),
            (&stun[..19], Kind::Api),
        ] {
            assert_eq!(kind_of(bytes), kind, "{bytes:?}");
        }
    }
}
