//! The encrypted connections of every door: how many there were, and which are open. Whoever takes the handshakes enters
//! them here; connections in clear pay nothing. There are at most as many as the doors let in.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use strowger_model::{AccountId, Wall};

/// What an encrypted connection carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EncryptedKind {
    /// Nothing yet.
    Undecided,
    /// HTTP.
    Https,
    /// Lines of the API.
    Api,
    /// The API over WebSocket.
    ApiSocket,
    /// SIP.
    Sip,
    /// SIP over WebSocket.
    SipSocket,
    /// The message queue over WebSocket.
    QueueSocket,
    /// A look at the certificate of a validation (RFC 8737).
    Validation,
}

impl EncryptedKind {
    /// One word for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Undecided => "undecided",
            Self::Https => "https",
            Self::Api => "api-tls",
            Self::ApiSocket => "api-wss",
            Self::Sip => "sip-tls",
            Self::SipSocket => "sip-wss",
            Self::QueueSocket => "mmq-wss",
            Self::Validation => "acme",
        }
    }
}

/// What a handshake agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The other end.
    pub peer: SocketAddr,
    /// The port of ours.
    pub port: u16,
    /// When it was done.
    pub since: Wall,
    /// The version of TLS.
    pub version: &'static str,
    /// The cipher suite.
    pub cipher: &'static str,
    /// The server name that was asked for, or empty.
    pub sni: String,
    /// The protocol that was agreed on, or empty.
    pub alpn: String,
    /// What it carries, as far as that is known.
    pub kind: EncryptedKind,
}

/// Why a connection did not become an encrypted one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotEncrypted {
    /// The handshake failed.
    Failed,
    /// It took too long.
    Late,
    /// It was turned away: there is no certificate, or the address is banned.
    Refused,
}

/// Counters of one kind, version and cipher suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EncryptedSum {
    /// Connections since the start.
    pub opened: u64,
    /// Those that are open.
    pub open: u64,
    /// Bytes from the peers, without what TLS adds.
    pub received: u64,
    /// Bytes to them.
    pub sent: u64,
}

impl EncryptedSum {
    /// Adds another.
    pub fn add(&mut self, other: &Self) {
        self.opened += other.opened;
        self.open += other.open;
        self.received += other.received;
        self.sent += other.sent;
    }
}

/// What is counted together.
pub type EncryptedKey = (EncryptedKind, &'static str, &'static str);

/// Counters since the start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EncryptedStatistics {
    /// By kind, version and cipher suite.
    pub sums: BTreeMap<EncryptedKey, EncryptedSum>,
    /// Handshakes that failed.
    pub failed: u64,
    /// Those that took too long.
    pub late: u64,
    /// Connections that were turned away.
    pub refused: u64,
}

/// One open connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptedSession {
    /// Its number since the start.
    pub id: u64,
    /// What was agreed on, and what it carries by now.
    pub handshake: Handshake,
    /// The account that was proved on it last.
    pub account: Option<AccountId>,
    /// Bytes from the peer.
    pub received: u64,
    /// Bytes to it.
    pub sent: u64,
}

/// Every encrypted connection of the node.
#[derive(Debug, Default)]
pub struct EncryptedConnections {
    table: Mutex<Table>,
    failed: AtomicU64,
    late: AtomicU64,
    refused: AtomicU64,
}

#[derive(Debug, Default)]
struct Table {
    last: u64,
    open: BTreeMap<u64, Entry>,
    /// What those that are closed had; there are few kinds, versions and cipher suites.
    closed: BTreeMap<EncryptedKey, EncryptedSum>,
}

#[derive(Debug)]
struct Entry {
    handshake: Handshake,
    figures: Arc<Figures>,
}

#[derive(Debug, Default)]
struct Figures {
    received: AtomicU64,
    sent: AtomicU64,
    /// Zero: nobody.
    account: AtomicI64,
}

impl Entry {
    const fn key(&self) -> EncryptedKey {
        (self.handshake.kind, self.handshake.version, self.handshake.cipher)
    }

    fn sum(&self, open: u64) -> EncryptedSum {
        let [received, sent] =
            [&self.figures.received, &self.figures.sent].map(|figure| figure.load(Ordering::Relaxed));
        EncryptedSum { opened: 1, open, received, sent }
    }
}

/// The place of one open connection; dropping it says that it is closed.
#[derive(Debug)]
pub struct EncryptedConnection {
    id: u64,
    figures: Arc<Figures>,
    all: Arc<EncryptedConnections>,
}

impl EncryptedConnections {
    /// Enters a connection whose handshake is done.
    #[must_use]
    pub fn open(self: &Arc<Self>, handshake: Handshake) -> EncryptedConnection {
        let figures = Arc::<Figures>::default();
        let mut table = self.table();
        table.last += 1;
        let id = table.last;
        table.open.insert(id, Entry { handshake, figures: Arc::clone(&figures) });
        drop(table);
        EncryptedConnection { id, figures, all: Arc::clone(self) }
    }

    /// Counts one that did not become encrypted.
    pub fn count(&self, why: NotEncrypted) {
        let counter = match why {
            NotEncrypted::Failed => &self.failed,
            NotEncrypted::Late => &self.late,
            NotEncrypted::Refused => &self.refused,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// What an open connection carries is known.
    pub fn carries(&self, id: u64, kind: EncryptedKind) {
        if let Some(entry) = self.table().open.get_mut(&id) {
            entry.handshake.kind = kind;
        }
    }

    /// An account was proved on an open connection.
    pub fn belongs_to(&self, id: u64, account: AccountId) {
        if let Some(entry) = self.table().open.get(&id) {
            entry.figures.account.store(account.0, Ordering::Relaxed);
        }
    }

    /// Counters since the start.
    #[must_use]
    pub fn statistics(&self) -> EncryptedStatistics {
        let table = self.table();
        let mut sums = table.closed.clone();
        for entry in table.open.values() {
            sums.entry(entry.key()).or_default().add(&entry.sum(1));
        }
        drop(table);
        let [failed, late, refused] =
            [&self.failed, &self.late, &self.refused].map(|counter| counter.load(Ordering::Relaxed));
        EncryptedStatistics { sums, failed, late, refused }
    }

    /// Open connections behind the number `after`, in their order, at most so many.
    #[must_use]
    pub fn sessions(&self, after: u64, most: usize) -> Vec<EncryptedSession> {
        let table = self.table();
        let behind = table.open.range(after.saturating_add(1)..).take(most);
        behind
            .map(|(id, entry)| {
                let account = entry.figures.account.load(Ordering::Relaxed);
                let EncryptedSum { received, sent, .. } = entry.sum(1);
                EncryptedSession {
                    id: *id,
                    handshake: entry.handshake.clone(),
                    account: (account != 0).then_some(AccountId(account)),
                    received,
                    sent,
                }
            })
            .collect()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EncryptedConnection {
    /// Its number.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// So many bytes came.
    pub fn received(&self, bytes: usize) {
        self.figures.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// So many bytes were sent.
    pub fn sent(&self, bytes: usize) {
        self.figures.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl Drop for EncryptedConnection {
    fn drop(&mut self) {
        let mut table = self.all.table();
        if let Some(entry) = table.open.remove(&self.id) {
            table.closed.entry(entry.key()).or_default().add(&entry.sum(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake(kind: EncryptedKind) -> Handshake {
        Handshake {
            peer: ([192, 0, 2, 1], 5).into(),
            port: 443,
            since: Wall(1),
            version: "TLSv1_3",
            cipher: "TLS13_AES_256_GCM_SHA384",
            sni: String::new(),
            alpn: String::new(),
            kind,
        }
    }

    #[test]
    fn numbers_go_up_and_down_and_sums_stay() {
        let all = Arc::new(EncryptedConnections::default());
        let sum = |kind| {
            let statistics = all.statistics();
            statistics.sums.get(&(kind, "TLSv1_3", "TLS13_AES_256_GCM_SHA384")).copied().unwrap_or_default()
        };
        let first = all.open(handshake(EncryptedKind::Undecided));
        first.received(10);
        all.carries(first.id(), EncryptedKind::Sip);
        first.sent(7);
        all.belongs_to(first.id(), AccountId(3));
        assert_eq!(sum(EncryptedKind::Undecided), EncryptedSum::default());
        assert_eq!(sum(EncryptedKind::Sip), EncryptedSum { opened: 1, open: 1, received: 10, sent: 7 });
        let second = all.open(handshake(EncryptedKind::Sip));
        assert_eq!(sum(EncryptedKind::Sip).open, 2);
        let ids = |after, most| all.sessions(after, most).iter().map(|s| s.id).collect::<Vec<_>>();
        assert_eq!((ids(0, 9), ids(0, 1), ids(1, 9)), (vec![1, 2], vec![1], vec![2]));
        assert_eq!(all.sessions(0, 1)[0].account, Some(AccountId(3)));
        drop(first);
        assert_eq!(sum(EncryptedKind::Sip), EncryptedSum { opened: 2, open: 1, received: 10, sent: 7 });
        drop(second);
        assert_eq!(sum(EncryptedKind::Sip), EncryptedSum { opened: 2, open: 0, received: 10, sent: 7 });
        assert!(all.sessions(0, 9).is_empty());
        // Of one that is closed nothing is known any more.
        all.carries(1, EncryptedKind::Https);
        all.belongs_to(1, AccountId(4));
        all.count(NotEncrypted::Failed);
        all.count(NotEncrypted::Refused);
        let statistics = all.statistics();
        assert_eq!((statistics.failed, statistics.late, statistics.refused), (1, 0, 1));
    }
}
