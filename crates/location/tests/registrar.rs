//! The registrar by RFC 3261 section 10.3, played with parsed messages in virtual time.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;

use strowger_location::{
    BindingRecord, Carrier, Reach, RegisterRefusal, Registrar, RegistrarOutput, RegistrarSettings, decode_log,
};
use strowger_model::id::FlowId;
use strowger_model::{AccountId, Mono, Now, Wall};
use strowger_sip::{Builder, Framing, Message};

const ALICE: AccountId = AccountId(7);

fn at(s: u64) -> Now {
    Now { mono: Mono::from_ms(s * 1000), wall: Wall(1_000_000 + i64::try_from(s).unwrap() * 1000) }
}

fn udp(source: &str) -> Reach {
    Reach { carrier: Carrier::Udp, source: source.parse::<SocketAddr>().unwrap(), listener: 0, flow: None }
}

fn tcp(source: &str, flow: u64) -> Reach {
    Reach { carrier: Carrier::Tcp, flow: Some(FlowId(flow)), ..udp(source) }
}

/// A REGISTER with these lines beside the mandatory ones.
fn register(call_id: &str, cseq: u32, lines: &str) -> Message {
    let text = format!(
        "REGISTER sip:strowger SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK{cseq}\r\nFrom: <sip:a@strowger>;tag=1\r\nTo: <sip:a@strowger>\r\nCall-ID: {call_id}\r\nCSeq: {cseq} REGISTER\r\n{lines}Content-Length: 0\r\n\r\n"
    );
    Message::parse(text.as_bytes(), Framing::Datagram).unwrap()
}

fn phone() -> Reach {
    udp("192.0.2.9:40000")
}

/// The Contact values of the 200 that would be sent.
fn answered(registrar: &Registrar, now: Now) -> Vec<String> {
    let mut out = Vec::new();
    let mut builder = Builder::response(&mut out, 200, "");
    registrar.write_contacts(now, ALICE, &mut builder);
    builder.finish();
    let text = String::from_utf8(out).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("Contact: ")).map(str::to_owned).collect()
}

fn outputs(registrar: &mut Registrar) -> Vec<RegistrarOutput> {
    std::iter::from_fn(|| registrar.poll_output()).collect()
}

fn log(outputs: &[RegistrarOutput]) -> Vec<u8> {
    let frames = outputs.iter().filter_map(|o| if let RegistrarOutput::Log(f) = o { Some(f) } else { None });
    frames.flatten().copied().collect()
}

/// A REGISTER (call id, cseq, lines), and the contacts or the status that it is answered with.
type Step<'a> = (&'a str, u32, &'a str, Result<&'a [&'a str], u16>);

/// Plays REGISTERs one second apart and compares each one's answer.
fn check(steps: &[Step<'_>]) {
    let mut registrar = Registrar::new(RegistrarSettings::default());
    for (second, (call_id, cseq, lines, expected)) in (0..).zip(steps) {
        let result = registrar.register(at(second), ALICE, &register(call_id, *cseq, lines), phone());
        match (result, expected) {
            (Ok(_), Ok(contacts)) => assert_eq!(&answered(&registrar, at(second)), contacts, "step {second}"),
            (Err(refusal), Err(status)) => assert_eq!(refusal.status, *status, "step {second}"),
            (result, expected) => panic!("step {second}: {result:?} instead of {expected:?}"),
        }
    }
}

#[test]
fn contacts_are_added_refreshed_queried_and_removed() {
    check(&[
        (
            "c",
            1,
            "Contact: <sip:a@10.0.0.1:5070>;expires=100\r\n",
            Ok(&["<sip:a@10.0.0.1:5070>;expires=100"]),
        ),
        ("c", 2, "", Ok(&["<sip:a@10.0.0.1:5070>;expires=99"])),
        (
            "d",
            1,
            "Contact: \"B\" <sip:a@10.0.0.2>;q=0.5;methods=\"INVITE, BYE\"\r\nExpires: 200\r\n",
            Ok(&[
                "<sip:a@10.0.0.1:5070>;expires=98",
                "<sip:a@10.0.0.2>;methods=\"INVITE, BYE\";q=0.500;expires=200",
            ]),
        ),
        (
            "c",
            3,
            "Contact: <sip:a@10.0.0.1:5070>;expires=0\r\n",
            Ok(&["<sip:a@10.0.0.2>;methods=\"INVITE, BYE\";q=0.500;expires=199"]),
        ),
        ("d", 2, "Contact: *\r\nExpires: 0\r\n", Ok(&[])),
    ]);
}

#[test]
fn what_is_wrong_is_refused_and_changes_nothing() {
    check(&[
        ("c", 5, "Contact: <sip:a@10.0.0.1>\r\n", Ok(&["<sip:a@10.0.0.1>;expires=300"])),
        ("c", 4, "Contact: <sip:a@10.0.0.1>;expires=0\r\n", Err(500)),
        ("c", 4, "Contact: *\r\nExpires: 0\r\n", Err(500)),
        ("c", 6, "Contact: *\r\nExpires: 60\r\n", Err(400)),
        ("c", 6, "Contact: <sip:a@10.0.0.1>;expires=0, <sip:a@10.0.0.2>;expires=5\r\n", Err(423)),
        ("c", 6, "Contact: <mailto:a@example.org>\r\n", Err(400)),
        ("c", 7, "", Ok(&["<sip:a@10.0.0.1>;expires=294"])),
    ]);
}

#[test]
fn lifetimes_are_bounded_and_the_least_one_is_told() {
    let mut registrar = Registrar::new(RegistrarSettings::default());
    let long = register("c", 1, "Contact: <sip:a@10.0.0.1>;expires=99999\r\n");
    registrar.register(at(0), ALICE, &long, phone()).unwrap();
    assert_eq!(answered(&registrar, at(0)), ["<sip:a@10.0.0.1>;expires=3600"]);
    let brief = register("c", 2, "Contact: <sip:a@10.0.0.1>;expires=59\r\n");
    let refusal = registrar.register(at(0), ALICE, &brief, phone()).unwrap_err();
    assert_eq!(
        refusal,
        RegisterRefusal { status: 423, reason: "Interval Too Brief", min_expires_s: Some(60) }
    );
}

#[test]
fn a_phone_that_moved_replaces_itself_by_its_instance() {
    let with = |host: &str| format!("Contact: <sip:a@{host}>;+sip.instance=\"<urn:uuid:1>\";reg-id=1\r\n");
    check(&[
        (
            "c",
            1,
            &with("10.0.0.1"),
            Ok(&["<sip:a@10.0.0.1>;+sip.instance=\"<urn:uuid:1>\";reg-id=1;expires=300"]),
        ),
        (
            "d",
            1,
            &with("10.0.0.2"),
            Ok(&["<sip:a@10.0.0.2>;+sip.instance=\"<urn:uuid:1>\";reg-id=1;expires=300"]),
        ),
    ]);
}

#[test]
fn the_contact_refreshed_longest_ago_gives_way() {
    let mut registrar = Registrar::new(RegistrarSettings { max_contacts: 2, ..RegistrarSettings::default() });
    for (second, host) in (0..).zip(["10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.3"]) {
        let message =
            register("c", u32::try_from(second).unwrap() + 1, &format!("Contact: <sip:a@{host}>\r\n"));
        registrar.register(at(second), ALICE, &message, phone()).unwrap();
    }
    let mut left: Vec<&str> = registrar.contacts(ALICE).iter().map(strowger_location::Binding::uri).collect();
    left.sort_unstable();
    assert_eq!(left, ["sip:a@10.0.0.1", "sip:a@10.0.0.3"]);
}

#[test]
fn expiry_comes_at_the_announced_deadline() {
    let mut registrar = Registrar::new(RegistrarSettings { ping_ms: None, ..RegistrarSettings::default() });
    let message = register("c", 1, "Contact: <sip:a@10.0.0.1>;expires=60\r\n");
    registrar.register(at(5), ALICE, &message, phone()).unwrap();
    assert_eq!(registrar.deadline(), Some(at(65).mono));
    registrar.handle_timeout(at(64));
    assert_eq!(registrar.len(), 1);
    let _ = outputs(&mut registrar);
    registrar.handle_timeout(at(65));
    assert!(registrar.is_empty() && registrar.deadline().is_none());
    assert!(outputs(&mut registrar).contains(&RegistrarOutput::Line { account: ALICE, registered: false }));
}

#[test]
fn only_phones_behind_nat_are_pinged() {
    let mut registrar = Registrar::new(RegistrarSettings::default());
    let direct = register("c", 1, "Contact: <sip:a@192.0.2.9:40000>;expires=3600\r\n");
    registrar.register(at(0), ALICE, &direct, phone()).unwrap();
    let natted = register("d", 1, "Contact: <sip:a@10.0.0.1>;expires=3600\r\n");
    registrar.register(at(0), ALICE, &natted, phone()).unwrap();
    let _ = outputs(&mut registrar);
    let mut pings = 0;
    for second in 0..100 {
        registrar.handle_timeout(at(second));
        pings += outputs(&mut registrar).iter().filter(|o| **o == RegistrarOutput::Ping(phone())).count();
    }
    assert!((3..=4).contains(&pings), "{pings} pings in 100 s at one per 25 s");
}

#[test]
fn the_log_brings_everything_back_after_a_crash() {
    let mut registrar = Registrar::new(RegistrarSettings::default());
    let mut file = Vec::new();
    let lines = "Contact: <sip:a@10.0.0.1;pn-prid=x>;expires=300;+sip.instance=\"<urn:uuid:1>\"\r\nX-MPUSH: w:p:t\r\nUser-Agent: phone/2\r\nPath: <sip:edge;lr>\r\n";
    registrar.register(at(0), ALICE, &register("c", 1, lines), phone()).unwrap();
    file.extend(log(&outputs(&mut registrar)));
    // A refresh in the first half of the lifetime is not written, one in the second half is.
    registrar.register(at(100), ALICE, &register("c", 2, lines), phone()).unwrap();
    assert!(log(&outputs(&mut registrar)).is_empty());
    registrar.register(at(151), ALICE, &register("c", 3, lines), phone()).unwrap();
    let second = log(&outputs(&mut registrar));
    assert!(!second.is_empty());
    file.extend(second);
    file.extend([9, 0, 0, 0, 1, 2]);

    let (records, valid) = decode_log(&file);
    assert_eq!(valid, file.len() - 6, "the torn tail is cut");
    let mut restored = Registrar::new(RegistrarSettings::default());
    restored.restore(at(160), records);
    let back = &restored.contacts(ALICE)[0];
    assert_eq!(
        (back.uri(), back.push(), back.user_agent(), back.path(), back.reach()),
        ("sip:a@10.0.0.1;pn-prid=x", "w:p:t", "phone/2", "<sip:edge;lr>", phone())
    );
    assert!(back.expires_s(at(160)) >= 291, "at least what was promised to the phone");
    assert_eq!(decode_log(&restored.compacted()).0.len(), 1);
}

#[test]
fn removed_and_expired_contacts_stay_away_after_a_crash() {
    let mut registrar = Registrar::new(RegistrarSettings::default());
    for (cseq, line) in (1..).zip([
        "Contact: <sip:a@10.0.0.1>;expires=60\r\n",
        "Contact: <sip:a@10.0.0.2>\r\n",
        "Contact: <sip:a@10.0.0.2>;expires=0\r\n",
    ]) {
        registrar.register(at(0), ALICE, &register("c", cseq, line), phone()).unwrap();
    }
    let (records, _) = decode_log(&log(&outputs(&mut registrar)));
    assert!(matches!(records.last(), Some(BindingRecord::Remove { .. })));
    let mut restored = Registrar::new(RegistrarSettings::default());
    restored.restore(at(200), records);
    assert!(restored.is_empty());
}

#[test]
fn a_closed_connection_takes_its_contacts_along() {
    let mut registrar = Registrar::new(RegistrarSettings::default());
    let message = register("c", 1, "Contact: <sip:a@10.0.0.1;transport=tcp>\r\n");
    registrar.register(at(0), ALICE, &message, tcp("192.0.2.9:1000", 4)).unwrap();
    registrar.register(at(0), ALICE, &register("d", 1, "Contact: <sip:a@10.0.0.2>\r\n"), phone()).unwrap();
    registrar.flow_closed(FlowId(4));
    assert_eq!(registrar.contacts(ALICE).len(), 1);
    registrar.flow_closed(FlowId(4));
    assert_eq!(registrar.unregister(ALICE, true, |_| true), 1);
}
