//! From bytes to ranges: the start line and the field table; body and routing keys are `keys`'s.
//!
//! Parsing checks what every later step relies on (start line, Via, From, To, Call-ID, CSeq,
//! Content-Length, that single headers are single). The rest is `validate`'s.

use std::sync::Arc;

use memchr::{memchr, memchr_iter};

use super::keys::{Fault, Found, read_keys};
use super::table::{Entry, MAX_FIELDS, Span, Table};
use super::{Framing, MAX_HEAD, MAX_MESSAGE, Message, ParseError, Start};
use crate::header::{HeaderId, Via, WINDOW, name_in_window};
use crate::lex::{is_space, is_token, number, trim};
use crate::method::Method;

/// The head as it was read line by line.
struct Head {
    start: Start,
    table: Table,
    found: Found,
    body_start: Option<usize>,
    folded: bool,
    fault: Option<Fault>,
}

pub(super) fn parse(bytes: &[u8], framing: Framing) -> Result<Message, ParseError> {
    let bytes = skip_line_breaks(bytes);
    if bytes.len() > MAX_MESSAGE {
        return Err(ParseError::Drop { reason: "message too large" });
    }
    let head = read_head(bytes).map_err(|reason| ParseError::Drop { reason })?;
    let mut buffer: Arc<[u8]> = Arc::from(bytes);
    if head.folded {
        unfold(&mut buffer, &head.table);
    }
    let (body, keys, fault) = read_keys(&buffer, framing, &head.table, &head.found, head.body_start);
    let message = Message { bytes: buffer, start: head.start, table: head.table, body, keys };
    match head.fault.or(fault) {
        None => Ok(message),
        Some(fault) => Err(refuse(message, fault)),
    }
}

/// RFC 3261 7.5: line breaks before the start line are ignored.
fn skip_line_breaks(mut bytes: &[u8]) -> &[u8] {
    while let [b'\r' | b'\n', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// A request with a usable Via can be answered, unless it is an ACK (RFC 3261 17.1.1.3).
fn refuse(message: Message, fault: Fault) -> ParseError {
    let top = message.elements(HeaderId::Via).next();
    let usable = top.is_some_and(|via| Via::parse_loosely(via).is_ok());
    if message.is_request() && usable && message.method() != Method::Ack {
        let Fault { status, reason, header } = fault;
        ParseError::Answerable { status, reason, header, message: Box::new(message) }
    } else {
        ParseError::Drop { reason: fault.reason }
    }
}

fn read_head(bytes: &[u8]) -> Result<Head, &'static str> {
    let mut line_ends = memchr_iter(b'\n', bytes).chain(std::iter::once(bytes.len()));
    let first_end = line_ends.next().unwrap_or(bytes.len());
    let (start, fault) = read_start_line(bytes, without_cr(&bytes[..first_end]))?;
    let mut head =
        Head { start, table: Table::new(), found: Found::default(), body_start: None, folded: false, fault };
    let mut line_start = first_end + 1;
    for end in line_ends {
        if line_start > end {
            break;
        }
        let line = without_cr(&bytes[line_start..end]);
        if line.is_empty() && end < bytes.len() {
            head.body_start = Some(end + 1);
            break;
        }
        if !line.is_empty() {
            read_field_line(bytes, line, &mut head);
        }
        line_start = end + 1;
    }
    if head.body_start.is_none() {
        head.fault.get_or_insert(Fault::bad("Head Without End"));
    } else if head.body_start.is_some_and(|at| at > MAX_HEAD) {
        head.fault.get_or_insert(Fault { status: 513, reason: "Head Too Large", header: None });
    }
    Ok(head)
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Request line or status line; an error means that these bytes are no SIP.
fn read_start_line(bytes: &[u8], line: &[u8]) -> Result<(Start, Option<Fault>), &'static str> {
    if line.starts_with(b"SIP/") {
        return read_status_line(bytes, line).map(|start| (start, None));
    }
    let line = trim(line);
    let method_end = line.iter().position(|b| !is_token(*b)).ok_or("no start line")?;
    let version_start = line.iter().rposition(|b| is_space(*b)).ok_or("no start line")?;
    let (method, version) = (&line[..method_end], &line[version_start + 1..]);
    if method.is_empty() || !is_space(line[method_end]) || version_start < method_end {
        return Err("no start line");
    }
    if !version.get(..4).is_some_and(|name| name.eq_ignore_ascii_case(b"SIP/")) {
        return Err("not SIP");
    }
    let uri = trim(&line[method_end..version_start.max(method_end)]);
    let fault = if !version[4..].eq(b"2.0") {
        Some(Fault { status: 505, reason: "Version Not Supported", header: None })
    } else if uri.is_empty() || uri.iter().any(|b| is_space(*b)) {
        Some(Fault::bad("Malformed Request-URI"))
    } else {
        None
    };
    let start = Start::Request {
        method: Method::from_bytes(method),
        text: Span::of(bytes, method),
        uri: Span::of(bytes, uri),
    };
    Ok((start, fault))
}

fn read_status_line(bytes: &[u8], line: &[u8]) -> Result<Start, &'static str> {
    let rest = line.strip_prefix(b"SIP/2.0 ").ok_or("version is not 2.0")?;
    let (digits, reason) = rest.split_at_checked(3).ok_or("malformed status code")?;
    let code = number(digits).filter(|code| (100..700).contains(code)).ok_or("malformed status code")?;
    if !matches!(reason, [] | [b' ', ..]) {
        return Err("malformed status code");
    }
    let status = u16::try_from(code).map_err(|_| "malformed status code")?;
    Ok(Start::Response { status, reason: Span::of(bytes, trim(reason)) })
}

/// One line of the head: a field, or the continuation of the one before it.
fn read_field_line(bytes: &[u8], line: &[u8], head: &mut Head) {
    let line_end = Span::of(bytes, line).end();
    if is_space(line[0]) {
        match head.table.last_mut() {
            Some(entry) => {
                let value = trim_breaks(&bytes[entry.value.start()..line_end]);
                entry.value = Span::of(bytes, value);
                head.folded = true;
            }
            None => {
                head.fault.get_or_insert(Fault::bad("Malformed Header Line"));
            }
        }
        return;
    }
    let line_start = line_end - line.len();
    let Some((colon, name, id)) = read_name(bytes, line_start, line) else {
        head.fault.get_or_insert(Fault::bad("Malformed Header Line"));
        return;
    };
    // A known name needs no look at its letters.
    if id == HeaderId::Other && (name.is_empty() || !name.iter().all(|b| is_token(*b))) {
        head.fault.get_or_insert(Fault::bad("Malformed Header Line"));
        return;
    }
    if head.table.len() == MAX_FIELDS {
        head.fault.get_or_insert(Fault::bad("Too Many Headers"));
        return;
    }
    head.found.see(id, head.table.len());
    let value = trim(&bytes[colon + 1..line_end]);
    head.table.push(Entry { id, name: Span::of(bytes, name), value: Span::of(bytes, value) });
}

/// Position of the colon, the name before it, and its header.
///
/// The usual name is read from a fixed window that may reach beyond its line, so the colon found there must
/// lie within the line.
fn read_name<'a>(bytes: &'a [u8], line_start: usize, line: &'a [u8]) -> Option<(usize, &'a [u8], HeaderId)> {
    let window = bytes.get(line_start..line_start + WINDOW).and_then(|window| window.try_into().ok());
    if let Some((length, id)) = window.and_then(name_in_window)
        && length < line.len()
        && (id != HeaderId::Other || !line[..length].last().is_some_and(|b| is_space(*b)))
    {
        return Some((line_start + length, &line[..length], id));
    }
    let colon = memchr(b':', line)?;
    let name = trim(&line[..colon]);
    Some((line_start + colon, name, HeaderId::from_name(name)))
}

fn trim_breaks(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r' | b'\n', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t' | b'\r' | b'\n'] = value {
        value = rest;
    }
    value
}

/// RFC 3261 7.3.1: a fold is one space. Line breaks inside values become spaces in our own copy.
fn unfold(buffer: &mut Arc<[u8]>, table: &Table) {
    let Some(bytes) = Arc::get_mut(buffer) else { return };
    for entry in table.iter() {
        for byte in &mut bytes[entry.value.start()..entry.value.end()] {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
    }
}
