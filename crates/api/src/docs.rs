//! Everything that is derived from the declarations to be read: help, the reference, the authorisation
//! matrix. Nothing here is written by hand twice.

use serde_json::Value;
use strowger_model::AccountKind;

use crate::auth::{Caller, Level, Place, Policy, Proof, Rule, Source, authorise, may_act_for};
use crate::declare::{Access, Command, Group, Reach, Run};
use crate::dispatch::commands;
use crate::openapi::samples;

/// One line per command, by group, as `help` answers.
#[must_use]
pub fn help_text() -> String {
    let mut text = String::new();
    for group in Group::ALL {
        text.push_str(&format!("[{}]\n", group.name()));
        for command in commands().iter().filter(|command| command.group == group) {
            let params: Vec<String> =
                command.params.iter().map(|param| bracketed(param.name, param.is_required())).collect();
            let later = match command.run {
                Run::Here { .. } => String::new(),
                Run::Unavailable { why } => format!(" (not available: {why})"),
            };
            text.push_str(format!("{} {}", command.name, params.join(",")).trim_end());
            text.push_str(&format!(" - {}{later}\n", command.summary));
        }
    }
    text
}

/// One command in several lines.
pub(crate) fn help_of(command: &Command) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", command.name, command.summary)];
    if !command.aliases.is_empty() {
        lines.push(format!("also called: {}", command.aliases.join(", ")));
    }
    lines.push(format!("access: {}, effect: {}", command.access.name(), command.effect.name()));
    for param in command.params {
        let spelt: Vec<&str> = param.spellings().skip(1).collect();
        let spelt = if spelt.is_empty() { String::new() } else { format!(" (or {})", spelt.join(", ")) };
        let default = match param.default {
            None => ", required".to_owned(),
            Some("") => String::new(),
            Some(default) => format!(", default {default}"),
        };
        lines.push(
            format!("  {}{spelt}: {} {}{default}", param.name, param.help, bracketed(param.kind, true))
                .replace("  : ", ": "),
        );
    }
    match &command.run {
        Run::Here { .. } => lines.push(format!("example: {}", example(command))),
        Run::Unavailable { why } => lines.push(format!("not available: {why}")),
    }
    lines
}

fn bracketed(name: &str, plain: bool) -> String {
    if plain { name.to_owned() } else { format!("[{name}]") }
}

fn example(command: &Command) -> String {
    let join = if command.example.is_empty() { "" } else { "&" };
    let key = if command.access == Access::Open { "" } else { "&authkey=KEY" };
    let user =
        if command.access <= Access::Public { "" } else { "&authid=USERNAME&authmd5=MD5&authsalt=SALT" };
    format!("/mvapireq/?apientry={}{key}{user}{join}{}", command.name, command.example)
}

/// The reference of the API: `docs/api/commands.md`.
#[must_use]
pub fn reference_markdown() -> String {
    let mut text = String::from(
        "# Commands\n\nMade from the declarations of the commands; do not edit. How to call them, and how to \
         authenticate, is described in [using.md](using.md). A request can fail as `auth failed`, `access denied` or \
         `limit` whatever the command is; what else it answers stands beside it. The same for programs: OpenAPI at \
         `/mvapireq/openapi.json`, WSDL at `/mvapireq?wsdl`.\n",
    );
    for group in Group::ALL {
        let title = group.name();
        text.push_str(&format!("\n## {}{}\n", title[..1].to_uppercase(), &title[1..]));
        for command in commands().iter().filter(|command| command.group == group && command.is_available()) {
            text.push_str(&section(command));
        }
    }
    text.push_str("\n## Not available in this version\n\n| command | access | parameters | why |\n| --- | --- | --- | --- |\n");
    for command in commands() {
        if let Run::Unavailable { why } = command.run {
            let params: Vec<String> = command.params.iter().map(|p| p.name.replace('|', "\\|")).collect();
            let names: Vec<&str> = command.names().collect();
            text.push_str(&format!(
                "| {} | {} | {} | {why} |\n",
                names.join(", "),
                command.access.name(),
                params.join(", ")
            ));
        }
    }
    text
}

fn section(command: &Command) -> String {
    let mut text = format!("\n### {}\n\n{}\n\n", command.name, command.summary);
    let also = if command.aliases.is_empty() {
        String::new()
    } else {
        format!(" · also `{}`", command.aliases.join("`, `"))
    };
    text.push_str(&format!(
        "access {} · effect {}{also} · {}\n\n",
        command.access.name(),
        command.effect.name(),
        command.spec
    ));
    if !command.params.is_empty() {
        text.push_str(
            "| # | parameter | also | value | default | |\n| --- | --- | --- | --- | --- | --- |\n",
        );
        for (index, param) in command.params.iter().enumerate() {
            let also: Vec<&str> = param.spellings().skip(1).collect();
            let default = match param.default {
                None => "*required*".to_owned(),
                Some("") => String::new(),
                Some(default) => format!("`{default}`"),
            };
            let number = index + 1;
            let (name, kind, help) = (param.name, param.kind, param.help);
            text.push_str(&format!(
                "| {number} | `{name}` | {} | {kind} | {default} | {help} |\n",
                also.join(", ")
            ));
        }
        text.push('\n');
    }
    text.push_str(&format!("```\n{}\n{}\n```\n", example(command), command.reply));
    text.push_str(&json_example(command));
    text.push_str(&errors(command));
    text
}

/// The same request in JSON, and an answer that the transcripts of `conformance/api` got.
fn json_example(command: &Command) -> String {
    let seen = samples().iter().filter(|sample| sample.command == command.name);
    let answers: Vec<&str> = seen
        .map(|sample| sample.example)
        .filter(|example| (1..=MAX_EXAMPLE).contains(&example.len()))
        .collect();
    if answers.is_empty() {
        return String::new();
    }
    let query = example(command);
    let query = query.split_once('?').map_or("", |(_, query)| query);
    let members: Vec<String> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| format!("{}:{}", Value::from(name), Value::from(value)))
        .collect();
    format!("\n```json\n{{{}}}\n{}\n```\n", members.join(","), answers.join("\n"))
}

/// The types of the errors that the transcripts saw, beside those that every command has.
fn errors(command: &Command) -> String {
    let seen = samples().iter().filter(|sample| sample.command == command.name);
    let mut kinds: Vec<&str> = seen.flat_map(|sample| sample.errors.iter().copied()).collect();
    if command.params.iter().any(crate::declare::Param::is_required) {
        kinds.push("missing parameter");
    }
    kinds.retain(|kind| !matches!(*kind, "auth failed" | "access denied" | "limit"));
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.is_empty() { String::new() } else { format!("\nErrors of its own: {}.\n", kinds.join(", ")) }
}

/// Longer answers are not shown, in characters.
const MAX_EXAMPLE: usize = 1_500;

/// The kinds of callers in the matrix: none, and accounts of every level.
const CALLERS: [(&str, Option<(AccountKind, i32)>); 7] = [
    ("nobody", None),
    ("enduser", Some((AccountKind::Enduser, 30))),
    ("reseller", Some((AccountKind::Reseller, 30))),
    ("owner", Some((AccountKind::Owner, 30))),
    ("support", Some((AccountKind::Support, 30))),
    ("admin", Some((AccountKind::Admin, 50))),
    ("srvadmin", Some((AccountKind::Admin, 60))),
];

/// The sources in the matrix.
const SOURCES: [(&str, Place, bool); 8] = [
    ("loopback", Place::Loopback, false),
    ("trusted", Place::Trusted, false),
    ("lan", Place::Lan, false),
    ("foreign", Place::Foreign, false),
    ("loopback/udp", Place::Loopback, true),
    ("trusted/udp", Place::Trusted, true),
    ("lan/udp", Place::Lan, true),
    ("foreign/udp", Place::Foreign, true),
];

/// Command × account × source × object, under the safe defaults: `o` own, `c` child, `f` foreign objects may
/// be touched, `+` allowed without an object, `-` refused.
#[must_use]
pub fn matrix() -> String {
    let sources: Vec<&str> = SOURCES.iter().map(|(name, ..)| *name).collect();
    let mut text = format!("command\taccess\taccount\t{}\n", sources.join("\t"));
    let policy = Policy { trust_admin: 3, trusted_only: false, trust_console: 0, host_control: false };
    for command in commands() {
        let rule = Rule::of(command);
        for (name, account) in CALLERS {
            let level = account.map_or(Level::Public, |(kind, rights)| Level::of(kind, rights));
            let proof = if account.is_some() { Proof::Password } else { Proof::None };
            let caller = Caller { level, proof, key: true };
            let cells: Vec<String> = SOURCES
                .iter()
                .map(|(_, place, unproven)| {
                    let verdict = authorise(&rule, &caller, &Source::plain(*place, *unproven), &policy);
                    verdict.map_or_else(|_| "-".to_owned(), |level| objects(&rule, level))
                })
                .collect();
            text.push_str(&format!(
                "{}\t{}\t{name}\t{}\n",
                command.name,
                command.access.name(),
                cells.join("\t")
            ));
        }
    }
    text
}

fn objects(rule: &Rule, level: Level) -> String {
    if rule.reach == Reach::Nothing || level == Level::Public {
        return "+".into();
    }
    let level = if level == Level::Support && rule.support { Level::Admin } else { level };
    [("o", true, false), ("c", false, true), ("f", false, false)]
        .iter()
        .filter(|(_, own, below)| may_act_for(level, *own, *below))
        .map(|(letter, ..)| *letter)
        .collect()
}
