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
    if let Some(types) = line.first().filter(|word| is_tail(word)).map(|_| line[1..].join(",")) {
        return follow(&data, &types)?.ok_or_else(not_running);
    }
    if !line.is_empty() {
        let outcome = session.ask(&line.join(" "))?;
        crate::print::line(outcome.text);
        return if outcome.done { Ok(()) } else { Err(Failure::failed("the command was refused")) };
    }
    if stdin().is_terminal() { type_lines(&mut session, &data) } else { read_lines(&mut session) }
}

/// `tail` is no command of the API: events are followed on a connection of their own.
fn is_tail(word: &str) -> bool {
    word.eq_ignore_ascii_case("tail")
}

fn not_running() -> Failure {
    Failure::failed("ERROR: not available: the server is not running")
}

/// Prints events until the server ends; none: there is no server.
fn follow(data: &Path, types: &str) -> Result<Option<()>, Failure> {
    let Some(mut client) = control::connect(data)? else { return Ok(None) };
    let outcome = client.watch(&Order::Tail(types.to_owned()), |text| crate::print::line(text.to_owned()))?;
    crate::print::line(outcome.text);
    if outcome.done { Ok(Some(())) } else { Err(Failure::failed("the events were refused")) }
}

/// Prints events until Enter is pressed.
fn tail(data: &Path, types: &str) -> Result<(), Failure> {
    let Some(mut client) = control::connect(data)? else { return Err(not_running()) };
    let closer = client.closer()?;
    crate::print::line("Events follow; Enter ends them.".to_owned());
    let types = types.to_owned();
    let printing = std::thread::spawn(move || {
        let ended = client.watch(&Order::Tail(types), |text| crate::print::line(text.to_owned()));
        // The end of the connection is what Enter asks for.
        if let Ok(outcome) = ended {
            crate::print::line(outcome.text);
        }
    });
    let mut enter = String::new();
    stdin().lock().read_line(&mut enter).context("standard input")?;
    // It may have ended by itself.
    let _ = closer.shutdown(std::net::Shutdown::Both);
    if printing.join().is_err() { Err(Failure::failed("printing events failed")) } else { Ok(()) }
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
    let config = Config::builder().max_history_size(MAX_HISTORY).context("the console")?;
    let mut editor: Editor<Names, FileHistory> =
        Editor::with_config(config.build()).context("the console")?;
    editor.set_helper(Some(Names));
    let history = data.join(HISTORY);
    // The first console of a folder has no history.
    let _ = editor.load_history(&history);
    crate::print::line("Type a command, `help` for all of them, `exit` to end.");
    let mut prompt = "strowger> ".to_owned();
    loop {
        let line = match editor.readline(&prompt) {
            Ok(line) => line,
            Err(ReadlineError::Eof | ReadlineError::Interrupted) => break,
            Err(error) => return Err(Failure::Failed(anyhow::Error::new(error).context("the console"))),
        };
        if line.trim().is_empty() {
            continue;
        }
        if strowger_api::may_be_remembered(&line) {
            editor.add_history_entry(line.as_str()).context("the console")?;
        }
        let (word, types) = line.trim().split_once([' ', ',']).unwrap_or((line.trim(), ""));
        if is_tail(word) {
            if let Err(failure) = tail(data, types.trim()) {
                crate::print::line(failure.to_string());
            }
            continue;
        }
        let outcome = session.ask(line.trim())?;
        crate::print::line(outcome.text);
        if outcome.close {
            break;
        }
        prompt = outcome.node.map_or_else(|| "strowger> ".to_owned(), |node| format!("strowger@{node}> "));
    }
    editor.save_history(&history).with_context(|| format!("{}", history.display()))?;
    Ok(())
}

/// The words that complete: the command table, and the parameters of the command that was typed.
struct Names;

impl Completer for Names {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = line.get(..at).unwrap_or_default();
        let start = typed.rfind([' ', ',', '&']).map_or(0, |at| at + 1);
        let mut found = strowger_api::completions(typed);
        if start == 0 && !typed.is_empty() && "tail".starts_with(typed) {
            found.push("tail".to_owned());
        }
        Ok((start, found.into_iter().map(|n| Pair { display: n.clone(), replacement: n }).collect()))
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
