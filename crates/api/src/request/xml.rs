//! Reads the simple XML of requests: one level of elements with text, wrapped or not in a SOAP envelope.
//! No document type, no entities but the five predefined ones and character references.

use quick_xml::Reader;
use quick_xml::events::Event;

/// Deeper nesting is refused.
const MAX_DEPTH: usize = 16;

/// What a document holds.
#[derive(Debug, Default)]
pub struct Document {
    /// The element that holds the fields, in lower case, without prefix: perhaps the command.
    pub root: String,
    /// Leaf elements: name in lower case and text.
    pub fields: Vec<(String, String)>,
    /// SOAP, and whether it is 1.2.
    pub soap: Option<bool>,
}

struct Open {
    name: String,
    text: String,
    leaf: bool,
}

/// Reads a document.
///
/// # Errors
/// Why it is not one, in one phrase.
pub fn read(text: &str) -> Result<Document, String> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut document = Document::default();
    let mut stack: Vec<Open> = Vec::new();
    loop {
        match reader.read_event().map_err(|wrong| wrong.to_string())? {
            Event::Start(tag) => {
                let raw: &str = tag.as_ref();
                open(
                    &mut document,
                    &mut stack,
                    tag.local_name().as_ref(),
                    raw.contains("2003/05/soap-envelope"),
                )?;
            }
            Event::End(_) => close(&mut document, &mut stack),
            Event::Text(text) => append(&mut stack, &text.xml10_content()),
            Event::CData(text) => append(&mut stack, &text.xml10_content()),
            Event::GeneralRef(reference) => {
                let resolved = reference.resolve_char_ref().map_err(|wrong| wrong.to_string())?;
                let c = match resolved {
                    Some(c) => c,
                    None => predefined(&reference).ok_or("unknown entity")?,
                };
                append(&mut stack, c.encode_utf8(&mut [0; 4]));
            }
            Event::DocType(_) => return Err("a document type is not accepted".into()),
            Event::Eof if stack.is_empty() => return Ok(document),
            Event::Eof => return Err("it ends too early".into()),
            // Empty elements are expanded into a start and an end by the setting above.
            Event::Empty(_) | Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
}

fn open(document: &mut Document, stack: &mut Vec<Open>, name: &str, soap_1_2: bool) -> Result<(), String> {
    if stack.len() >= MAX_DEPTH {
        return Err("it is nested too deep".into());
    }
    let name = name.to_ascii_lowercase();
    if stack.is_empty() && name == "envelope" {
        document.soap = Some(soap_1_2);
    }
    if let Some(parent) = stack.last_mut() {
        parent.leaf = false;
    }
    let wrapper = matches!(name.as_str(), "envelope" | "body" | "header");
    if document.root.is_empty() && !(document.soap.is_some() && wrapper) {
        document.root.clone_from(&name);
    }
    stack.push(Open { name, text: String::new(), leaf: true });
    Ok(())
}

fn close(document: &mut Document, stack: &mut Vec<Open>) {
    if let Some(open) = stack.pop() {
        let is_root = document.root == open.name && document.fields.is_empty() && open.text.trim().is_empty();
        if open.leaf && !is_root {
            document.fields.push((open.name, open.text.trim().to_owned()));
        }
    }
}

fn append(stack: &mut [Open], text: &str) {
    if let Some(open) = stack.last_mut() {
        open.text.push_str(text);
    }
}

fn predefined(name: &str) -> Option<char> {
    let known = [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\'')];
    known.iter().find(|(known, _)| *known == name).map(|(_, c)| *c)
}
