//! Which statement each of the store's threads is running, for operators: the text without values, and since when.
//!
//! A thread that is watched has a slot of its own, so noting a statement takes a lock that nobody else wants and an
//! allocation only for the longest text so far.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::store::Store;

/// What is kept of a statement, in bytes.
const MAX_TEXT: usize = 4_096;

/// A statement that is running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningQuery {
    /// The thread and the number of its statement: another statement never has the same.
    pub id: String,
    /// Since it began.
    pub age: Duration,
    /// Its text, literals replaced by question marks.
    pub text: String,
}

/// One thread's statement.
#[derive(Debug)]
pub(crate) struct Slot {
    thread: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    number: u64,
    since: Option<Instant>,
    text: String,
}

/// The slots of a store's threads.
#[derive(Debug, Default)]
pub(crate) struct Watch(Mutex<Vec<Arc<Slot>>>);

thread_local! {
    static OWN: RefCell<Option<Arc<Slot>>> = const { RefCell::new(None) };
}

impl Watch {
    /// Watches the thread that calls.
    pub(crate) fn adopt(&self, thread: &str) {
        let slot = Arc::new(Slot { thread: thread.to_owned(), state: Mutex::default() });
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A thread that has ended gave its half back.
        slots.retain(|slot| Arc::strong_count(slot) > 1);
        slots.push(Arc::clone(&slot));
        drop(slots);
        OWN.with_borrow_mut(|own| *own = Some(slot));
    }

    fn running(&self) -> Vec<RunningQuery> {
        let slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut running: Vec<RunningQuery> = slots
            .iter()
            .filter_map(|slot| {
                let state = slot.state.lock().unwrap_or_else(PoisonError::into_inner);
                let id = format!("{}-{}", slot.thread, state.number);
                Some(RunningQuery { id, age: state.since?.elapsed(), text: without_values(&state.text) })
            })
            .collect();
        running.sort_by_key(|query| std::cmp::Reverse(query.age));
        running
    }
}

/// Runs a statement of a watched thread.
pub(crate) fn noted<T>(sql: &str, run: impl FnOnce() -> T) -> T {
    let note = |since: Option<Instant>| {
        OWN.with_borrow(|own| {
            let Some(slot) = own else { return };
            let mut state = slot.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.since = since;
            if since.is_some() {
                state.number += 1;
                state.text.clear();
                state.text.push_str(&sql[..sql.floor_char_boundary(MAX_TEXT)]);
            }
        });
    };
    note(Some(Instant::now()));
    let done = run();
    note(None);
    done
}

/// The statement with every literal text and number replaced.
fn without_values(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql.chars().peekable();
    let mut in_word = false;
    while let Some(c) = rest.next() {
        if c == '\'' {
            // A doubled quote within a text begins what looks like another text, with the same result.
            while rest.next().is_some_and(|c| c != '\'') {}
            out.push('?');
            in_word = false;
        } else if c.is_ascii_digit() && !in_word {
            while rest.peek().is_some_and(|c| c.is_ascii_alphanumeric() || *c == '.') {
                rest.next();
            }
            out.push('?');
        } else {
            // `?1` is a place for a value, and `t2` a name.
            in_word = c.is_alphanumeric() || matches!(c, '_' | '?' | '$');
            out.push(if c.is_control() { ' ' } else { c });
        }
    }
    out
}

impl Store {
    /// The statements that are running now, the oldest first.
    #[must_use]
    pub fn running_queries(&self) -> Vec<RunningQuery> {
        self.inner.shared.watch.running()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_left_out() {
        for (sql, wanted) in [
            (
                "SELECT a1 FROM t2 WHERE x = 'it''s secret' AND y = 42.5",
                "SELECT a1 FROM t2 WHERE x = ?? AND y = ?",
            ),
            ("UPDATE t SET p=?1\nWHERE id=0xff", "UPDATE t SET p=?1 WHERE id=?"),
            ("SELECT 'cut off", "SELECT ?"),
        ] {
            assert_eq!(without_values(sql), wanted);
        }
    }

    #[test]
    fn a_statement_is_seen_while_it_runs() {
        let watch = Watch::default();
        watch.adopt("reader");
        let seen = noted("SELECT 1", || watch.running());
        assert_eq!((seen.len(), seen[0].id.as_str(), seen[0].text.as_str()), (1, "reader-1", "SELECT ?"));
        assert!(watch.running().is_empty());
    }
}
