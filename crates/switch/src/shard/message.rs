//! Instant messages (RFC 3428): from phones and from the API, kept first, then sent to every registered phone of the
//! account, or when one registers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strowger_call::{Env as _, Hop};
use strowger_location::{Delivery, InstantMessage, MessageTarget};
use strowger_model::event::{MessageNotice, Notice};
use strowger_model::{AccountId, Mono, Now};
use strowger_route::Identity;
use strowger_sip::transaction::{Admission, ServerTable};
use strowger_sip::{Abilities, Builder, HeaderId, Message, Method, TransactionKey};
use strowger_store::{KeptMessage, MessageError, NewMessage};

use super::Shard;
use super::answer::{ALLOW, response_hop};
use super::io::{Answer, PeopleAnswer, PeopleOrder, ShardOutput};
use super::world::reach_of;
use crate::handle::types::{InstantText, MessageRefusal, MessageState};

/// The longest body of a message, in bytes: it goes out in one datagram.
pub const MAX_BODY_BYTES: usize = 4_000;
/// The longest Content-Type that is kept, in bytes.
const MAX_TYPE_BYTES: usize = 128;
/// How long a sender waits for the phone's answer before it is told that the message is kept, in milliseconds.
const ANSWER_MS: u64 = 3_000;
/// Messages that the store is asked about at a time.
const MAX_PENDING: usize = 10_000;
/// As many messages are taken from the store at once.
const BATCH: usize = 50;

/// What a MESSAGE may ask for.
const ABILITIES: Abilities<'static> =
    Abilities { methods: &[Method::Message], allow: ALLOW, extensions: &[], bodies: &[], proxying: false };

/// Who waits for the fate of a message.
#[derive(Debug)]
enum Sender {
    /// A phone.
    Phone { key: TransactionKey, request: Box<Message>, from: Hop },
    /// An order.
    Order(u64),
}

/// A message that is being kept, or is under way.
#[derive(Debug)]
struct Entry {
    from: Option<AccountId>,
    to: AccountId,
    text: InstantText,
    /// The store has it.
    kept: bool,
    sender: Option<Sender>,
    /// When the sender is told that it takes longer.
    until: Mono,
}

/// The messages of a shard.
#[derive(Debug)]
pub struct Letters {
    /// Transactions of requests that are answered later.
    pub(super) table: ServerTable<Hop>,
    pending: BTreeMap<u64, Entry>,
    underway: BTreeMap<i64, Entry>,
    deadlines: BTreeSet<(Mono, i64)>,
    /// Accounts for which messages wait in the store.
    waiting: BTreeSet<AccountId>,
    next: u64,
}

impl Default for Letters {
    fn default() -> Self {
        Self {
            table: ServerTable::new(MAX_PENDING),
            pending: BTreeMap::new(),
            underway: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            waiting: BTreeSet::new(),
            next: 0,
        }
    }
}

impl Letters {
    pub(super) fn deadline(&self) -> Option<Mono> {
        let own = self.deadlines.first().map(|(at, _)| *at);
        [own, self.table.deadline()].into_iter().flatten().min()
    }
}

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

    /// Keeps a message, and sends it when that is durable. One that is not for reading, such as the notice that somebody
    /// types, is not kept.
    fn post(
        &mut self,
        now: Now,
        from: Option<AccountId>,
        to: AccountId,
        text: InstantText,
        sender: Option<Sender>,
        keep: bool,
    ) {
        let keep = keep && text.content_type.get(..5).is_some_and(|kind| kind.eq_ignore_ascii_case("text/"));
        self.letters.next += 1;
        let number = self.letters.next;
        let entry = Entry { from, to, text, kept: keep, sender, until: now.mono.plus_ms(ANSWER_MS) };
        if !keep {
            return self.dispatch(now, -number.cast_signed(), entry);
        }
        if self.letters.pending.len() >= MAX_PENDING {
            return self.fail(now, entry, 503, MessageRefusal::Busy);
        }
        let message = NewMessage {
            from,
            from_name: entry.text.from.clone(),
            to,
            content_type: entry.text.content_type.clone(),
            body: entry.text.body.clone(),
            underway: !self.targets(now, to).is_empty(),
            most: self.world.rules.max_messages,
            oldest: now.wall.plus_ms(-self.world.rules.message_age_ms),
        };
        self.letters.pending.insert(number, entry);
        self.outputs.push_back(ShardOutput::People(PeopleOrder::Keep { token: number, message }));
    }

    pub(super) fn people_answer(&mut self, now: Now, answer: PeopleAnswer) {
        match answer {
            PeopleAnswer::Kept { token, underway, outcome } => self.kept(now, token, underway, outcome),
            PeopleAnswer::Taken { account, messages } => self.taken(now, account, messages),
        }
    }

    fn kept(&mut self, now: Now, token: u64, underway: bool, outcome: Result<i64, MessageError>) {
        let Some(entry) = self.letters.pending.remove(&token) else { return };
        let id = match outcome {
            Ok(id) => id,
            Err(MessageError::Full { most }) => {
                return self.fail(now, entry, 480, MessageRefusal::Full { most });
            }
            Err(MessageError::Unavailable(_)) => return self.fail(now, entry, 503, MessageRefusal::Busy),
        };
        if underway {
            return self.dispatch(now, id, entry);
        }
        self.notice(id, &entry, "stored");
        let to = entry.to;
        self.conclude(now, entry, id, MessageState::Stored);
        self.letters.waiting.insert(to);
        if !self.targets(now, to).is_empty() {
            // Somebody has registered meanwhile.
            self.fetch(to);
        }
    }

    /// Sends a message to the phones; what comes of it is a [`Delivery`].
    fn dispatch(&mut self, now: Now, id: i64, entry: Entry) {
        let message = InstantMessage {
            id,
            from: entry.text.from.as_str().into(),
            to: self.world.routes.load().account(entry.to).map_or("", |account| &*account.username).into(),
            content_type: entry.text.content_type.as_str().into(),
            body: Arc::from(entry.text.body.as_bytes()),
        };
        let targets = self.targets(now, entry.to);
        self.letters.deadlines.insert((entry.until, id));
        self.letters.underway.insert(id, entry);
        let world = &mut self.world;
        let (addresses, rules) = (&world.addresses, &world.rules);
        let local = |reach| addresses.local(&super::world::hop_of(reach), rules).sip;
        world.messenger.deliver(now, &message, &targets, (&rules.calls.domain, &rules.user_agent), local);
    }

    /// Where an account's messages go: its phones, or the address of a server.
    fn targets(&self, now: Now, account: AccountId) -> Vec<MessageTarget> {
        let routes = self.world.routes.load();
        if routes.account(account).is_some_and(|account| account.server.is_some()) {
            let hop = self.world.trunk(now, account).into_iter().next();
            return hop
                .map(|hop| MessageTarget {
                    uri: format!("sip:{}{}", hop.address, hop.carrier.uri_parameter()).into(),
                    path: "".into(),
                    reach: reach_of(hop),
                })
                .into_iter()
                .collect();
        }
        self.world.registrar.contacts(account).iter().map(MessageTarget::of).collect()
    }

    pub(super) fn delivered(&mut self, now: Now, delivery: Delivery) {
        let Some(entry) = self.letters.underway.remove(&delivery.id) else { return };
        self.letters.deadlines.remove(&(entry.until, delivery.id));
        let delivered = delivery.is_delivered();
        if entry.kept {
            let order = PeopleOrder::Sent { id: delivery.id, delivered };
            self.outputs.push_back(ShardOutput::People(order));
        }
        let (state, told) = match (delivered, entry.kept) {
            (true, _) => (MessageState::Delivered, "delivered"),
            (false, true) => (MessageState::Stored, "stored"),
            (false, false) => (MessageState::Failed, "failed"),
        };
        if state == MessageState::Stored {
            self.letters.waiting.insert(entry.to);
        }
        self.notice(delivery.id, &entry, told);
        self.conclude(now, entry, delivery.id, state);
    }

    /// The account has registered: what waits for it is fetched.
    pub(super) fn deliver_waiting(&mut self, account: AccountId) {
        if self.letters.waiting.contains(&account) {
            self.fetch(account);
        }
    }

    /// Messages wait for these accounts in the store.
    pub(super) fn messages_wait(&mut self, now: Now, accounts: Vec<AccountId>) {
        for account in accounts {
            self.letters.waiting.insert(account);
            if !self.targets(now, account).is_empty() {
                self.fetch(account);
            }
        }
    }

    fn fetch(&mut self, account: AccountId) {
        self.letters.waiting.remove(&account);
        self.outputs.push_back(ShardOutput::People(PeopleOrder::Take { account }));
    }

    fn taken(&mut self, now: Now, account: AccountId, messages: Vec<KeptMessage>) {
        let more = messages.len() >= BATCH;
        for message in messages {
            let KeptMessage { id, from_name, content_type, body } = message;
            let text = InstantText { from: from_name, content_type, body };
            let until = now.mono.plus_ms(ANSWER_MS);
            self.dispatch(now, id, Entry { from: None, to: account, text, kept: true, sender: None, until });
        }
        if more {
            self.fetch(account);
        }
    }

    /// Senders that have waited long enough for the phone's answer.
    pub(super) fn letters_due(&mut self, now: Now) {
        while let Some(&(at, id)) = self.letters.deadlines.first() {
            if at > now.mono {
                break;
            }
            self.letters.deadlines.pop_first();
            let Some(entry) = self.letters.underway.get_mut(&id) else { continue };
            let kept = entry.kept;
            if let Some(sender) = entry.sender.take() {
                let state = if kept { MessageState::Stored } else { MessageState::Failed };
                self.answer(now, sender, id, state);
            }
        }
        self.letters.table.handle_timeout(now.mono);
    }

    fn conclude(&mut self, now: Now, entry: Entry, id: i64, state: MessageState) {
        if let Some(sender) = entry.sender {
            self.answer(now, sender, id, state);
        }
    }

    fn answer(&mut self, now: Now, sender: Sender, id: i64, state: MessageState) {
        match sender {
            Sender::Order(token) => {
                let answer = Answer::Message(Ok((id, state)));
                self.outputs.push_back(ShardOutput::Reply { token, answer });
            }
            phone @ Sender::Phone { .. } => {
                let status = match state {
                    MessageState::Delivered => 200,
                    MessageState::Stored => 202,
                    MessageState::Failed => 480,
                };
                self.tell(now, phone, status, "");
            }
        }
    }

    fn fail(&mut self, now: Now, entry: Entry, status: u16, refusal: MessageRefusal) {
        match entry.sender {
            Some(Sender::Order(token)) => {
                let answer = Answer::Message(Err(refusal));
                self.outputs.push_back(ShardOutput::Reply { token, answer });
            }
            Some(phone) => self.tell(now, phone, status, ""),
            None => {}
        }
    }

    /// Answers a phone in its transaction.
    fn tell(&mut self, now: Now, sender: Sender, status: u16, reason: &str) {
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

    fn notice(&mut self, id: i64, entry: &Entry, state: &'static str) {
        let to = self.world.routes.load().account(entry.to).map(|to| to.username.to_string());
        let notice = MessageNotice {
            id: id.to_string(),
            kind: "im",
            from: entry.from,
            to: Some(entry.to),
            from_text: entry.text.from.clone(),
            to_text: to.unwrap_or_default(),
            state,
        };
        self.outputs.push_back(ShardOutput::Notice(Notice::Message(notice)));
    }
}
