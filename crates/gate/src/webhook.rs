//! Posts events to webhooks: one task for each, in order, again until it is answered with 2xx. A webhook that fails for
//! too long is switched off, which is an event.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use strowger_api::{
    Dispatcher, Pushed, Webhook, WebhookProgress, WebhookTest, all_webhooks, note_webhook, webhook_signature,
    webhook_subscription,
};
use strowger_switch::Handle;
use tokio::task::{AbortHandle, JoinSet};
use tracing::{debug, warn};

use crate::gate::Gate;
use crate::outgoing::{Kept, Outgoing};

/// How often the database is asked for webhooks that another node changed.
const LOOK: Duration = Duration::from_secs(10);
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// HTTP 410: the receiver wants no more.
const GONE: u16 = 410;

/// Posts until the gate closes.
pub(crate) async fn serve(gate: Gate, version: &'static str) {
    let config = gate.switch.config();
    let outgoing = Arc::new(Outgoing::new(config.webhookprivate.clone(), config.webhookca.clone()));
    let poster =
        Poster { dispatcher: Arc::clone(&gate.dispatcher), switch: gate.switch.clone(), outgoing, version };
    let Some(mut tests) = gate.dispatcher.webhooks().take_tests() else { return };
    let mut changes = gate.dispatcher.webhooks().changes();
    let mut look = tokio::time::interval(LOOK);
    let mut workers = Workers::default();
    loop {
        tokio::select! {
            () = gate.closed() => return,
            _ = look.tick() => workers.look(&poster).await,
            changed = changes.changed() => match changed {
                Ok(()) => workers.look(&poster).await,
                Err(_) => return,
            },
            Some(test) = tests.recv() => {
                let poster = poster.clone();
                workers.tasks.spawn(async move { poster.test(test).await });
            }
            // Of the tasks that end nothing else is to be done.
            Some(_) = workers.tasks.join_next(), if !workers.tasks.is_empty() => {}
        }
    }
}

/// The tasks that post. They end with this.
#[derive(Default)]
struct Workers {
    running: BTreeMap<i64, (Webhook, AbortHandle)>,
    tasks: JoinSet<()>,
}

impl Workers {
    /// Starts, changes and ends tasks so that they are as the database says.
    async fn look(&mut self, poster: &Poster) {
        let Some(rows) = all_webhooks(poster.dispatcher.events(), &poster.switch).await else { return };
        let mut before = std::mem::take(&mut self.running);
        for row in rows {
            if !row.enabled || row.secret.expose().is_empty() {
                continue;
            }
            match before.remove(&row.id) {
                // Its own progress is no change, a replay is.
                Some((known, task)) if same(&known, &row) && !task.is_finished() => {
                    self.running.insert(row.id, (known, task));
                }
                old => {
                    old.inspect(|(_, task)| task.abort());
                    let task = self.tasks.spawn(poster.clone().follow(row.clone()));
                    self.running.insert(row.id, (row, task));
                }
            }
        }
        for (_, task) in before.into_values() {
            task.abort();
        }
    }
}

/// The task of the first may go on with the second.
fn same(known: &Webhook, row: &Webhook) -> bool {
    let what = |webhook: &Webhook| {
        (
            webhook.generation,
            webhook.owner,
            webhook.url.clone(),
            webhook.types.clone(),
            webhook.secret.clone(),
        )
    };
    what(known) == what(row)
}

/// What every task needs.
#[derive(Clone)]
struct Poster {
    dispatcher: Arc<Dispatcher>,
    switch: Handle,
    outgoing: Arc<Outgoing>,
    version: &'static str,
}

impl Poster {
    /// Posts what comes until the webhook is given up.
    async fn follow(self, webhook: Webhook) {
        let hub = self.dispatcher.events();
        let Some(mut events) = webhook_subscription(hub, &self.switch, &webhook) else { return };
        let mut kept: Kept = None;
        let mut progress = WebhookProgress {
            cursor: webhook.cursor,
            failures: webhook.failures,
            failing_since: webhook.failing_since,
            status: webhook.status,
            error: webhook.error.clone(),
        };
        while let Some(batch) = events.next().await {
            let cursor = batch.last().map_or(progress.cursor, |last| last.cursor);
            let body = self.body(&webhook, &batch);
            loop {
                let posted = self.post(&mut kept, &webhook, cursor, body.clone()).await;
                let delivered = matches!(posted, Ok(200..300));
                let now = self.switch.now().wall;
                progress.status = posted.as_ref().copied().unwrap_or(0);
                if delivered {
                    progress = WebhookProgress {
                        cursor,
                        failures: 0,
                        failing_since: None,
                        error: String::new(),
                        ..progress
                    };
                    note_webhook(hub, &self.switch, &webhook, progress.clone(), false);
                    break;
                }
                progress.error = posted.map_or_else(|why| why, |status| format!("answered {status}"));
                progress.failures = progress.failures.saturating_add(1);
                let since = *progress.failing_since.get_or_insert(now);
                let failing_ms = u64::try_from(now.0 - since.0).unwrap_or(0);
                let limit_ms = u64::from(self.switch.config().webhookgiveup) * 1000;
                let give_up = progress.status == GONE || failing_ms >= limit_ms;
                note_webhook(hub, &self.switch, &webhook, progress.clone(), give_up);
                if give_up {
                    warn!(webhook = webhook.id, why = progress.error, "a webhook was switched off");
                    return;
                }
                debug!(
                    webhook = webhook.id,
                    why = progress.error,
                    failures = progress.failures,
                    "a webhook failed"
                );
                tokio::time::sleep(wait_after(progress.failures)).await;
            }
        }
    }

    /// Posts one event that says that it is a test.
    async fn test(self, test: WebhookTest) {
        let at = self.switch.now().wall.0;
        let text = format!(r#"{{"type":"test","node":{},"at_ms":{at}}}"#, self.dispatcher.events().node());
        let cursor = test.webhook.cursor;
        let body = self.body(&test.webhook, &[Pushed { cursor, text }]);
        let posted = self.post(&mut None, &test.webhook, cursor, body).await;
        // Whoever asked may have gone.
        let _ = test.answer.send(posted);
    }

    /// The texts are JSON already.
    fn body(&self, webhook: &Webhook, batch: &[Pushed]) -> Vec<u8> {
        let node = self.dispatcher.events().node();
        let cursor = batch.last().map_or(0, |last| last.cursor);
        let mut body = format!(r#"{{"webhook":{},"node":{node},"cursor":{cursor},"events":["#, webhook.id);
        for (index, pushed) in batch.iter().enumerate() {
            if index > 0 {
                body.push(',');
            }
            body.push_str(&pushed.text);
        }
        body.push_str("]}");
        body.into_bytes()
    }

    async fn post(
        &self,
        kept: &mut Kept,
        webhook: &Webhook,
        cursor: u64,
        body: Vec<u8>,
    ) -> Result<u16, String> {
        let timestamp = self.switch.now().wall.0.div_euclid(1000);
        let signature = webhook_signature(webhook.secret.expose(), timestamp, &body);
        let headers = [
            ("Content-Type", "application/json".to_owned()),
            ("User-Agent", format!("Strowger/{}", self.version)),
            ("Strowger-Webhook", webhook.id.to_string()),
            ("Strowger-Cursor", cursor.to_string()),
            ("Strowger-Signature", format!("t={timestamp},v1={signature}")),
        ];
        let limit = Duration::from_secs(self.switch.config().webhooktimeout.into());
        let posted = self.outgoing.post(kept, &webhook.url, &headers, body, limit).await;
        posted.map_err(|error| error.to_string())
    }
}

/// One second, two, four and so on, up to an hour.
fn wait_after(failures: u32) -> Duration {
    let seconds = 1_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX);
    Duration::from_secs(seconds).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_become_seldom_and_stay_hourly() {
        for (failures, seconds) in
            [(1, 1), (2, 2), (3, 4), (12, 2048), (13, 3600), (64, 3600), (u32::MAX, 3600)]
        {
            assert_eq!(wait_after(failures), Duration::from_secs(seconds), "{failures}");
        }
    }
}
