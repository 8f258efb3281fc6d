//! Trunks: our registration there, calls to them with their own credentials, calls from them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use strowger_model::{AccountId, AccountKind, Amount, Scope, Secret};
use strowger_sip::digest::{Algorithm, Challenge, Ha1, credentials};
use strowger_sip::{HeaderId, Message, Method};
use strowger_store::{CdrQuery, NewUser, SqlLimits};
use strowger_switch::OutboundState;
use support::{House, Phone, until};

async fn trunk(house: &House, port: u16, fields: &[(&str, &str)]) -> AccountId {
    let port = port.to_string();
    let base = [("ip", "127.0.0.1"), ("port", port.as_str()), ("needauth", "1")];
    let fields = base.iter().chain(fields).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let new = NewUser {
        kind: AccountKind::SipServer,
        parent: None,
        username: "upper".to_owned(),
        password: Secret::new("secret-upper"),
        credit: Amount::ZERO,
        fields,
    };
    let id = house.store.create_user(Scope::All, new, None).await.unwrap();
    house.handle().refresh().await;
    id
}

async fn sql(house: &House, text: &str) {
    let limits = SqlLimits { rows: 10, allow_writes: true };
    house.store.sql(Scope::All, text, limits).await.unwrap();
}

fn request(phone: &Phone, method: Method) -> Message {
    loop {
        let message = phone.receive();
        if message.is_request() && message.method() == method {
            return message;
        }
    }
}

fn asked() -> Challenge<'static> {
    Challenge { realm: "upper", nonce: "n1", opaque: "", stale: false, algorithm: Algorithm::Md5 }
}

/// Challenges a request and checks that it comes again with the trunk's own credentials.
fn challenged(server: &Phone, method: Method, status: u16) -> Message {
    let first = request(server, method);
    let (challenge, header) = match status {
        401 => (HeaderId::WwwAuthenticate, HeaderId::Authorization),
        _ => (HeaderId::ProxyAuthenticate, HeaderId::ProxyAuthorization),
    };
    server.answer(&first, status, &format!("{}: {}\r\n", challenge.name(), asked()), "");
    loop {
        let second = request(server, method);
        let ha1 = Ha1::of(Algorithm::Md5, "upper", "upper", "secret-upper");
        let right =
            credentials(&second, header).next().map(|given| given.unwrap().verify(&ha1, method.as_str()));
        match right {
            Some(right) => {
                assert!(right.is_ok());
                return second;
            }
            // A retransmission of the one that was challenged.
            None => assert!(second.value(header).is_none()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_wants_it_gets_our_registration_and_loses_it_at_shutdown() {
    let house = House::open(&[]).await;
    let server = Phone::new("upper", house.sip());
    let id = trunk(&house, server.own().port(), &[("needregister", "1")]).await;
    let register = challenged(&server, Method::Register, 401);
    assert!(register.text(HeaderId::Contact).unwrap().contains(&house.sip().to_string()));
    server.answer(&register, 200, "Expires: 300\r\n", "");
    until("the registration", || async {
        let states = house.handle().outbound_registrations().await.unwrap();
        states.iter().any(|state| state.account == id && state.state == OutboundState::Registered)
    })
    .await;
    let handle = house.handle().clone();
    let closing = tokio::spawn(async move { handle.shutdown().await });
    let last = request(&server, Method::Register);
    assert_eq!(last.expires(), Ok(Some(0)));
    server.answer(&last, 200, "", "");
    closing.await.unwrap();
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_to_a_trunk_is_priced_held_and_billed() {
    let house = House::open(&[]).await;
    let alice = house.user("alice").await;
    let server = Phone::new("upper", house.sip());
    let id = trunk(&house, server.own().port(), &[]).await;
    sql(&house, "insert into tb_billsources (name, isdefault, currency) values ('standard', 1, 'USD')").await;
    sql(&house, "insert into tb_billentries (billsourceid, prefix, direction, price, billingstep) values (1, '36', 'Hungary', 0.2, 1)").await;
    sql(&house, &format!("insert into tb_routing (name, prefix, serverid, priority, weight, enabled) values ('all', '', {}, 1, 1, 1)", id.0)).await;
    house.handle().refresh().await;

    let mut phone = Phone::new("alice", house.sip());
    let sdp = phone.sdp(40_000);
    phone.invite("36301234567", &sdp);
    let invite = challenged(&server, Method::Invite, 407);
    assert_eq!(invite.uri().unwrap().user, Some("36301234567"));
    assert!(invite.named("Credit").is_none(), "never to trunks");
    let sdp = server.sdp(40_002);
    server.answer(&invite, 200, "", &sdp);
    let answer = phone.response(200);
    assert_eq!(answer.status(), 200);
    assert!(answer.named("Rating").is_some_and(|rating| rating.starts_with(b"0.2 USD/min")));
    phone.within(&answer, "ACK", Some(answer.cseq()));
    request(&server, Method::Ack);
    let credit = house.store.credit(Scope::All, alice).await.unwrap();
    assert!(credit.held > Amount::ZERO, "held before the INVITE left");
    until("a moment of conversation", || async {
        let live = house.handle().live_calls(Scope::All).await.unwrap();
        live.first().is_some_and(|call| call.speaking_ms > 0)
    })
    .await;
    phone.within(&answer, "BYE", None);
    let bye = request(&server, Method::Bye);
    server.answer(&bye, 200, "", "");
    until("the settlement", || async {
        house.store.credit(Scope::All, alice).await.unwrap().held == Amount::ZERO
    })
    .await;
    let credit = house.store.credit(Scope::All, alice).await.unwrap();
    assert!(credit.settled < Amount::units(10), "a second at least was charged: {credit:?}");
    assert_eq!(house.store.cdrs(Scope::All, CdrQuery::default()).await.unwrap().table.rows.len(), 1);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_known_by_its_address_reaches_a_phone() {
    let house = House::open(&[]).await;
    house.user("alice").await;
    let mut phone = Phone::new("alice", house.sip());
    assert_eq!(phone.register("secret-alice", "").status(), 200);
    let mut server = Phone::new("36301234567", house.sip());
    trunk(&house, server.own().port(), &[("authip", "127.0.0.1"), ("type", "5")]).await;
    let sdp = server.sdp(40_004);
    let text = server.request("INVITE", "sip:alice@strowger", "<sip:alice@strowger>", "", &sdp);
    server.send(&text);
    let invite = request(&phone, Method::Invite);
    assert!(invite.text(HeaderId::From).unwrap().contains("36301234567"), "the trunk's number is presented");
    phone.answer(&invite, 486, "", "");
    let refusal = server.response(200);
    assert_eq!(refusal.status(), 486);
    server.send(&support::ack_of(&text, &refusal));
    until("the call's end", || async { house.handle().live_calls(Scope::All).await.unwrap().is_empty() })
        .await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_that_refuses_connections_fails_at_once() {
    let house = House::open(&[("defprice", "0.1"), ("trunktimeout", "60")]).await;
    house.user("alice").await;
    // A port that nobody listens on, as nobody else can take it while it is bound here.
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let id = trunk(&house, taken.local_addr().unwrap().port(), &[("transport", "tcp")]).await;
    sql(&house, &format!("insert into tb_routing (name, prefix, serverid, priority, weight, enabled) values ('all', '', {}, 1, 1, 1)", id.0)).await;
    house.handle().refresh().await;
    let mut phone = Phone::new("alice", house.sip());
    let sdp = phone.sdp(40_000);
    let text = phone.invite("36301234567", &sdp);
    let refusal = phone.response(200);
    assert_eq!(refusal.status() / 100, 5);
    phone.send(&support::ack_of(&text, &refusal));
    until("the call's end", || async { house.handle().live_calls(Scope::All).await.unwrap().is_empty() })
        .await;
    house.close().await;
}
