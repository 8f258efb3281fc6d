//! Subscriptions (RFC 6665): who is told what becomes of whom, one NOTIFY at a time to each.

use std::collections::{BTreeMap, BTreeSet};

use strowger_model::id::FlowId;
use strowger_model::{AccountId, Mono, Now};
use strowger_sip::{DialogKey, Message};

use super::status::Status;
use super::subscription::{Subscriber, Subscription};
use super::{PresenceRefusal, PresenceSettings};
use crate::mac::Key;
use crate::reach::Reach;
use crate::requests::{Requests, Transmit};

/// Subscriptions in all.
const MAX_SUBSCRIPTIONS: usize = 100_000;

/// All subscriptions, by a number of ours.
pub(crate) struct Watchers {
    subscriptions: BTreeMap<u64, Subscription>,
    by_dialog: BTreeMap<DialogKey, u64>,
    by_target: BTreeSet<(AccountId, u64)>,
    by_watcher: BTreeSet<(AccountId, u64)>,
    by_flow: BTreeSet<(FlowId, u64)>,
    expiries: BTreeSet<(Mono, u64)>,
    requests: Requests<u64>,
    next: u64,
    buffer: Vec<u8>,
}

impl Watchers {
    pub(crate) const fn new(key: Key) -> Self {
        Self {
            subscriptions: BTreeMap::new(),
            by_dialog: BTreeMap::new(),
            by_target: BTreeSet::new(),
            by_watcher: BTreeSet::new(),
            by_flow: BTreeSet::new(),
            expiries: BTreeSet::new(),
            requests: Requests::new(key),
            next: 0,
            buffer: Vec::new(),
        }
    }

    pub(crate) fn subscribe(
        &mut self,
        now: Now,
        request: &Message,
        subscriber: &Subscriber<'_>,
        status: Status,
        settings: &PresenceSettings,
    ) -> Result<u32, PresenceRefusal> {
        let expires_s = settings.granted(request.expires().unwrap_or(None))?;
        let mut subscription = Subscription::new(request, subscriber, status)?;
        let key = subscription.dialog.key();
        if let Some(id) = self.by_dialog.get(&key).copied() {
            // The same SUBSCRIBE again: its 200 was lost.
            self.prolong(now, id, expires_s);
            return Ok(expires_s);
        }
        if self.of(&self.by_watcher, subscriber.watcher).count() >= settings.max_subscriptions {
            return Err(PresenceRefusal::new(403, "Too Many Subscriptions"));
        }
        if self.subscriptions.len() >= MAX_SUBSCRIPTIONS {
            return Err(PresenceRefusal::new(503, "Too Many Subscriptions"));
        }
        self.next += 1;
        let id = self.next;
        subscription.expires = now.mono;
        self.by_dialog.insert(key, id);
        self.by_target.insert((subscription.target, id));
        self.by_watcher.insert((subscription.watcher, id));
        if let Some(flow) = subscription.reach.flow {
            self.by_flow.insert((flow, id));
        }
        self.expiries.insert((subscription.expires, id));
        self.subscriptions.insert(id, subscription);
        self.prolong(now, id, expires_s);
        Ok(expires_s)
    }

    pub(crate) fn subscriber(&self, request: &Message) -> Option<AccountId> {
        let id = self.by_dialog.get(&DialogKey::of_request(request))?;
        self.subscriptions.get(id).map(|subscription| subscription.watcher)
    }

    pub(crate) fn refresh(
        &mut self,
        now: Now,
        request: &Message,
        reach: Reach,
        settings: &PresenceSettings,
    ) -> Result<u32, PresenceRefusal> {
        let gone = PresenceRefusal::new(481, "Subscription Does Not Exist");
        let id = self.by_dialog.get(&DialogKey::of_request(request)).copied().ok_or(gone)?;
        let expires_s = settings.granted(request.expires().unwrap_or(None))?;
        let subscription = self.subscriptions.get_mut(&id).ok_or(gone)?;
        subscription.dialog.receive(request).map_err(|_| PresenceRefusal::new(500, "CSeq Out of Order"))?;
        subscription.dialog.refresh_target(request);
        let before = std::mem::replace(&mut subscription.reach, reach);
        if let Some(flow) = before.flow {
            self.by_flow.remove(&(flow, id));
        }
        if let Some(flow) = reach.flow {
            self.by_flow.insert((flow, id));
        }
        self.prolong(now, id, expires_s);
        Ok(expires_s)
    }

    /// A SUBSCRIBE is always answered with a NOTIFY too (RFC 6665 section 4.2.1.2).
    fn prolong(&mut self, now: Now, id: u64, expires_s: u32) {
        let Some(subscription) = self.subscriptions.get_mut(&id) else { return };
        self.expiries.remove(&(subscription.expires, id));
        subscription.expires = now.mono.plus_ms(u64::from(expires_s) * 1000);
        self.expiries.insert((subscription.expires, id));
        subscription.due = true;
        subscription.ending = (expires_s == 0).then_some("timeout");
        self.notify(now, id);
    }

    pub(crate) fn is_watched(&self, account: AccountId) -> bool {
        self.of(&self.by_target, account).next().is_some()
    }

    pub(crate) fn show(&mut self, now: Now, account: AccountId, status: &Status) {
        let watching: Vec<u64> = self.of(&self.by_target, account).collect();
        for id in watching {
            if let Some(subscription) = self.subscriptions.get_mut(&id) {
                subscription.show(status);
                self.notify(now, id);
            }
        }
    }

    /// Ends the subscriptions of an account and to it.
    pub(crate) fn forget(&mut self, now: Now, account: AccountId) {
        let both = self.of(&self.by_target, account).chain(self.of(&self.by_watcher, account));
        for id in both.collect::<BTreeSet<u64>>() {
            self.end(now, id, "rejected");
        }
    }

    fn end(&mut self, now: Now, id: u64, reason: &'static str) {
        if let Some(subscription) = self.subscriptions.get_mut(&id) {
            (subscription.ending, subscription.due) = (Some(reason), true);
            self.notify(now, id);
        }
    }

    pub(crate) fn owns(&self, response: &Message) -> bool {
        self.requests.owns(response)
    }

    pub(crate) fn handle_response(&mut self, now: Now, response: &Message) {
        if let Some((id, status)) = self.requests.handle_response(now, response) {
            self.notified(now, id, status);
        }
    }

    pub(crate) fn handle_send_failed(&mut self, now: Now, branch: &str) {
        if let Some((id, status)) = self.requests.handle_send_failed(now, branch) {
            self.notified(now, id, status);
        }
    }

    pub(crate) fn handle_flow_closed(&mut self, flow: FlowId) {
        let over: Vec<u64> = self.by_flow.range((flow, 0)..=(flow, u64::MAX)).map(|(_, id)| *id).collect();
        for id in over {
            self.remove(id);
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Now) {
        for (id, status) in self.requests.handle_timeout(now) {
            self.notified(now, id, status);
        }
        while let Some(&(at, id)) = self.expiries.first() {
            if at > now.mono {
                break;
            }
            self.expiries.pop_first();
            self.end(now, id, "timeout");
        }
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        let expiry = self.expiries.first().map(|(at, _)| *at);
        [expiry, self.requests.deadline()].into_iter().flatten().min()
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Transmit> {
        self.requests.poll_transmit()
    }

    pub(crate) fn len(&self) -> usize {
        self.subscriptions.len()
    }

    /// A NOTIFY was answered. Whoever does not want it or does not answer is subscribed no longer (RFC 6665 section 4.2.2).
    fn notified(&mut self, now: Now, id: u64, status: u16) {
        let Some(subscription) = self.subscriptions.get_mut(&id) else { return };
        subscription.notifying = false;
        if status >= 300 {
            self.remove(id);
        } else {
            self.notify(now, id);
        }
    }

    /// Sends what is due, unless a NOTIFY is under way: then its answer brings us here again.
    fn notify(&mut self, now: Now, id: u64) {
        let Some(subscription) = self.subscriptions.get_mut(&id) else { return };
        if subscription.notifying || !subscription.due {
            return;
        }
        let via = self.requests.via(subscription.reach, &subscription.local);
        subscription.notify(now, &via, &mut self.buffer);
        subscription.notifying = true;
        let (to, last) = (subscription.reach, subscription.ending.is_some());
        let sent = self.requests.send(now, to, &self.buffer, id);
        // After the last word nothing is waited for but its transaction.
        if last || sent.is_err() {
            self.remove(id);
        }
    }

    fn remove(&mut self, id: u64) {
        let Some(subscription) = self.subscriptions.remove(&id) else { return };
        self.by_dialog.remove(&subscription.dialog.key());
        self.by_target.remove(&(subscription.target, id));
        self.by_watcher.remove(&(subscription.watcher, id));
        self.expiries.remove(&(subscription.expires, id));
        if let Some(flow) = subscription.reach.flow {
            self.by_flow.remove(&(flow, id));
        }
    }

    fn of<'a>(
        &self,
        index: &'a BTreeSet<(AccountId, u64)>,
        account: AccountId,
    ) -> impl Iterator<Item = u64> + use<'a> {
        index.range((account, 0)..=(account, u64::MAX)).map(|(_, id)| *id)
    }
}
