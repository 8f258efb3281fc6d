//! The last message of topics whose publishers want it kept, for devices that subscribe later. In memory only: they
//! end with the process. Bounded per account and in all; in all the oldest goes first.

use std::collections::BTreeMap;
use std::sync::Arc;

use strowger_model::AccountId;

use super::topic::{Pattern, Topic};

/// Topics of one account with a kept message.
pub const MAX_TOPICS: usize = 64;
/// What the kept messages of one account may take, in bytes.
pub const MAX_ACCOUNT_BYTES: usize = 64 * 1024;
/// What all of them may take, in bytes.
pub const MAX_BYTES: usize = 32 * 1024 * 1024;

#[derive(Debug)]
struct Kept {
    text: Arc<str>,
    age: u64,
}

/// One message a topic.
#[derive(Debug, Default)]
pub struct Retained {
    by_account: BTreeMap<AccountId, BTreeMap<Topic, Kept>>,
    by_age: BTreeMap<u64, (AccountId, Topic)>,
    bytes: usize,
    next: u64,
}

impl Retained {
    /// Keeps a message in the place of the one before.
    ///
    /// # Errors
    /// What is full; the one before is still there.
    pub fn keep(&mut self, account: AccountId, topic: &Topic, text: &Arc<str>) -> Result<(), String> {
        let own = self.by_account.get(&account);
        let before = own.and_then(|own| own.get(topic)).map(|kept| size(topic, &kept.text));
        let topics = own.map_or(0, BTreeMap::len);
        let bytes: usize = own.into_iter().flatten().map(|(topic, kept)| size(topic, &kept.text)).sum();
        let size = size(topic, text);
        if topics + usize::from(before.is_none()) > MAX_TOPICS {
            return Err(format!("{MAX_TOPICS} topics of this account have a retained message"));
        }
        if bytes - before.unwrap_or(0) + size > MAX_ACCOUNT_BYTES {
            return Err(format!("retained messages of an account take at most {MAX_ACCOUNT_BYTES} bytes"));
        }
        self.drop_one(account, topic);
        let age = self.next;
        self.next += 1;
        self.bytes += size;
        self.by_age.insert(age, (account, topic.clone()));
        let kept = Kept { text: Arc::clone(text), age };
        self.by_account.entry(account).or_default().insert(topic.clone(), kept);
        while self.bytes > MAX_BYTES
            && let Some((_, (account, topic))) = self.by_age.first_key_value()
        {
            let (account, topic) = (*account, topic.clone());
            self.drop_one(account, &topic);
        }
        Ok(())
    }

    /// Forgets the message of a topic, if there is one.
    pub fn drop_one(&mut self, account: AccountId, topic: &Topic) {
        let Some(own) = self.by_account.get_mut(&account) else { return };
        if let Some(kept) = own.remove(topic) {
            self.bytes -= size(topic, &kept.text);
            self.by_age.remove(&kept.age);
        }
        if own.is_empty() {
            self.by_account.remove(&account);
        }
    }

    /// Forgets everything of an account.
    pub fn drop_account(&mut self, account: AccountId) {
        for (topic, kept) in self.by_account.remove(&account).unwrap_or_default() {
            self.bytes -= size(&topic, &kept.text);
            self.by_age.remove(&kept.age);
        }
    }

    /// The messages that a new subscriber gets.
    pub fn matching(&self, account: AccountId, pattern: &Pattern) -> Vec<Arc<str>> {
        let own = self.by_account.get(&account).into_iter().flatten();
        own.filter(|(topic, _)| pattern.matches(topic)).map(|(_, kept)| Arc::clone(&kept.text)).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_age.len()
    }
}

fn size(topic: &Topic, text: &str) -> usize {
    topic.as_str().len() + text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(text: impl Into<String>) -> Topic {
        Topic::parse(&text.into()).unwrap()
    }

    #[test]
    fn the_last_message_of_a_topic_is_kept_and_bounded() {
        let (mut retained, alice, bob) = (Retained::default(), AccountId(1), AccountId(2));
        let all = Pattern::parse("#").unwrap();
        retained.keep(alice, &topic("a"), &"1".into()).unwrap();
        retained.keep(alice, &topic("a"), &"2".into()).unwrap();
        assert_eq!(retained.matching(alice, &all), ["2".into()]);
        assert_eq!(retained.matching(bob, &all), []);
        for n in 1..MAX_TOPICS {
            retained.keep(alice, &topic(format!("t/{n}")), &"x".into()).unwrap();
        }
        assert!(retained.keep(alice, &topic("more"), &"x".into()).is_err());
        assert!(retained.keep(alice, &topic("a"), &"3".into()).is_ok(), "an old topic has its place");
        let long: Arc<str> = "x".repeat(MAX_ACCOUNT_BYTES).into();
        assert!(retained.keep(alice, &topic("a"), &long).is_err());
        assert_eq!(retained.matching(alice, &Pattern::parse("a").unwrap()), ["3".into()]);
        retained.drop_one(alice, &topic("a"));
        retained.drop_account(alice);
        assert_eq!((retained.len(), retained.bytes, retained.by_account.len()), (0, 0, 0));
    }

    #[test]
    fn of_all_accounts_together_the_oldest_goes_first() {
        let mut retained = Retained::default();
        let text: Arc<str> = "x".repeat(MAX_ACCOUNT_BYTES - 1).into();
        let room = i64::try_from(MAX_BYTES / MAX_ACCOUNT_BYTES).unwrap();
        for n in 0..=room {
            retained.keep(AccountId(n), &topic("a"), &text).unwrap();
        }
        let all = Pattern::parse("#").unwrap();
        assert!(retained.matching(AccountId(0), &all).is_empty());
        assert_eq!(retained.matching(AccountId(room), &all).len(), 1);
        assert!(retained.bytes <= MAX_BYTES);
        assert_eq!(retained.len() as i64, room);
    }
}
