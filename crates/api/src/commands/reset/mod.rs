//! Reloading and restarting.

mod apireload;

use crate::declare::Command;

/// The group's commands.
pub const COMMANDS: &[&Command] = &[&apireload::COMMAND];
