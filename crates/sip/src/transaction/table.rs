//! A table of server transactions for requests outside of calls: REGISTER, OPTIONS, MESSAGE and their kind.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use strowger_model::Mono;

use super::{Fate, Output, ServerTransaction, TransactionKey};
use crate::message::Message;

/// Transactions in one table, at most, unless its owner says otherwise.
pub const MAX_TRANSACTIONS: usize = 65_536;

/// What the table did with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It is new: handle it and respond under this key.
    New(TransactionKey),
    /// A repetition; where there was a response it is sent again.
    Absorbed,
    /// The table is at its bound: answer without a transaction (503 with Retry-After), or not at all.
    Full,
}

#[derive(Debug)]
struct Held<D> {
    transaction: ServerTransaction,
    to: D,
    deadline: Option<Mono>,
}

/// Server transactions by key. `D` is where responses go.
#[derive(Debug)]
pub struct ServerTable<D> {
    held: BTreeMap<TransactionKey, Held<D>>,
    deadlines: BTreeSet<(Mono, TransactionKey)>,
    outputs: VecDeque<(D, Arc<[u8]>)>,
    bound: usize,
}

impl<D: Clone> Default for ServerTable<D> {
    fn default() -> Self {
        Self::new(MAX_TRANSACTIONS)
    }
}

impl<D: Clone> ServerTable<D> {
    /// An empty table of at most `bound` transactions.
    #[must_use]
    pub fn new(bound: usize) -> Self {
        Self { held: BTreeMap::new(), deadlines: BTreeSet::new(), outputs: VecDeque::new(), bound }
    }

    /// Takes a request that came from `to`.
    pub fn handle_request(&mut self, now: Mono, request: &Message, reliable: bool, to: D) -> Admission {
        let key = TransactionKey::of_request(request);
        if let Some(held) = self.held.get_mut(&key) {
            // An ACK to a 2xx has a branch of its own, so nothing that is delivered can meet us here.
            let _: Fate = held.transaction.handle_request(now, request);
            self.settle(&key);
            return Admission::Absorbed;
        }
        if self.held.len() >= self.bound {
            return Admission::Full;
        }
        let transaction = ServerTransaction::new(now, request, reliable);
        self.held.insert(key.clone(), Held { transaction, to, deadline: None });
        Admission::New(key)
    }

    /// Responds; without effect where the transaction is gone or has had its final response.
    pub fn respond(&mut self, now: Mono, key: &TransactionKey, status: u16, response: impl Into<Arc<[u8]>>) {
        if let Some(held) = self.held.get_mut(key) {
            held.transaction.respond(now, status, response);
            self.settle(key);
        }
    }

    /// Forgets a transaction whose request will never be answered.
    pub fn forget(&mut self, key: &TransactionKey) {
        if let Some(held) = self.held.remove(key)
            && let Some(at) = held.deadline
        {
            self.deadlines.remove(&(at, key.clone()));
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Mono) {
        while let Some((at, key)) = self.deadlines.first().cloned() {
            if at > now {
                return;
            }
            self.deadlines.pop_first();
            if let Some(held) = self.held.get_mut(&key) {
                held.deadline = None;
                held.transaction.handle_timeout(now);
                self.settle(&key);
            }
        }
    }

    /// The next bytes to send, and where.
    pub fn poll_output(&mut self) -> Option<(D, Arc<[u8]>)> {
        self.outputs.pop_front()
    }

    /// When `handle_timeout` has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Transactions held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// None are held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Collects the outputs of a transaction and keeps its deadline filed.
    fn settle(&mut self, key: &TransactionKey) {
        let Some(held) = self.held.get_mut(key) else { return };
        while let Some(output) = held.transaction.poll_output() {
            if let Output::Transmit(bytes) = output {
                self.outputs.push_back((held.to.clone(), bytes));
            }
        }
        let deadline = held.transaction.deadline().map(|(at, _)| at);
        let terminated = held.transaction.is_terminated();
        if deadline != held.deadline {
            if let Some(old) = held.deadline.take() {
                self.deadlines.remove(&(old, key.clone()));
            }
            if let Some(new) = deadline {
                held.deadline = Some(new);
                self.deadlines.insert((new, key.clone()));
            }
        }
        if terminated {
            self.held.remove(key);
        }
    }
}
