//! API requests in a header of SIP requests: the shard authenticates and keeps the transaction, the API answers.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use strowger_call::Hop;
use strowger_model::{AccountId, Mono, Now};
use strowger_sip::{Builder, HeaderId, Message, Method};

use super::Shard;
use super::answer::response_hop;
use super::io::ShardOutput;
use super::sip::Caller;

/// The header of request and answer.
pub const HEADER: &str = "X-MVAPI";
/// Transactions that are kept; a request beyond them is refused.
const MAX_KEPT: usize = 2048;
/// How long an answer is kept for retransmissions of its request: timer J (RFC 3261 section 17.2.2), in milliseconds.
const KEPT_MS: u64 = 32_000;

/// An API request that came in a SIP request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiInSip {
    /// Names it in the answer.
    pub token: u64,
    /// Who proved to send it, by digest.
    pub account: AccountId,
    /// Where the SIP request came from.
    pub peer: SocketAddr,
    /// The address of ours that it reached.
    pub local: IpAddr,
    /// The request line.
    pub line: String,
}

/// The transactions, by a keyed hash of what identifies one.
#[derive(Debug, Default)]
pub struct ApiTransactions {
    open: BTreeMap<u64, Transaction>,
    ages: VecDeque<(Mono, u64)>,
}

#[derive(Debug)]
enum Transaction {
    /// The API works on it.
    Asked { request: Box<Message>, from: Hop },
    /// What was answered.
    Answered(Arc<[u8]>),
}

impl ApiTransactions {
    fn forget_old(&mut self, now: Mono) {
        while self.ages.front().is_some_and(|(at, _)| now.ms_since(*at) > KEPT_MS) {
            if let Some((_, token)) = self.ages.pop_front() {
                self.open.remove(&token);
            }
        }
    }
}

/// It is a request of the kinds that may carry one, outside of a dialog.
pub fn carries_api(message: &Message) -> bool {
    matches!(message.method(), Method::Options | Method::Message | Method::Info)
        && message.to_tag().is_empty()
        && message.named(HEADER).is_some()
}

impl Shard {
    /// Takes a request for which [`carries_api`] holds. A retransmission does nothing twice.
    pub(super) fn api_request(&mut self, now: Now, from: Hop, request: Message) {
        self.api.forget_old(now.mono);
        let token = self.transaction_of(&request);
        match self.api.open.get(&token) {
            Some(Transaction::Answered(bytes)) => {
                let bytes = Arc::clone(bytes);
                return self.transmit(response_hop(&request, from), bytes);
            }
            Some(Transaction::Asked { .. }) => return,
            None => {}
        }
        let user = request.from().map(|from| from.uri.user_decoded().into_owned()).unwrap_or_default();
        if !self.admitted(now, from, &request, &user) {
            return;
        }
        let account = match self.authenticate(now, from, &request, HeaderId::Authorization) {
            Caller::Known(account) => account.id,
            Caller::Unknown { stale } => {
                let algorithms = self.algorithms_for(&user);
                return self.challenge(now, &request, from, true, stale, &algorithms);
            }
        };
        if self.api.ages.len() >= MAX_KEPT {
            return self.refuse(&request, from, 503, "");
        }
        let line = String::from_utf8_lossy(request.named(HEADER).unwrap_or_default()).trim().to_owned();
        let (_, local) = self.socket(from.listener);
        let asked = ApiInSip { token, account, peer: from.address, local, line };
        self.api.ages.push_back((now.mono, token));
        self.api.open.insert(token, Transaction::Asked { request: Box::new(request), from });
        self.outputs.push_back(ShardOutput::Api(asked));
    }

    /// Answers with 200 and the API's answer, a header field for each of its lines.
    pub(super) fn api_answer(&mut self, token: u64, answer: &str) {
        let Some(Transaction::Asked { request, from }) = self.api.open.remove(&token) else { return };
        let tag = self.stateless_tag(&request);
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut response = Builder::response_to(&mut buffer, &request, 200, "", &tag, Some(from.address));
        response.header_unless_empty(HeaderId::Server, &self.world.rules.user_agent);
        for line in answer.lines() {
            response.named(HEADER, line);
        }
        response.finish();
        let bytes: Arc<[u8]> = buffer.as_slice().into();
        self.buffer = buffer;
        self.api.open.insert(token, Transaction::Answered(Arc::clone(&bytes)));
        self.transmit(response_hop(&request, from), bytes);
    }

    fn transaction_of(&self, request: &Message) -> u64 {
        let cseq = request.cseq().to_be_bytes();
        let (call, tag, branch) = (request.call_id(), request.from_tag(), request.branch());
        let parts = [call.as_bytes(), b"\n", tag.as_bytes(), b"\n", branch.as_bytes(), b"\n", &cseq];
        self.world.tags.of(&parts)
    }
}
