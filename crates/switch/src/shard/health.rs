//! Which trunks answer. One that failed goes last for a while, and is skipped while all its addresses fail.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use strowger_model::{AccountId, Now, Wall};

/// How long an address that did not answer goes last, in milliseconds.
pub const REST_MS: u64 = 30_000;

/// The health of the trunks.
#[derive(Debug, Default)]
pub struct TrunkHealth {
    failing: BTreeMap<(AccountId, SocketAddr), Now>,
    down: Arc<BTreeMap<AccountId, Wall>>,
}

impl TrunkHealth {
    /// A trunk answered at an address, or did not. `addresses` are all it has.
    pub fn seen(
        &mut self,
        now: Now,
        trunk: AccountId,
        at: SocketAddr,
        alive: bool,
        addresses: &[SocketAddr],
    ) {
        if alive {
            if self.failing.remove(&(trunk, at)).is_some() || self.down.contains_key(&trunk) {
                Arc::make_mut(&mut self.down).remove(&trunk);
            }
            return;
        }
        let until = now.plus_ms(REST_MS);
        self.failing.insert((trunk, at), until);
        if addresses.iter().all(|address| self.is_failing(now, trunk, *address)) {
            Arc::make_mut(&mut self.down).insert(trunk, until.wall);
        }
    }

    /// Every trunk is taken to answer again; returns how many addresses were not.
    pub fn forget(&mut self) -> u32 {
        let failing = u32::try_from(self.failing.len()).unwrap_or(u32::MAX);
        *self = Self::default();
        failing
    }

    /// The address did not answer lately.
    #[must_use]
    pub fn is_failing(&self, now: Now, trunk: AccountId, at: SocketAddr) -> bool {
        self.failing.get(&(trunk, at)).is_some_and(|until| until.mono > now.mono)
    }

    /// Trunks of which no address answers, and until when that is believed.
    #[must_use]
    pub fn down(&self) -> Arc<BTreeMap<AccountId, Wall>> {
        Arc::clone(&self.down)
    }

    /// The addresses, failing ones last.
    #[must_use]
    pub fn ordered(&self, now: Now, trunk: AccountId, addresses: &[SocketAddr]) -> Vec<SocketAddr> {
        let mut ordered = addresses.to_vec();
        ordered.sort_by_key(|address| self.is_failing(now, trunk, *address));
        ordered
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strowger_model::Mono;

    #[test]
    fn failing_addresses_go_last_until_they_have_rested_or_answered() {
        let (a, b): (SocketAddr, SocketAddr) =
            ("192.0.2.1:5060".parse().unwrap(), "192.0.2.2:5060".parse().unwrap());
        let trunk = AccountId(9);
        let at = |ms| Now { mono: Mono::from_ms(ms), wall: Wall(i64::try_from(ms).unwrap()) };
        let mut health = TrunkHealth::default();
        health.seen(at(0), trunk, a, false, &[a, b]);
        assert_eq!(health.ordered(at(1), trunk, &[a, b]), [b, a]);
        assert!(health.down().is_empty(), "one address still answers");
        health.seen(at(1000), trunk, b, false, &[a, b]);
        assert_eq!(health.down().get(&trunk), Some(&Wall(31_000)));
        assert_eq!(health.ordered(at(30_001), trunk, &[a, b]), [a, b]);
        health.seen(at(2000), trunk, a, true, &[a, b]);
        assert!(health.down().is_empty());
        health.seen(at(3000), trunk, b, false, &[b]);
        assert!(health.forget() > 0 && health.down().is_empty());
        assert!(!health.is_failing(at(3001), trunk, b));
    }
}
