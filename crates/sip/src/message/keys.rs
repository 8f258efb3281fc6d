//! What routes a message and frames its body: the headers that must be there once, sliced by parsing.

use super::table::{Span, Table};
use super::{Framing, Keys};
use crate::header::{CSeq, HeaderId, Via, split_name_addr};
use crate::lex::{List, number, unquoted};
use crate::method::Method;

/// Why a message is not taken; the first one found counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    pub(super) status: u16,
    pub(super) reason: &'static str,
    pub(super) header: Option<HeaderId>,
}

impl Fault {
    pub(super) const fn bad(reason: &'static str) -> Self {
        Self { status: 400, reason, header: None }
    }

    pub(super) const fn of(header: HeaderId, reason: &'static str) -> Self {
        Self { status: 400, reason, header: Some(header) }
    }
}

/// Headers that parsing looks at; all but the first may appear once only.
const SEEN: [HeaderId; 7] = [
    HeaderId::Via,
    HeaderId::From,
    HeaderId::To,
    HeaderId::CallId,
    HeaderId::CSeq,
    HeaderId::ContentLength,
    HeaderId::MaxForwards,
];

/// Place in [`Found`] by header; all others share the last one.
static SEEN_PLACES: [u8; HeaderId::Other as usize + 1] = seen_places();

const fn seen_places() -> [u8; HeaderId::Other as usize + 1] {
    let mut places = [SEEN.len() as u8; HeaderId::Other as usize + 1];
    let mut at = 0;
    while at < SEEN.len() {
        places[SEEN[at] as usize] = at as u8;
        at += 1;
    }
    places
}

/// The first field of each header of [`SEEN`], and how many there are.
#[derive(Default)]
pub(super) struct Found {
    first: [u16; SEEN.len() + 1],
    count: [u16; SEEN.len() + 1],
}

impl Found {
    pub(super) fn see(&mut self, id: HeaderId, position: usize) {
        let place = usize::from(SEEN_PLACES[id as usize]);
        if self.count[place] == 0 {
            // Positions are below MAX_FIELDS.
            self.first[place] = position as u16;
        }
        self.count[place] += 1;
    }

    fn value(&self, table: &Table, id: HeaderId) -> Option<Span> {
        let place = usize::from(SEEN_PLACES[id as usize]);
        (self.count[place] > 0)
            .then(|| table.at(usize::from(self.first[place])))
            .flatten()
            .map(|entry| entry.value)
    }

    fn twice(&self) -> Option<HeaderId> {
        (1..SEEN.len()).find(|place| self.count[*place] > 1).map(|place| SEEN[place])
    }
}

/// The headers that must be there once, and the body they announce.
pub(super) fn read_keys(
    bytes: &[u8],
    framing: Framing,
    table: &Table,
    found: &Found,
    body_start: Option<usize>,
) -> (Span, Keys, Option<Fault>) {
    let mut keys = Keys::default();
    let value = |id| found.value(table, id);
    let twice = found.twice().map(|id| Fault::of(id, "Header Appears Twice"));
    let identity = read_identity(bytes, &value, &mut keys).err();
    let (body, body_fault) = read_body(bytes, framing, body_start, value(HeaderId::ContentLength));
    (body, keys, twice.or(identity).or(body_fault))
}

fn read_identity(
    bytes: &[u8],
    value: &dyn Fn(HeaderId) -> Option<Span>,
    keys: &mut Keys,
) -> Result<(), Fault> {
    let need = |id| value(id).ok_or(Fault::of(id, "Missing Header"));
    // Everything readable is read before the first fault is told, so that a refusal can still be addressed.
    let via = read_via(bytes, value(HeaderId::Via), keys);
    let from = need(HeaderId::From).and_then(|span| read_tag(bytes, span, HeaderId::From));
    let to = need(HeaderId::To).and_then(|span| read_tag(bytes, span, HeaderId::To));
    keys.from_tag = from.unwrap_or_default();
    keys.to_tag = to.unwrap_or_default();
    let call_id = need(HeaderId::CallId);
    keys.call_id = call_id.unwrap_or_default();
    let cseq = need(HeaderId::CSeq).and_then(|span| {
        let cseq = CSeq::parse(span.get(bytes)).map_err(|_| Fault::of(HeaderId::CSeq, "Malformed CSeq"))?;
        keys.cseq = cseq.number;
        keys.cseq_method = Some((Method::from_bytes(cseq.method), Span::of(bytes, cseq.method)));
        Ok(())
    });
    via.and(from.map(drop)).and(to.map(drop)).and(cseq).and(call_id.map(drop))?;
    let call_id = keys.call_id.get(bytes);
    if call_id.is_empty() || !is_identity(call_id) {
        return Err(Fault::of(HeaderId::CallId, "Malformed Call-ID"));
    }
    Ok(())
}

/// What identifies a dialog or transaction is compared and repeated byte by byte, so it holds no space, no
/// control character, and is UTF-8.
fn is_identity(text: &[u8]) -> bool {
    text.iter().all(|b| *b > b' ' && *b != 0x7f) && std::str::from_utf8(text).is_ok()
}

fn read_via(bytes: &[u8], via: Option<Span>, keys: &mut Keys) -> Result<(), Fault> {
    let value = via.ok_or(Fault::of(HeaderId::Via, "Missing Header"))?.get(bytes);
    let top = List::new(value).next().unwrap_or(b"");
    let via = Via::parse_loosely(top).map_err(|_| Fault::of(HeaderId::Via, "Malformed Via"))?;
    let Some(branch) = via.params.get_bytes("branch").map(unquoted) else { return Ok(()) };
    if !is_identity(branch) {
        return Err(Fault::of(HeaderId::Via, "Malformed Via"));
    }
    keys.branch = Span::of(bytes, branch);
    Ok(())
}

fn read_tag(bytes: &[u8], value: Span, header: HeaderId) -> Result<Span, Fault> {
    let reason = if header == HeaderId::From { "Malformed From" } else { "Malformed To" };
    let pieces = split_name_addr(value.get(bytes)).map_err(|_| Fault::of(header, reason))?;
    let Some(tag) = pieces.params.get_bytes("tag").filter(|tag| !tag.is_empty()) else {
        return Ok(Span::default());
    };
    if !is_identity(tag) {
        return Err(Fault::of(header, reason));
    }
    Ok(Span::of(bytes, tag))
}

/// RFC 3261 18.3: on a datagram a missing Content-Length means the rest, octets beyond it are ignored,
/// and a body that is shorter than announced is an error. A stream's frame without one has no body.
fn read_body(
    bytes: &[u8],
    framing: Framing,
    start: Option<usize>,
    content_length: Option<Span>,
) -> (Span, Option<Fault>) {
    let Some(start) = start else { return (Span::default(), None) };
    let available = bytes.len() - start;
    let Some(announced) = content_length else {
        let end = if framing == Framing::Datagram { bytes.len() } else { start };
        return (Span::new(start, end), None);
    };
    let announced = number(announced.get(bytes)).and_then(|n| usize::try_from(n).ok());
    match announced {
        Some(length) if length <= available => (Span::new(start, start + length), None),
        Some(_) => {
            (Span::default(), Some(Fault::of(HeaderId::ContentLength, "Body Shorter Than Content-Length")))
        }
        None => (Span::default(), Some(Fault::of(HeaderId::ContentLength, "Malformed Content-Length"))),
    }
}
