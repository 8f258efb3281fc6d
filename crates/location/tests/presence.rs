//! Presence played with parsed messages in virtual time: subscriptions, publications, NOTIFYs and their ends.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use strowger_location::{Carrier, Key, Line, Presence, PresenceRefusal, PresenceSettings, Reach, Subscriber};
use strowger_model::id::FlowId;
use strowger_model::{AccountId, Mono, Now, Wall};
use strowger_sip::{Builder, Framing, HeaderId, Message};

const WATCHER: AccountId = AccountId(1);
const BOB: AccountId = AccountId(2);

fn at(s: u64) -> Now {
    Now { mono: Mono::from_ms(1_000_000 + s * 1000), wall: Wall(i64::try_from(s).unwrap() * 1000) }
}

fn reach(flow: Option<u64>) -> Reach {
    let carrier = if flow.is_some() { Carrier::Tcp } else { Carrier::Udp };
    Reach { carrier, source: "192.0.2.9:5060".parse().unwrap(), listener: 0, flow: flow.map(FlowId) }
}

fn request(method: &str, call: u32, cseq: u32, to_tag: &str, lines: &str, body: &str) -> Message {
    let tag = if to_tag.is_empty() { String::new() } else { format!(";tag={to_tag}") };
    let text = format!(
        "{method} sip:bob@strowger SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK{call}-{cseq}\r\nFrom: <sip:alice@strowger>;tag=a{call}\r\nTo: <sip:bob@strowger>{tag}\r\nCall-ID: call-{call}\r\nCSeq: {cseq} {method}\r\nContact: <sip:alice@192.0.2.9>\r\n{lines}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    Message::parse(text.as_bytes(), Framing::Datagram).unwrap()
}

struct Table {
    presence: Presence,
    sent: Vec<Message>,
}

impl Table {
    fn new() -> Self {
        let settings = PresenceSettings { max_subscriptions: 2, min_expires_s: 60, max_expires_s: 600 };
        Self { presence: Presence::new(Key::new([7; 16]), settings), sent: Vec::new() }
    }

    fn subscribe(&mut self, s: u64, call: u32, lines: &str) -> Result<u32, PresenceRefusal> {
        self.subscribe_over(s, call, lines, None)
    }

    fn subscribe_over(
        &mut self,
        s: u64,
        call: u32,
        lines: &str,
        flow: Option<u64>,
    ) -> Result<u32, PresenceRefusal> {
        let tag = format!("t{call}");
        let subscriber = Subscriber {
            watcher: WATCHER,
            target: BOB,
            entity: "sip:bob@strowger",
            reach: reach(flow),
            tag: &tag,
            local: "198.51.100.1:5060",
        };
        let message = request("SUBSCRIBE", call, 1, "", lines, "");
        let granted = self.presence.subscribe(at(s), &message, subscriber, Line::Offline);
        self.collect();
        granted
    }

    fn collect(&mut self) {
        while let Some(transmit) = self.presence.poll_transmit() {
            self.sent.push(Message::parse(&transmit.bytes, Framing::Datagram).unwrap());
        }
    }

    fn line(&mut self, s: u64, line: Line) {
        self.presence.show(at(s), BOB, line);
        self.collect();
    }

    /// What was changed is shown, as the owner would.
    fn changed(&mut self, s: u64, line: Line) {
        while let Some(account) = self.presence.poll_changed() {
            self.presence.show(at(s), account, line);
        }
        self.collect();
    }

    fn time(&mut self, s: u64) {
        while self.presence.deadline().is_some_and(|due| due <= at(s).mono) {
            self.presence.handle_timeout(at(s));
        }
        self.collect();
    }

    /// The only NOTIFY that was sent, answered: its state, and what it says between `<name>` and `</name>`.
    fn notified(&mut self, s: u64, name: &str, status: u16) -> (String, String) {
        assert_eq!(self.sent.len(), 1, "{:?}", self.sent);
        let notify = self.sent.remove(0);
        let mut out = Vec::new();
        Builder::response_to(&mut out, &notify, status, "", "", None).finish();
        let answer = Message::parse(&out, Framing::Datagram).unwrap();
        assert!(self.presence.owns(&answer));
        self.presence.handle_response(at(s), &answer);
        self.collect();
        let state = notify.text(HeaderId::SubscriptionState).unwrap().to_owned();
        let body = String::from_utf8(notify.body().to_vec()).unwrap();
        let said =
            body.split_once(&format!("<{name}>")).map_or("", |(_, rest)| rest.split('<').next().unwrap());
        (state, said.to_owned())
    }
}

#[test]
fn a_watcher_is_told_at_once_and_of_every_change() {
    let mut table = Table::new();
    assert_eq!(table.subscribe(0, 1, "Event: presence\r\n"), Ok(600));
    assert_eq!(table.notified(0, "note", 200), ("active;expires=600".into(), "offline".into()));
    table.line(1, Line::Online);
    assert_eq!(table.notified(1, "note", 200).1, "online");
    table.line(2, Line::Online);
    assert!(table.sent.is_empty(), "nothing new is not told");
    table.presence.set(at(3), BOB, "away", at(100).mono);
    table.changed(3, Line::Online);
    assert_eq!(table.notified(3, "note", 200).1, "away");
    table.time(100);
    table.changed(100, Line::Online);
    assert_eq!(table.notified(100, "note", 200), ("active;expires=500".into(), "online".into()));
}

#[test]
fn one_notify_is_under_way_at_a_time_and_the_last_word_follows() {
    let mut table = Table::new();
    table.subscribe(0, 1, "Event: dialog\r\nExpires: 100\r\n").unwrap();
    for line in [Line::Online, Line::Calling, Line::Speaking] {
        table.line(0, line);
    }
    assert_eq!(table.notified(0, "state", 200).1, "", "a line that is not in use has no dialog");
    assert_eq!(table.notified(0, "state", 200).1, "confirmed");
    assert!(table.sent.is_empty());
}

#[test]
fn subscriptions_end_by_refusal_silence_time_and_wish() {
    let mut table = Table::new();
    table.subscribe(0, 1, "Event: presence\r\n").unwrap();
    table.notified(0, "note", 481);
    assert_eq!(table.presence.subscriptions(), 0, "who does not know the subscription has none");

    table.subscribe(0, 2, "Event: presence\r\n").unwrap();
    for s in 1..40 {
        table.time(s);
    }
    assert_eq!(table.presence.subscriptions(), 0, "who does not answer has none");
    assert!(table.sent.len() > 5, "the NOTIFY was repeated");
    table.sent.clear();

    table.subscribe(50, 3, "Event: presence\r\nExpires: 60\r\n").unwrap();
    table.notified(50, "note", 200);
    table.time(110);
    assert_eq!(table.notified(110, "note", 200).0, "terminated;reason=timeout");
    assert_eq!(table.presence.subscriptions(), 0);

    table.subscribe(200, 4, "Event: presence\r\n").unwrap();
    table.notified(200, "note", 200);
    let bye = request("SUBSCRIBE", 4, 2, "t4", "Event: presence\r\nExpires: 0\r\n", "");
    assert_eq!(table.presence.subscriber(&bye), Some(WATCHER));
    assert_eq!(table.presence.refresh(at(201), &bye, reach(None)), Ok(0));
    table.collect();
    assert_eq!(table.notified(201, "note", 200).0, "terminated;reason=timeout");
    assert_eq!(table.presence.refresh(at(202), &bye, reach(None)).unwrap_err().status, 481);

    table.subscribe_over(300, 5, "Event: presence\r\n", Some(9)).unwrap();
    table.notified(300, "note", 200);
    table.presence.handle_flow_closed(FlowId(9));
    assert_eq!(table.presence.subscriptions(), 0);

    table.subscribe(400, 6, "Event: presence\r\n").unwrap();
    table.notified(400, "note", 200);
    table.presence.forget(at(401), BOB);
    table.collect();
    assert_eq!(table.notified(401, "note", 200).0, "terminated;reason=rejected");
}

#[test]
fn what_cannot_be_served_is_refused() {
    let mut table = Table::new();
    for (lines, status) in [
        ("", 489),
        ("Event: message-summary\r\n", 489),
        ("Event: presence\r\nExpires: 10\r\n", 423),
        ("Event: presence\r\nAccept: text/plain\r\n", 406),
    ] {
        assert_eq!(table.subscribe(0, 1, lines).unwrap_err().status, status, "{lines}");
    }
    table.subscribe(0, 1, "Event: presence;id=7\r\nAccept: */*\r\n").unwrap();
    table.subscribe(0, 1, "Event: presence;id=7\r\n").unwrap();
    assert_eq!(table.presence.subscriptions(), 1, "a repeated request makes no second one");
    table.subscribe(0, 2, "Event: dialog\r\n").unwrap();
    assert_eq!(table.subscribe(0, 3, "Event: dialog\r\n").unwrap_err().status, 403, "two are allowed");
}

const OPEN: &str =
    "<presence><tuple id='a'><status><basic>open</basic></status><note>at my desk</note></tuple></presence>";
const KIND: &str = "Content-Type: application/pidf+xml\r\n";

#[test]
fn publications_are_named_refreshed_and_expire() {
    let mut table = Table::new();
    let publish = |table: &mut Table, s: u64, lines: &str, body: &str| {
        let message = request("PUBLISH", 1, 1, "", &format!("Event: presence\r\n{lines}"), body);
        table.presence.publish(at(s), BOB, &message)
    };
    let word = |table: &Table, line: Line| table.presence.status(BOB, line).word.to_string();
    let first = publish(&mut table, 0, &format!("{KIND}Expires: 100\r\n"), OPEN).unwrap();
    assert_eq!((first.expires_s, word(&table, Line::Online)), (100, "at my desk".into()));
    let tag = format!("SIP-If-Match: {}\r\n", first.etag);
    let second = publish(&mut table, 50, &format!("{tag}Expires: 100\r\n"), "").unwrap();
    assert_ne!(second.etag, first.etag, "a refresh renames");
    assert_eq!(publish(&mut table, 51, &tag, "").unwrap_err().status, 412);
    table.time(120);
    assert_eq!(word(&table, Line::Online), "at my desk");
    table.time(150);
    assert_eq!(word(&table, Line::Online), "online");
    for (lines, body, status) in [
        ("", "", 400),
        ("Content-Type: text/plain\r\n", "hi", 415),
        (KIND, "hi", 400),
        ("Expires: 1\r\n", "", 423),
    ] {
        assert_eq!(publish(&mut table, 200, lines, body).unwrap_err().status, status, "{lines}{body}");
    }
    let gone = publish(&mut table, 300, KIND, OPEN).unwrap();
    publish(&mut table, 301, &format!("SIP-If-Match: {}\r\nExpires: 0\r\n", gone.etag), "").unwrap();
    assert_eq!(word(&table, Line::Offline), "offline");
    assert_eq!(table.presence.deadline(), None);
}
