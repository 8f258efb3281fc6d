//! Digest nonces: minted without memory, checked against replay with bounded memory.
//!
//! A nonce is `serial mac` in hexadecimal: the serial is the second of minting and a counter, the MAC covers it
//! and the address it was given to. Only a nonce that a right password has used costs memory.

use std::collections::BTreeMap;
use std::net::IpAddr;

use strowger_model::{Mono, Now};

use crate::mac::Key;

/// Length of a nonce in characters.
const NONCE_CHARS: usize = 32;
/// How long the same request may come again without being a replay, in seconds: 64 × T1 (RFC 3261 section 17.1.2.2).
const RETRANSMISSION_S: u64 = 32;
/// How far behind the highest nonce count a request may lie; datagrams overtake each other.
const WINDOW: u32 = 64;

/// Mints and checks nonces.
pub struct Nonces {
    key: Key,
    lifetime_s: u64,
    capacity: usize,
    counter: u32,
    /// Every serial up to here is spent: forgotten to keep the memory bounded.
    floor: u64,
    used: BTreeMap<u64, Used>,
}

/// What was seen of one nonce.
#[derive(Clone, Copy)]
struct Used {
    highest: u32,
    window: u64,
    last_request: u64,
    last_at_s: u64,
}

/// What a request's use of a nonce means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// First use of this nonce and count.
    Fresh,
    /// The same request again: answer it as before.
    Retransmission,
    /// Expired, forgotten, replayed or not ours: a right password gets a new nonce with `stale=true`.
    Stale,
}

impl Nonces {
    /// `key` must be random, `lifetime_ms` is how long a nonce is good, `capacity` bounds the nonces in use.
    #[must_use]
    pub const fn new(key: Key, lifetime_ms: u64, capacity: usize) -> Self {
        Self { key, lifetime_s: lifetime_ms / 1000, capacity, counter: 0, floor: 0, used: BTreeMap::new() }
    }

    /// A new nonce for a client at `source`.
    pub fn mint(&mut self, now: Now, source: IpAddr) -> String {
        self.counter = self.counter.wrapping_add(1);
        let serial = (seconds(now.mono) << 32) | u64::from(self.counter);
        format!("{serial:016x}{:016x}", self.mac(serial, source))
    }

    /// Registers the use of `nonce` by a request whose digest was right. `request` identifies the request
    /// (Call-ID, CSeq, branch); `count` is its nc, none where the client sends none.
    pub fn accept(&mut self, now: Now, nonce: &str, source: IpAddr, count: Option<u32>, request: u64) -> Use {
        let Some(serial) = self.genuine(nonce, source) else { return Use::Stale };
        let at_s = seconds(now.mono);
        if serial <= self.floor || at_s.saturating_sub(serial >> 32) > self.lifetime_s {
            return Use::Stale;
        }
        let count = count.unwrap_or(0);
        let Some(used) = self.used.get_mut(&serial) else {
            self.used
                .insert(serial, Used { highest: count, window: 1, last_request: request, last_at_s: at_s });
            self.forget(at_s);
            return Use::Fresh;
        };
        if used.last_request == request && at_s.saturating_sub(used.last_at_s) <= RETRANSMISSION_S {
            return Use::Retransmission;
        }
        if !used.take(count) {
            return Use::Stale;
        }
        used.last_request = request;
        used.last_at_s = at_s;
        Use::Fresh
    }

    /// Identifies a request for [`Nonces::accept`]; keyed, so that nobody can make two that collide.
    #[must_use]
    pub fn request_mark(&self, parts: &[&[u8]]) -> u64 {
        self.key.of(parts)
    }

    /// Nonces remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.used.len()
    }

    /// None is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.used.is_empty()
    }

    fn genuine(&self, nonce: &str, source: IpAddr) -> Option<u64> {
        if nonce.len() != NONCE_CHARS || !nonce.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let serial = u64::from_str_radix(&nonce[..16], 16).ok()?;
        let mac = u64::from_str_radix(&nonce[16..], 16).ok()?;
        (mac == self.mac(serial, source)).then_some(serial)
    }

    fn mac(&self, serial: u64, source: IpAddr) -> u64 {
        match source.to_canonical() {
            IpAddr::V4(v4) => self.key.of(&[&serial.to_be_bytes(), &v4.octets()]),
            IpAddr::V6(v6) => self.key.of(&[&serial.to_be_bytes(), &v6.octets()]),
        }
    }

    /// Drops what has expired, and the oldest where there are too many. What is dropped early is spent.
    fn forget(&mut self, at_s: u64) {
        while let Some(oldest) = self.used.first_entry() {
            let serial = *oldest.key();
            let expired = at_s.saturating_sub(serial >> 32) > self.lifetime_s;
            if !expired && self.used.len() <= self.capacity {
                return;
            }
            self.used.pop_first();
            self.floor = self.floor.max(serial);
        }
    }
}

impl Used {
    /// Marks a count as seen; false if it was.
    fn take(&mut self, count: u32) -> bool {
        if count > self.highest {
            let step = count - self.highest;
            self.window = if step >= WINDOW { 1 } else { (self.window << step) | 1 };
            self.highest = count;
            return true;
        }
        let behind = self.highest - count;
        if behind >= WINDOW || count == 0 || self.window & (1 << behind) != 0 {
            return false;
        }
        self.window |= 1 << behind;
        true
    }
}

const fn seconds(at: Mono) -> u64 {
    at.ms() / 1000
}

#[cfg(test)]
mod tests {
    use super::*;
    use strowger_model::Wall;

    const PHONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn at(s: u64) -> Now {
        Now { mono: Mono::from_ms(s * 1000), wall: Wall(0) }
    }

    fn nonces() -> Nonces {
        Nonces::new(Key::new([7; 16]), 300_000, 100)
    }

    #[test]
    fn counts_rise_may_overtake_and_never_repeat() {
        let mut nonces = nonces();
        let nonce = nonces.mint(at(10), PHONE);
        let steps = [
            (1, 1, Use::Fresh),
            (1, 1, Use::Retransmission),
            (1, 2, Use::Stale),
            (5, 3, Use::Fresh),
            (4, 4, Use::Fresh),
            (4, 5, Use::Stale),
            (500, 6, Use::Fresh),
            (3, 7, Use::Stale),
        ];
        for (count, request, expected) in steps {
            let verdict = nonces.accept(at(11), &nonce, PHONE, Some(count), request);
            assert_eq!(verdict, expected, "count {count} of request {request}");
        }
    }

    #[test]
    fn without_a_count_a_nonce_is_good_once() {
        let mut nonces = nonces();
        let nonce = nonces.mint(at(10), PHONE);
        assert_eq!(nonces.accept(at(10), &nonce, PHONE, None, 1), Use::Fresh);
        assert_eq!(nonces.accept(at(11), &nonce, PHONE, None, 1), Use::Retransmission);
        assert_eq!(nonces.accept(at(11), &nonce, PHONE, None, 2), Use::Stale);
        assert_eq!(
            nonces.accept(at(60), &nonce, PHONE, None, 1),
            Use::Stale,
            "a replay after the transaction"
        );
    }

    #[test]
    fn foreign_expired_and_moved_nonces_are_stale() {
        let mut nonces = nonces();
        let nonce = nonces.mint(at(10), PHONE);
        let elsewhere = "192.0.2.2".parse().unwrap();
        assert_eq!(nonces.accept(at(10), &nonce, elsewhere, Some(1), 1), Use::Stale);
        assert_eq!(nonces.accept(at(311), &nonce, PHONE, Some(1), 1), Use::Stale);
        for text in ["", "x", "é", &"0".repeat(32), &"+".repeat(32)] {
            assert_eq!(nonces.accept(at(10), text, PHONE, Some(1), 1), Use::Stale, "{text}");
        }
        assert!(nonces.is_empty(), "nothing that failed is remembered");
    }

    #[test]
    fn memory_is_bounded_and_what_is_forgotten_is_spent() {
        let mut nonces = nonces();
        let first = nonces.mint(at(10), PHONE);
        assert_eq!(nonces.accept(at(10), &first, PHONE, Some(1), 1), Use::Fresh);
        for i in 0..200 {
            let nonce = nonces.mint(at(10), PHONE);
            assert_eq!(nonces.accept(at(10), &nonce, PHONE, Some(1), i), Use::Fresh);
        }
        assert_eq!(nonces.len(), 100);
        assert_eq!(
            nonces.accept(at(10), &first, PHONE, Some(1), 99),
            Use::Stale,
            "replay of a forgotten one"
        );
    }
}
