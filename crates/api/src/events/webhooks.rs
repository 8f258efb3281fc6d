//! Webhooks between the commands and whoever posts: whose eyes a webhook sees the stream with, what signs its bodies,
//! and the orders that do not wait for the next look into the database.

use std::sync::{Mutex, PoisonError};

use strowger_model::Scope;
use strowger_store::{Webhook, WebhookProgress};
use strowger_switch::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use super::collect::concerned;
use super::event::{Draft, EventKind, Filter, Viewer};
use super::hub::Hub;
use super::subscription::Subscription;
use crate::auth::Level;

/// Test orders that wait.
const QUEUE: usize = 16;

/// An order to post one event now.
#[derive(Debug)]
pub struct WebhookTest {
    /// To this webhook.
    pub webhook: Webhook,
    /// The answer's HTTP status, or why there was none.
    pub answer: oneshot::Sender<Result<u16, String>>,
}

/// Where the commands leave word for the worker.
pub struct WebhookDesk {
    changed: watch::Sender<()>,
    tests: mpsc::Sender<WebhookTest>,
    waiting: Mutex<Option<mpsc::Receiver<WebhookTest>>>,
}

impl Default for WebhookDesk {
    fn default() -> Self {
        let (tests, waiting) = mpsc::channel(QUEUE);
        Self { changed: watch::Sender::new(()), tests, waiting: Mutex::new(Some(waiting)) }
    }
}

impl WebhookDesk {
    /// Webhooks were made, removed or changed.
    pub(crate) fn tell(&self) {
        self.changed.send_replace(());
    }

    /// Wakes when that is so.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// The test orders, for the one worker that takes them.
    #[must_use]
    pub fn take_tests(&self) -> Option<mpsc::Receiver<WebhookTest>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Has one event posted now. The error says why it was not, or that nobody posts.
    pub(crate) async fn test(&self, webhook: Webhook) -> Result<u16, String> {
        let (answer, result) = oneshot::channel();
        let sent = self.tests.try_send(WebhookTest { webhook, answer });
        sent.map_err(|_| "too many tests wait".to_owned())?;
        result.await.map_err(|_| "nobody posts: the server is not running".to_owned())?
    }
}

/// Every webhook, for the one that posts. One that this node has not met begins with what happens from here on.
pub async fn all_webhooks(hub: &Hub, switch: &Handle) -> Option<Vec<Webhook>> {
    let store = switch.store();
    let mut all = store.webhooks(Scope::All).await.ok()?;
    for webhook in all.iter_mut().filter(|webhook| webhook.generation < 0) {
        let newest = hub.newest();
        store.begin_webhook(webhook.id, newest).await.ok()?;
        (webhook.cursor, webhook.generation) = (newest, 0);
    }
    Some(all)
}

/// Notes what an attempt came to. A webhook that is given up is an event.
pub fn note_webhook(hub: &Hub, switch: &Handle, webhook: &Webhook, progress: WebhookProgress, give_up: bool) {
    if give_up {
        let mut draft = Draft::new(EventKind::WebhookDisabled, switch.now().wall)
            .with("webhook", webhook.id)
            .with("url", &*webhook.url)
            .with("reason", &*progress.error);
        if let Some(owner) = webhook.owner {
            draft = draft.for_accounts(concerned(&switch.snapshot(), owner));
        }
        hub.publish(draft);
    }
    switch.store().note_webhook((webhook.id, webhook.generation), progress, !give_up);
}

/// The stream as a webhook gets it from this node: what its owner may see, from where it was. None: its owner is gone
/// or may not log in.
#[must_use]
pub fn webhook_subscription(hub: &Hub, switch: &Handle, webhook: &Webhook) -> Option<Subscription> {
    let viewer = match webhook.owner {
        None => Viewer::All,
        Some(id) => {
            let snapshot = switch.snapshot();
            let account = snapshot.account(id)?;
            match Level::of(account.kind, account.rights) {
                Level::Admin | Level::ServerAdmin => Viewer::All,
                Level::Support => Viewer::Staff,
                Level::Owner | Level::User | Level::Public => Viewer::Account(id),
            }
        }
    };
    let filter = Filter::parse(&webhook.types).unwrap_or_default();
    let subscription = Subscription::new(hub, switch, webhook.cursor, viewer, filter).read_by(webhook.owner);
    subscription.is_readable().then_some(subscription)
}

/// What proves a body: hexadecimal HMAC-SHA256 (RFC 2104) of `<timestamp>.<body>`, keyed by the webhook's secret.
#[must_use]
pub fn webhook_signature(secret: &str, timestamp: i64, body: &[u8]) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(timestamp.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_other_programs_compute() {
        // python3 -c 'import hmac; print(hmac.new(b"s", b"7.{}", "sha256").hexdigest())'
        assert_eq!(
            webhook_signature("s", 7, b"{}"),
            "b12cae8f0db9d3d7c47e9b81ab46de84afeb161044a1c6fb23057d023b1e2b55"
        );
    }
}
