//! One connection: what it asks is admitted like any request, and answered; what waits for it comes with [`Member::next`].

use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use serde_json::{Value, json};
use strowger_guard::Bucket;
use strowger_model::{Account, AccountId};

use super::queues::{ConnectionId, Delivery, MAX_SUBSCRIPTIONS, Newcomer as Place};
use super::topic::MAX_TOPIC_BYTES;
use super::wire::{self, Asked, Op, Publish};
use super::{MAX_DEVICE_BYTES, Message};
use crate::auth::{ApiKey, Level, Source, may_act_for, may_log_in};
use crate::dispatch::{Call, Dispatcher};
use crate::reply::Failure;

/// Requests in a row that may fail before the connection ends.
const MAX_FAILURES: u32 = 64;
/// A rate is counted in seconds: what was too fast may be tried again after one.
const RETRY_S: u64 = 1;

/// Where the command that admits a connection leaves it.
#[derive(Debug, Default)]
pub(crate) struct Joining(Mutex<Option<Box<Member>>>);

impl Joining {
    pub(crate) fn put(&self, member: Member) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(member));
    }

    pub(crate) fn take(&self) -> Option<Box<Member>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Somebody was let in.
#[derive(Debug)]
pub struct Joined {
    /// The connection.
    pub member: Box<Member>,
    /// What it is told.
    pub text: String,
}

/// Somebody was not.
#[derive(Debug)]
pub struct JoinRefused {
    /// What it is told.
    pub text: String,
    /// What comes next: another try, a close, a close because there is no room.
    pub then: AfterRefusal,
}

/// What follows a refused login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterRefusal {
    /// It may be tried again at once: nothing was wrong with what was shown, it is not enough.
    Retry,
    /// There is no room now.
    Full,
    /// The connection ends.
    End,
}

/// The answer to one message.
#[derive(Debug)]
pub struct MemberAnswer {
    /// What is sent.
    pub text: String,
    /// Then the connection ends for this reason.
    pub end: Option<&'static str>,
}

/// One connection. Dropping it leaves the queue.
pub struct Member {
    dispatcher: Arc<Dispatcher>,
    id: ConnectionId,
    account: AccountId,
    device: String,
    /// Who logged in, as it was then; nobody where the address alone was trusted.
    login: Option<Arc<Account>>,
    level: Level,
    key: Option<Arc<ApiKey>>,
    source: Source,
    rate: Bucket,
    failures: u32,
}

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Member({} of {})", self.id, self.account)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.dispatcher.mmq().queues().leave(self.id);
    }
}

impl Member {
    /// Lets the connection of a request in, for the account that the request is about.
    pub(crate) fn join(call: &Call, device: &str) -> Result<Self, Failure> {
        let account = call.account()?.id;
        let place = Place {
            account,
            device: device.to_owned(),
            address: call.source.address,
            since: call.now().wall,
            queue: usize::try_from(call.config().mmqqueue).unwrap_or(usize::MAX),
        };
        let full = || Failure::limit("too many connections of this account").after(RETRY_S);
        let id = call.dispatcher.mmq().queues().join(place).ok_or_else(full)?;
        Ok(Self {
            dispatcher: Arc::clone(&call.dispatcher),
            id,
            account,
            device: device.to_owned(),
            login: call.caller.clone(),
            level: call.level,
            key: call.api_key.clone(),
            source: call.source,
            rate: Bucket::new(),
            failures: 0,
        })
    }

    /// What a client is told when it is in.
    pub(crate) fn welcome(&self, id: &Value) -> String {
        let config = self.dispatcher.switch().config();
        let snapshot = self.dispatcher.switch().snapshot();
        let user = snapshot.account(self.account).map(|account| account.username.to_string());
        let more = json!({
            "user": user,
            "connection": self.id,
            "limits": {
                "message": config.mmqmaxmessage, "topic": MAX_TOPIC_BYTES, "device": MAX_DEVICE_BYTES,
                "subscriptions": MAX_SUBSCRIPTIONS, "queue": config.mmqqueue, "rate": config.mmqrate,
            },
        });
        wire::ok("login", id, more)
    }

    /// The next text for this connection; waits for it. None: its account may be here no longer. A wait that is cut
    /// short loses nothing.
    pub async fn next(&self) -> Option<String> {
        std::future::poll_fn(|context| {
            let delivery = self.dispatcher.mmq().queues().next(self.id, context.waker());
            match delivery {
                _ if !self.is_entitled() => Poll::Ready(None),
                Some(Delivery::Message(text)) => Poll::Ready(Some(text.to_string())),
                Some(Delivery::Lost(count)) => Poll::Ready(Some(wire::lost(count))),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Answers a message.
    pub fn answer(&mut self, text: &str) -> MemberAnswer {
        if !self.is_entitled() {
            let text = wire::error("", &Value::Null, &Failure::wrong_user());
            return MemberAnswer { text, end: Some("log in again") };
        }
        let Asked { name, id, op } = Asked::parse(text);
        match self.admit().and(op).and_then(|op| self.perform(op)) {
            Ok(more) => {
                self.failures = 0;
                MemberAnswer { text: wire::ok(name, &id, more), end: None }
            }
            Err(failure) => self.refused(wire::error(name, &id, &failure)),
        }
    }

    fn refused(&mut self, text: String) -> MemberAnswer {
        self.failures += 1;
        MemberAnswer { text, end: (self.failures >= MAX_FAILURES).then_some("too many failures in a row") }
    }

    /// The limits of every request, and those of one connection.
    fn admit(&mut self) -> Result<(), Failure> {
        let user = self.login.as_ref().map(|account| &*account.username);
        self.dispatcher.admit_message(&self.source, user)?;
        let (now, rate) = (self.dispatcher.switch().now().mono, self.dispatcher.switch().config().mmqrate);
        let slow = |_| Failure::limit(format!("at most {rate} messages a second")).after(RETRY_S);
        self.rate.pass(now, rate).map_err(slow)
    }

    fn perform(&self, op: Op) -> Result<Value, Failure> {
        let mmq = self.dispatcher.mmq();
        match op {
            Op::Ping => Ok(Value::Null),
            Op::Subscribe(pattern) => {
                if let Some(why) = self.dispatcher.events().broken().filter(|_| pattern.is_servers()) {
                    return Err(Failure::unavailable(format!("the event journal cannot be used: {why}")));
                }
                let topic = pattern.as_str().to_owned();
                mmq.queues().subscribe(self.id, pattern).map_err(Failure::limit)?;
                Ok(json!({"topic": topic}))
            }
            Op::Unsubscribe(pattern) => {
                let topic = pattern.as_str();
                if !mmq.queues().unsubscribe(self.id, &pattern) {
                    return Err(Failure::not_found(format!("subscription {topic}")));
                }
                Ok(json!({"topic": topic}))
            }
            Op::Publish(publish) => Ok(json!({"delivered": self.publish(&publish)?})),
        }
    }

    fn publish(&self, publish: &Publish) -> Result<usize, Failure> {
        let Publish { topic, data, retain, echo, user } = publish;
        let own = self.login.as_ref();
        let account = match user {
            Some(name) => {
                let own = own.map(|account| account.id);
                self.dispatcher.acted_for(self.level_now(), own, name, "user", true)?.id
            }
            None => self.account,
        };
        let foreign = own.filter(|own| own.id != account).map(|own| &*own.username);
        self.dispatcher.mmq().publish(&Message {
            account,
            topic,
            data,
            at: self.dispatcher.switch().now().wall,
            from: &self.device,
            user: foreign,
            retain: *retain,
            except: (!echo).then_some(self.id),
        })
    }

    /// What it may do now: an account that lost rights since its login has lost them here too.
    fn level_now(&self) -> Level {
        let snapshot = self.dispatcher.switch().snapshot();
        let now = self.login.as_ref().map(|login| snapshot.account(login.id));
        match now {
            Some(Some(account)) => self.level.min(Level::of(account.kind, account.rights)),
            Some(None) => Level::Public,
            None => self.level,
        }
    }

    /// It could log in again with what it showed.
    #[must_use]
    pub fn is_entitled(&self) -> bool {
        let switch = self.dispatcher.switch();
        let snapshot = switch.snapshot();
        if !switch.config().usemmq || snapshot.account(self.account).is_none() || !self.key_holds() {
            return false;
        }
        let Some(login) = &self.login else { return true };
        let Some(now) = snapshot.account(login.id) else { return false };
        let same = Arc::ptr_eq(now, login) || (may_log_in(now) && now.password == login.password);
        let own = login.id == self.account;
        same && (own || may_act_for(self.level_now(), own, snapshot.is_below(self.account, login.id)))
    }

    fn key_holds(&self) -> bool {
        self.key.as_ref().is_none_or(|key| self.dispatcher.key_holds(key, &self.source, super::COMMAND))
    }
}

/// A name that a device may give itself.
pub(crate) fn device_name(text: &str) -> Result<&str, Failure> {
    let text = text.trim();
    if text.len() > MAX_DEVICE_BYTES || text.chars().any(char::is_control) {
        return Err(Failure::invalid(format!("device must be at most {MAX_DEVICE_BYTES} bytes of text")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_names_itself_within_limits() {
        assert_eq!(device_name(" desk phone "), Ok("desk phone"));
        assert_eq!(device_name(""), Ok(""));
        assert!(device_name(&"x".repeat(MAX_DEVICE_BYTES + 1)).is_err());
        assert!(device_name("a\nb").is_err());
    }
}
