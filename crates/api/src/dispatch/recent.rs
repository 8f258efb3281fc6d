//! The same request has its effect once: concurrent ones with one `requestid` wait for the first, later
//! ones get its answer. What moves credit is kept by the store too, over restarts.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use strowger_model::{AccountId, Mono};
use tokio::sync::OnceCell;

use crate::declare::{Outcome, Running};
use crate::reply::{Failure, Reply};

/// How long an answer is kept, in milliseconds.
const KEPT_MS: u64 = 24 * 60 * 60 * 1_000;
/// Answers that are kept; the oldest go first.
const MAX_KEPT: usize = 50_000;

/// What names a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    pub caller: AccountId,
    pub command: &'static str,
    pub request: String,
}

struct Entry {
    fingerprint: u64,
    answer: Arc<OnceCell<Reply>>,
}

#[derive(Default)]
struct Kept {
    entries: HashMap<Key, Entry>,
    order: VecDeque<(Key, Mono)>,
}

/// The answers of the last day.
#[derive(Default)]
pub struct Recent(Mutex<Kept>);

impl Recent {
    /// Runs what the key names, or waits for the answer it already had. A failure is not kept: it had no
    /// effect, and may be tried again.
    pub async fn once(
        &self,
        now: Mono,
        key: Key,
        fingerprint: u64,
        run: impl FnOnce() -> Running,
    ) -> Outcome {
        let cell = self.cell(now, key, fingerprint)?;
        cell.get_or_try_init(run).await.cloned()
    }

    fn cell(&self, now: Mono, key: Key, fingerprint: u64) -> Result<Arc<OnceCell<Reply>>, Failure> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((oldest, at)) = kept.order.front() {
            if kept.order.len() < MAX_KEPT && now.ms_since(*at) < KEPT_MS {
                break;
            }
            let oldest = oldest.clone();
            kept.order.pop_front();
            kept.entries.remove(&oldest);
        }
        if let Some(entry) = kept.entries.get(&key) {
            let same = entry.fingerprint == fingerprint;
            return if same {
                Ok(Arc::clone(&entry.answer))
            } else {
                Err(Failure::invalid("requestid was used for another request"))
            };
        }
        let answer = Arc::new(OnceCell::new());
        kept.entries.insert(key.clone(), Entry { fingerprint, answer: Arc::clone(&answer) });
        kept.order.push_back((key, now));
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn key() -> Key {
        Key { caller: AccountId(1), command: "p2p", request: "r1".into() }
    }

    fn running(count: &Arc<AtomicU32>, fail: bool) -> Running {
        let count = Arc::clone(count);
        Box::pin(async move {
            tokio::task::yield_now().await;
            let n = count.fetch_add(1, Ordering::SeqCst);
            if fail { Err(Failure::failed("x")) } else { Ok(Reply::ok(n.to_string())) }
        })
    }

    #[tokio::test]
    async fn concurrent_and_later_requests_get_the_first_ones_answer() {
        let (recent, count) = (Recent::default(), Arc::new(AtomicU32::new(0)));
        let (a, b) = tokio::join!(
            recent.once(Mono(0), key(), 1, || running(&count, false)),
            recent.once(Mono(0), key(), 1, || running(&count, false)),
        );
        assert_eq!(a, b);
        assert_eq!(recent.once(Mono(9), key(), 1, || running(&count, false)).await, a);
        assert_eq!(count.load(Ordering::SeqCst), 1);
        let other = recent.once(Mono(9), key(), 2, || running(&count, false)).await;
        assert_eq!(other.unwrap_err().text, "requestid was used for another request");
    }

    #[tokio::test]
    async fn a_failure_may_be_tried_again() {
        let (recent, count) = (Recent::default(), Arc::new(AtomicU32::new(0)));
        assert!(recent.once(Mono(0), key(), 1, || running(&count, true)).await.is_err());
        assert!(recent.once(Mono(0), key(), 1, || running(&count, false)).await.is_ok());
    }
}
