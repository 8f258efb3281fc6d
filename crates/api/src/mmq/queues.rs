//! Who is connected, what each subscribed and what waits for it. Every account is a world of its own: nothing here
//! leads from one to another. A queue that is full loses its oldest message and counts it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::task::Waker;

use strowger_model::{AccountId, Wall};

use super::retained::Retained;
use super::topic::{Pattern, Topic};

/// Connections of one account. A message is compared with every subscription of its account, which these two bound.
pub const MAX_CONNECTIONS: usize = 32;
/// Subscriptions of one connection.
pub const MAX_SUBSCRIPTIONS: usize = 32;
/// What may wait for one connection, in bytes; the number of messages is `mmqqueue`.
pub const MAX_QUEUE_BYTES: usize = 256 * 1024;

/// One connection, for as long as the process lives.
pub type ConnectionId = u64;

/// Who connects.
#[derive(Debug, Clone)]
pub struct Newcomer {
    pub account: AccountId,
    /// What the device calls itself; may be empty.
    pub device: String,
    pub address: IpAddr,
    pub since: Wall,
    /// Messages that may wait.
    pub queue: usize,
}

#[derive(Debug)]
struct Connection {
    who: Newcomer,
    patterns: Vec<Pattern>,
    queue: VecDeque<Arc<str>>,
    bytes: usize,
    /// Lost and not told yet.
    lost: u64,
    /// Lost in all.
    lost_in_all: u64,
    waker: Option<Waker>,
}

/// What a connection gets next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    Message(Arc<str>),
    /// Before the next message so many were lost.
    Lost(u64),
}

/// A message to be published.
#[derive(Debug)]
pub struct Parcel<'a> {
    pub account: AccountId,
    pub topic: &'a Topic,
    /// As subscribers get it.
    pub text: Arc<str>,
    /// As later subscribers get it, where it is to be kept.
    pub kept: Option<Arc<str>>,
    /// A connection that does not get it.
    pub except: Option<ConnectionId>,
}

/// One connection as lists show it.
#[derive(Debug, Clone)]
pub struct Shown {
    pub id: ConnectionId,
    pub who: Newcomer,
    pub topics: Vec<String>,
    pub waiting: usize,
    pub lost: u64,
}

/// All connections and retained messages.
#[derive(Debug, Default)]
pub struct Queues {
    connections: BTreeMap<ConnectionId, Connection>,
    by_account: BTreeMap<AccountId, BTreeSet<ConnectionId>>,
    retained: Retained,
    next: ConnectionId,
}

impl Queues {
    /// A new connection; none: the account has as many as it may.
    pub fn join(&mut self, who: Newcomer) -> Option<ConnectionId> {
        let own = self.by_account.entry(who.account).or_default();
        if own.len() >= MAX_CONNECTIONS {
            return None;
        }
        self.next += 1;
        own.insert(self.next);
        let connection = Connection {
            who,
            patterns: Vec::new(),
            queue: VecDeque::new(),
            bytes: 0,
            lost: 0,
            lost_in_all: 0,
            waker: None,
        };
        self.connections.insert(self.next, connection);
        Some(self.next)
    }

    /// A connection is gone, and what waited for it.
    pub fn leave(&mut self, id: ConnectionId) {
        let Some(gone) = self.connections.remove(&id) else { return };
        if let Some(own) = self.by_account.get_mut(&gone.who.account) {
            own.remove(&id);
            if own.is_empty() {
                self.by_account.remove(&gone.who.account);
            }
        }
    }

    /// An account is gone, and what it kept. Its connections are woken, to see for themselves.
    pub fn forget(&mut self, account: AccountId) {
        self.retained.drop_account(account);
        for id in self.by_account.get(&account).into_iter().flatten() {
            if let Some(waker) = self.connections.get_mut(id).and_then(|connection| connection.waker.take()) {
                waker.wake();
            }
        }
    }

    /// Follows topics, and gets what is retained under them. Again: gets that again.
    ///
    /// # Errors
    /// It follows too many.
    pub fn subscribe(&mut self, id: ConnectionId, pattern: Pattern) -> Result<(), String> {
        let Some(connection) = self.connections.get_mut(&id) else { return Ok(()) };
        let kept = self.retained.matching(connection.who.account, &pattern);
        if !connection.patterns.contains(&pattern) {
            if connection.patterns.len() >= MAX_SUBSCRIPTIONS {
                return Err(format!("{MAX_SUBSCRIPTIONS} subscriptions on one connection"));
            }
            connection.patterns.push(pattern);
        }
        kept.into_iter().for_each(|text| connection.put(text));
        Ok(())
    }

    /// Follows them no more; false: it did not.
    pub fn unsubscribe(&mut self, id: ConnectionId, pattern: &Pattern) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        let before = connection.patterns.len();
        connection.patterns.retain(|known| known != pattern);
        connection.patterns.len() < before
    }

    /// Gives a message to every connection of the account that follows its topic, once to each. Returns how many.
    ///
    /// # Errors
    /// It was to be kept and there is no room; nobody got it.
    pub fn publish(&mut self, parcel: Parcel<'_>) -> Result<usize, String> {
        let Parcel { account, topic, text, kept, except } = parcel;
        if let Some(kept) = kept {
            self.retained.keep(account, topic, &kept)?;
        }
        let mut delivered = 0;
        for id in self.by_account.get(&account).into_iter().flatten().filter(|id| Some(**id) != except) {
            if let Some(connection) = self.connections.get_mut(id).filter(|c| c.follows(topic)) {
                connection.put(Arc::clone(&text));
                delivered += 1;
            }
        }
        Ok(delivered)
    }

    /// Forgets what is retained under a topic.
    pub fn clear(&mut self, account: AccountId, topic: &Topic) {
        self.retained.drop_one(account, topic);
    }

    /// Somebody of the account follows the topic: there is somebody to write a message for.
    pub fn is_followed(&self, account: AccountId, topic: &Topic) -> bool {
        let own = self.by_account.get(&account).into_iter().flatten();
        own.filter_map(|id| self.connections.get(id)).any(|connection| connection.follows(topic))
    }

    /// Messages of the server are gone for all who follow some.
    pub fn miss_servers(&mut self, count: u64) {
        for connection in self.connections.values_mut() {
            if connection.patterns.iter().any(Pattern::is_servers) {
                connection.lose(count);
                connection.wake();
            }
        }
    }

    /// What comes next for a connection; where nothing does, the waker is called when something has come.
    pub fn next(&mut self, id: ConnectionId, waker: &Waker) -> Option<Delivery> {
        let connection = self.connections.get_mut(&id)?;
        if connection.lost > 0 {
            return Some(Delivery::Lost(std::mem::take(&mut connection.lost)));
        }
        let text = connection.queue.pop_front();
        match &text {
            Some(text) => connection.bytes -= text.len(),
            None => connection.waker = Some(waker.clone()),
        }
        text.map(Delivery::Message)
    }

    /// At most `most` connections after one of them, of one account or of all.
    pub fn shown(&self, account: Option<AccountId>, after: ConnectionId, most: usize) -> Vec<Shown> {
        let later = self.connections.range(after.saturating_add(1)..);
        let own = later.filter(|(_, connection)| account.is_none_or(|id| id == connection.who.account));
        let shown = own.map(|(id, connection)| Shown {
            id: *id,
            who: connection.who.clone(),
            topics: connection.patterns.iter().map(|pattern| pattern.as_str().to_owned()).collect(),
            waiting: connection.queue.len(),
            lost: connection.lost_in_all,
        });
        shown.take(most).collect()
    }

    /// Entries of every table, and what one takes at least.
    pub fn sizes(&self) -> [(&'static str, usize, usize); 4] {
        let all = || self.connections.values();
        [
            ("mmq connections", self.connections.len(), size_of::<Connection>()),
            ("mmq subscriptions", all().map(|c| c.patterns.len()).sum(), size_of::<Pattern>()),
            ("mmq queued messages", all().map(|c| c.queue.len()).sum(), size_of::<Arc<str>>()),
            ("mmq retained messages", self.retained.len(), size_of::<(Topic, Arc<str>)>()),
        ]
    }
}

impl Connection {
    fn follows(&self, topic: &Topic) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(topic))
    }

    fn put(&mut self, text: Arc<str>) {
        self.bytes += text.len();
        self.queue.push_back(text);
        while self.queue.len() > self.who.queue || self.bytes > MAX_QUEUE_BYTES {
            let Some(oldest) = self.queue.pop_front() else { break };
            self.bytes -= oldest.len();
            self.lose(1);
        }
        self.wake();
    }

    fn lose(&mut self, count: u64) {
        self.lost += count;
        self.lost_in_all += count;
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    const ALICE: AccountId = AccountId(1);
    const BOB: AccountId = AccountId(2);

    fn newcomer(account: AccountId, queue: usize) -> Newcomer {
        Newcomer {
            account,
            device: String::new(),
            address: "192.0.2.1".parse().unwrap(),
            since: Wall(0),
            queue,
        }
    }

    fn joined(queues: &mut Queues, account: AccountId, patterns: &[&str]) -> ConnectionId {
        let id = queues.join(newcomer(account, 4)).unwrap();
        for pattern in patterns {
            queues.subscribe(id, Pattern::parse(pattern).unwrap()).unwrap();
        }
        id
    }

    fn publish(queues: &mut Queues, account: AccountId, topic: &str, text: &str) -> usize {
        let topic = &Topic::parse(topic).unwrap();
        queues.publish(Parcel { account, topic, text: text.into(), kept: None, except: None }).unwrap()
    }

    fn received(queues: &mut Queues, id: ConnectionId) -> Vec<String> {
        let next = || queues.next(id, Waker::noop());
        let text = |delivery| match delivery {
            Delivery::Message(text) => text.to_string(),
            Delivery::Lost(count) => format!("lost {count}"),
        };
        std::iter::from_fn(next).map(text).collect()
    }

    #[test]
    fn an_account_sees_its_own_topics_alone() {
        let mut queues = Queues::default();
        let phone = joined(&mut queues, ALICE, &["#", "a/+"]);
        let desk = joined(&mut queues, ALICE, &["b"]);
        let foreign = joined(&mut queues, BOB, &["#", "a/b"]);
        assert_eq!(publish(&mut queues, ALICE, "a/b", "1"), 1, "once where two patterns match");
        assert_eq!(publish(&mut queues, ALICE, "b", "2"), 2);
        assert_eq!(publish(&mut queues, AccountId(3), "a/b", "3"), 0);
        assert_eq!(received(&mut queues, phone), ["1", "2"]);
        assert_eq!(received(&mut queues, desk), ["2"]);
        assert_eq!(received(&mut queues, foreign), [""; 0]);
    }

    #[test]
    fn a_full_queue_loses_its_oldest_and_says_how_many() {
        let mut queues = Queues::default();
        let id = joined(&mut queues, ALICE, &["a"]);
        for n in 0..7 {
            publish(&mut queues, ALICE, "a", &n.to_string());
        }
        assert_eq!(received(&mut queues, id), ["lost 3", "3", "4", "5", "6"]);
        assert_eq!(publish(&mut queues, ALICE, "a", "7"), 1);
        assert_eq!(received(&mut queues, id), ["7"], "what was told is not told again");
        let long = "x".repeat(MAX_QUEUE_BYTES / 2 + 1);
        publish(&mut queues, ALICE, "a", &long);
        publish(&mut queues, ALICE, "a", &long);
        assert_eq!(received(&mut queues, id), ["lost 1", &long]);
        assert_eq!((queues.connections[&id].bytes, queues.shown(None, 0, 9)[0].lost), (0, 4));
    }

    #[test]
    fn a_retained_message_waits_for_subscribers_of_its_account() {
        let mut queues = Queues::default();
        let topic = Topic::parse("state").unwrap();
        let kept = Some("kept".into());
        let parcel = Parcel { account: ALICE, topic: &topic, text: "live".into(), kept, except: None };
        assert_eq!(queues.publish(parcel), Ok(0));
        let late = joined(&mut queues, ALICE, &["+", "state"]);
        assert_eq!(received(&mut queues, late), ["kept", "kept"], "once for each subscription");
        let foreign = joined(&mut queues, BOB, &["#"]);
        assert_eq!(received(&mut queues, foreign), [""; 0]);
        queues.clear(ALICE, &topic);
        let later = joined(&mut queues, ALICE, &["#"]);
        assert_eq!(received(&mut queues, later), [""; 0]);
    }

    #[test]
    fn connections_and_subscriptions_are_bounded_and_room_comes_back() {
        let mut queues = Queues::default();
        let all: Vec<_> = (0..MAX_CONNECTIONS).map(|_| joined(&mut queues, ALICE, &[])).collect();
        assert_eq!(queues.join(newcomer(ALICE, 4)), None);
        assert!(queues.join(newcomer(BOB, 4)).is_some());
        queues.leave(all[0]);
        let id = joined(&mut queues, ALICE, &[]);
        for n in 0..MAX_SUBSCRIPTIONS {
            queues.subscribe(id, Pattern::parse(&n.to_string()).unwrap()).unwrap();
        }
        let more = Pattern::parse("more").unwrap();
        assert!(queues.subscribe(id, more.clone()).is_err());
        assert!(queues.subscribe(id, Pattern::parse("0").unwrap()).is_ok(), "it is followed already");
        assert!(!queues.unsubscribe(id, &more));
        assert!(queues.unsubscribe(id, &Pattern::parse("0").unwrap()));
        assert!(queues.subscribe(id, more).is_ok());
        assert_eq!(queues.shown(Some(BOB), 0, 99).len(), 1);
        assert_eq!(queues.shown(None, 0, 10).len(), 10);
    }

    #[test]
    fn the_publisher_may_be_left_out_and_nothing_is_kept_for_who_left() {
        let mut queues = Queues::default();
        let (phone, desk) = (joined(&mut queues, ALICE, &["#"]), joined(&mut queues, ALICE, &["#"]));
        let topic = &Topic::parse("a").unwrap();
        let parcel = Parcel { account: ALICE, topic, text: "1".into(), kept: None, except: Some(phone) };
        assert_eq!(queues.publish(parcel), Ok(1));
        assert_eq!(received(&mut queues, phone), [""; 0]);
        queues.leave(desk);
        assert_eq!(received(&mut queues, desk), [""; 0]);
        queues.leave(phone);
        assert_eq!(publish(&mut queues, ALICE, "a", "2"), 0);
        assert_eq!(queues.sizes().map(|(_, count, _)| count), [0; 4]);
        assert!(queues.by_account.is_empty());
    }

    #[test]
    fn who_waits_is_woken() {
        #[derive(Default)]
        struct Count(AtomicUsize);
        impl Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let (mut queues, count) = (Queues::default(), Arc::new(Count::default()));
        let (plain, server) = (joined(&mut queues, ALICE, &["#"]), joined(&mut queues, BOB, &["server/#"]));
        let waker = Waker::from(Arc::clone(&count));
        let woken = || count.0.load(Ordering::Relaxed);
        assert_eq!((queues.next(plain, &waker), queues.next(server, &waker)), (None, None));
        publish(&mut queues, ALICE, "a", "1");
        publish(&mut queues, ALICE, "a", "2");
        assert_eq!(woken(), 1);
        queues.miss_servers(5);
        assert_eq!((woken(), received(&mut queues, server)), (2, vec!["lost 5".to_owned()]));
        assert_eq!(queues.next(server, &waker), None);
        queues.forget(BOB);
        assert_eq!(woken(), 3);
    }
}
