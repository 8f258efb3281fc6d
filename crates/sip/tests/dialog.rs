//! Dialogs from both sides, routing, order, and snapshots.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use strowger_sip::{Builder, Dialog, DialogError, DialogKey, Framing, HeaderId, Message, Method, OutOfOrder};

const VIA: &str = "SIP/2.0/UDP us:5060;branch=z9hG4bKn";

fn parse(bytes: &[u8]) -> Message {
    Message::parse(bytes, Framing::Datagram)
        .unwrap_or_else(|e| panic!("{e}: {}", strowger_sip::decode_text(bytes)))
}

fn invite(extra: &str) -> Message {
    let text = format!(
        "INVITE sip:bob@b.example SIP/2.0\r\nVia: SIP/2.0/UDP a:5060;branch=z9hG4bK1\r\n{extra}From: \"Al\" <sip:al@a.example>;tag=at\r\n\
         To: sip:bob@b.example\r\nCall-ID: call-1\r\nCSeq: 41 INVITE\r\nContact: <sip:al@10.0.0.1:5070;ob>\r\n\r\n"
    );
    parse(text.as_bytes())
}

fn answer(request: &Message, status: u16, routes: &[&str], contact: &str) -> Message {
    let mut out = Vec::new();
    let mut builder = Builder::response_to(&mut out, request, status, "", "bt", None);
    for route in routes {
        builder.header(HeaderId::RecordRoute, route);
    }
    if !contact.is_empty() {
        builder.header(HeaderId::Contact, contact);
    }
    builder.finish();
    parse(&out)
}

fn lines(message: &[u8]) -> String {
    String::from_utf8(message.to_vec()).unwrap().replace("\r\n", "|")
}

#[test]
fn the_calling_side_routes_by_the_reversed_record_route() {
    let request = invite("");
    let ringing = answer(&request, 180, &[], "");
    let mut dialog = Dialog::uac(&request, &ringing).unwrap();
    assert_eq!((&*dialog.remote_target, dialog.confirmed), ("sip:bob@b.example", false));
    let accepted = answer(&request, 200, &["<sip:p2;lr>, <sip:p1;lr>"], "<sip:bob@10.0.0.2>");
    assert!(dialog.matches(&accepted));
    dialog.confirm_with(&accepted);
    assert_eq!(dialog.next_hop(), "sip:p1;lr");
    let mut out = Vec::new();
    dialog.ack(&mut out, 41, VIA).finish();
    assert_eq!(
        lines(&out),
        "ACK sip:bob@10.0.0.2 SIP/2.0|Via: SIP/2.0/UDP us:5060;branch=z9hG4bKn|Max-Forwards: 70|Route: <sip:p1;lr>|\
         Route: <sip:p2;lr>|From: \"Al\" <sip:al@a.example>;tag=at|To: <sip:bob@b.example>;tag=bt|Call-ID: call-1|\
         CSeq: 41 ACK|Content-Length: 0||"
    );
    dialog.request(&mut out, Method::Bye, VIA).finish();
    assert_eq!(parse(&out).cseq(), 42);
}

#[test]
fn the_called_side_keeps_the_order_of_record_route() {
    let request = invite("Record-Route: <sip:p1;lr>\r\nRecord-Route: <sip:p2;lr>\r\n");
    let mut dialog = Dialog::uas(&request, "bt").unwrap();
    dialog.confirm();
    assert_eq!(dialog.next_hop(), "sip:p1;lr");
    let mut out = Vec::new();
    dialog.request(&mut out, Method::Bye, VIA).finish();
    assert_eq!(
        lines(&out),
        "BYE sip:al@10.0.0.1:5070;ob SIP/2.0|Via: SIP/2.0/UDP us:5060;branch=z9hG4bKn|Max-Forwards: 70|Route: <sip:p1;lr>|\
         Route: <sip:p2;lr>|From: <sip:bob@b.example>;tag=bt|To: \"Al\" <sip:al@a.example>;tag=at|Call-ID: call-1|\
         CSeq: 1 BYE|Content-Length: 0||"
    );
    let key = DialogKey { call_id: "call-1".into(), local_tag: "bt".into(), remote_tag: "at".into() };
    assert_eq!(dialog.key(), key);
}

#[test]
fn a_strict_router_becomes_the_request_uri() {
    let request = invite("Record-Route: <sip:strict.example>,<sip:p2;lr>\r\n");
    let mut dialog = Dialog::uas(&request, "bt").unwrap();
    let mut out = Vec::new();
    dialog.request(&mut out, Method::Bye, VIA).finish();
    let bye = parse(&out);
    assert_eq!(bye.uri_text(), "sip:strict.example");
    assert_eq!(
        bye.values(HeaderId::Route).collect::<Vec<_>>(),
        [&b"<sip:p2;lr>"[..], b"<sip:al@10.0.0.1:5070;ob>"]
    );
    assert_eq!(dialog.next_hop(), "sip:strict.example");
}

/// A request from the peer in the dialog that `invite` made with the tag `bt`.
fn from_peer(method: &str, cseq: u32, contact: &str) -> Message {
    let text = format!(
        "{method} sip:us SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK2\r\nFrom: <sip:al@a.example>;tag=at\r\n\
         To: <sip:bob@b.example>;tag=bt\r\nCall-ID: call-1\r\nCSeq: {cseq} {method}\r\n{contact}\r\n"
    );
    parse(text.as_bytes())
}

#[test]
fn order_is_kept_and_targets_move() {
    let mut dialog = Dialog::uas(&invite(""), "bt").unwrap();
    assert_eq!(DialogKey::of_request(&from_peer("BYE", 42, "")), dialog.key());
    for (method, cseq, expected) in [
        ("INFO", 42, Ok(())),
        ("ACK", 41, Ok(())),
        ("BYE", 40, Err(OutOfOrder { got: 40, seen: 42 })),
        ("INVITE", 50, Ok(())),
    ] {
        let request = from_peer(method, cseq, "");
        assert!(dialog.matches(&request));
        assert_eq!(dialog.receive(&request), expected, "{method} {cseq}");
    }
    for (method, target) in [("INFO", "sip:al@10.0.0.1:5070;ob"), ("UPDATE", "sip:new@x")] {
        dialog.refresh_target(&from_peer(method, 60, "Contact: <sip:new@x>\r\n"));
        assert_eq!(&*dialog.remote_target, target, "{method}");
    }
}

#[test]
fn what_makes_no_dialog_is_refused() {
    let request = invite("");
    let wrong = |status| Dialog::uac(&request, &answer(&request, status, &[], "")).unwrap_err();
    assert_eq!(wrong(100), DialogError::WrongKind);
    assert_eq!(wrong(486), DialogError::WrongKind);
    let loops = format!("Record-Route: {}<sip:p;lr>\r\n", "<sip:p;lr>,".repeat(40));
    assert_eq!(Dialog::uas(&invite(&loops), "bt"), Err(DialogError::Header(HeaderId::RecordRoute)));
}

#[test]
fn a_dialog_survives_a_snapshot() {
    let dialog = Dialog::uas(&invite("Record-Route: <sip:p1;lr>\r\n"), "bt").unwrap();
    let text = serde_json::to_string(&dialog).unwrap();
    assert_eq!(serde_json::from_str::<Dialog>(&text).unwrap(), dialog);
}
