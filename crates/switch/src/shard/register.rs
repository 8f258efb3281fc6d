//! REGISTER: authentication, then the registrar (RFC 3261 section 10.3).

use strowger_call::Hop;
use strowger_guard::Verdict;
use strowger_model::Now;
use strowger_sip::digest::Algorithm;
use strowger_sip::{Builder, HeaderId, Message};

use super::Shard;
use super::answer::response_hop;
use super::rules::algorithms;
use super::sip::Caller;
use super::world::reach_of;

impl Shard {
    pub(super) fn register(&mut self, now: Now, from: Hop, request: &Message) {
        let Ok(to) = request.to() else {
            self.registers.bad += 1;
            self.refuse(request, from, 400, "Bad To");
            return;
        };
        let user = to.uri.user_decoded();
        if !self.admitted(now, from, request, &user) {
            self.registers.limited += 1;
            return;
        }
        match self.authenticate(now, from, request, HeaderId::Authorization) {
            Caller::Unknown { stale } => {
                let counter = match (stale, request.value(HeaderId::Authorization).is_some()) {
                    (true, _) => &mut self.registers.stale,
                    (false, true) => &mut self.registers.wrong_credentials,
                    (false, false) => &mut self.registers.challenged,
                };
                *counter += 1;
                let algorithms = self.algorithms_for(&user);
                self.challenge(now, request, from, true, stale, &algorithms);
            }
            // RFC 3261 section 10.3 step 4: only the account itself registers its contacts.
            Caller::Known(account) if !same_name(&account.username, &user) => {
                self.registers.other_account += 1;
                self.refuse(request, from, 403, "");
            }
            Caller::Known(account) => {
                match self.world.registrar.register(now, account.id, request, reach_of(from)) {
                    Ok(_) => {
                        self.registers.succeeded += 1;
                        self.register_rate.count(now.mono);
                        self.registered(now, from, request, account.id);
                    }
                    Err(refusal) => {
                        let brief = refusal.min_expires_s.is_some();
                        self.registers.too_brief += u64::from(brief);
                        self.registers.refused += u64::from(!brief);
                        self.respond(request, from, refusal.status, refusal.reason, |out| {
                            if let Some(least_s) = refusal.min_expires_s {
                                out.header(HeaderId::MinExpires, least_s);
                            }
                            out.named("X-UT", "s");
                        });
                    }
                }
            }
        }
    }

    fn registered(&mut self, now: Now, from: Hop, request: &Message, account: strowger_model::AccountId) {
        let tag = self.stateless_tag(request);
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut response = Builder::response_to(&mut buffer, request, 200, "", &tag, Some(from.address));
        self.world.registrar.write_contacts(now, account, &mut response);
        response.copy(request, HeaderId::Path).named("X-UT", "s");
        response.header_unless_empty(HeaderId::Server, &self.world.rules.user_agent).finish();
        self.transmit(response_hop(request, from), buffer.as_slice().into());
        self.buffer = buffer;
    }

    /// The rate limits; a request over them is told when to come back.
    pub(super) fn admitted(&mut self, now: Now, from: Hop, request: &Message, user: &str) -> bool {
        let name = Some(user).filter(|user| !user.is_empty());
        match self.world.guard(|guard| guard.admit(now, from.address.ip(), name)) {
            Verdict::Pass => true,
            // A banned account must still be able to prove itself from an address that it has used before.
            Verdict::Banned { .. } => true,
            Verdict::Limited { retry_after_ms } => {
                self.respond(request, from, 503, "", |out| {
                    out.header(HeaderId::RetryAfter, retry_after_ms.div_ceil(1000).max(1));
                });
                false
            }
        }
    }

    /// The account's own list, or the configuration's; the latter for unknown names too.
    pub(super) fn algorithms_for(&self, user: &str) -> Vec<Algorithm> {
        let routes = self.world.routes.load();
        let own = routes.by_username(user).map_or("", |a| &*a.digest_algorithms);
        if own.trim().is_empty() { self.world.rules.algorithms.clone() } else { algorithms(own.split(',')) }
    }
}

/// Usernames have no case.
pub(super) fn same_name(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || a.to_lowercase() == b.to_lowercase()
}
