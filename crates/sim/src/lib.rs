//! The exchange in virtual time: one real call shard, phones and trunks with an implementation of SIP of their own, a
//! network that loses, delays, reorders and repeats datagrams, a store and a media engine as reference models, and
//! faults. One thread, one seed, one outcome.
//!
//! `cargo test -p strowger-sim` plays 500 seeds (`STROWGER_SIM_SEEDS` more or fewer), and some of them with the real
//! store on SQLite beside the model. `STROWGER_SIM_SEED=n` plays one, `STROWGER_SIM_EVENTS=n` shows more of what led to a
//! failure, and RUST_BACKTRACE adds where a panic was asked for.
//!
//! [`run`] plays a seed and gives what was seen, or a [`Failure`] with the last events before an invariant broke.
//!
//! Not: sockets, threads, databases, real time. Those are tested on the real binary.

#![deny(missing_docs)]

pub mod agent;
pub mod bank;
mod books;
mod checks;
mod dice;
mod digest;
mod durable;
mod faults;
mod flows;
mod media;
mod network;
mod observer;
mod panics;
mod plan;
mod report;
mod sabotage;
mod text;
mod town;
mod wire;
mod world;

pub use report::{Failure, Report};
pub use sabotage::Sabotage;
pub use world::{run, run_durable, run_with};

/// The switch's address.
pub const SWITCH: &str = "10.0.0.1:5060";
