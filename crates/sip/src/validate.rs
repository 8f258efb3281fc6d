//! Is a request one that we can take (RFC 3261 8.2)? Everything that parsing left open, in one function.
//!
//! Not here: authentication, merged requests (482), the existence of a user or dialog. ACK is never answered:
//! whoever validates one drops it where it is refused.

use std::net::SocketAddr;

use crate::header::{Contacts, HeaderError, HeaderId, MediaType, NameAddr, Scheme};
use crate::lex::decode_text;
use crate::message::{Builder, Message};
use crate::method::Method;

/// What an element can do, so that the answer says so.
#[derive(Debug, Clone, Copy)]
pub struct Abilities<'a> {
    /// The methods it takes.
    pub methods: &'a [Method],
    /// The value of Allow.
    pub allow: &'a str,
    /// The option tags it understands.
    pub extensions: &'a [&'a str],
    /// The body types it takes in INVITE, UPDATE and PRACK, as `application/sdp`; empty: any.
    pub bodies: &'a [&'a str],
    /// It forwards requests: Max-Forwards 0 is refused.
    pub proxying: bool,
}

/// Why a request is refused, and the answer to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status code.
    pub status: u16,
    /// The reason phrase.
    pub reason: &'static str,
    /// Further header fields of the answer.
    pub headers: Vec<(HeaderId, String)>,
}

impl Refusal {
    const fn new(status: u16, reason: &'static str) -> Self {
        Self { status, reason, headers: Vec::new() }
    }

    fn with(status: u16, reason: &'static str, header: HeaderId, value: impl Into<String>) -> Self {
        Self { status, reason, headers: vec![(header, value.into())] }
    }

    /// Writes the answer.
    pub fn write(&self, out: &mut Vec<u8>, request: &Message, to_tag: &str, source: Option<SocketAddr>) {
        let mut builder = Builder::response_to(out, request, self.status, self.reason, to_tag, source);
        for (header, value) in &self.headers {
            builder.header(*header, value);
        }
        builder.finish();
    }
}

/// Checks a request.
///
/// # Errors
/// The refusal to send: 400, 405 or 501 with Allow, 406, 415 with Accept or Accept-Encoding, 416,
/// 420 with Unsupported, 483.
pub fn validate(request: &Message, abilities: &Abilities<'_>) -> Result<(), Refusal> {
    check_identity(request)?;
    check_method(request, abilities)?;
    check_uri(request)?;
    check_addresses(request)?;
    check_numbers(request, abilities)?;
    check_extensions(request, abilities)?;
    check_bodies(request, abilities)
}

/// Is a response one that a client takes? RFC 3261 8.1.3.3: with more than one Via it was meant for someone else.
///
/// # Errors
/// Why it is to be dropped.
pub fn validate_response(response: &Message) -> Result<(), &'static str> {
    match response.elements(HeaderId::Via).nth(1) {
        Some(_) => Err("more than one Via"),
        None => Ok(()),
    }
}

const fn bad(reason: &'static str) -> Refusal {
    Refusal::new(400, reason)
}

/// A fault of a header as a 400 whose phrase names the header.
fn bad_header(error: HeaderError) -> Refusal {
    bad(match error.header {
        HeaderId::Via => "Malformed Via",
        HeaderId::From => "Malformed From",
        HeaderId::To => "Malformed To",
        HeaderId::Contact => "Malformed Contact",
        HeaderId::RecordRoute => "Malformed Record-Route",
        HeaderId::Route => "Malformed Route",
        HeaderId::Expires => "Malformed Expires",
        HeaderId::MaxForwards => "Malformed Max-Forwards",
        _ => "Malformed Header",
    })
}

fn check_identity(request: &Message) -> Result<(), Refusal> {
    if !request.is_request() {
        return Err(bad("Not a Request"));
    }
    for via in request.vias() {
        via.map_err(bad_header)?;
    }
    request.from().map_err(bad_header)?;
    request.to().map_err(bad_header)?;
    if request.cseq_method_text() != request.method_text() {
        return Err(bad("CSeq Method Differs"));
    }
    Ok(())
}

fn check_method(request: &Message, abilities: &Abilities<'_>) -> Result<(), Refusal> {
    let method = request.method();
    if abilities.methods.contains(&method) {
        Ok(())
    } else if method == Method::Other {
        Err(Refusal::with(501, "Not Implemented", HeaderId::Allow, abilities.allow))
    } else {
        Err(Refusal::with(405, "Method Not Allowed", HeaderId::Allow, abilities.allow))
    }
}

fn check_uri(request: &Message) -> Result<(), Refusal> {
    let uri = request.uri().map_err(|_| bad("Malformed Request-URI"))?;
    if uri.scheme == Scheme::Other {
        return Err(Refusal::new(416, "Unsupported URI Scheme"));
    }
    Ok(())
}

fn check_addresses(request: &Message) -> Result<(), Refusal> {
    let contacts = request.contacts().map_err(bad_header)?;
    for id in [HeaderId::RecordRoute, HeaderId::Route] {
        for route in request.name_addrs(id) {
            route.map_err(bad_header)?;
        }
    }
    if request.method() != Method::Register {
        return Ok(());
    }
    let unknown = |address: &NameAddr<'_>| address.uri.scheme == Scheme::Other;
    // RFC 4475 3.3.4: what is registered must be an address that we can call.
    if request.to().is_ok_and(|to| unknown(&to)) {
        return Err(bad("Unsupported Scheme in To"));
    }
    let Contacts::List(contacts) = contacts else { return Ok(()) };
    for contact in &contacts {
        if unknown(contact) {
            return Err(bad("Unsupported Scheme in Contact"));
        }
        contact.expires().map_err(bad_header)?;
    }
    Ok(())
}

fn check_numbers(request: &Message, abilities: &Abilities<'_>) -> Result<(), Refusal> {
    request.expires().map_err(bad_header)?;
    let hops = request.max_forwards().map_err(bad_header)?;
    if hops == Some(0) && abilities.proxying {
        return Err(Refusal::new(483, "Too Many Hops"));
    }
    Ok(())
}

/// RFC 3261 8.2.2.3. ACK and CANCEL cannot be refused for it.
fn check_extensions(request: &Message, abilities: &Abilities<'_>) -> Result<(), Refusal> {
    if matches!(request.method(), Method::Ack | Method::Cancel) {
        return Ok(());
    }
    let unknown: Vec<_> = request
        .elements(HeaderId::Require)
        .filter(|tag| !tag.is_empty())
        .map(decode_text)
        .filter(|tag| !abilities.extensions.iter().any(|known| known.eq_ignore_ascii_case(tag)))
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Refusal::with(420, "Bad Extension", HeaderId::Unsupported, unknown.join(", ")))
}

fn check_bodies(request: &Message, abilities: &Abilities<'_>) -> Result<(), Refusal> {
    let session = matches!(request.method(), Method::Invite | Method::Update | Method::Prack);
    if !session || abilities.bodies.is_empty() {
        return Ok(());
    }
    let ours = || abilities.bodies.iter().filter_map(|body| body.split_once('/'));
    let accepts: Vec<_> = request.elements(HeaderId::Accept).filter_map(MediaType::parse).collect();
    if !accepts.is_empty() && !ours().any(|(main, sub)| accepts.iter().any(|range| range.covers(main, sub))) {
        return Err(Refusal::new(406, "Not Acceptable"));
    }
    if request.body().is_empty() || is_optional(request) {
        return Ok(());
    }
    let encoded =
        request.elements(HeaderId::ContentEncoding).any(|coding| !coding.eq_ignore_ascii_case(b"identity"));
    if encoded {
        return Err(Refusal::with(415, "Unsupported Media Type", HeaderId::AcceptEncoding, "identity"));
    }
    // A body without a type is taken for what the method usually carries.
    if request.value(HeaderId::ContentType).is_none() {
        return Ok(());
    }
    let known = request.content_type().is_some_and(|kind| ours().any(|(main, sub)| kind.is(main, sub)));
    if known {
        return Ok(());
    }
    Err(Refusal::with(415, "Unsupported Media Type", HeaderId::Accept, abilities.bodies.join(", ")))
}

/// Content-Disposition says that the body may be ignored (RFC 3261 20.11).
fn is_optional(request: &Message) -> bool {
    let Some(value) = request.value(HeaderId::ContentDisposition) else { return false };
    let start = value.iter().position(|b| *b == b';').unwrap_or(value.len());
    crate::header::Params::new(&value[start..])
        .get("handling")
        .is_some_and(|handling| handling.eq_ignore_ascii_case("optional"))
}
