//! The vocabulary that every room shares: ids, money, times, accounts, and the orders and
//! events that walk between the pure machines and the drivers.
//!
//! Value types without logic: nothing here decides, waits, allocates a port or reads a clock.

#![deny(missing_docs)]

pub mod account;
pub mod cdr;
pub mod event;
pub mod id;
pub mod media;
pub mod money;
pub mod payment;
pub mod scope;
pub mod secret;
pub mod time;

pub use account::{Account, AccountId, AccountKind, NeedAuth};
pub use id::{CallId, LegId, Mint, ShardId, SlotId};
pub use money::{Amount, Unit};
pub use scope::Scope;
pub use secret::Secret;
pub use time::{Mono, Now, Wall};
