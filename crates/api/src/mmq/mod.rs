//! The message queue (MMQ): publish and subscribe between the devices of one account, and what the server tells about
//! it. [`Queues`] is the machine: it knows neither time nor network. [`Member`] is one connection of it; gates carry
//! its texts.

mod feed;
mod member;
mod queues;
mod retained;
mod topic;
mod wire;

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::value::RawValue;
use strowger_model::{AccountId, Wall};

pub(crate) use feed::feed;
pub use member::{AfterRefusal, JoinRefused, Joined, Member, MemberAnswer};
pub(crate) use member::{Joining, device_name};
pub(crate) use queues::Shown;
pub(crate) use topic::Topic;
pub(crate) use wire::{Asked, error};

use crate::reply::Failure;
use queues::{ConnectionId, Parcel, Queues};
use wire::Letter;

/// The command that admits connections.
pub(crate) const COMMAND: &str = "mmq";
/// The longest name of a device, in bytes.
pub(crate) const MAX_DEVICE_BYTES: usize = 64;

/// The queues of this process.
#[derive(Debug, Default)]
pub(crate) struct Exchange(Mutex<Queues>);

/// A message on its way to an account.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    pub account: AccountId,
    pub topic: &'a Topic,
    pub data: &'a RawValue,
    pub at: Wall,
    /// The device that sends it; may be empty.
    pub from: &'a str,
    /// The account that sends it, where that is another one.
    pub user: Option<&'a str>,
    /// Kept for those who subscribe later; null forgets what is kept.
    pub retain: bool,
    /// A connection that does not get it.
    pub except: Option<ConnectionId>,
}

impl Exchange {
    pub(crate) fn queues(&self) -> MutexGuard<'_, Queues> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes what an account or somebody above it sends. Returns how many connections get it.
    pub(crate) fn publish(&self, message: &Message<'_>) -> Result<usize, Failure> {
        let Message { account, topic, data, retain, except, .. } = *message;
        if topic.is_servers() {
            return Err(Failure::denied(format!("topics below {} are the server's", topic::SERVER)));
        }
        let letter = Letter::new(topic, data, message.at, message.from, message.user);
        let clears = retain && data.get() == "null";
        let kept = (retain && !clears).then(|| letter.text(true).into());
        let parcel = Parcel { account, topic, text: letter.text(false).into(), kept, except };
        let mut queues = self.queues();
        if clears {
            queues.clear(account, topic);
        }
        queues.publish(parcel).map_err(Failure::limit)
    }
}
