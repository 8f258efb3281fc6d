//! Every declared command, and finding one by name.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::commands::{GROUPS, UNAVAILABLE};
use crate::declare::Command;

/// Every declared command, working or not, in the order of the catalogue's groups and then by name.
#[must_use]
pub fn commands() -> &'static [&'static Command] {
    static ALL: OnceLock<Vec<&'static Command>> = OnceLock::new();
    ALL.get_or_init(|| {
        let working = GROUPS.iter().flat_map(|group| group.iter().copied());
        let mut all: Vec<&'static Command> = working.chain(UNAVAILABLE.iter()).collect();
        all.sort_by_key(|command| (command.group, command.name));
        all
    })
}

/// The command of this name or alias, in any case.
#[must_use]
pub fn find(name: &str) -> Option<&'static Command> {
    static BY_NAME: OnceLock<BTreeMap<&'static str, &'static Command>> = OnceLock::new();
    let by_name = BY_NAME.get_or_init(|| {
        commands().iter().flat_map(|command| command.names().map(|name| (name, *command))).collect()
    });
    by_name.get(name).copied().or_else(|| by_name.get(name.to_ascii_lowercase().as_str()).copied())
}
