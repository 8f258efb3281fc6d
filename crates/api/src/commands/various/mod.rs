//! The rest.

mod close;
mod exit;
mod getfield;
mod help;
mod keepalive;
mod quit;

use crate::declare::Command;

/// The group's commands.
pub const COMMANDS: &[&Command] = &[
    &close::COMMAND,
    &exit::COMMAND,
    &getfield::COMMAND,
    &help::COMMAND,
    &keepalive::COMMAND,
    &quit::COMMAND,
];
