//! The keeper: takes what the switch and the commands tell, makes events of it, and has them written in batches.

use std::collections::BTreeSet;
use std::time::Duration;

use strowger_guard::{Ban, Guard, Subject};
use strowger_model::event::Notice;
use strowger_model::{AccountId, Scope};
use strowger_switch::{BindingFilter, Handle};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};

use super::calls::Calls;
use super::event::{Draft, Event, EventKind};
use super::hub::{Hub, Letter};
use super::journal::Journal;

/// Between two batches: what happens meanwhile shares one flush of the disk.
const GATHER: Duration = Duration::from_millis(20);
/// How often new bans are asked for.
const LOOK: Duration = Duration::from_secs(1);
/// Events of one batch.
const BATCH: usize = 1024;

/// What the keeper remembers.
pub struct Collector {
    hub: Hub,
    switch: Handle,
    notices: broadcast::Receiver<Notice>,
    registered: BTreeSet<AccountId>,
    /// Accounts whose credit is low by what their last call told.
    low: BTreeSet<AccountId>,
    calls: Calls,
    drafts: Vec<Draft>,
    /// Notices that came too fast, and events that the disk did not take.
    missed: u64,
}

impl Collector {
    /// Begins to listen. Accounts that are registered by now are no news.
    pub async fn start(hub: Hub, switch: Handle, journal: &Journal) -> Self {
        let notices = switch.notices();
        let record = match (journal.record, journal.next) {
            // A new journal tells nothing of the past.
            (0, _) => switch.store().last_record().await.unwrap_or(0),
            (record, _) => record,
        };
        let mut collector = Self {
            calls: Calls::new(record),
            registered: registered(&switch).await,
            low: Default::default(),
            drafts: Vec::new(),
            missed: 0,
            hub,
            switch,
            notices,
        };
        let started = Draft::new(EventKind::ServerStarted, collector.switch.now().wall);
        let info = collector.switch.info().await;
        collector.drafts.push(started.with("version", info.version).with("epoch", info.epoch));
        collector
    }

    /// Collects until it is told to end.
    pub async fn run(mut self, mut journal: Journal, mut letters: mpsc::Receiver<Letter>) {
        let mut look = tokio::time::interval(LOOK);
        let mut done = None;
        // What a crash left unsaid.
        self.tell_records(true).await;
        while done.is_none() {
            let Some(saved) = self.save(journal).await else { return };
            journal = saved;
            tokio::select! {
                notice = self.notices.recv() => match notice {
                    Ok(notice) => self.notice(notice),
                    Err(RecvError::Lagged(count)) => self.missed += count,
                    Err(RecvError::Closed) => return,
                },
                letter = letters.recv() => match letter {
                    Some(letter) => done = self.letter(letter),
                    None => return,
                },
                _ = look.tick() => self.new_bans(),
            }
            if done.is_none() && !(self.drafts.is_empty() && self.calls.is_idle()) {
                tokio::time::sleep(GATHER).await;
            }
            while self.drafts.len() < BATCH && self.calls.ended() < BATCH {
                match self.notices.try_recv() {
                    Ok(notice) => self.notice(notice),
                    Err(broadcast::error::TryRecvError::Lagged(count)) => self.missed += count,
                    Err(_) => break,
                }
            }
            while self.drafts.len() < BATCH
                && let Ok(letter) = letters.try_recv()
            {
                done = done.or(self.letter(letter));
            }
            self.tell_records(false).await;
        }
        drop(self.save(journal).await);
        if let Some(done) = done {
            // Whoever asked may have gone.
            let _ = done.send(());
        }
    }

    fn letter(&mut self, letter: Letter) -> Option<tokio::sync::oneshot::Sender<()>> {
        match letter {
            Letter::Publish(draft) => {
                self.drafts.push(*draft);
                None
            }
            Letter::Close(done) => Some(done),
        }
    }

    /// The ends of calls are told when their records are durable.
    async fn tell_records(&mut self, crashed: bool) {
        if !crashed && self.calls.is_idle() {
            return;
        }
        let records = match self.switch.store().settled_records(self.calls.record()).await {
            Ok(records) => records,
            Err(error) => {
                tracing::warn!(%error, "ends of calls are told without their records");
                Vec::new()
            }
        };
        let snapshot = self.switch.snapshot();
        self.calls.tell(records, &snapshot, self.switch.now().wall, &mut self.drafts);
    }

    /// Gives numbers, writes, and wakes the readers. None: the runtime ends.
    async fn save(&mut self, mut journal: Journal) -> Option<Journal> {
        if self.missed > 0 {
            let missed = Draft::new(EventKind::Missed, self.switch.now().wall).with("count", self.missed);
            self.drafts.push(missed);
        }
        if self.drafts.is_empty() {
            return Some(journal);
        }
        let drafts = std::mem::take(&mut self.drafts);
        let events: Vec<Event> =
            (journal.next..).zip(drafts).map(|(seq, draft)| Event::of(seq, draft)).collect();
        let written = tokio::task::spawn_blocking(move || {
            let written = journal.append(&events);
            (journal, events, written)
        });
        let (journal, events, written) = written.await.ok()?;
        match written {
            Ok(()) => {
                self.missed = 0;
                self.hub.announce(events, journal.segments());
            }
            Err(error) => {
                tracing::error!(%error, events = events.len(), "events could not be written");
                // The event that tells of missed ones is none of them.
                self.missed += events.iter().filter(|event| event.kind != EventKind::Missed).count() as u64;
                tokio::time::sleep(LOOK).await;
            }
        }
        Some(journal)
    }

    fn notice(&mut self, notice: Notice) {
        let (snapshot, now) = (self.switch.snapshot(), self.switch.now().wall);
        let draft = |kind| Draft::new(kind, now);
        match notice {
            Notice::Call(changed) => self.calls.changed(&changed, &snapshot, &mut self.drafts),
            Notice::Registered { account, registered, contact } => {
                let news = if registered {
                    self.registered.insert(account)
                } else {
                    self.registered.remove(&account)
                };
                if news || !registered {
                    let kind =
                        if registered { EventKind::RegistrationGained } else { EventKind::RegistrationLost };
                    let mut draft = about(draft(kind), &snapshot, account);
                    if !contact.is_empty() {
                        draft = draft.with("contact", contact);
                    }
                    self.drafts.push(draft);
                }
            }
            Notice::CreditLeft { call, account, left_s, low } => {
                if !low {
                    self.low.remove(&account);
                } else if self.low.insert(account) {
                    let draft = about(draft(EventKind::BalanceLow), &snapshot, account);
                    self.drafts.push(draft.with("call", call.to_string()).with("seconds", left_s));
                }
            }
            Notice::Message(message) => {
                let mut draft = draft(EventKind::Message)
                    .with("id", message.id)
                    .with("kind", message.kind)
                    .with("state", message.state)
                    .with("from", message.from_text)
                    .with("to", message.to_text);
                for account in [message.from, message.to].into_iter().flatten() {
                    draft = draft.for_accounts(concerned(&snapshot, account));
                }
                self.drafts.push(draft);
            }
            Notice::AccountAdded(account) => {
                self.drafts.push(about(draft(EventKind::UserNew), &snapshot, account));
            }
            Notice::AccountGone { account, username, above } => {
                self.registered.remove(&account);
                self.low.remove(&account);
                let draft = draft(EventKind::UserDeleted).with("user", username).with("userid", account.0);
                self.drafts.push(draft.for_accounts(above));
            }
        }
    }

    fn new_bans(&mut self) {
        for Ban { subject, reason, since, until, .. } in self.switch.guard(Guard::take_new_bans) {
            let draft = Draft::new(EventKind::Ban, since)
                .with("subject", subject.to_string())
                .with("reason", &*reason)
                .with("until", super::event::time_text(until));
            let snapshot = self.switch.snapshot();
            let account = match &subject {
                Subject::Account(name) | Subject::AccountAt(name, _) => {
                    snapshot.by_username(name).map(|account| account.id)
                }
                Subject::Address(_) | Subject::Network(_) => None,
            };
            let concerned = account.map(|id| concerned(&snapshot, id)).unwrap_or_default();
            self.drafts.push(draft.for_accounts(concerned));
        }
    }
}

/// The account and those above it.
pub(super) fn concerned(snapshot: &strowger_route::Snapshot, account: AccountId) -> Vec<AccountId> {
    std::iter::once(account).chain(snapshot.ancestors(account).map(|parent| parent.id)).collect()
}

fn about(draft: Draft, snapshot: &strowger_route::Snapshot, account: AccountId) -> Draft {
    let name = snapshot.account(account).map(|known| known.username.to_string());
    draft.with("user", name).with("userid", account.0).for_accounts(concerned(snapshot, account))
}

/// The accounts that are registered.
async fn registered(switch: &Handle) -> BTreeSet<AccountId> {
    let mut all = BTreeSet::new();
    let mut filter = BindingFilter::default();
    loop {
        let page = switch.bindings(Scope::All, filter.clone()).await.unwrap_or_default();
        let Some(last) = page.last().map(|binding| binding.account) else { return all };
        all.extend(page.iter().map(|binding| binding.account));
        filter.after = Some(last);
    }
}
