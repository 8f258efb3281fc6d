//! Parsing as phones need it: tolerant where nothing is lost, clear where something is wrong.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use strowger_sip::{
    Abilities, Contacts, Framing, HeaderId, MAX_MESSAGE, Message, Method, ParseError, Refusal, validate,
};

const HEAD: &str =
    "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\n";

fn parse(text: &[u8]) -> Message {
    Message::parse(text, Framing::Datagram).unwrap_or_else(|e| panic!("{e}"))
}

fn options(extra: &str) -> Message {
    parse(format!("OPTIONS sip:h SIP/2.0\r\n{HEAD}CSeq: 1 OPTIONS\r\n{extra}\r\n").as_bytes())
}

#[test]
fn routing_keys_are_sliced() {
    let message = parse(
        b"\r\n\r\nINVITE sip:*21#@h SIP/2.0\nv: SIP/2.0/UDP h;rport;branch=z9hG4bKx;a=\"b\",SIP/2.0/TCP i\nf: \"A;tag=no\" <sip:a@b;tag=no>;tag=ft\n\
          t: sip:c@d;tag=tt\ni: call@x\nCSeq:  0009\n\t INVITE\nm: <sip:m1>\nContact: <sip:m2>, <sip:m3>\nl: 4\n\nbodyrest",
    );
    assert_eq!((message.branch(), message.from_tag(), message.to_tag()), ("z9hG4bKx", "ft", "tt"));
    assert_eq!((message.call_id(), message.cseq(), message.cseq_method()), ("call@x", 9, Method::Invite));
    assert_eq!((message.uri().unwrap().user, message.body()), (Some("*21#"), &b"body"[..]));
    let Contacts::List(contacts) = message.contacts().unwrap() else { panic!("addresses") };
    assert_eq!(contacts.iter().map(|c| c.uri.host).collect::<Vec<_>>(), ["m1", "m2", "m3"]);
}

#[test]
fn bytes_and_unknown_headers_are_kept() {
    let text = [
        format!("MESSAGE sip:h SIP/2.0\r\n{HEAD}CSeq: 1 MESSAGE\r\nX-MPUSH: w:a:b\r\nSubject: ").as_bytes(),
        b"J\xf6rg\r\n folded\r\n\r\n\xff\x00",
    ]
    .concat();
    let message = parse(&text);
    assert_eq!(message.named("x-mpush"), Some(&b"w:a:b"[..]));
    assert_eq!(message.named("s"), Some(&b"J\xf6rg   folded"[..]));
    assert_eq!(message.text(HeaderId::Subject), None);
    let spaced = options("X-A\t: 1\r\nUser-Agent : u\r\nP-Asserted-Identity  : <sip:p>\r\nE:\r\n");
    assert_eq!((spaced.named("x-a"), spaced.text(HeaderId::UserAgent)), (Some(&b"1"[..]), Some("u")));
    assert_eq!(spaced.name_addrs(HeaderId::PAssertedIdentity).count(), 1);
    assert_eq!(spaced.value(HeaderId::ContentEncoding), Some(&b""[..]));
    assert_eq!(message.body(), b"\xff\x00");
}

#[test]
fn typed_values_are_read_on_demand() {
    let message = options(
        "Expires: 60\r\nMin-Expires: x\r\nRetry-After: 18 (soon);duration=3\r\nRAck: 1 2 INVITE\r\nRSeq: 5\r\n\
         Session-Expires: 90;refresher=uas\r\nk: timer, Replaces\r\nReason: Q.850;cause=16, SIP;cause=200\r\n\
         Contact: *\r\nc: application/SDP\r\nMax-Forwards: 256\r\n",
    );
    assert_eq!((message.expires(), message.min_expires().is_err()), (Ok(Some(60)), true));
    assert_eq!((message.retry_after(), message.rseq()), (Ok(Some(18)), Ok(Some(5))));
    assert_eq!(message.rack().unwrap().map(|r| (r.rseq, r.cseq)), Some((1, 2)));
    assert_eq!(message.session_expires().unwrap().map(|s| s.seconds), Some(90));
    assert!(
        message.has_token(HeaderId::Supported, "replaces") && !message.has_token(HeaderId::Supported, "path")
    );
    assert_eq!(message.reasons().filter_map(|r| r.cause).collect::<Vec<_>>(), [16, 200]);
    assert_eq!(message.contacts(), Ok(Contacts::Star));
    assert!(message.content_type().unwrap().is("application", "sdp"));
    assert!(message.max_forwards().is_err());
    assert!(options("Contact: *, <sip:a>\r\n").contacts().is_err());
    assert_eq!(options("").contacts(), Ok(Contacts::List(Vec::new())));
}

/// The fault of a request: `status header`, or `drop`.
fn fault(text: &[u8], framing: Framing) -> String {
    match Message::parse(text, framing).unwrap_err() {
        ParseError::Answerable { status, header, .. } => {
            format!("{status} {}", header.map_or("-", HeaderId::name))
        }
        ParseError::Drop { .. } => "drop".to_owned(),
    }
}

#[test]
fn faults_name_the_header_and_tell_whether_to_answer() {
    let via = "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n";
    for (text, expected) in [
        (String::new(), "drop"),
        ("\r\n\r\n".to_owned(), "drop"),
        ("\0\0\0\0".to_owned(), "drop"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "drop"),
        (format!("OPTIONS sip:h SIP/2.0\r\n{HEAD}\r\n"), "400 CSeq"),
        (format!("ACK sip:h SIP/2.0\r\n{HEAD}\r\n"), "drop"),
        (format!("OPTIONS sip:h SIP/2.0\r\n{via}CSeq: 1 OPTIONS\r\n\r\n"), "400 From"),
        (format!("OPTIONS sip:h SIP/2.0\r\n{HEAD}CSeq: 2147483648 OPTIONS\r\n\r\n"), "400 CSeq"),
        (format!("OPTIONS sip:h SIP/2.0\r\n{HEAD}{HEAD}CSeq: 1 OPTIONS\r\n\r\n"), "400 From"),
        (format!("OPTIONS sip:h SIP/2.0\r\n{HEAD}CSeq: 1 OPTIONS\r\nl: 1\r\n\r\n"), "400 Content-Length"),
        (format!("OPTIONS sip:h SIP/2.0\r\n{HEAD}CSeq: 1 OPTIONS\r\nnonsense\r\n\r\n"), "400 -"),
        (format!("OPTIONS sip:h SIP/2.0\r\n{HEAD}CSeq: 1 OPTIONS\r\n"), "400 -"),
        (format!("OPTIONS sip:h SIP/3.0\r\n{HEAD}CSeq: 1 OPTIONS\r\n\r\n"), "505 -"),
        (
            format!("OPTIONS sip:h SIP/2.0\r\n{HEAD}CSeq: 1 OPTIONS\r\n{}\r\n", "A: b\r\n".repeat(300)),
            "400 -",
        ),
        (
            format!("OPTIONS sip:h SIP/2.0\r\n{HEAD}CSeq: 1 OPTIONS\r\nA: {}\r\n\r\n", "b".repeat(17_000)),
            "513 -",
        ),
        ("OPTIONS sip:h SIP/2.0\r\nVia: junk\r\n\r\n".to_owned(), "drop"),
        ("SIP/2.0 99 x\r\n\r\n".to_owned(), "drop"),
        (format!("SIP/2.0 200 OK\r\n{via}\r\n"), "drop"),
        ("a".repeat(MAX_MESSAGE + 1), "drop"),
    ] {
        assert_eq!(fault(text.as_bytes(), Framing::Datagram), expected, "{}", &text[..text.len().min(200)]);
    }
}

#[test]
fn a_stream_frame_without_length_has_no_body() {
    let text = format!("OPTIONS sip:h SIP/2.0\r\n{HEAD}CSeq: 1 OPTIONS\r\n\r\nabc");
    assert_eq!(Message::parse(text.as_bytes(), Framing::Stream).unwrap().body(), b"");
    assert_eq!(parse(text.as_bytes()).body(), b"abc");
}

const ABILITIES: Abilities<'static> = Abilities {
    methods: &[Method::Invite, Method::Options],
    allow: "INVITE, OPTIONS",
    extensions: &["timer"],
    bodies: &["application/sdp"],
    proxying: true,
};

fn refusal(method: &str, uri: &str, extra: &str) -> Option<Refusal> {
    let text = format!("{method} {uri} SIP/2.0\r\n{HEAD}CSeq: 1 {method}\r\n{extra}");
    validate(&parse(text.as_bytes()), &ABILITIES).err()
}

#[test]
fn requests_are_refused_with_what_the_client_needs_to_know() {
    for (method, uri, extra, expected) in [
        ("INVITE", "sip:h", "\r\n", None),
        ("INVITE", "tel:+1", "Require: TIMER\r\nContent-Type: application/sdp\r\n\r\nv=0", None),
        (
            "INVITE",
            "sip:h",
            "Content-Type: text/x\r\nContent-Disposition: x;handling=optional\r\n\r\nx",
            None,
        ),
        ("INVITE", "sip:h", "Accept: */*\r\n\r\n", None),
        ("FOO", "sip:h", "\r\n", Some((501, "INVITE, OPTIONS"))),
        ("BYE", "sip:h", "\r\n", Some((405, "INVITE, OPTIONS"))),
        ("INVITE", "mailto:x", "\r\n", Some((416, ""))),
        ("INVITE", "sip:", "\r\n", Some((400, ""))),
        ("INVITE", "sip:h", "Require: a, timer\r\nRequire: b\r\n\r\n", Some((420, "a, b"))),
        ("INVITE", "sip:h", "Max-Forwards: 0\r\n\r\n", Some((483, ""))),
        ("INVITE", "sip:h", "Contact: <sip:\r\n\r\n", Some((400, ""))),
        ("INVITE", "sip:h", "Accept: text/plain\r\n\r\n", Some((406, ""))),
        ("INVITE", "sip:h", "Content-Type: text/x\r\n\r\nx", Some((415, "application/sdp"))),
        ("INVITE", "sip:h", "Content-Type: application/sdp\r\ne: gzip\r\n\r\nx", Some((415, "identity"))),
    ] {
        let found = refusal(method, uri, extra);
        let facts =
            found.as_ref().map(|r| (r.status, r.headers.first().map_or("", |(_, value)| value.as_str())));
        assert_eq!(facts, expected, "{method} {uri} {extra}");
    }
    let mut out = Vec::new();
    let request = options("Require: x\r\n");
    validate(&request, &ABILITIES).unwrap_err().write(&mut out, &request, "t", None);
    assert_eq!(parse(&out).text(HeaderId::Unsupported), Some("x"));
}
