//! Listening to live calls: `voicehere` lets a ticket out, whoever opens its address within its time hears the call.
//! What is heard comes from the switch; the gate carries it.

mod tickets;

use std::net::IpAddr;
use std::sync::Arc;

use strowger_model::Mono;
use strowger_store::AuditEntry;
use strowger_switch::{Audible, Listening};

use crate::auth::{hex, unhex};
use crate::dispatch::{Call, Dispatcher};
use crate::reply::{Failure, Reply};
pub(crate) use tickets::Tickets;
use tickets::{Full, MAX_ALL, MAX_OF_CALL, Ticket, Token};

/// The path at which the sound of calls is opened; a token follows.
pub const LISTEN_PATH: &str = "/mvlisten/";

/// What the audit calls it.
const COMMAND: &str = "voicehere";

/// Lets a ticket for the call out: the answer of `voicehere`.
pub(crate) fn let_in(call: &Call, audible: &Audible) -> Result<Reply, Failure> {
    let mut token = Token::default();
    getrandom::fill(&mut token).map_err(|_| Failure::failed("no randomness"))?;
    let lifetime_s = call.config().listentime;
    let now = call.now().mono;
    let ticket =
        Ticket { call: audible.call, who: call.caller.as_ref().map(|account| account.id), name: call.who() };
    let until = now.plus_ms(u64::from(lifetime_s) * 1_000);
    call.memory().tickets.issue(now, token, until, ticket).map_err(|full| {
        Failure::limit(match full {
            Full::Call => format!("{MAX_OF_CALL} listeners of this call"),
            Full::All => format!("{MAX_ALL} listeners in all"),
        })
    })?;
    let url = format!("{}{LISTEN_PATH}{}", call.web_socket_base()?, hex(&token));
    Ok(Reply::ok(url.clone())
        .with("url", url)
        .with("callid", audible.call.to_string())
        .with("codec", audible.codec.as_str())
        .with("expires", lifetime_s))
}

/// Somebody who hears a call. Dropping it ends that and writes it into the audit.
pub struct Listener {
    dispatcher: Arc<Dispatcher>,
    listening: Listening,
    seat: Seat,
    source: String,
    begun: Mono,
}

/// A place among the listeners of a call.
struct Seat {
    dispatcher: Arc<Dispatcher>,
    ticket: Ticket,
}

impl Dispatcher {
    /// Lets somebody in by the token of an address that `voicehere` answered, once. None: it is wrong, was used or is too
    /// old, or the call is over.
    pub async fn listen(self: &Arc<Self>, token: &str, from: IpAddr) -> Option<Listener> {
        let token = unhex(token)?;
        let now = self.switch().now();
        let ticket = self.memory().tickets.redeem(now.mono, &token)?;
        // Gives the seat back in whatever way this ends.
        let seat = Seat { dispatcher: Arc::clone(self), ticket };
        let listening = match self.switch().listen(seat.ticket.call).await {
            Ok(listening) => listening,
            Err(why) => {
                tracing::debug!(call = %seat.ticket.call, %why, "nobody can listen to the call");
                self.memory().tickets.forget(seat.ticket.call);
                return None;
            }
        };
        let source = from.to_canonical().to_string();
        let listener = Listener { dispatcher: Arc::clone(self), listening, seat, source, begun: now.mono };
        listener.audit("listening began".into());
        Some(listener)
    }
}

impl Listener {
    /// What is going to be heard, as a JSON object.
    #[must_use]
    pub fn description(&self) -> String {
        let call = &self.listening.call;
        serde_json::json!({
            "op": "begin",
            "call": call.call.to_string(),
            "caller": call.caller_text,
            "dialled": call.dialled,
            "codec": call.codec,
            "encoding": "s16le",
            "samplerate": 8000,
            "channels": 2,
            "channel": ["caller", "called"],
        })
        .to_string()
    }

    /// The next samples; none: the call has ended. May be cancelled at any time.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        self.listening.next().await
    }

    /// The last word, as a JSON object: how much was not heard.
    #[must_use]
    pub fn farewell(&self) -> String {
        serde_json::json!({ "op": "end", "lostpackets": self.listening.lost() }).to_string()
    }

    fn audit(&self, outcome: String) {
        let Ticket { call, who, name } = &self.seat.ticket;
        self.dispatcher.switch().store().audit(AuditEntry {
            at: self.dispatcher.switch().now().wall,
            account: *who,
            source: self.source.clone(),
            command: COMMAND.into(),
            object: format!("{name} callid={call}"),
            outcome,
        });
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let seconds = self.dispatcher.switch().now().mono.ms_since(self.begun) / 1_000;
        self.audit(format!("listening ended after {seconds} s, packets lost: {}", self.listening.lost()));
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.dispatcher.memory().tickets.leave(self.ticket.call);
    }
}
