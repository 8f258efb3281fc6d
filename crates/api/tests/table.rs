//! The table of commands as a whole: names, files, parameters, examples, snapshots, parity with the catalogue.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use strowger_api::{Access, Args, Command, Run, commands, find};

#[test]
fn names_and_aliases_are_unique_and_in_lower_case() {
    let mut seen = BTreeMap::new();
    for command in commands() {
        for name in command.names() {
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
                "{name}"
            );
            assert_eq!(seen.insert(name, command.name), None, "{name} twice");
            assert_eq!(find(&name.to_ascii_uppercase()).unwrap().name, command.name);
        }
    }
}

#[test]
fn every_working_command_has_a_file_of_its_name_and_a_transcript() {
    let sources = common::root().join("crates/api/src/commands");
    for command in commands().iter().filter(|command| command.is_available()) {
        let file = sources.join(command.group.name()).join(format!("{}.rs", command.name));
        assert!(file.exists(), "{}", file.display());
        let transcript = common::root().join(format!("conformance/api/{}.txt", transcript_of(command)));
        assert!(transcript.exists(), "{}", transcript.display());
    }
}

/// The closing words share one transcript.
fn transcript_of(command: &Command) -> &'static str {
    match command.name {
        "exit" | "quit" => "close",
        "help" => "help-command",
        name => name,
    }
}

#[test]
fn parameters_have_unique_spellings_and_defaults_that_parse() {
    for command in commands().iter().filter(|command| command.is_available()) {
        let mut seen = BTreeSet::new();
        for param in command.params {
            assert!(seen.insert(param.name), "{} {}", command.name, param.name);
            assert!(!param.help.is_empty() && param.help.ends_with('.'), "{} {}", command.name, param.name);
        }
        let Run::Here { check, .. } = command.run else { continue };
        // Required parameters get a value, the others their defaults.
        let mut args = Args::default();
        for param in command.params.iter().filter(|param| param.is_required()) {
            args.named.push(param.name, "1");
        }
        check(&args).unwrap_or_else(|wrong| panic!("{}: {wrong}", command.name));
    }
}

#[test]
fn each_example_parses() {
    for command in commands().iter().filter(|command| command.is_available()) {
        let Run::Here { check, .. } = command.run else { continue };
        let named = command.example.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap();
            assert!(name == "targetuser" || command.declares(name), "{}: {name}", command.name);
            (name.to_owned(), value.to_owned())
        });
        let args = Args { named: named.collect(), positional: Vec::new() };
        check(&args).unwrap_or_else(|wrong| panic!("{}: {wrong}", command.name));
        assert!(!command.reply.is_empty() && !command.summary.is_empty() && !command.spec.is_empty());
    }
}

#[test]
fn success_texts_of_user_commands_do_not_need_softening() {
    for command in commands().iter().filter(|c| c.is_available() && c.access <= Access::User) {
        assert!(!command.reply.to_ascii_lowercase().contains("error"), "{}", command.name);
    }
}

#[test]
fn the_authorisation_matrix_is_the_committed_one() {
    common::check_file("conformance/api/matrix.tsv", &strowger_api::matrix());
}

#[test]
fn the_help_text_is_the_committed_one() {
    common::check_file("conformance/api/help.txt", &strowger_api::help_text());
}

#[test]
fn the_reference_is_current() {
    common::check_file("docs/api/commands.md", &strowger_api::reference_markdown());
}

#[test]
fn every_name_of_the_catalogue_is_declared() {
    let folder = std::env::var_os("STROWGER_SPEC")
        .map_or_else(|| common::root().join("../shared/spec"), PathBuf::from);
    let Ok(catalogue) = std::fs::read_to_string(folder.join("commands.toml")) else {
        println!("skipped: no commands.toml in {}", folder.display());
        return;
    };
    let (mut working, mut declared, mut missing) = (0, 0, Vec::new());
    for name in names_of(&catalogue) {
        match find(&name) {
            Some(command) if command.is_available() => working += 1,
            Some(_) => declared += 1,
            None => missing.push(name),
        }
    }
    println!("catalogue: {working} names work, {declared} are declared only, {} are missing", missing.len());
    assert_eq!(missing, Vec::<String>::new());
    for (name, access) in accesses_of(&catalogue) {
        // apitest1 is described with apitest and needs no authentication; keepalive and its siblings do not either.
        let command = find(&name).unwrap();
        let documented = if command.access == Access::Open { "public" } else { command.access.name() };
        let login = if name == "login" { "user" } else { documented };
        assert_eq!(login, access, "{name}");
    }
}

/// The values of name, aliases and siblings lines.
fn names_of(catalogue: &str) -> Vec<String> {
    let lines = catalogue
        .lines()
        .filter(|line| ["name =", "aliases =", "siblings ="].iter().any(|start| line.starts_with(start)));
    lines.flat_map(|line| line.split('"').skip(1).step_by(2).map(str::to_owned)).collect()
}

fn accesses_of(catalogue: &str) -> Vec<(String, String)> {
    let quoted = |line: &str| line.split('"').nth(1).map(str::to_owned).unwrap_or_default();
    let mut found = Vec::new();
    let mut name = String::new();
    for line in catalogue.lines() {
        if line.starts_with("name =") {
            name = quoted(line);
        } else if line.starts_with("access =") {
            found.push((name.clone(), quoted(line)));
        }
    }
    found
}
