//! Numbers for operators, draining and the end.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::types::{Info, Stopped};
use super::{Handle, ask};
use crate::directory::Job;
use crate::driver::inbox::Letter;
use crate::driver::sys::process_cpu_ms;
use crate::shard::{Answer, Order, Statistics};

/// How often the end of the last call is looked for while draining.
const DRAIN_LOOK: Duration = Duration::from_millis(50);
/// How long the ends of calls and registrations may take at shutdown.
const FINISH_PATIENCE: Duration = Duration::from_secs(5);

impl Handle {
    /// The state of the server in numbers.
    pub async fn info(&self) -> Info {
        let statistics = self.statistics().await.unwrap_or_default();
        let now = self.now();
        #[expect(clippy::cast_precision_loss, reason = "a rate of calls is far below 2^52")]
        let calls_per_second = statistics.calls_last_10_s as f64 / 10.0;
        Info {
            version: self.0.version,
            epoch: self.0.epoch,
            started: self.0.started.wall,
            uptime_ms: now.mono.ms_since(self.0.started.mono),
            registered: statistics.bindings,
            registered_accounts: statistics.registered_accounts,
            calls: statistics.calls,
            calls_total: statistics.calls_total,
            calls_answered_total: statistics.answered_total,
            calls_per_second,
            sip_received: statistics.received,
            sip_sent: statistics.sent,
            cpu_ms: process_cpu_ms(),
            memory_kb: resident_kb(),
            draining: self.is_draining(),
            ports: self.0.ports,
            media: self.0.media.stats(),
            accounts: u64::try_from(self.snapshot().len()).unwrap_or(u64::MAX),
        }
    }

    /// Closes the ports of the media check, so that a heartbeat shows it: for drills.
    pub fn close_media_ports(&self) {
        self.0.media.close_ports();
    }

    /// The tables of the shards: name, entries, and the bytes that an entry takes at least.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn sizes(&self) -> Result<Vec<(&'static str, usize, usize)>, Stopped> {
        let mut sums: Vec<(&'static str, usize, usize)> = Vec::new();
        for inbox in &self.0.inboxes {
            if let Answer::Sizes(of_shard) = ask(inbox, Order::Sizes).await? {
                for (name, count, each) in of_shard {
                    match sums.iter_mut().find(|(known, ..)| *known == name) {
                        Some(sum) => sum.1 += count,
                        None => sums.push((name, count, each)),
                    }
                }
            }
        }
        Ok(sums)
    }

    /// Letters that wait for the shard that has most of them.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.0.inboxes.iter().map(crate::driver::inbox::Inbox::queued).max().unwrap_or(0)
    }

    /// The counters of all shards together.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn statistics(&self) -> Result<Statistics, Stopped> {
        let mut sum = Statistics::default();
        for inbox in &self.0.inboxes {
            if let Answer::Statistics(of_shard) = ask(inbox, Order::Statistics).await? {
                sum.add(&of_shard);
            }
        }
        Ok(sum)
    }

    /// From now on new calls are refused with 503.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::SeqCst);
        for inbox in &self.0.inboxes {
            inbox.post(Letter::Order(Order::Drain(true), None));
        }
    }

    /// New calls are refused.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::SeqCst)
    }

    /// Waits until no call is left.
    pub async fn drained(&self) {
        while self.statistics().await.is_ok_and(|statistics| statistics.calls > 0) {
            tokio::time::sleep(DRAIN_LOOK).await;
        }
    }

    /// Ends all calls, takes our registrations back, and stops every thread and task. Idempotent.
    pub async fn shutdown(&self) {
        self.drain();
        for inbox in &self.0.inboxes {
            if ask(inbox, Order::Finish).await.is_err() {
                return;
            }
        }
        let quiet = async {
            while self.statistics().await.is_ok_and(|left| left.calls > 0 || left.outbound > 0) {
                tokio::time::sleep(DRAIN_LOOK).await;
            }
        };
        if tokio::time::timeout(FINISH_PATIENCE, quiet).await.is_err() {
            tracing::warn!(
                "some calls or registrations did not end in time; their journals will settle them"
            );
        }
        self.0.flows.close_all();
        for inbox in &self.0.inboxes {
            inbox.post(Letter::Stop);
        }
        self.0.directory.tell(Job::Stop);
        self.0.log.close();
        for task in self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            task.abort();
        }
        let threads = std::mem::take(&mut *self.0.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let media = self.0.media.clone();
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads {
                if thread.join().is_err() {
                    tracing::error!("a thread of the switch had panicked");
                }
            }
            media.shutdown();
        });
        if joined.await.is_err() {
            tracing::error!("the threads of the switch could not be joined");
        }
    }
}

/// Resident memory of the process in kB, 0 where the system does not say.
fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()).and_then(|kb| kb.parse().ok()).unwrap_or(0)
}
