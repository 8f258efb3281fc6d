//! Responses that need no transaction: refusals, challenges, OPTIONS. A retransmitted request gets the same
//! response again, the same To tag included (RFC 3261 section 8.2.7).

use std::net::SocketAddr;
use std::sync::Arc;

use strowger_call::{Carrier, Hop};
use strowger_model::Now;
use strowger_sip::{Builder, HeaderId, Message};

use super::Shard;

/// The methods that we take.
pub const ALLOW: &str =
    "INVITE, ACK, BYE, CANCEL, OPTIONS, REGISTER, UPDATE, INFO, MESSAGE, SUBSCRIBE, PUBLISH";

impl Shard {
    /// Answers `request` from its own headers and what `write` adds.
    pub(super) fn respond(
        &mut self,
        request: &Message,
        from: Hop,
        status: u16,
        reason: &str,
        write: impl FnOnce(&mut Builder<'_>),
    ) {
        let bytes = self.composed(request, from, status, reason, write);
        self.transmit(response_hop(request, from), bytes);
    }

    /// The bytes of such an answer.
    pub(super) fn composed(
        &mut self,
        request: &Message,
        from: Hop,
        status: u16,
        reason: &str,
        write: impl FnOnce(&mut Builder<'_>),
    ) -> Arc<[u8]> {
        let tag = self.stateless_tag(request);
        let source = Some(from.address);
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut response = Builder::response_to(&mut buffer, request, status, reason, &tag, source);
        response.header_unless_empty(HeaderId::Server, &self.world.rules.user_agent);
        write(&mut response);
        response.finish();
        let bytes = buffer.as_slice().into();
        self.buffer = buffer;
        bytes
    }

    pub(super) fn refuse(&mut self, request: &Message, from: Hop, status: u16, reason: &str) {
        self.respond(request, from, status, reason, |_| {});
    }

    /// Asks for credentials; `registrar` chooses 401 and its header over those of a proxy.
    pub(super) fn challenge(
        &mut self,
        now: Now,
        request: &Message,
        from: Hop,
        registrar: bool,
        stale: bool,
        algorithms: &[strowger_sip::digest::Algorithm],
    ) {
        let (status, header) =
            if registrar { (401, HeaderId::WwwAuthenticate) } else { (407, HeaderId::ProxyAuthenticate) };
        let tag = self.stateless_tag(request);
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut response = Builder::response_to(&mut buffer, request, status, "", &tag, Some(from.address));
        let world = &mut self.world;
        let source = from.address.ip();
        world.authenticator.challenge(now, source, &world.rules.realm, stale, algorithms, |challenge| {
            response.header(header, challenge);
        });
        response.header_unless_empty(HeaderId::Server, &world.rules.user_agent);
        response.finish();
        self.transmit(response_hop(request, from), buffer.as_slice().into());
        self.buffer = buffer;
    }

    pub(super) fn stateless_tag(&self, request: &Message) -> String {
        let parts = [request.call_id(), "\n", request.from_tag(), "\n", request.branch()];
        format!("s{:016x}", self.world.tags.of(&parts.map(str::as_bytes)))
    }
}

/// Where the response goes: back on its connection, or by RFC 3261 section 18.2.2 and RFC 3581.
pub fn response_hop(request: &Message, from: Hop) -> Hop {
    if from.carrier != Carrier::Udp {
        return from;
    }
    let target: SocketAddr = request.via().map_or(from.address, |via| via.response_target(from.address));
    Hop { address: target, ..from }
}
