//! Runs shards on threads of their own: sockets, wake-ups, and the performance of what a shard wants. No rules.

pub mod bindings_log;
pub mod demux;
pub mod flows;
pub mod inbox;
pub mod pace;
pub mod perform;
pub mod sys;
pub mod thread;
