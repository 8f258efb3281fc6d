//! What the server is doing.

mod call;
mod heartbeat;
mod info;
mod reguser;
mod routingtest;
mod version;

use crate::declare::Command;

/// The group's commands.
pub const COMMANDS: &[&Command] = &[
    &call::COMMAND,
    &heartbeat::COMMAND,
    &info::COMMAND,
    &reguser::COMMAND,
    &routingtest::COMMAND,
    &version::COMMAND,
];
