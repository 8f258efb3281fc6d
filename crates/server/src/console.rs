//! `strowger console`: the API's commands typed by hand, with editing, history and completion.

use std::borrow::Cow;
use std::io::{BufRead, IsTerminal, stdin};
use std::path::Path;

use anyhow::{Context as _, Result};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{Config, Context, Editor, Helper};

use crate::cli::Place;
use crate::control::{self, Client, Order, Outcome};
use crate::exchange::Offline;
use crate::failure::Failure;
use crate::settings::data_folder;

/// The history's file in the data folder.
const HISTORY: &str = "console.history";

/// Lines kept in the history.
const MAX_HISTORY: usize = 1000;

/// Runs the console, or one line of it.
pub(crate) fn run(place: &Place, line: &[String]) -> Result<(), Failure> {
    let data = data_folder(place)?;
    let mut session = match control::connect(&data)? {
        Some(client) => Session::Server(client),
        None => Session::Offline(Box::new(Offline::start(place)?)),
    };
    if !line.is_empty() {
        let outcome = session.ask(&line.join(" "))?;
        crate::print::line(outcome.text);
        return if outcome.done { Ok(()) } else { Err(Failure::failed("the command was refused")) };
    }
    if stdin().is_terminal() { type_lines(&mut session, &data) } else { read_lines(&mut session) }
}

/// A line with named parameters, encoded so that no value can end another.
pub(crate) fn line_of(command: &str, fields: &[(&str, String)]) -> String {
    let mut line = command.to_owned();
    for (name, value) in fields {
        line.push_str(&format!("&{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
    }
    line
}

/// Where lines are run.
enum Session {
    Server(Client),
    Offline(Box<Offline>),
}

impl Session {
    fn ask(&mut self, line: &str) -> Result<Outcome> {
        match self {
            Self::Server(client) => client.order(&Order::Line(line.to_owned())),
            Self::Offline(exchange) => Ok(exchange.line(line)),
        }
    }
}

/// Lines from a pipe: no prompt, no history; the first refusal is the exit code.
fn read_lines(session: &mut Session) -> Result<(), Failure> {
    let mut refused = false;
    for line in stdin().lock().lines() {
        let line = line.context("standard input")?;
        if line.trim().is_empty() {
            continue;
        }
        let outcome = session.ask(line.trim())?;
        crate::print::line(outcome.text);
        refused |= !outcome.done;
        if outcome.close {
            break;
        }
    }
    if refused { Err(Failure::failed("a command was refused")) } else { Ok(()) }
}

/// Lines from a person.
fn type_lines(session: &mut Session, data: &Path) -> Result<(), Failure> {
    let config =
        Config::builder().auto_add_history(true).max_history_size(MAX_HISTORY).context("the console")?;
    let mut editor: Editor<Names, FileHistory> =
        Editor::with_config(config.build()).context("the console")?;
    editor.set_helper(Some(Names::known()));
    let history = data.join(HISTORY);
    // The first console of a folder has no history.
    let _ = editor.load_history(&history);
    crate::print::line("Type a command, `help` for all of them, `exit` to end.");
    loop {
        let line = match editor.readline("strowger> ") {
            Ok(line) => line,
            Err(ReadlineError::Eof | ReadlineError::Interrupted) => break,
            Err(error) => return Err(Failure::Failed(anyhow::Error::new(error).context("the console"))),
        };
        if line.trim().is_empty() {
            continue;
        }
        let outcome = session.ask(line.trim())?;
        crate::print::line(outcome.text);
        if outcome.close {
            break;
        }
    }
    editor.save_history(&history).with_context(|| format!("{}", history.display()))?;
    Ok(())
}

/// The words that complete: the command table.
struct Names(Vec<&'static str>);

impl Names {
    fn known() -> Self {
        let commands = strowger_api::commands();
        let mut names: Vec<_> =
            commands.iter().flat_map(|c| std::iter::once(c.name).chain(c.aliases.iter().copied())).collect();
        names.sort_unstable();
        names.dedup();
        Self(names)
    }

    /// The names that begin like the first word of the line, if the cursor is in it.
    fn beginning_with(&self, typed: &str) -> Vec<&'static str> {
        if typed.contains([' ', ',', '&']) {
            return Vec::new();
        }
        let begins =
            |name: &&&str| name.get(..typed.len()).is_some_and(|start| start.eq_ignore_ascii_case(typed));
        self.0.iter().filter(begins).copied().collect()
    }
}

impl Completer for Names {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = line.get(..at).unwrap_or_default();
        let found = self.beginning_with(typed);
        Ok((
            0,
            found.into_iter().map(|n| Pair { display: n.to_owned(), replacement: n.to_owned() }).collect(),
        ))
    }
}

impl Hinter for Names {
    type Hint = String;
}

impl Highlighter for Names {
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Borrowed(hint)
    }
}

impl Validator for Names {}
impl Helper for Names {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_complete_and_parameters_do_not() {
        let names = Names(vec!["balance", "bannedlist", "cdr"]);
        assert_eq!(names.beginning_with("ba"), ["balance", "bannedlist"]);
        assert_eq!(names.beginning_with("BAL"), ["balance"]);
        assert!(names.beginning_with("balance,").is_empty());
        assert_eq!(names.beginning_with("").len(), 3);
    }
}
