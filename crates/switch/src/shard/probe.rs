//! Asking endpoints whether they are there: an OPTIONS to each, out of any dialog, and how long its answer took
//! (RFC 3261 section 11). Nothing is asked unless an operator wants to know.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use strowger_call::{Env as _, Hop};
use strowger_model::{AccountId, Mono, Now, Scope};
use strowger_sip::Message;

use super::Shard;
use super::orders::sees;
use super::world::hop_of;

/// Endpoints of one question.
pub const MAX_ENDPOINTS: usize = 1_000;
/// How long an answer is waited for, in milliseconds.
pub const PATIENCE_MS: u64 = 2_000;
/// What the branches of these requests begin with.
const BRANCH: &str = "z9hG4bKprobe";

/// An endpoint and how it answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Whose.
    pub account: AccountId,
    /// It is one of our servers; otherwise a registered phone.
    pub server: bool,
    /// Where it is asked.
    pub address: SocketAddr,
    /// `udp`, `tcp`, `tls`, `ws`, `wss`.
    pub transport: &'static str,
    /// How long the answer took, in microseconds; none: none came.
    pub latency_us: Option<u64>,
    /// The status of the answer, 0 without one.
    pub status: u16,
}

/// The questions that were asked last.
#[derive(Debug, Default)]
pub struct Probes {
    round: u64,
    asked: BTreeMap<String, Asked>,
}

#[derive(Debug)]
struct Asked {
    at: Mono,
    endpoint: Endpoint,
}

impl Probes {
    /// A response to one of the questions; false where it is to something else.
    pub fn answered(&mut self, now: Now, message: &Message) -> bool {
        let branch = message.branch();
        if !branch.starts_with(BRANCH) {
            return false;
        }
        if let Some(asked) = self.asked.get_mut(branch).filter(|asked| asked.endpoint.status == 0) {
            asked.endpoint.latency_us = Some(now.mono.0.saturating_sub(asked.at.0));
            asked.endpoint.status = message.status();
        }
        true
    }
}

impl Shard {
    /// Asks the endpoints of a page of accounts above `after`; forgets the questions before. Returns how many.
    pub(super) fn probe(&mut self, now: Now, scope: Scope, after: Option<AccountId>, limit: usize) -> u32 {
        let routes = self.world.routes.load_full();
        let mut targets: Vec<(AccountId, bool, String, Hop)> = Vec::new();
        if after.is_none() {
            let servers = routes.accounts().filter(|account| account.server.is_some() && account.active);
            let seen = servers.filter(|account| sees(&routes, scope, account.id));
            for account in seen.take(limit) {
                for hop in self.world.trunk(now, account.id) {
                    targets.push((account.id, true, format!("sip:{}", hop.address), hop));
                }
            }
        }
        let phones = self.world.registrar.bindings(after).filter(|(id, _)| sees(&routes, scope, *id));
        for (id, binding) in phones.take(limit) {
            targets.push((id, false, binding.uri().to_owned(), hop_of(binding.destination())));
        }
        self.probes.round += 1;
        self.probes.asked.clear();
        for (number, (account, server, uri, hop)) in targets.into_iter().enumerate() {
            let branch = format!("{BRANCH}{:x}-{:x}-{number}", self.world.random.next(), self.probes.round);
            let local = self.world.local(&hop).sip;
            let via = hop.carrier.via_name();
            let text = format!(
                "OPTIONS {uri} SIP/2.0\r\nVia: SIP/2.0/{via} {local};branch={branch};rport\r\nMax-Forwards: 70\r\n\
                 From: <sip:{local}>;tag={branch}\r\nTo: <{uri}>\r\nCall-ID: {branch}\r\nCSeq: 1 OPTIONS\r\n\
                 Contact: <sip:{local}>\r\nAccept: application/sdp\r\nContent-Length: 0\r\n\r\n"
            );
            let endpoint = Endpoint {
                account,
                server,
                address: hop.address,
                transport: name_of(hop.carrier.via_name()),
                latency_us: None,
                status: 0,
            };
            self.probes.asked.insert(branch, Asked { at: now.mono, endpoint });
            self.transmit(hop, text.into_bytes().into());
        }
        u32::try_from(self.probes.asked.len()).unwrap_or(u32::MAX)
    }

    /// How the endpoints that were asked last have answered so far.
    pub(super) fn probed(&self) -> Vec<Endpoint> {
        self.probes.asked.values().map(|asked| asked.endpoint.clone()).collect()
    }
}

const fn name_of(via: &str) -> &'static str {
    match via.as_bytes() {
        b"UDP" => "udp",
        b"TCP" => "tcp",
        b"TLS" => "tls",
        b"WS" => "ws",
        _ => "wss",
    }
}
