//! Messages on their way: kept first, then sent to every registered phone of the account, or when one registers.
//! Each is answered once: as delivered, as kept, or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strowger_call::{Env as _, Hop};
use strowger_location::{Delivery, InstantMessage, MessageTarget};
use strowger_model::event::{MessageNotice, Notice};
use strowger_model::{AccountId, Mono, Now};
use strowger_sip::transaction::ServerTable;
use strowger_sip::{Message, TransactionKey};
use strowger_store::{KeptMessage, MessageError, NewMessage};

use super::Shard;
use super::io::{Answer, PeopleAnswer, PeopleOrder, ShardOutput};
use super::world::reach_of;
use crate::handle::types::{InstantText, MessageRefusal, MessageState};

/// How long a sender waits for the phone's answer before it is told that the message is kept, in milliseconds.
const ANSWER_MS: u64 = 3_000;
/// Messages that the store is asked about at a time.
const MAX_PENDING: usize = 10_000;
/// As many messages are taken from the store at once.
const BATCH: usize = 50;

/// Who waits for the fate of a message.
#[derive(Debug)]
pub enum Sender {
    /// A phone.
    Phone { key: TransactionKey, request: Box<Message>, from: Hop },
    /// An order.
    Order(u64),
}

/// A message that is being kept, or is under way.
#[derive(Debug)]
pub struct Entry {
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
    /// Keeps a message, and sends it when that is durable. One that is not for reading, such as the notice that somebody
    /// types, is not kept.
    pub(super) fn post(
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
