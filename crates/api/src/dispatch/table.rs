//! Every declared command, and finding one by name.

use std::collections::HashMap;
use std::sync::OnceLock;

use foldhash::fast::RandomState;

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
    static BY_NAME: OnceLock<HashMap<&'static str, &'static Command, RandomState>> = OnceLock::new();
    let by_name = BY_NAME.get_or_init(|| {
        commands().iter().flat_map(|command| command.names().map(|name| (name, *command))).collect()
    });
    by_name.get(name).copied().or_else(|| by_name.get(name.to_ascii_lowercase().as_str()).copied())
}

/// What may stand for the last word of a console line that is being typed: commands, or `name=` of the parameters of the
/// command that the line begins with.
#[must_use]
pub fn completions(typed: &str) -> Vec<String> {
    let start = typed.rfind([' ', ',', '&']).map_or(0, |at| at + 1);
    let word = typed.get(start..).unwrap_or_default().to_ascii_lowercase();
    if start == 0 || typed[..start].trim().eq_ignore_ascii_case("help") {
        let names = commands().iter().flat_map(|command| command.names());
        let mut found: Vec<_> = names.filter(|name| name.starts_with(&word)).map(str::to_owned).collect();
        found.sort_unstable();
        found.dedup();
        return found;
    }
    let Some(command) = typed.split([' ', ',', '&']).next().and_then(find) else { return Vec::new() };
    let names = command.params.iter().map(|param| format!("{}=", param.name));
    names.filter(|name| name.starts_with(&word)).collect()
}

/// Some command has a parameter of this spelling (in lower case) that must be kept nowhere.
pub(crate) fn is_fleeting(spelling: &str) -> bool {
    commands().iter().any(|command| command.forgets(spelling))
}

/// A console line may stand in a history: no word of it names a command with parameters that must be kept nowhere.
#[must_use]
pub fn may_be_remembered(line: &str) -> bool {
    let mut words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    !words.any(|word| find(word).is_some_and(Command::is_fleeting))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_data_stand_in_no_history() {
        for (line, may) in [
            ("balance targetuser=alice", true),
            ("cccharge targetuser=alice cardnum=42", false),
            ("/CCCHARGE,42,2030", false),
            ("oop txt=cccharge cardnum=42", false),
            ("/mvapireq/?apientry=cccharge&cardnum=42", false),
        ] {
            assert_eq!(may_be_remembered(line), may, "{line}");
        }
    }

    #[test]
    fn commands_complete_and_then_their_parameters() {
        assert_eq!(completions("keepa"), ["keepalive"]);
        assert_eq!(completions("KEEPA"), ["keepalive"]);
        assert_eq!(completions("help keepa"), ["keepalive"]);
        assert_eq!(completions("eventlist "), ["since=", "types=", "max="]);
        assert_eq!(completions("eventlist since=1 t"), ["types="]);
        assert!(completions("nosuch ").is_empty());
        assert!(completions("").len() > 100);
    }
}
