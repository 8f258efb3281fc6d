//! Bodies: what a body is, by its type or by how it begins, and the plain ones among them: forms, `key=value`
//! lines, a line as over TCP. JSON, XML and multipart are read beside this file.

use super::{Request, line, query, xml};
use crate::reply::{Failure, Format};

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// One line as over TCP: `command,key,user,password,…`, or a query behind an entry point.
    Line,
    /// `key=value` lines.
    Ini,
    /// JSON.
    Json,
    /// XML, SOAP and RDF among it.
    Xml,
    /// `multipart/form-data`.
    Multipart,
    /// A table in `text/csv`: the parameter `csv`.
    Csv,
}

impl Kind {
    /// By the content type, else by how the body begins: clients often send the wrong type.
    pub fn of(content_type: Option<&str>, soap: bool, body: &[u8]) -> Self {
        let content_type = content_type.unwrap_or_default().to_ascii_lowercase();
        let body = body.trim_ascii();
        let first = body.first();
        let line_end = body.iter().position(|b| matches!(b, b'\r' | b'\n'));
        if content_type.starts_with("multipart/form-data") {
            Self::Multipart
        } else if content_type.contains("json") || first == Some(&b'{') {
            Self::Json
        } else if content_type.contains("xml") || soap || first == Some(&b'<') {
            Self::Xml
        } else if content_type.starts_with("text/csv") {
            Self::Csv
        } else if line::is_request_line(&body[..line_end.unwrap_or(body.len())]) {
            Self::Line
        } else if line_end.is_some() && (!content_type.contains("urlencoded") || is_ini(body)) {
            Self::Ini
        } else {
            Self::Form
        }
    }
}

impl Request {
    /// Reads a body other than multipart. A body that names a command counts where nothing before it did.
    pub(super) fn read_body(&mut self, kind: Kind, body: &[u8]) {
        let text = query::text_of(body);
        let named = !self.command.is_empty() || self.field("apientry").is_some();
        match kind {
            Kind::Line if !named => self.read_plain(text.trim()),
            Kind::Form | Kind::Line => self.read_query(text.trim(), true),
            Kind::Ini => self.push(ini(&text)),
            Kind::Json => {
                self.format = Format::Json;
                self.read_json(&text);
            }
            Kind::Xml => {
                self.format = Format::Xml;
                match xml::read(&text) {
                    Ok(document) => self.read_document(document),
                    Err(why) => self.broken = Some(Failure::invalid(format!("the body must be XML: {why}"))),
                }
            }
            Kind::Csv => self.push([("csv".to_owned(), text)]),
            Kind::Multipart => {}
        }
    }

    /// A line as over TCP; a command alone on its line may be followed by `key=value` lines.
    fn read_plain(&mut self, text: &str) {
        match text.split_once(['\r', '\n']) {
            Some((command, rest)) if crate::dispatch::find(command.trim()).is_some() => {
                self.command = command.trim().to_ascii_lowercase();
                self.push(ini(rest));
            }
            _ => self.read_line(text),
        }
    }

    fn read_document(&mut self, document: xml::Document) {
        if let Some(version_1_2) = document.soap {
            self.format = Format::Soap { version_1_2 };
        }
        if self.command.is_empty() && crate::dispatch::find(&document.root).is_some() {
            self.command = document.root;
        }
        self.push(document.fields);
        if !document.positional.is_empty() {
            self.positional = document.positional;
        }
    }
}

/// Every line is `key=value`, a comment or a section. Programs name the type of a form for whatever they post; a form
/// is one line, with `&` between its fields.
fn is_ini(body: &[u8]) -> bool {
    let skipped = |line: &[u8]| matches!(line.first(), None | Some(b';' | b'#' | b'['));
    let pair = |line: &[u8]| {
        let name = line.iter().position(|b| *b == b'=').map(|at| line[..at].trim_ascii_end());
        name.is_some_and(|name| !name.is_empty() && !name.contains(&b'&'))
    };
    let lines = || body.split(|b| matches!(b, b'\r' | b'\n')).map(<[u8]>::trim_ascii);
    let first = lines().find(|line| !skipped(line));
    first.is_some_and(|line| !line.contains(&b'&')) && lines().all(|line| skipped(line) || pair(line))
}

/// `key=value` lines. Section headers and comments are skipped.
fn ini(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with([';', '#', '[']));
    let pairs = lines.filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned())).collect()
}
