//! Bodies of the fuzz targets. They live here so that a change of the crate that breaks them does not compile.
//!
//! Each takes any bytes and returns; a panic is a bug.

use strowger_model::Mono;

use crate::digest::{best_challenge, credentials};
use crate::message::{Builder, Framing, Message, ParseError, StreamFrame, stream_frame};
use crate::transaction::{ClientTransaction, ServerTransaction, TransactionKey};
use crate::validate::{Abilities, validate, validate_response};
use crate::{Dialog, HeaderId, Method, NameAddr, Uri, Via};

/// The source that answers are written for.
const SOURCE: &str = "[2001:db8::1]:5060";

/// Abilities that reach every check.
const ABILITIES: Abilities<'static> = Abilities {
    methods: &[Method::Invite, Method::Register, Method::Options, Method::Bye],
    allow: "INVITE, REGISTER, OPTIONS, BYE",
    extensions: &["timer"],
    bodies: &["application/sdp"],
    proxying: true,
};

/// A message from a datagram and from a stream: every accessor, the answer to it, its transaction and dialog.
pub fn message(data: &[u8]) {
    for framing in [Framing::Datagram, Framing::Stream] {
        match Message::parse(data, framing) {
            Ok(message) => exercise(&message),
            Err(ParseError::Answerable { status, reason, message, .. }) => {
                answer(&message, status, reason);
                read(&message);
            }
            Err(ParseError::Drop { .. }) => {}
        }
    }
}

/// A byte stream: framing always makes progress and never passes the end.
pub fn stream(data: &[u8]) {
    let mut rest = data;
    while let StreamFrame::Frame(length) | StreamFrame::KeepAlive(length) = stream_frame(rest) {
        assert!(length > 0 && length <= rest.len(), "a frame lies within the bytes");
        let _ = Message::parse(&rest[..length], Framing::Stream);
        rest = &rest[length..];
    }
}

/// Values by themselves.
pub fn values(data: &[u8]) {
    if let Ok(uri) = Uri::parse(data) {
        assert!(uri.same_as(&uri), "a URI equals itself");
        let _ = (uri.user_decoded(), uri.ip(), uri.port_or_default());
    }
    if let Ok(address) = NameAddr::parse(data, HeaderId::Contact) {
        let _ = (address.display_decoded(), address.party(), address.q(), address.expires());
    }
    if let Ok(via) = Via::parse(data) {
        let _ = (via.received(), via.rport(), via.maddr());
    }
}

fn exercise(message: &Message) {
    read(message);
    if message.is_request() {
        if let Err(refusal) = validate(message, &ABILITIES) {
            let mut out = Vec::new();
            refusal.write(&mut out, message, "t", SOURCE.parse().ok());
        }
        answer(message, 200, "");
        serve(message);
        if let Ok(mut dialog) = Dialog::uas(message, "t") {
            let mut out = Vec::new();
            dialog.request(&mut out, Method::Bye, "SIP/2.0/UDP h;branch=z9hG4bK1").finish();
            assert!(
                Message::parse(&out, Framing::Datagram).is_ok(),
                "our request parses: {}",
                crate::decode_text(&out)
            );
        }
    } else {
        let _ = (
            validate_response(message),
            best_challenge(message).map(|asked| asked.answer("X", "y", "u", "p", "c", 1)),
        );
    }
}

/// Every accessor.
fn read(message: &Message) {
    let _ =
        (message.uri(), message.via(), message.from(), message.to(), message.contacts(), message.contact());
    let _ = (message.expires(), message.min_expires(), message.retry_after(), message.max_forwards());
    let _ = (message.rseq(), message.rack(), message.session_expires(), message.content_type());
    let _ = (message.reason(), message.body(), message.named("X-Any"), message.reasons().count());
    let _ = (message.vias().count(), message.name_addrs(HeaderId::Route).count());
    for field in message.headers() {
        values(field.value);
        assert!(!field.value.contains(&b'\n'), "values have no line break");
    }
    for given in credentials(message, HeaderId::Authorization).flatten() {
        let _ = given.uri_matches(message);
    }
}

/// The answer to a request that parsed must parse itself, and mirror its keys.
fn answer(request: &Message, status: u16, reason: &str) {
    let mut out = Vec::new();
    Builder::response_to(&mut out, request, status, reason, "t", SOURCE.parse().ok()).finish();
    if status == 200
        && out.len() < crate::MAX_HEAD
        && let Ok(response) = Message::parse(&out, Framing::Datagram)
    {
        assert_eq!(response.call_id(), request.call_id(), "the Call-ID is mirrored");
        assert_eq!(response.cseq(), request.cseq(), "the CSeq is mirrored");
    }
}

fn serve(request: &Message) {
    let _ = TransactionKey::of_request(request);
    let mut server = ServerTransaction::new(Mono(0), request, false);
    server.respond(Mono(0), 486, b"SIP/2.0 486 Busy Here\r\n\r\n".as_slice());
    let _ = server.handle_request(Mono(1), request);
    server.handle_timeout(Mono::from_ms(40_000));
    let client = ClientTransaction::new(Mono(0), request, false);
    let mut out = Vec::new();
    client.cancel(&mut out);
}

/// A deterministic mutation of the bytes: flips, deletions, repetitions, and splices of troublesome text.
#[must_use]
pub fn mutate(seed: u64, data: &[u8]) -> Vec<u8> {
    const SPLICES: [&[u8]; 16] = [
        b"\r\n",
        b"\r\n\r\n",
        b"\n ",
        b"\"",
        b"<",
        b">",
        b";",
        b",",
        b":",
        b"\\",
        b"%",
        b"\0",
        b"\xff",
        b"[",
        b"4294967296",
        b"SIP/2.0",
    ];
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = move |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap_or(0) % bound.max(1)
    };
    let mut mutated = data.to_vec();
    for _ in 0..=next(6) {
        let at = next(mutated.len());
        let end = (at + 1 + next(12)).min(mutated.len());
        match next(5) {
            0 if !mutated.is_empty() => mutated[at] ^= 1 << next(8),
            1 if !mutated.is_empty() => drop(mutated.drain(at..end)),
            2 => {
                let piece = mutated[at.min(mutated.len())..end].to_vec();
                mutated.splice(at..at, piece);
            }
            3 => mutated.truncate(at.max(1)),
            _ => drop(mutated.splice(at..at, SPLICES[next(SPLICES.len())].iter().copied())),
        }
    }
    mutated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mutations_of_a_plain_call_never_panic() {
        let call = b"INVITE sip:bob@[::1]:5060;lr?a=b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1;rport;received=[::1]\r\n\
            Record-Route: <sip:p;lr>, \"P\" <sip:q>\r\nFrom: \"A \\\" B\" <sip:a@b>;tag=1\r\nTo: tel:+1;tag=2\r\nCall-ID: x\r\n\
            CSeq: 1 INVITE\r\nContact: <sip:a@b>;q=0.5;+sip.instance=\"<urn:x>\"\r\nRequire: timer\r\n fold\r\n\
            Authorization: Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"sip:x\", response=\"0\", qop=auth, nc=00000001, cnonce=\"c\"\r\n\
            Session-Expires: 90;refresher=uac\r\nReason: SIP;cause=200;text=\"x\"\r\nContent-Length: 3\r\n\r\nv=0";
        assert!(Message::parse(call, Framing::Datagram).is_ok());
        for seed in 0..5_000 {
            let mutated = mutate(seed, call);
            message(&mutated);
            stream(&mutated);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        assert_eq!(mutate(7, b"INVITE sip:a"), mutate(7, b"INVITE sip:a"));
    }
}
