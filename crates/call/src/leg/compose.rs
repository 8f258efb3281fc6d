//! What every message of ours has: Via, Contact, the capabilities, the notices to paying phones.

use strowger_model::Now;
use strowger_sip::{Builder, ClientTransaction, Framing, HeaderId, Message, Method, ServerTransaction};

use super::transactions::{Client, Purpose, Server};
use super::{Kind, Leg};
use crate::hop::{Hop, Local};
use crate::ids;

/// The methods that we understand, as told in Allow.
pub(super) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE";

/// The only body that opens or changes a conversation.
pub(super) const SDP: &str = "application/sdp";

impl Leg {
    /// A Via with a fresh branch.
    pub(super) fn mint_via(&mut self) -> String {
        let branch = ids::branch(self.id, self.nonce, self.minted);
        self.minted = self.minted.wrapping_add(1);
        via(&self.hop, &self.local, &branch)
    }

    /// Our tag.
    pub(super) fn tag(&self) -> String {
        ids::tag(self.id, self.nonce)
    }

    /// Our Contact.
    pub(super) fn contact(&self) -> String {
        let parameter = self.hop.carrier.uri_parameter();
        format!("<sip:{}@{}{parameter}>", ids::user(self.id), self.local.sip)
    }

    /// Sends a request of ours and keeps its transaction. A message that cannot be read back (too large)
    /// is not sent; then this is false.
    pub(super) fn start(&mut self, now: Now, bytes: &[u8], purpose: Purpose, to: Hop) -> bool {
        let Ok(message) = Message::parse(bytes, Framing::Datagram) else { return false };
        let transaction = ClientTransaction::new(now.mono, &message, to.carrier.is_reliable());
        // One or two are usual; room for four of this size would be most of a leg.
        self.clients.reserve_exact(1);
        self.clients.push(Client { transaction, purpose, to, answered: false });
        true
    }

    /// Takes a request of the party in; the position of its transaction.
    pub(super) fn admit(&mut self, now: Now, request: &Message, from: Hop) -> usize {
        let transaction = ServerTransaction::new(now.mono, request, from.carrier.is_reliable());
        let reply = reply_hop(request, from);
        self.servers.reserve_exact(1);
        self.servers.push(Server {
            transaction,
            cseq: request.cseq(),
            branch: request.branch().into(),
            request: Some(request.clone()),
            reply,
        });
        self.servers.len() - 1
    }

    /// Answers a request of the party; `more` writes the headers beyond the ordinary ones, and the body.
    pub(super) fn respond(
        &mut self,
        now: Now,
        server: usize,
        status: u16,
        more: impl FnOnce(&mut Builder<'_>),
    ) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1024);
        let tag = self.tag();
        let Some(entry) = self.servers.get_mut(server) else { return bytes };
        let source = Some(entry.reply.address);
        let Some(request) = &entry.request else { return bytes };
        let mut builder = Builder::response_to(&mut bytes, request, status, "", &tag, source);
        if status != 100 {
            builder.header_unless_empty(HeaderId::Server, &self.manner.agent);
            if self.kind == Kind::Phone {
                builder.named("X-UT", "s");
            }
        }
        more(&mut builder);
        entry.transaction.respond(now.mono, status, bytes.clone());
        if status >= 200 {
            entry.request = None;
        }
        bytes
    }

    /// Answers without a body.
    pub(super) fn respond_plainly(&mut self, now: Now, server: usize, status: u16) {
        self.respond(now, server, status, no_more);
    }

    /// A request within the dialog: sent, and its transaction kept. `more` writes headers and body.
    pub(super) fn send_within(
        &mut self,
        now: Now,
        method: Method,
        purpose: Purpose,
        more: impl FnOnce(&mut Builder<'_>),
    ) -> bool {
        let via = self.mint_via();
        let to = self.dialog_hop();
        let Some(dialog) = &mut self.dialog else { return false };
        let mut bytes = Vec::with_capacity(1024);
        let mut builder = dialog.request(&mut bytes, method, &via);
        builder.header_unless_empty(HeaderId::UserAgent, &self.manner.agent);
        more(&mut builder);
        self.start(now, &bytes, purpose, to)
    }
}

/// A Via of ours behind a hop.
pub(super) fn via(hop: &Hop, local: &Local, branch: &str) -> String {
    format!("SIP/2.0/{} {};branch={branch};rport", hop.carrier.via_name(), local.sip)
}

/// Where the response to a request goes: back over its connection, or by its Via (RFC 3261 section 18.2.2, RFC 3581).
pub(super) fn reply_hop(request: &Message, from: Hop) -> Hop {
    let target = match request.via() {
        Ok(via) if !from.carrier.is_reliable() => via.response_target(from.address),
        _ => from.address,
    };
    Hop { address: target, ..from }
}

/// Headers that end with a body or without one.
pub(super) fn with_body(builder: &mut Builder<'_>, body: Option<&[u8]>) {
    match body {
        Some(body) => builder.body(SDP, body),
        None => builder.finish(),
    }
}

/// Ends a message that has nothing beyond the ordinary headers.
pub(super) fn no_more(builder: &mut Builder<'_>) {
    builder.finish();
}
