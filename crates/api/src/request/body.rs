//! Bodies: forms, `key=value` lines, JSON (flat, with nested or positional `params`), XML, SOAP, multipart.

use serde_json::Value;

use super::{Request, query, xml};
use crate::reply::{Failure, Format};

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `key=value` lines.
    Ini,
    /// JSON.
    Json,
    /// XML, SOAP among it.
    Xml,
    /// `multipart/form-data`.
    Multipart,
}

impl Kind {
    /// By the content type, else by how the body begins: clients often send the wrong type.
    pub fn of(content_type: Option<&str>, soap: bool, body: &[u8]) -> Self {
        let content_type = content_type.unwrap_or_default().to_ascii_lowercase();
        let first = body.trim_ascii_start().first();
        if content_type.starts_with("multipart/form-data") {
            Self::Multipart
        } else if content_type.contains("json") || first == Some(&b'{') {
            Self::Json
        } else if content_type.contains("xml") || soap || first == Some(&b'<') {
            Self::Xml
        } else if body.trim_ascii().contains(&b'\n') && !content_type.contains("urlencoded") {
            Self::Ini
        } else {
            Self::Form
        }
    }
}

impl Request {
    /// Reads a body other than multipart.
    pub(super) fn read_body(&mut self, kind: Kind, body: &[u8]) {
        let text = query::text_of(body);
        match kind {
            Kind::Form => self.push(query::parse(text.trim(), true)),
            Kind::Ini => {
                let pairs = text.lines().filter_map(|line| line.split_once('='));
                self.push(
                    pairs
                        .map(|(n, v)| (n.trim().to_ascii_lowercase(), v.trim().to_owned()))
                        .collect::<Vec<_>>(),
                );
            }
            Kind::Json => {
                self.format = Format::Json;
                match serde_json::from_str(&text) {
                    Ok(Value::Object(members)) => self.read_object(members),
                    Ok(_) => self.broken = Some(Failure::invalid("the body must be a JSON object")),
                    Err(wrong) => {
                        self.broken = Some(Failure::invalid(format!("the body must be JSON: {wrong}")));
                    }
                }
            }
            Kind::Xml => {
                self.format = Format::Xml;
                match xml::read(&text) {
                    Ok(document) => self.read_document(document),
                    Err(why) => self.broken = Some(Failure::invalid(format!("the body must be XML: {why}"))),
                }
            }
            Kind::Multipart => {}
        }
    }

    fn read_object(&mut self, members: serde_json::Map<String, Value>) {
        for (name, value) in members {
            let name = name.trim().to_ascii_lowercase();
            match (name.as_str(), value) {
                ("params" | "parameters" | "auth", Value::Object(inner)) => self.read_object(inner),
                ("params" | "parameters", Value::Array(items)) => {
                    self.positional = items.into_iter().take(super::MAX_FIELDS).map(text).collect();
                }
                (_, value) => self.push([(name, text(value))]),
            }
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
    }

    /// Text fields of a form with files; a file's content is a field like any other.
    pub(super) fn read_multipart(&mut self, content_type: &str, body: &[u8]) {
        let boundary = content_type.split(';').find_map(|part| part.trim().strip_prefix("boundary="));
        let Some(boundary) = boundary.map(|b| b.trim_matches('"')).filter(|b| !b.is_empty()) else {
            self.broken = Some(Failure::invalid("the content type must name a boundary"));
            return;
        };
        let text = query::text_of(body);
        let mark = format!("--{boundary}");
        for part in text.split(mark.as_str()).skip(1) {
            let Some((head, value)) = part.split_once("\r\n\r\n") else { continue };
            let name = head
                .split(';')
                .find_map(|p| p.trim().strip_prefix("name=\""))
                .and_then(|p| p.split('"').next());
            if let Some(name) = name {
                let value = value.strip_suffix("\r\n").unwrap_or(value);
                self.push([(name.trim().to_ascii_lowercase(), value.to_owned())]);
            }
        }
    }
}

/// A JSON value as the text of a parameter.
fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        Value::Bool(yes) => u8::from(yes).to_string(),
        other => other.to_string(),
    }
}
