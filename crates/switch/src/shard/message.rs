//! MESSAGE requests of phones (RFC 3428): who sends them, whom they are for, and their answers. What happens to a message then
//! is the letters'.

use strowger_call::Hop;
use strowger_model::{AccountId, Now};
use strowger_route::Identity;
use strowger_sip::transaction::Admission;
use strowger_sip::{Abilities, Builder, HeaderId, Message, Method, TransactionKey};

use super::Shard;
use super::answer::{ALLOW, response_hop};
use super::letters::Sender;
use crate::handle::types::InstantText;

/// The longest body of a message, in bytes: it goes out in one datagram.
pub const MAX_BODY_BYTES: usize = 4_000;
/// The longest Content-Type that is kept, in bytes.
const MAX_TYPE_BYTES: usize = 128;

/// What a MESSAGE may ask for.
const ABILITIES: Abilities<'static> =
    Abilities { methods: &[Method::Message], allow: ALLOW, extensions: &[], bodies: &[], proxying: false };

impl Shard {
    /// A MESSAGE outside of dialogs: authenticated as a call is.
    pub(super) fn message(&mut self, now: Now, from: Hop, request: Message) {
        let Some((identity, from_user)) = self.identity(now, from, &request, &ABILITIES) else { return };
        let Identity::Accept { account, called, trunk, .. } = identity else { return };
        let reliable = from.carrier.is_reliable();
        let hop = response_hop(&request, from);
        let key = match self.letters.table.handle_request(now.mono, &request, reliable, hop) {
            Admission::New(key) => key,
            Admission::Absorbed => return,
            Admission::Full => return self.refuse(&request, from, 503, ""),
        };
        let read = self.letter(account, trunk, from_user, &called, &request);
        let sender = Sender::Phone { key, request: Box::new(request), from };
        match read {
            Ok((to, text)) => self.post(now, Some(account), to, text, Some(sender), true),
            Err((status, reason)) => self.tell(now, sender, status, reason),
        }
    }

    /// What a MESSAGE says, and whom it is for.
    fn letter(
        &self,
        sender: AccountId,
        trunk: bool,
        from_user: String,
        called: &str,
        request: &Message,
    ) -> Result<(AccountId, InstantText), (u16, &'static str)> {
        let routes = self.world.routes.load();
        let own = routes.account(sender);
        let country = own.map_or("", |account| &*account.country);
        let to = routes.recipient(called, country).filter(|to| {
            // Who is in another group is not there for the sender.
            trunk || own.is_some_and(|own| own.sees(to))
        });
        let Some(to) = to else { return Err((404, "")) };
        if request.body().len() > MAX_BODY_BYTES {
            return Err((413, ""));
        }
        let encoded = request
            .elements(HeaderId::ContentEncoding)
            .any(|coding| !coding.eq_ignore_ascii_case(b"identity"));
        let Some(body) = std::str::from_utf8(request.body()).ok().filter(|_| !encoded) else {
            return Err((415, ""));
        };
        if body.is_empty() {
            return Err((400, "Empty Message"));
        }
        let kind = request.text(HeaderId::ContentType).map_or("text/plain", str::trim);
        if kind.len() > MAX_TYPE_BYTES {
            return Err((415, ""));
        }
        let from_name = if trunk { from_user } else { own.map_or(from_user, |own| own.username.to_string()) };
        Ok((to.id, InstantText { from: from_name, content_type: kind.to_owned(), body: body.to_owned() }))
    }

    /// A message by order.
    pub(super) fn post_order(
        &mut self,
        now: Now,
        token: u64,
        (from, to): (Option<AccountId>, AccountId),
        text: InstantText,
        keep: bool,
    ) {
        self.post(now, from, to, text, Some(Sender::Order(token)), keep);
    }

    /// Answers a phone in its transaction.
    pub(super) fn tell(&mut self, now: Now, sender: Sender, status: u16, reason: &str) {
        let Sender::Phone { key, request, from } = sender else { return };
        let bytes = self.composed(&request, from, status, reason, |out| {
            out.named("X-UT", "s");
        });
        self.letters.table.respond(now.mono, &key, status, bytes);
    }

    /// Answers a request in its transaction, so that a repetition gets the same answer.
    pub(super) fn respond_once(
        &mut self,
        now: Now,
        key: &TransactionKey,
        (request, from): (&Message, Hop),
        (status, reason): (u16, &str),
        write: impl FnOnce(&mut Builder<'_>),
    ) {
        let bytes = self.composed(request, from, status, reason, write);
        self.letters.table.respond(now.mono, key, status, bytes);
    }
}
