//! Reads the simple XML of requests: elements with text, attributes, wrapped or not in a SOAP envelope or in
//! RDF. No document type, no entities but the five predefined ones and character references.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// Deeper nesting is refused.
const MAX_DEPTH: usize = 16;

/// What a document holds.
#[derive(Debug, Default)]
pub struct Document {
    /// The element that holds the fields, in lower case, without prefix: perhaps the command.
    pub root: String,
    /// Leaf elements and attributes: name in lower case and text.
    pub fields: Vec<(String, String)>,
    /// `<param>` elements without a name, in order.
    pub positional: Vec<String>,
    /// SOAP, and whether it is 1.2.
    pub soap: Option<bool>,
}

struct Open {
    /// The field that a leaf becomes: its `name` attribute, else its own name.
    field: String,
    text: String,
    leaf: bool,
    /// `<param>` without a name.
    positional: bool,
    /// The element that names the command: no field, however empty it is.
    root: bool,
    /// Its `value` attribute made the field already.
    done: bool,
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
            Event::Start(tag) => open(&mut document, &mut stack, &tag)?,
            Event::End(_) => close(&mut document, &mut stack),
            Event::Text(text) => append(&mut stack, &text.xml10_content()),
            Event::CData(text) => append(&mut stack, &text.xml10_content()),
            Event::GeneralRef(reference) => {
                let c = resolve(&reference)?;
                append(&mut stack, c.encode_utf8(&mut [0; 4]));
            }
            Event::DocType(_) => return Err("a document type is not accepted".into()),
            Event::Eof if !stack.is_empty() => return Err("it ends too early".into()),
            Event::Eof if document.root.is_empty() => return Err("it holds no element".into()),
            Event::Eof => return Ok(document),
            // Empty elements are expanded into a start and an end by the setting above.
            Event::Empty(_) | Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
}

fn open(document: &mut Document, stack: &mut Vec<Open>, tag: &BytesStart<'_>) -> Result<(), String> {
    if stack.len() >= MAX_DEPTH {
        return Err("it is nested too deep".into());
    }
    let name = tag.local_name().as_ref().to_ascii_lowercase();
    if stack.is_empty() && name == "envelope" {
        let raw: &str = tag.as_ref();
        document.soap = Some(raw.contains("2003/05/soap-envelope"));
    }
    let in_header = document.soap.is_some() && stack.get(1).is_some_and(|open| open.field == "header");
    if let Some(parent) = stack.last_mut() {
        parent.leaf = false;
    }
    let wrapper =
        document.soap.is_some() && matches!(name.as_str(), "envelope" | "body" | "header") || name == "rdf";
    let root = document.root.is_empty() && !wrapper && !in_header;
    if root {
        document.root.clone_from(&name);
    }
    let is_param = matches!(name.as_str(), "param" | "parameter") && !root;
    let (mut field, mut value) = (None, None);
    for (attribute, text) in attributes(tag)? {
        match attribute.as_str() {
            "name" if is_param => field = Some(text.trim().to_ascii_lowercase()),
            "value" if is_param => value = Some(text),
            _ if root => document.fields.push((attribute, text)),
            _ => {}
        }
    }
    let mut opened =
        Open { field: name, text: String::new(), leaf: true, positional: false, root, done: false };
    opened.positional = is_param && field.is_none();
    opened.field = field.unwrap_or(opened.field);
    if let Some(value) = value {
        opened.done = true;
        put(document, &opened, value);
    }
    stack.push(opened);
    Ok(())
}

/// The attributes that can be parameters: no namespaces, nothing that belongs to XML, XML Schema, SOAP or RDF.
fn attributes(tag: &BytesStart<'_>) -> Result<Vec<(String, String)>, String> {
    const FOREIGN: [&str; 7] = ["xmlns", "xml", "xsi", "rdf", "soap", "soapenv", "env"];
    let mut found = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|wrong| wrong.to_string())?;
        let key: &str = attribute.key.as_ref();
        let (prefix, local) = key.split_once(':').unwrap_or(("", key));
        if FOREIGN.contains(&prefix) || key == "xmlns" {
            continue;
        }
        found.push((local.to_ascii_lowercase(), unescape(&attribute.value)?));
    }
    Ok(found)
}

/// An attribute's value.
fn unescape(text: &str) -> Result<String, String> {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('&') {
        let (name, after) = after.split_once(';').ok_or("an entity without an end")?;
        out.push_str(before);
        out.push(resolve(&BytesRef::new(name))?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn close(document: &mut Document, stack: &mut Vec<Open>) {
    if let Some(open) = stack.pop()
        && open.leaf
        && !open.done
        && !(open.root && open.text.trim().is_empty())
    {
        let text = open.text.trim().to_owned();
        put(document, &open, text);
    }
}

fn put(document: &mut Document, open: &Open, text: String) {
    if open.positional {
        document.positional.push(text);
    } else {
        document.fields.push((open.field.clone(), text));
    }
}

fn append(stack: &mut [Open], text: &str) {
    if let Some(open) = stack.last_mut() {
        open.text.push_str(text);
    }
}

fn resolve(reference: &BytesRef<'_>) -> Result<char, String> {
    let resolved = reference.resolve_char_ref().map_err(|wrong| wrong.to_string())?;
    resolved.or_else(|| predefined(reference)).ok_or_else(|| "unknown entity".to_owned())
}

fn predefined(name: &str) -> Option<char> {
    let known = [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\'')];
    known.iter().find(|(known, _)| *known == name).map(|(_, c)| *c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, root: &str, fields: &[(&str, &str)], positional: &[&str]) {
        let document = read(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        let found: Vec<_> = document.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!((document.root.as_str(), found.as_slice()), (root, fields), "{text}");
        assert_eq!(document.positional, positional, "{text}");
    }

    #[test]
    fn elements_and_attributes_are_fields() {
        check(
            "<r><A>1</A><b> x &amp; <![CDATA[<y>]]></b><c/></r>",
            "r",
            &[("a", "1"), ("b", "x & <y>"), ("c", "")],
            &[],
        );
        check("<rating bnum=\"&#43;36\" authkey='K'/>", "rating", &[("bnum", "+36"), ("authkey", "K")], &[]);
        check(
            "<r><param name=\"Bnum\">1</param><param name='txt' value='a&lt;b'/></r>",
            "r",
            &[("bnum", "1"), ("txt", "a<b")],
            &[],
        );
        check("<r><params><param>1</param><param/></params></r>", "r", &[], &["1", ""]);
    }

    #[test]
    fn envelopes_and_rdf_wrap_the_request() {
        let soap = "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'><s:Header><t:Security \
                    xmlns:t='urn:x'><t:authkey>K</t:authkey></t:Security></s:Header><s:Body><m:balance \
                    xmlns:m='urn:m'><authid>u</authid></m:balance></s:Body></s:Envelope>";
        check(soap, "balance", &[("authkey", "K"), ("authid", "u")], &[]);
        assert_eq!(read(soap).unwrap().soap, Some(true));
        let rdf = "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns:m='urn:m'>\
                   <rdf:Description rdf:about='urn:request' m:apientry='rating'><m:bnum>36</m:bnum>\
                   </rdf:Description></rdf:RDF>";
        check(rdf, "description", &[("apientry", "rating"), ("bnum", "36")], &[]);
        check(
            "<RDF><m:rating xmlns:m='urn:m'><m:bnum>1</m:bnum></m:rating></RDF>",
            "rating",
            &[("bnum", "1")],
            &[],
        );
    }

    #[test]
    fn what_is_hostile_or_broken_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
        for text in [
            "",
            "text",
            "<a>",
            "<a></b>",
            "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
            "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
            "<a>&b;</a>",
            "<a b='&c;'/>",
            "<a b='&c'/>",
            "<a b='1' b='2'/>",
            "<a>&#0;</a>",
            &deep,
        ] {
            assert!(read(text).is_err(), "{}", &text[..text.len().min(60)]);
        }
    }
}
