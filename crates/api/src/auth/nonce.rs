//! Nonces of `preauth`: bound to an address, for a while, single-use where money moves.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use strowger_model::Mono;

/// Nonces that live at once; the oldest go first.
const MAX_NONCES: usize = 65_536;
/// Nonces of one address that live at once.
const MAX_PER_ADDRESS: usize = 256;
/// The length of a nonce in characters: clients send back the first 10 to 16.
const LENGTH: usize = 16;
/// The shortest part of a nonce that names it.
const MIN_SENT: usize = 10;
/// Five bits a character.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

struct Nonce {
    text: String,
    address: IpAddr,
    expires: Mono,
    /// What it was spent for.
    spent: Option<u64>,
}

/// How a nonce stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// Valid; the full text.
    Fresh(String),
    /// It was spent for exactly this request before; the full text.
    Again(String),
}

/// Every nonce that is alive, by its first ten characters.
#[derive(Default)]
pub struct Nonces {
    alive: HashMap<String, Nonce>,
    order: VecDeque<String>,
    per_address: HashMap<IpAddr, VecDeque<String>>,
}

impl Nonces {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.alive.len()
    }

    /// Makes one from random bytes.
    pub fn issue(&mut self, now: Mono, address: IpAddr, lifetime_ms: u64, random: [u8; LENGTH]) -> String {
        let text: String = random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
        self.expire(now);
        let name = text[..MIN_SENT].to_owned();
        let own = self.per_address.entry(address).or_default();
        own.push_back(name.clone());
        let surplus = if own.len() > MAX_PER_ADDRESS { own.pop_front() } else { None };
        if let Some(surplus) = surplus {
            self.alive.remove(&surplus);
        }
        let expires = now.plus_ms(lifetime_ms);
        self.alive.insert(name.clone(), Nonce { text: text.clone(), address, expires, spent: None });
        self.order.push_back(name);
        while self.order.len() > MAX_NONCES {
            self.forget_oldest();
        }
        text
    }

    /// The nonce that the client means, if it may use it from this address.
    pub fn look(&self, now: Mono, address: IpAddr, sent: &str, request: u64) -> Option<Taken> {
        let nonce = self.alive.get(sent.get(..MIN_SENT)?)?;
        if nonce.address != address || nonce.expires < now || !nonce.text.starts_with(sent) {
            return None;
        }
        match nonce.spent {
            None => Some(Taken::Fresh(nonce.text.clone())),
            Some(for_what) if for_what == request => Some(Taken::Again(nonce.text.clone())),
            Some(_) => None,
        }
    }

    /// The same for people: why it may not be used.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn explain(
        &self,
        now: Mono,
        address: IpAddr,
        sent: &str,
        request: u64,
    ) -> Result<Taken, &'static str> {
        if let Some(taken) = self.look(now, address, sent, request) {
            return Ok(taken);
        }
        let Some(name) = sent.get(..MIN_SENT) else {
            return Err("the nonce is too short: its first 10 to 16 characters are sent");
        };
        let Some(nonce) = self.alive.get(name) else {
            return Err(
                "the nonce is unknown: never issued, expired and forgotten, or from before a restart",
            );
        };
        Err(if nonce.expires < now {
            "the nonce has expired (apinoncelifetime): ask for a new one"
        } else if nonce.address != address {
            "the nonce was issued to another address"
        } else if !nonce.text.starts_with(sent) {
            "the nonce is longer than it was issued: the EOF behind it does not belong to it"
        } else {
            "the nonce was spent for another request"
        })
    }

    /// Spends a nonce for one request.
    pub fn spend(&mut self, text: &str, request: u64) {
        if let Some(nonce) = text.get(..MIN_SENT).and_then(|name| self.alive.get_mut(name)) {
            nonce.spent = Some(request);
        }
    }

    fn expire(&mut self, now: Mono) {
        while let Some(oldest) = self.order.front() {
            if self.alive.get(oldest).is_some_and(|nonce| nonce.expires >= now) {
                return;
            }
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(name) = self.order.pop_front() else { return };
        let Some(nonce) = self.alive.remove(&name) else { return };
        if let Some(own) = self.per_address.get_mut(&nonce.address) {
            own.retain(|known| *known != name);
            if own.is_empty() {
                self.per_address.remove(&nonce.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn a_nonce_is_bound_to_its_address_and_time_and_named_by_ten_to_sixteen_characters() {
        let mut nonces = Nonces::default();
        let there = "192.0.2.1".parse().unwrap();
        let text = nonces.issue(Mono(0), HERE, 1_000, *b"0123456789abcdef");
        for length in 10..=16 {
            assert_eq!(nonces.look(Mono(0), HERE, &text[..length], 1), Some(Taken::Fresh(text.clone())));
        }
        assert_eq!(nonces.look(Mono(0), HERE, &text[..9], 1), None);
        assert_eq!(nonces.look(Mono(0), HERE, &format!("{text}x"), 1), None);
        assert_eq!(nonces.look(Mono(0), there, &text, 1), None);
        assert_eq!(nonces.look(Mono::from_ms(1_001), HERE, &text, 1), None);
    }

    #[test]
    fn people_are_told_what_is_wrong_with_a_nonce() {
        let mut nonces = Nonces::default();
        let there = "192.0.2.1".parse().unwrap();
        let text = nonces.issue(Mono(0), HERE, 1_000, *b"0123456789abcdef");
        nonces.spend(&text, 1);
        let said =
            |now, address, sent: &str, request| nonces.explain(now, address, sent, request).unwrap_err();
        for (got, wanted) in [
            (said(Mono(0), HERE, &text[..9], 1), "too short"),
            (said(Mono(0), HERE, "zzzzzzzzzzzz", 1), "unknown"),
            (said(Mono::from_ms(1_001), HERE, &text, 1), "expired"),
            (said(Mono(0), there, &text, 1), "another address"),
            (said(Mono(0), HERE, &format!("{text}EOF"), 1), "EOF"),
            (said(Mono(0), HERE, &text, 2), "spent"),
        ] {
            assert!(got.contains(wanted), "{wanted}: {got}");
        }
        assert_eq!(nonces.explain(Mono(0), HERE, &text, 1), Ok(Taken::Again(text.clone())));
    }

    #[test]
    fn a_spent_nonce_serves_only_the_request_it_was_spent_for() {
        let mut nonces = Nonces::default();
        let text = nonces.issue(Mono(0), HERE, 1_000, [7; 16]);
        nonces.spend(&text, 1);
        assert_eq!(nonces.look(Mono(0), HERE, &text, 1), Some(Taken::Again(text.clone())));
        assert_eq!(nonces.look(Mono(0), HERE, &text, 2), None);
    }

    #[test]
    fn memory_is_bounded_per_address() {
        let mut nonces = Nonces::default();
        let mut random = [0_u8; 16];
        for n in 0..2_000_u16 {
            random[0] = u8::try_from(n % 32).unwrap();
            random[1] = u8::try_from(n / 32 % 32).unwrap();
            random[2] = u8::try_from(n / 1024).unwrap();
            nonces.issue(Mono(0), HERE, 1_000, random);
        }
        assert!(nonces.alive.len() <= MAX_PER_ADDRESS);
        nonces.issue(Mono::from_ms(5_000), HERE, 1_000, [9; 16]);
        assert_eq!((nonces.alive.len(), nonces.order.len()), (1, 1));
    }
}
