//! Transcripts of the API as data: `conformance/api/<command>.txt`, run over every transport.
//!
//! ```text
//! # Comment.
//! set moneyneednonce=false
//! setup ?apientry=newuseri&{admin}&u_username=alice&u_password=pa
//! < OK: userid:<id:alice>
//! > ?apientry=balance&{key}&authid=alice&authpwd=pa
//! < Your credit is $0
//! ```
//!
//! `set` lines are configuration. `setup` requests are made by an administrator over a stream or HTTP; `>`
//! requests run over the transport under test; `bare>` ones only over transports that carry lines. `<` lines
//! are the expected answer, `udp<` lines what is expected over UDP instead. In an expectation `<word>` stands
//! for any text, `<word:NAME>` also remembers it as `{NAME}` for later requests and expectations, and a line
//! `...` for any further lines. A `setup` without expectation must not be answered with an error.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// The file's name without extension: a command.
    pub name: String,
    /// `set` lines: key and value.
    pub settings: Vec<(String, String)>,
    /// The requests in order.
    pub steps: Vec<Step>,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Where it stands in the file, from 1.
    pub line_no: usize,
    /// Who makes it.
    pub kind: StepKind,
    /// It is a positional line: there is no such thing in HTTP.
    pub bare: bool,
    /// The request, with variables.
    pub request: String,
    /// The answer's lines.
    pub expected: Vec<String>,
    /// The answer's lines over UDP, where they differ.
    pub expected_udp: Option<Vec<String>>,
}

/// Who makes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// The administrator, over TCP or HTTP whatever is under test.
    Setup,
    /// The client under test.
    Request,
}

/// A file is not a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Which.
    pub name: String,
    /// From 1.
    pub line_no: usize,
    /// What is wrong.
    pub why: &'static str,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.name, self.line_no, self.why)
    }
}

impl std::error::Error for Wrong {}

/// Reads a transcript.
///
/// # Errors
/// The first line that is none of the forms.
pub fn parse(name: &str, text: &str) -> Result<Transcript, Wrong> {
    let mut transcript = Transcript { name: name.to_owned(), settings: Vec::new(), steps: Vec::new() };
    for (index, line) in text.lines().enumerate() {
        let wrong = |why| Wrong { name: name.to_owned(), line_no: index + 1, why };
        // A row may end in empty values.
        let line = line.trim_end_matches([' ', '\r']);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
        match mark {
            "set" => {
                let (key, value) = rest.split_once('=').ok_or_else(|| wrong("a setting is key=value"))?;
                transcript.settings.push((key.trim().to_owned(), value.trim().to_owned()));
            }
            "setup" | ">" | "bare>" => transcript.steps.push(Step {
                line_no: index + 1,
                kind: if mark == "setup" { StepKind::Setup } else { StepKind::Request },
                bare: mark == "bare>",
                request: rest.to_owned(),
                expected: Vec::new(),
                expected_udp: None,
            }),
            "<" | "udp<" => {
                let step = transcript.steps.last_mut().ok_or_else(|| wrong("an answer without a request"))?;
                let lines = if mark == "<" {
                    &mut step.expected
                } else {
                    step.expected_udp.get_or_insert_with(Vec::new)
                };
                lines.push(rest.to_owned());
            }
            _ => return Err(wrong("a line begins with #, set, setup, >, bare>, < or udp<")),
        }
    }
    match transcript.steps.iter().find(|step| step.kind == StepKind::Request && step.expected.is_empty()) {
        Some(step) => {
            Err(Wrong { name: name.to_owned(), line_no: step.line_no, why: "a request without an answer" })
        }
        None => Ok(transcript),
    }
}

/// Every transcript of a folder, by name.
///
/// # Errors
/// The folder or a file cannot be read, or is no transcript.
pub fn load_all(folder: &Path) -> io::Result<Vec<Transcript>> {
    let mut transcripts = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if path.extension().is_some_and(|extension| extension == "txt") && name != "help" {
            let text = std::fs::read_to_string(&path)?;
            transcripts.push(parse(&name, &text).map_err(io::Error::other)?);
        }
    }
    transcripts.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(transcripts)
}

/// What requests and expectations may name.
#[derive(Debug, Clone, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// The runner's own: `admin`, `key`.
    #[must_use]
    pub fn new(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// Replaces `{NAME}` by its value; unknown ones stay.
    #[must_use]
    pub fn expand(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }
}

/// An answer is not what the transcript expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    line_no: usize,
    request: String,
    wanted: String,
    got: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}\n  wanted {}\n  got    {}", self.line_no, self.request, self.wanted, self.got)
    }
}

impl std::error::Error for Mismatch {}

/// Compares an answer with what the step expects over this transport, and remembers what it names.
///
/// # Errors
/// The first line that differs.
pub fn check(step: &Step, udp: bool, answer: &str, variables: &mut Variables) -> Result<(), Mismatch> {
    let expected = step.expected_udp.as_ref().filter(|_| udp).unwrap_or(&step.expected);
    let differs = |wanted: &str, got: &str| Mismatch {
        line_no: step.line_no,
        request: step.request.clone(),
        wanted: wanted.to_owned(),
        got: got.to_owned(),
    };
    if expected.is_empty() {
        let failed = answer.starts_with("ERROR");
        return if failed { Err(differs("no error", answer)) } else { Ok(()) };
    }
    let mut lines = answer.trim_end_matches(['\r', '\n']).lines();
    for wanted in expected {
        if wanted == "..." {
            return Ok(());
        }
        let wanted = variables.expand(wanted);
        let got = lines.next().ok_or_else(|| differs(&wanted, &format!("the end of: {answer}")))?;
        if !fits(&wanted, got, variables) {
            return Err(differs(&wanted, answer));
        }
    }
    lines.next().map_or(Ok(()), |more| Err(differs("no more lines", more)))
}

/// A piece of an expectation.
enum Piece<'a> {
    Text(&'a str),
    Any(Option<&'a str>),
}

fn pieces(wanted: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = wanted;
    while let Some(open) = rest.find('<') {
        let name_end = rest[open + 1..].find(|c: char| !c.is_ascii_alphanumeric() && c != ':' && c != '_');
        let Some(length) =
            name_end.filter(|length| *length > 0 && rest[open + 1 + length..].starts_with('>'))
        else {
            pieces.push(Piece::Text(&rest[..=open]));
            rest = &rest[open + 1..];
            continue;
        };
        pieces.push(Piece::Text(&rest[..open]));
        let word = &rest[open + 1..open + 1 + length];
        pieces.push(Piece::Any(word.split_once(':').map(|(_, name)| name)));
        rest = &rest[open + length + 2..];
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// Wildcards take the shortest text up to what follows them; the last one takes the rest.
fn fits(wanted: &str, got: &str, variables: &mut Variables) -> bool {
    let pieces = pieces(wanted);
    let mut rest = got;
    let mut open: Option<Option<&str>> = None;
    let last = pieces.len() - 1;
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Any(name) => open = Some(*name),
            Piece::Text("") if index < last => {}
            Piece::Text(text) => {
                let at = match (&open, index == last) {
                    (None, _) => rest.starts_with(text).then_some(0),
                    (Some(_), true) => rest.ends_with(text).then(|| rest.len() - text.len()),
                    (Some(_), false) => rest.find(text),
                };
                let Some(at) = at else { return false };
                match open.take() {
                    Some(_) if at == 0 => return false,
                    Some(Some(name)) => variables.set(name, &rest[..at]),
                    _ => {}
                }
                rest = &rest[at + text.len()..];
            }
        }
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(expected: &[&str]) -> Step {
        let text = expected.iter().map(|line| format!("< {line}\n")).collect::<String>();
        parse("x", &format!("> ?apientry=x\n{text}")).unwrap().steps.remove(0)
    }

    #[test]
    fn wildcards_stand_for_text_and_are_remembered() {
        let mut variables = Variables::new(&[("key", "authkey=K")]);
        check(&step(&["OK: userid:<id:alice> type:<n>"]), false, "OK: userid:17 type:0", &mut variables)
            .unwrap();
        assert_eq!(variables.expand("{key}&id={alice}&{other}"), "authkey=K&id=17&{other}");
        check(&step(&["is {alice} <b"]), false, "is 17 <b", &mut variables).unwrap();
        check(&step(&["OK: 3", "..."]), false, "OK: 3\r\na\r\nb\r\n", &mut variables).unwrap();
    }

    #[test]
    fn what_differs_is_told() {
        let mut variables = Variables::default();
        for (expected, answer) in [
            (&["OK: <n>"][..], "OK: "),
            (&["OK: <n>"], "ERROR: x"),
            (&["OK: 1", "a"], "OK: 1"),
            (&["OK: 1"], "OK: 1\nmore"),
            (&["<a>b"], "ac"),
        ] {
            assert!(check(&step(expected), false, answer, &mut variables).is_err(), "{expected:?} {answer}");
        }
        let wrong = check(&step(&["OK: 2"]), false, "OK: 1", &mut variables).unwrap_err();
        assert!(wrong.to_string().contains("wanted OK: 2"), "{wrong}");
    }

    #[test]
    fn files_are_read_and_mistakes_have_a_line() {
        let text =
            "# c\nset a=b\nsetup ?x\n> ?y\n< OK\nudp< ERROR: access denied: not over UDP\nbare> z,1\n< OK\n";
        let transcript = parse("t", text).unwrap();
        assert_eq!(transcript.settings, [("a".to_owned(), "b".to_owned())]);
        assert_eq!(
            transcript.steps.iter().map(|s| (s.kind, s.bare)).collect::<Vec<_>>(),
            [(StepKind::Setup, false), (StepKind::Request, false), (StepKind::Request, true),]
        );
        assert_eq!(parse("t", "> a\n").unwrap_err().to_string(), "t:1: a request without an answer");
        assert_eq!(parse("t", "? a\n").unwrap_err().line_no, 1);
    }
}
