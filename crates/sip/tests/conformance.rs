//! RFC 4475 and RFC 5118: every vector against the committed table of verdicts.

#![expect(clippy::disallowed_methods, reason = "tests read their vectors from files")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use strowger_sip::{
    Abilities, Builder, Framing, HeaderId, Message, Method, ParseError, TransactionKey, digest, validate,
    validate_response,
};

const ABILITIES: Abilities<'static> = Abilities {
    methods: &[
        Method::Invite,
        Method::Ack,
        Method::Bye,
        Method::Cancel,
        Method::Register,
        Method::Options,
        Method::Info,
        Method::Update,
        Method::Prack,
        Method::Subscribe,
        Method::Notify,
        Method::Refer,
        Method::Message,
        Method::Publish,
    ],
    allow: "INVITE, ACK, BYE, CANCEL, REGISTER, OPTIONS, MESSAGE",
    extensions: &["timer", "replaces", "100rel"],
    bodies: &["application/sdp"],
    proxying: true,
};

/// The folder of the vectors; none where this machine has none.
fn data() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("STROWGER_TEST_DATA").map_or(default, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("SKIPPED: no test vectors in {} (set STROWGER_TEST_DATA)", folder.display());
    None
}

/// What the core does with a datagram: `accept`, `reject-NNN` or `drop`, and the message where it has one.
fn verdict(bytes: &[u8]) -> (String, Option<Message>, Vec<(HeaderId, String)>) {
    match Message::parse(bytes, Framing::Datagram) {
        Err(ParseError::Drop { .. }) => ("drop".to_owned(), None, Vec::new()),
        Err(ParseError::Answerable { status, reason, message, .. }) => {
            assert_answer(&message, status, reason);
            (format!("reject-{status}"), Some(*message), Vec::new())
        }
        Ok(message) if message.is_request() => match validate(&message, &ABILITIES) {
            Ok(()) => ("accept".to_owned(), Some(message), Vec::new()),
            Err(refusal) => {
                let verdict = format!("reject-{}", refusal.status);
                assert_answer(&message, refusal.status, refusal.reason);
                (verdict, Some(message), refusal.headers)
            }
        },
        Ok(message) => {
            let verdict = if validate_response(&message).is_ok() { "accept" } else { "drop" };
            (verdict.to_owned(), Some(message), Vec::new())
        }
    }
}

/// A refusal can be written, and addresses the sender.
fn assert_answer(request: &Message, status: u16, reason: &str) {
    let mut out = Vec::new();
    Builder::response_to(&mut out, request, status, reason, "t", "192.0.2.1:5060".parse().ok()).finish();
    let text = String::from_utf8_lossy(&out).into_owned();
    assert!(text.starts_with(&format!("SIP/2.0 {status} ")) && text.contains("\r\nVia: "), "{text}");
}

/// The value of one fact of a message, as the tables spell it.
fn fact(message: &Message, headers: &[(HeaderId, String)], name: &str) -> String {
    let contact = message.contact().ok().flatten();
    let uri = message.uri().ok();
    match name {
        "method" => message.method_text().to_owned(),
        "status" => message.status().to_string(),
        "cseq" => message.cseq().to_string(),
        "vias" => message.elements(HeaderId::Via).count().to_string(),
        "max-forwards" => format!("{}", message.max_forwards().unwrap().unwrap()),
        "body" => message.body().len().to_string(),
        "from-tag" => message.from_tag().to_owned(),
        "to-tag" => message.to_tag().to_owned(),
        "branch" => message.branch().to_owned(),
        "to-user" => message.to().unwrap().uri.user.unwrap_or("").to_owned(),
        "to-user-decoded" => message.to().unwrap().uri.user_decoded().into_owned(),
        "user" => uri.unwrap().user_decoded().into_owned(),
        "host" => uri.unwrap().host.to_owned(),
        "port" => uri.unwrap().port.map_or("none".to_owned(), |port| port.to_string()),
        "address" => uri.unwrap().ip().unwrap().to_string(),
        "via-host" => message.via().unwrap().host.to_owned(),
        "received" => message.via().unwrap().received().unwrap().to_string(),
        "contacts" => message.elements(HeaderId::Contact).count().to_string(),
        "contact-param" => contact.unwrap().params.text().trim_start_matches(';').to_owned(),
        "contact-uri-param" => contact.unwrap().uri.params.text().trim_start_matches(';').to_owned(),
        "contact-headers" => contact.unwrap().uri.headers.to_owned(),
        "credentials" => digest::credentials(message, HeaderId::Authorization).count().to_string(),
        "rfc2543" => {
            format!("{:?}", TransactionKey::of_request(message)).contains(message.call_id()).to_string()
        }
        "unsupported" => {
            headers.iter().find(|(id, _)| *id == HeaderId::Unsupported).unwrap().1.replace(' ', "")
        }
        other => panic!("no such fact: {other}"),
    }
}

#[derive(Default)]
struct Totals {
    right: usize,
    known_wrong: usize,
    faults: Vec<String>,
}

fn check_row(row: &str, path: &dyn Fn(&str) -> PathBuf, totals: &mut Totals) {
    let columns: Vec<_> = row.split('\t').collect();
    let [name, _class, expected, facts, known_wrong, _about] = columns[..] else {
        panic!("six columns: {row}")
    };
    let bytes = fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let (ours, message, headers) = verdict(&bytes);
    let mut wrong = Vec::new();
    if expected != "any" && !expected.split('|').any(|allowed| allowed == ours) {
        wrong.push(format!("{name}: expected {expected}, is {ours}"));
    }
    if let Some(message) = &message {
        for (key, value) in facts.split_whitespace().filter_map(|fact| fact.split_once('=')) {
            let found = fact(message, &headers, key);
            if found != value {
                wrong.push(format!("{name}: expected {key}={value}, is {found}"));
            }
        }
    }
    match (wrong.is_empty(), known_wrong.is_empty()) {
        (true, true) => totals.right += 1,
        (false, false) => totals.known_wrong += 1,
        (true, false) => totals.faults.push(format!("{name}: right, although known wrong: {known_wrong}")),
        (false, true) => totals.faults.extend(wrong),
    }
}

fn check_table(table: &str, title: &str, path: &dyn Fn(&str) -> PathBuf) -> usize {
    let mut totals = Totals::default();
    for row in table.lines().filter(|line| !line.starts_with('#')) {
        check_row(row, path, &mut totals);
    }
    println!("{title}: {} right, {} known wrong", totals.right, totals.known_wrong);
    assert!(totals.faults.is_empty(), "{}", totals.faults.join("\n"));
    totals.right + totals.known_wrong
}

fn count_vectors(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap();
    entries.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|ext| ext == "dat")).count()
}

#[test]
fn rfc4475_verdicts_hold() {
    let Some(data) = data() else { return };
    let path = |name: &str| match name.strip_prefix("variants/") {
        Some(variant) => data.join("rfc4475-variants").join(format!("{variant}.dat")),
        None => data.join("rfc4475").join(format!("{name}.dat")),
    };
    let rows = check_table(include_str!("../../../conformance/sip/rfc4475.tsv"), "RFC 4475", &path);
    let vectors = count_vectors(&data.join("rfc4475")) + count_vectors(&data.join("rfc4475-variants"));
    assert_eq!(rows, vectors, "every vector has a row");
}

#[test]
fn rfc5118_verdicts_hold() {
    let Some(data) = data() else { return };
    let folder = data.join("rfc5118");
    let path = |name: &str| folder.join(format!("{name}.dat"));
    let rows = check_table(include_str!("../../../conformance/sip/rfc5118.tsv"), "RFC 5118", &path);
    let vectors = count_vectors(&folder.join("wire-crlf")) + count_vectors(&folder.join("wire-crlf-clfixed"));
    assert_eq!(rows, vectors, "every vector has a row");
}

/// Mutations of one vector that each target sees.
const MUTATIONS: u64 = 200;

#[test]
fn mutated_vectors_never_panic() {
    let Some(data) = data() else { return };
    let mut mutations = 0;
    for folder in ["rfc4475", "rfc5118/wire-crlf-clfixed"] {
        let mut paths: Vec<_> = fs::read_dir(data.join(folder)).unwrap().map(|e| e.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|ext| ext == "dat"));
        paths.sort();
        for path in paths {
            let bytes = fs::read(&path).unwrap();
            for seed in 0..MUTATIONS {
                let mutated = strowger_sip::fuzz::mutate(seed * 7919 + mutations, &bytes);
                strowger_sip::fuzz::message(&mutated);
                strowger_sip::fuzz::stream(&mutated);
                mutations += 1;
            }
        }
    }
    println!("{mutations} mutated messages");
    assert!(mutations > 5_000);
}
