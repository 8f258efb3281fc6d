//! The transaction machines in virtual time: what they send and when, over which transport.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use strowger_model::Mono;
use strowger_sip::transaction::Admission;
use strowger_sip::{
    ClientTransaction, Fate, Framing, HeaderId, Message, Output, ServerTable, ServerTransaction, Timer,
    Unacknowledged,
};

fn request(method: &str) -> Message {
    let text = format!(
        "{method} sip:bob@b SIP/2.0\r\nVia: SIP/2.0/UDP h:5061;branch=z9hG4bK1, SIP/2.0/UDP i\r\nRoute: <sip:p;lr>\r\n\
         From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 7 {method}\r\n\r\n"
    );
    Message::parse(text.as_bytes(), Framing::Datagram).unwrap()
}

fn response(method: &str, status: u16) -> Message {
    let text = format!(
        "SIP/2.0 {status} x\r\nVia: SIP/2.0/UDP h:5061;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n\
         Call-ID: x\r\nCSeq: 7 {method}\r\n\r\n"
    );
    Message::parse(text.as_bytes(), Framing::Datagram).unwrap()
}

/// One machine of either side, so that one driver runs both.
trait Machine: Sized + serde::Serialize + serde::de::DeserializeOwned {
    fn timeout(&mut self, now: Mono);
    fn output(&mut self) -> Option<Output>;
    fn next(&self) -> Option<(Mono, Timer)>;
    /// `1xx`–`6xx` arrive at a client or are sent by a server; other words are requests that arrive.
    fn event(&mut self, now: Mono, event: &str) -> Option<Fate>;
}

impl Machine for ClientTransaction {
    fn timeout(&mut self, now: Mono) {
        self.handle_timeout(now);
    }
    fn output(&mut self) -> Option<Output> {
        self.poll_output()
    }
    fn next(&self) -> Option<(Mono, Timer)> {
        self.deadline()
    }
    fn event(&mut self, now: Mono, event: &str) -> Option<Fate> {
        if event == "broken" {
            self.handle_transport_error(now);
            return None;
        }
        let method = if self.method() == strowger_sip::Method::Invite { "INVITE" } else { "BYE" };
        Some(self.handle_response(now, &response(method, event.parse().unwrap())))
    }
}

impl Machine for ServerTransaction {
    fn timeout(&mut self, now: Mono) {
        self.handle_timeout(now);
    }
    fn output(&mut self) -> Option<Output> {
        self.poll_output()
    }
    fn next(&self) -> Option<(Mono, Timer)> {
        self.deadline()
    }
    fn event(&mut self, now: Mono, event: &str) -> Option<Fate> {
        match event.parse::<u16>() {
            Ok(status) => {
                self.respond(now, status, status.to_string().as_bytes());
                None
            }
            Err(_) if event == "broken" => {
                self.handle_transport_error(now);
                None
            }
            Err(_) => Some(self.handle_request(now, &request(event))),
        }
    }
}

/// What one output looks like in a trace.
fn word(output: Output) -> String {
    match output {
        Output::Transmit(bytes) => {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            text.split(' ').next().unwrap_or("").to_owned()
        }
        Output::TimedOut(timer) => format!("timeout-{timer:?}"),
        Output::TransportFailed => "failed".to_owned(),
        Output::Terminated => "end".to_owned(),
    }
}

/// Runs a machine to its end in steps of 50 ms, feeding events `(ms, event)`; compares the trace
/// `ms:word`. An output without an announced deadline or an event fails, and each step survives a snapshot.
fn check(mut machine: impl Machine, events: &[(u64, &str)], expected: &str) {
    let mut trace = Vec::new();
    for ms in (0..70_000).step_by(50) {
        let now = Mono::from_ms(ms);
        let announced = machine.next().is_some_and(|(at, _)| at <= now);
        machine.timeout(now);
        let mut outputs: Vec<_> = std::iter::from_fn(|| machine.output()).collect();
        assert!(ms == 0 || announced || outputs.is_empty(), "{ms} ms: {outputs:?} was not announced");
        for (_, event) in events.iter().filter(|(at, _)| *at == ms) {
            match machine.event(now, event) {
                Some(Fate::Deliver) => trace.push(format!("{ms}:<{event}>")),
                Some(Fate::Absorbed) | None => {}
            }
            outputs.extend(std::iter::from_fn(|| machine.output()));
        }
        trace.extend(outputs.into_iter().map(|output| format!("{ms}:{}", word(output))));
        let snapshot = serde_json::to_string(&machine).unwrap();
        machine = serde_json::from_str(&snapshot).unwrap();
    }
    assert_eq!(trace.join(" "), expected, "{events:?}");
}

fn client(method: &str, reliable: bool) -> ClientTransaction {
    ClientTransaction::new(Mono(0), &request(method), reliable)
}

fn server(method: &str, reliable: bool) -> ServerTransaction {
    ServerTransaction::new(Mono(0), &request(method), reliable)
}

#[test]
fn client_invite_over_udp() {
    let alone = "0:INVITE 500:INVITE 1500:INVITE 3500:INVITE 7500:INVITE 15500:INVITE 31500:INVITE \
                 32000:timeout-B 32000:end";
    check(client("INVITE", false), &[], alone);
    check(client("INVITE", false), &[(100, "180")], "0:INVITE 100:<180>");
    let refused = "0:INVITE 500:INVITE 600:<486> 600:ACK 700:ACK 32600:end";
    check(client("INVITE", false), &[(600, "486"), (700, "486"), (800, "200"), (900, "100")], refused);
    let accepted = "0:INVITE 100:<183> 200:<200> 300:<200> 32200:end";
    check(client("INVITE", false), &[(100, "183"), (200, "200"), (250, "180"), (300, "200")], accepted);
    check(client("INVITE", false), &[(50, "broken")], "0:INVITE 50:failed 50:end");
}

#[test]
fn client_invite_over_tcp() {
    check(client("INVITE", true), &[], "0:INVITE 32000:timeout-B 32000:end");
    check(client("INVITE", true), &[(100, "503"), (200, "503")], "0:INVITE 100:<503> 100:ACK 100:end");
}

#[test]
fn client_non_invite() {
    let alone = "0:BYE 500:BYE 1500:BYE 3500:BYE 7500:BYE 11500:BYE 15500:BYE 19500:BYE 23500:BYE 27500:BYE \
                 31500:BYE 32000:timeout-F 32000:end";
    check(client("BYE", false), &[], alone);
    let slow = "0:BYE 50:<100> 500:BYE 4500:BYE 5000:<200> 10000:end";
    check(client("BYE", false), &[(50, "100"), (5000, "200"), (5100, "200")], slow);
    check(client("BYE", true), &[(50, "481")], "0:BYE 50:<481> 50:end");
    check(client("BYE", true), &[], "0:BYE 32000:timeout-F 32000:end");
}

#[test]
fn server_invite() {
    let refused = "0:100 50:100 100:180 150:180 200:486 700:486 750:486 1700:486 7000:end";
    let events = [
        (0, "100"),
        (50, "INVITE"),
        (100, "180"),
        (150, "INVITE"),
        (200, "486"),
        (750, "INVITE"),
        (2000, "ACK"),
        (2100, "INVITE"),
    ];
    check(server("INVITE", false), &events, refused);
    let lost = "0:600 500:600 1500:600 3500:600 7500:600 11500:600 15500:600 19500:600 23500:600 27500:600 \
                31500:600 32000:timeout-H 32000:end";
    check(server("INVITE", false), &[(0, "600"), (100, "200")], lost);
    check(server("INVITE", true), &[(0, "600"), (100, "ACK")], "0:600 100:end");
    let accepted = "0:200 200:<ACK> 300:200 32000:end";
    check(
        server("INVITE", false),
        &[(0, "200"), (100, "INVITE"), (200, "ACK"), (300, "200"), (350, "486")],
        accepted,
    );
    check(server("INVITE", false), &[(0, "broken")], "0:failed 0:end");
}

#[test]
fn server_non_invite() {
    check(
        server("BYE", false),
        &[(50, "BYE"), (100, "200"), (150, "BYE"), (200, "500")],
        "100:200 150:200 32100:end",
    );
    check(server("BYE", true), &[(100, "200"), (150, "BYE")], "100:200 100:end");
}

#[test]
fn ack_and_cancel_mirror_their_invite() {
    let mut client = client("INVITE", false);
    let _ = client.handle_response(Mono(1), &response("INVITE", 180));
    assert!(client.can_cancel());
    let mut out = Vec::new();
    client.cancel(&mut out);
    let cancel = "CANCEL sip:bob@b SIP/2.0\r\nVia: SIP/2.0/UDP h:5061;branch=z9hG4bK1\r\nMax-Forwards: 70\r\nRoute: <sip:p;lr>\r\n\
         From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 7 CANCEL\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(String::from_utf8(out).unwrap(), cancel);
    assert_eq!(client.handle_response(Mono(2), &response("INVITE", 487)), Fate::Deliver);
    assert!(!client.can_cancel());
    let ack = std::iter::from_fn(|| client.poll_output())
        .find_map(|output| match output {
            Output::Transmit(bytes) if bytes.starts_with(b"ACK") => Some(bytes),
            _ => None,
        })
        .unwrap();
    let ack = Message::parse(&ack, Framing::Datagram).unwrap();
    assert_eq!((ack.to_tag(), ack.cseq(), ack.branch()), ("2", 7, "z9hG4bK1"));
    assert_eq!(ack.elements(HeaderId::Via).count(), 1);
    assert!(!client.matches(&response("CANCEL", 200)));
}

#[test]
fn unacknowledged_responses_repeat_over_every_transport() {
    let trace = |mut waiting: Unacknowledged, until_ms: u64| {
        let mut trace = Vec::new();
        while let Some((at, _)) = waiting.deadline().filter(|(at, _)| at.ms() <= until_ms) {
            waiting.handle_timeout(at);
            trace.extend(
                std::iter::from_fn(|| waiting.poll_output()).map(|o| format!("{}:{}", at.ms(), word(o))),
            );
        }
        waiting.acknowledge();
        assert!(waiting.is_done() && waiting.deadline().is_none());
        trace.join(" ")
    };
    let answer = || Unacknowledged::answer(Mono(0), b"200".as_slice());
    assert_eq!(trace(answer(), 12_000), "500:200 1500:200 3500:200 7500:200 11500:200");
    assert!(trace(answer(), 70_000).ends_with("31500:200 32000:timeout-H"));
    let provisional = Unacknowledged::provisional(Mono(0), b"183".as_slice());
    assert_eq!(
        trace(provisional, 70_000),
        "500:183 1500:183 3500:183 7500:183 15500:183 31500:183 32000:timeout-H"
    );
}

#[test]
fn the_table_answers_repetitions_and_forgets_in_time() {
    let mut table: ServerTable<u8> = ServerTable::new(1);
    let options = request("OPTIONS");
    let Admission::New(key) = table.handle_request(Mono(0), &options, false, 9) else { panic!("it is new") };
    assert_eq!(table.handle_request(Mono(0), &options, false, 9), Admission::Absorbed);
    assert_eq!(table.poll_output(), None);
    assert_eq!(table.handle_request(Mono(0), &request("MESSAGE"), false, 9), Admission::Full);
    table.respond(Mono::from_ms(10), &key, 200, b"ok".as_slice());
    assert_eq!(table.handle_request(Mono::from_ms(20), &options, false, 9), Admission::Absorbed);
    let sent: Vec<_> = std::iter::from_fn(|| table.poll_output()).collect();
    assert_eq!(
        sent.iter().map(|(to, bytes)| (*to, bytes.to_vec())).collect::<Vec<_>>(),
        vec![(9, b"ok".to_vec()); 2]
    );
    assert_eq!(table.deadline(), Some(Mono::from_ms(32_010)));
    table.handle_timeout(Mono::from_ms(32_009));
    assert_eq!(table.len(), 1);
    table.handle_timeout(Mono::from_ms(32_010));
    assert!(table.is_empty() && table.deadline().is_none());
    let Admission::New(key) = table.handle_request(Mono(0), &options, true, 9) else {
        panic!("it is new again")
    };
    table.forget(&key);
    assert!(table.is_empty());
}
