//! Commands of ours: no chapter of the documents has them.

mod eventlist;
mod events;
mod examples;

use crate::declare::Command;

/// The group's commands.
pub const COMMANDS: &[&Command] = &[&eventlist::COMMAND, &events::COMMAND, &examples::COMMAND];
