//! Commands of ours: no chapter of the documents has them.

use crate::declare::Command;

/// The group's commands.
pub const COMMANDS: &[&Command] = &[];
