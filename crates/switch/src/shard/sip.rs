//! Which machine a SIP message belongs to.

use std::sync::Arc;
use strowger_call::{Belongs, CallInput, Carrier, Hop};
use strowger_guard::Door;
use strowger_location::AuthResult;
use strowger_model::{Account, Now};
use strowger_sip::{Framing, HeaderId, Message, Method, ParseError};

use super::Shard;
use super::answer::ALLOW;
use super::api::carries_api;
use super::presence::EVENTS;

/// What the verification of credentials came to.
pub(super) enum Caller {
    /// Authenticated.
    Known(Arc<Account>),
    /// A challenge is due.
    Unknown {
        /// The password was right but the nonce too old.
        stale: bool,
    },
}

impl Shard {
    /// One message from the network. Nothing in it is trusted.
    pub(super) fn sip(&mut self, now: Now, from: Hop, bytes: &[u8]) {
        self.statistics.received += 1;
        let source = from.address.ip();
        if !self.world.guard(|guard| guard.check(now, source, None)).is_pass() {
            return;
        }
        match Message::parse(bytes, framing_of(from)) {
            Ok(message) if message.is_request() => self.request(now, from, message),
            Ok(message) => self.response(now, from, message),
            Err(error) => self.malformed(from, error),
        }
    }

    /// 500 to a request that panicked before a call or the registrar had it.
    pub(super) fn internal_error(&mut self, from: Hop, bytes: &[u8]) {
        if let Ok(message) = Message::parse(bytes, framing_of(from))
            && message.is_request()
            && message.method() != Method::Ack
        {
            self.refuse(&message, from, 500, "Server Internal Error");
        }
    }

    fn malformed(&mut self, from: Hop, error: ParseError) {
        self.statistics.malformed += 1;
        if let ParseError::Answerable { status, reason, message, .. } = error
            && message.method() != Method::Ack
        {
            self.refuse(&message, from, status, reason);
        }
    }

    fn response(&mut self, now: Now, from: Hop, message: Message) {
        if let Belongs::Leg(_) = self.calls.belongs(&message) {
            self.call(now, CallInput::Sip { message, from });
        } else if self.world.messenger.owns(&message) {
            self.world.messenger.handle_response(now, &message);
        } else if self.world.presence.owns(&message) {
            self.world.presence.handle_response(now, &message);
        } else if !self.probes.answered(now, &message) {
            // Nobody's: a late retransmission, or not for us. Silence in either case.
            self.world.outbound.handle_response(now, &message, from.address);
        }
    }

    fn request(&mut self, now: Now, from: Hop, message: Message) {
        if self.world.rules.api && carries_api(&message) {
            return self.api_request(now, from, message);
        }
        match (message.method(), message.to_tag().is_empty()) {
            (Method::Register, _) => self.register(now, from, &message),
            (Method::Options, true) => self.options(from, &message),
            (Method::Message, true) => self.message(now, from, message),
            (Method::Publish, true) => self.publish(now, from, &message),
            (Method::Subscribe, _) => self.subscribe(now, from, &message),
            _ => match self.calls.belongs(&message) {
                Belongs::Leg(_) => self.call(now, CallInput::Sip { message, from }),
                Belongs::NewInvite => self.invite(now, from, message),
                Belongs::Stray => {}
                Belongs::NoSuchDialog => self.refuse(&message, from, 481, ""),
                Belongs::NotOurs => self.other(from, &message),
            },
        }
    }

    /// A request outside of any dialog that no machine takes.
    fn other(&mut self, from: Hop, message: &Message) {
        let allow = |out: &mut strowger_sip::Builder<'_>| {
            out.header(HeaderId::Allow, ALLOW);
        };
        match message.method() {
            Method::Ack => {}
            Method::Options => self.options(from, message),
            Method::Bye | Method::Cancel | Method::Prack | Method::Update | Method::Info => {
                self.refuse(message, from, 481, "");
            }
            // RFC 6665 section 4.1.3: we subscribed to nothing. A phone that only keeps its NAT open is content with it.
            Method::Notify => self.refuse(message, from, 481, "Subscription Does Not Exist"),
            Method::Other => self.respond(message, from, 501, "", allow),
            _ => self.respond(message, from, 405, "", allow),
        }
    }

    /// RFC 3261 section 11.2. The answer does not tell whether the named user exists.
    fn options(&mut self, from: Hop, message: &Message) {
        self.respond(message, from, 200, "", |out| {
            out.header(HeaderId::Allow, ALLOW)
                .header(HeaderId::Accept, "application/sdp, text/plain")
                .header(HeaderId::AllowEvents, EVENTS)
                .header(HeaderId::Supported, "100rel, timer, path, outbound");
        });
    }

    /// Checks the credentials of a request, and counts a failure.
    pub(super) fn authenticate(
        &mut self,
        now: Now,
        from: Hop,
        request: &Message,
        header: HeaderId,
    ) -> Caller {
        let routes = self.world.routes.load();
        let find =
            |name: &str| routes.by_username(name).filter(|a| a.active).map(|a| (Arc::clone(a), &a.password));
        let source = from.address.ip();
        let world = &mut self.world;
        let verdict = world.authenticator.verify(now, request, header, source, &world.rules.realm, find);
        match verdict {
            AuthResult::Ok(account) => {
                // An account that is banned is still let in from an address that it has used before.
                let name = Some(&*account.username);
                if !self.world.guard(|guard| guard.check(now, source, name)).is_pass() {
                    return Caller::Unknown { stale: false };
                }
                self.world.guard(|guard| guard.success(now, source, name));
                *self.hits.entry(account.id).or_default() += 1;
                Caller::Known(account)
            }
            AuthResult::Stale => Caller::Unknown { stale: true },
            AuthResult::Missing => Caller::Unknown { stale: false },
            AuthResult::Wrong { user } => {
                let name = Some(user.as_str()).filter(|name| !name.is_empty());
                let verdict = self.world.guard(|guard| guard.failure(now, source, name, Door::Sip));
                tracing::debug!(%source, banned = !verdict.is_pass(), "wrong digest credentials");
                Caller::Unknown { stale: false }
            }
        }
    }
}

const fn framing_of(from: Hop) -> Framing {
    match from.carrier {
        Carrier::Udp => Framing::Datagram,
        _ => Framing::Stream,
    }
}
