//! Our registrations at upper servers, against a server that is played here in virtual time.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;

use strowger_location::{Carrier, Key, Outbound, OutboundOutput, OutboundSettings, OutboundState};
use strowger_model::{AccountId, Mono, Now, Secret, Wall};
use strowger_sip::digest::{Algorithm, Challenge, Ha1, credentials};
use strowger_sip::{Builder, Framing, HeaderId, Message};

const TRUNK: AccountId = AccountId(12);
const SERVER: &str = "192.0.2.50:5060";

fn at(ms: u64) -> Now {
    Now { mono: Mono::from_ms(ms), wall: Wall(i64::try_from(ms).unwrap()) }
}

fn address() -> SocketAddr {
    SERVER.parse().unwrap()
}

fn settings() -> OutboundSettings {
    OutboundSettings {
        server: TRUNK,
        domain: "upper.example.org".into(),
        username: "us".into(),
        password: Secret::new("pw"),
        address: Some(address()),
        carrier: Carrier::Udp,
        local: "198.51.100.1:5060".into(),
        expires_s: 600,
        user_agent: "test".into(),
    }
}

fn machine() -> Outbound {
    Outbound::new(Key::new([3; 16]))
}

/// The one message that is to be sent now.
fn sent(outbound: &mut Outbound) -> Message {
    let OutboundOutput::Transmit { server, address: to, carrier, bytes } = outbound.poll_output().unwrap();
    assert_eq!((server, to, carrier), (TRUNK, address(), Carrier::Udp));
    assert!(outbound.poll_output().is_none(), "one message");
    Message::parse(&bytes, Framing::Datagram).unwrap()
}

fn answer(request: &Message, status: u16, write: impl FnOnce(&mut Builder<'_>)) -> Message {
    let mut out = Vec::new();
    let mut builder = Builder::response_to(&mut out, request, status, "", "srv", None);
    write(&mut builder);
    builder.finish();
    Message::parse(&out, Framing::Datagram).unwrap()
}

fn challenge(request: &Message, status: u16) -> Message {
    let header = if status == 401 { HeaderId::WwwAuthenticate } else { HeaderId::ProxyAuthenticate };
    answer(request, status, |out| {
        let asked =
            Challenge { realm: "upper", nonce: "n1", opaque: "", stale: false, algorithm: Algorithm::Md5 };
        out.header(header, asked);
    })
}

fn granted(request: &Message, expires_s: u32) -> Message {
    answer(request, 200, |out| {
        let contact = request.text(HeaderId::Contact).unwrap();
        out.header(HeaderId::Contact, format_args!("{contact};expires={expires_s}"));
    })
}

fn state(outbound: &Outbound) -> Option<(OutboundState, u16)> {
    outbound.states().next().map(|status| (status.state, status.last_status))
}

/// Registers by way of a challenge with this status.
fn registered(status: u16) -> Outbound {
    let mut outbound = machine();
    outbound.set(at(0), vec![settings()]);
    let first = sent(&mut outbound);
    assert_eq!((first.uri_text(), first.method_text()), ("sip:upper.example.org", "REGISTER"));
    assert_eq!(first.expires(), Ok(Some(600)));
    assert!(outbound.handle_response(at(10), &challenge(&first, status), address()));
    let second = sent(&mut outbound);
    let header = if status == 401 { HeaderId::Authorization } else { HeaderId::ProxyAuthorization };
    let given = credentials(&second, header).next().unwrap().unwrap();
    let ha1 = Ha1::of(Algorithm::Md5, "us", "upper", "pw");
    assert!(given.verify(&ha1, "REGISTER").is_ok());
    assert!(second.cseq() > first.cseq() && second.call_id() == first.call_id());
    outbound.handle_response(at(20), &granted(&second, 300), address());
    assert_eq!(state(&outbound), Some((OutboundState::Registered, 200)));
    outbound
}

#[test]
fn either_challenge_is_answered_and_the_granted_lifetime_rules_the_refresh() {
    for status in [401, 407] {
        let mut outbound = registered(status);
        assert_eq!(outbound.deadline(), Some(at(20 + 240_000).mono), "80 % of 300 s");
        outbound.handle_timeout(at(240_000));
        assert!(outbound.poll_output().is_none(), "harmless when early");
        outbound.handle_timeout(at(240_020));
        assert_eq!(sent(&mut outbound).method_text(), "REGISTER");
    }
}

#[test]
fn a_wrong_password_is_not_tried_twice_in_a_row_and_waits_grow() {
    let mut outbound = machine();
    outbound.set(at(0), vec![settings()]);
    let mut now_ms = 0;
    for wait_ms in [10_000, 20_000, 40_000] {
        let first = sent(&mut outbound);
        outbound.handle_response(at(now_ms), &challenge(&first, 401), address());
        let second = sent(&mut outbound);
        outbound.handle_response(at(now_ms), &challenge(&second, 401), address());
        assert!(outbound.poll_output().is_none());
        assert_eq!(state(&outbound), Some((OutboundState::Failed, 401)));
        assert_eq!(outbound.deadline(), Some(at(now_ms + wait_ms).mono));
        now_ms += wait_ms;
        outbound.handle_timeout(at(now_ms));
    }
}

#[test]
fn credentials_go_to_the_servers_own_address_only() {
    let mut outbound = machine();
    outbound.set(at(0), vec![settings()]);
    let first = sent(&mut outbound);
    let elsewhere = "203.0.113.9:5060".parse().unwrap();
    outbound.handle_response(at(1), &challenge(&first, 401), elsewhere);
    assert!(outbound.poll_output().is_none());
    assert_eq!(state(&outbound), Some((OutboundState::Failed, 401)));
}

#[test]
fn silence_is_retransmitted_then_given_up() {
    let mut outbound = machine();
    outbound.set(at(0), vec![settings()]);
    let first = sent(&mut outbound);
    let mut sends = 1;
    while let Some(deadline) = outbound.deadline() {
        outbound.handle_timeout(Now { mono: deadline, wall: Wall(0) });
        match outbound.poll_output() {
            Some(OutboundOutput::Transmit { bytes, .. }) => {
                assert_eq!(&bytes, first.bytes());
                sends += 1;
            }
            None => break,
        }
    }
    assert_eq!(sends, 11, "RFC 3261 timer E: at 0.5, 1.5, 3.5 s and then every 4 s until 32 s");
    assert_eq!(state(&outbound), Some((OutboundState::Failed, 408)));
}

#[test]
fn a_longer_lifetime_is_taken_where_the_server_insists() {
    let mut outbound = machine();
    outbound.set(at(0), vec![settings()]);
    let first = sent(&mut outbound);
    let brief = answer(&first, 423, |out| {
        out.header(HeaderId::MinExpires, 1800);
    });
    outbound.handle_response(at(1), &brief, address());
    assert_eq!(sent(&mut outbound).expires(), Ok(Some(1800)));
}

#[test]
fn what_is_no_longer_wanted_unregisters() {
    let mut outbound = registered(401);
    outbound.set(at(1000), vec![settings()]);
    assert!(outbound.poll_output().is_none(), "nothing changed");
    outbound.leave_all(at(2000));
    let last = sent(&mut outbound);
    assert_eq!(last.expires(), Ok(Some(0)));
    outbound.handle_response(at(2001), &challenge(&last, 401), address());
    let last = sent(&mut outbound);
    assert_eq!(last.expires(), Ok(Some(0)));
    outbound.handle_response(at(2002), &answer(&last, 200, |_| {}), address());
    assert_eq!(outbound.states().count(), 0);
    assert_eq!(outbound.deadline(), None);
}

#[test]
fn a_changed_server_registers_anew_and_foreign_responses_are_not_ours() {
    let mut outbound = registered(401);
    let other = answer(&challenge_of_nobody(), 200, |_| {});
    assert!(!outbound.handle_response(at(500), &other, address()));
    outbound.set(at(1000), vec![OutboundSettings { username: "them".into(), ..settings() }]);
    assert!(sent(&mut outbound).text(HeaderId::From).unwrap().contains("sip:them@"));
    let mut unresolved = machine();
    unresolved.set(at(0), vec![OutboundSettings { address: None, ..settings() }]);
    assert!(unresolved.poll_output().is_none());
    assert_eq!(state(&unresolved).unwrap().0, OutboundState::Failed);
}

fn challenge_of_nobody() -> Message {
    let text = "REGISTER sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKother\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: q\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n";
    Message::parse(text.as_bytes(), Framing::Datagram).unwrap()
}
