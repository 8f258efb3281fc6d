//! One reputation for every door: rate limits and bans by address, network and account.
//!
//! It holds no connections and refuses nothing by itself: each door asks before it does the work and
//! reports wrong credentials afterwards. A first 401 challenge is no failure and is not reported. Memory
//! is bounded: of tracked subjects the one that was quiet longest is forgotten.

#![deny(missing_docs)]

mod guard;
mod lately;
mod rate;
mod subject;
mod tracked;

pub use guard::{Ban, Door, Guard, Limits, Verdict};
pub use rate::Bucket;
pub use subject::{NotASubject, Subject};
