//! Logging in at the console.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use strowger_guard::Door;
use strowger_model::AccountId;
use strowger_store::AuditEntry;
use strowger_switch::{Interface, interfaces};

use super::{Dispatcher, identify, refuse};
use crate::auth::{Level, Place, look, may_log_in, same_text};
use crate::reply::{Answer, Failure, Wanted, encode};
use crate::request::{ConsoleUser, Known, Origin, Request, Transport};

/// `remoteadmin`: nobody.
const NOBODY: u32 = 0;
/// `remoteadmin`: localhost.
const LOCALHOST: u32 = 1;
/// `remoteadmin`: the same machine, by any of its own addresses.
const SAME_MACHINE: u32 = 2;
/// `remoteadmin`: trusted sources too.
const TRUSTED: u32 = 3;
/// `remoteadmin`: private addresses and the networks of the interfaces too.
const LAN: u32 = 4;

impl Dispatcher {
    /// An administrator or a support account logs in with its password.
    ///
    /// # Errors
    /// The refusal, ready to send.
    pub async fn console_login(
        self: &Arc<Self>,
        peer: SocketAddr,
        user: &str,
        password: &str,
    ) -> Result<ConsoleUser, Answer> {
        self.try_console_login(peer, user, password)
            .map_err(|failure| encode(Err(failure), &Wanted::default()))
    }

    /// `remoteadmin` lets this address reach the console at all.
    #[must_use]
    pub fn console_reachable(&self, peer: SocketAddr) -> bool {
        let config = self.switch.config();
        let source = look(&Origin::new(peer, peer, Transport::Console), &config);
        let level = config.remoteadmin;
        match level {
            NOBODY => false,
            LOCALHOST..=LAN if source.place == Place::Loopback => true,
            SAME_MACHINE..=LAN => {
                (level >= TRUSTED && source.trusted)
                    || (level >= LAN && source.place <= Place::Lan)
                    || is_near(source.address, level >= LAN)
            }
            LOCALHOST => false,
            _ => true,
        }
    }

    fn try_console_login(
        &self,
        peer: SocketAddr,
        user: &str,
        password: &str,
    ) -> Result<ConsoleUser, Failure> {
        let (config, now) = (self.switch.config(), self.switch.now());
        let source = look(&Origin::new(peer, peer, Transport::Console), &config);
        if !self.console_reachable(peer) {
            return Err(Failure::denied("not from this address"));
        }
        let snapshot = self.switch.snapshot();
        let account = identify::resolve(&snapshot, user);
        let name = account.as_ref().map_or(user, |account| &account.username);
        refuse(self.switch.guard(|guard| guard.admit(now, source.address, Some(name))))?;
        let level = account.as_ref().map_or(Level::Public, |account| Level::of(account.kind, account.rights));
        let known =
            account.as_ref().filter(|a| may_log_in(a) && !a.password.is_empty() && level >= Level::Support);
        let right = same_text(known.map_or("\u{1}", |account| account.password.expose()), password);
        if !right || known.is_none() {
            self.switch.guard(|guard| guard.failure(now, source.address, Some(name), Door::Console));
            self.audit_login(None, &source.address.to_string(), name, "wrong user or password");
            return Err(Failure::wrong_user());
        }
        self.audit_login(account.as_ref().map(|account| account.id), &source.address.to_string(), name, "OK");
        self.switch.guard(|guard| guard.success(now, source.address, Some(name)));
        Ok(ConsoleUser { account: account.as_ref().map(|account| account.id), level, name: name.to_owned() })
    }

    /// What was typed at the console and refused before it ran is in the audit too.
    pub(super) fn audit_refusal(&self, request: &Request, failure: &Failure) {
        let Known::Console(user) = &request.known else { return };
        self.switch.store().audit(AuditEntry {
            at: self.switch.now().wall,
            account: user.account,
            source: request.origin.peer.ip().to_string(),
            command: request.command.chars().take(64).collect(),
            object: user.name.chars().take(64).collect(),
            outcome: failure.to_string(),
        });
    }

    /// Who came to the console is in the audit, and who was turned away.
    fn audit_login(&self, account: Option<AccountId>, source: &str, name: &str, outcome: &str) {
        self.switch.store().audit(AuditEntry {
            at: self.switch.now().wall,
            account,
            source: source.to_owned(),
            command: "console login".to_owned(),
            object: name.chars().take(64).collect(),
            outcome: outcome.to_owned(),
        });
    }
}

/// The address is one of this machine, or where `neighbours` count in the network of one of its interfaces. What the
/// kernel does not tell is not near.
fn is_near(address: IpAddr, neighbours: bool) -> bool {
    let near = |one: &Interface| one.address == address || (neighbours && one.is_near(address));
    // All of 127/8 is this machine, though only one address of it is on an interface.
    address.is_loopback() || interfaces().unwrap_or_default().iter().any(near)
}
