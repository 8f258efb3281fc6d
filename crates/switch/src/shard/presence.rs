//! Presence: SUBSCRIBE and PUBLISH of phones (RFC 6665, RFC 3903), authenticated, and the NOTIFYs that follow.

use std::sync::Arc;

use strowger_call::Hop;
use strowger_location::{Line, PresenceRefusal, Subscriber};
use strowger_model::{Account, AccountId, Now, Wall};
use strowger_sip::transaction::Admission;
use strowger_sip::{Builder, HeaderId, Message};

use super::Shard;
use super::answer::response_hop;
use super::register::same_name;
use super::world::reach_of;
use crate::handle::types::LineStatus;

/// The event packages that are served.
pub const EVENTS: &str = "presence, dialog";

impl Shard {
    /// A SUBSCRIBE: a new one, or one within its dialog.
    pub(super) fn subscribe(&mut self, now: Now, from: Hop, request: &Message) {
        let fresh = request.to_tag().is_empty();
        let known = self.world.presence.subscriber(request);
        if !fresh && known.is_none() {
            return self.refuse(request, from, 481, "Subscription Does Not Exist");
        }
        let Some(account) = self.proven(now, from, request) else { return };
        let granted = match known {
            Some(subscriber) if !fresh => {
                if subscriber != account.id {
                    return self.refuse(request, from, 403, "");
                }
                self.world.presence.refresh(now, request, reach_of(self.way_back(request, from)))
            }
            _ => match self.watched(&account, request) {
                Some(target) => self.watch(now, from, request, account.id, &target),
                None => return self.refuse(request, from, 404, ""),
            },
        };
        let local = self.world.addresses.local(&from, &self.world.rules).sip;
        match granted {
            Ok(expires_s) => self.respond(request, from, 200, "", |out| {
                let contact = format!("<sip:presence@{local}{}>", from.carrier.uri_parameter());
                out.header(HeaderId::Contact, contact).header(HeaderId::Expires, expires_s);
            }),
            Err(refusal) => self.respond(request, from, refusal.status, refusal.reason, |out| {
                write_refusal(refusal, out);
            }),
        }
    }

    fn watch(
        &mut self,
        now: Now,
        from: Hop,
        request: &Message,
        watcher: AccountId,
        target: &Account,
    ) -> Result<u32, PresenceRefusal> {
        let tag = self.stateless_tag(request);
        let local = self.world.addresses.local(&from, &self.world.rules).sip;
        let host = request.uri().map_or("", |uri| uri.host);
        let entity = format!("sip:{}@{host}", strowger_sip::escape_user(&target.username));
        let line = self.presence_line(target.id);
        let subscriber = Subscriber {
            watcher,
            target: target.id,
            entity: &entity,
            reach: reach_of(self.way_back(request, from)),
            tag: &tag,
            local: &local,
        };
        self.world.presence.subscribe(now, request, subscriber, line)
    }

    /// Whom a SUBSCRIBE is about, where the subscriber may know of it.
    fn watched(&self, watcher: &Account, request: &Message) -> Option<Arc<Account>> {
        let user = request.uri().ok()?.user_decoded().into_owned();
        let routes = self.world.routes.load();
        routes.recipient(&user, &watcher.country).filter(|target| watcher.sees(target)).cloned()
    }

    /// A PUBLISH: an account's phone says how it is.
    pub(super) fn publish(&mut self, now: Now, from: Hop, request: &Message) {
        let Some(account) = self.proven(now, from, request) else { return };
        let own = request.uri().is_ok_and(|uri| same_name(&account.username, &uri.user_decoded()));
        if !own {
            return self.refuse(request, from, 403, "");
        }
        let hop = response_hop(request, from);
        let reliable = from.carrier.is_reliable();
        let key = match self.letters.table.handle_request(now.mono, request, reliable, hop) {
            Admission::New(key) => key,
            Admission::Absorbed => return,
            Admission::Full => return self.refuse(request, from, 503, ""),
        };
        match self.world.presence.publish(now, account.id, request) {
            Ok(accepted) => self.respond_once(now, &key, (request, from), (200, ""), |out| {
                out.header(HeaderId::SipETag, &accepted.etag).header(HeaderId::Expires, accepted.expires_s);
            }),
            Err(refusal) => {
                let status = (refusal.status, refusal.reason);
                self.respond_once(now, &key, (request, from), status, |out| write_refusal(refusal, out));
            }
        }
    }

    /// The account whose credentials the request carries; it must be who it says. Without them it is challenged.
    fn proven(&mut self, now: Now, from: Hop, request: &Message) -> Option<Arc<Account>> {
        let Ok(sender) = request.from() else {
            self.refuse(request, from, 400, "Bad From");
            return None;
        };
        let user = sender.uri.user_decoded();
        if !self.admitted(now, from, request, &user) {
            return None;
        }
        let (digest, stale) = self.digest_of(now, from, request);
        let Some(id) = digest else {
            let algorithms = self.algorithms_for(&user);
            self.challenge(now, request, from, true, stale, &algorithms);
            return None;
        };
        let account = self.world.routes.load().account(id).cloned();
        let proven = account.filter(|account| same_name(&account.username, &user));
        if proven.is_none() {
            self.refuse(request, from, 403, "");
        }
        proven
    }

    /// Requests within the dialog go where this one came from, or to the port that its Contact names at the same address.
    fn way_back(&self, request: &Message, from: Hop) -> Hop {
        let contact = request.contact().ok().flatten();
        let port = contact.and_then(|contact| {
            let same = contact.uri.ip()?.to_canonical() == from.address.ip().to_canonical();
            same.then(|| contact.uri.port_or_default())
        });
        let proxied = request.value(HeaderId::RecordRoute).is_some();
        match port.filter(|_| !from.carrier.is_reliable() && !proxied) {
            Some(port) => Hop { address: (from.address.ip(), port).into(), ..from },
            None => from,
        }
    }

    /// An account's status in a word, for the API.
    pub(super) fn presence_words(&self, accounts: &[AccountId]) -> Vec<Box<str>> {
        let word = |account: &AccountId| match self.line(*account) {
            LineStatus::Unknown => "unknown".into(),
            line => self.world.presence.status(*account, presence_line(line)).word,
        };
        accounts.iter().map(word).collect()
    }

    /// What an account says of itself, until then; an empty text takes it back.
    pub(super) fn set_presence(&mut self, now: Now, account: AccountId, word: &str, until: Wall) {
        let left_ms = u64::try_from(until.0.saturating_sub(now.wall.0)).unwrap_or(0);
        self.world.presence.set(now, account, word, now.mono.plus_ms(left_ms));
    }

    /// Tells the watchers what an account's line does.
    pub(super) fn show_presence(&mut self, now: Now, account: AccountId) {
        if self.world.presence.is_watched(account) {
            let line = self.presence_line(account);
            self.world.presence.show(now, account, line);
        }
    }

    fn presence_line(&self, account: AccountId) -> Line {
        presence_line(self.line(account))
    }
}

const fn presence_line(line: LineStatus) -> Line {
    match line {
        LineStatus::Unknown | LineStatus::Offline => Line::Offline,
        LineStatus::Online => Line::Online,
        LineStatus::Calling => Line::Calling,
        LineStatus::Speaking => Line::Speaking,
    }
}

fn write_refusal(refusal: PresenceRefusal, out: &mut Builder<'_>) {
    if let Some(least_s) = refusal.min_expires_s {
        out.header(HeaderId::MinExpires, least_s);
    }
    if refusal.status == 489 {
        out.header(HeaderId::AllowEvents, EVENTS);
    }
}
