//! Calls through the whole switch: real sockets, real media ports, a real database.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use strowger_model::{AccountId, Scope};
use strowger_sip::{HeaderId, Message, Method};
use strowger_store::{CdrQuery, Table};
use strowger_switch::{CallRef, LineStatus, LiveState, P2p, P2pError, RoutingTest, WaitFor};
use support::{House, Phone, ack_of, until};

async fn calls(house: &House) -> usize {
    house.handle().live_calls(Scope::All).await.unwrap().len()
}

async fn records(house: &House) -> Table {
    house.store.cdrs(Scope::All, CdrQuery::default()).await.unwrap().table
}

/// The next request of that method.
fn request(phone: &Phone, method: Method) -> Message {
    loop {
        let message = phone.receive();
        if message.is_request() && message.method() == method {
            return message;
        }
    }
}

async fn two_phones(house: &House) -> (AccountId, AccountId, Phone, Phone) {
    let (alice, bob) = (house.user("alice").await, house.user("bob").await);
    let mut phones = ["alice", "bob"].map(|name| Phone::new(name, house.sip()));
    for phone in &mut phones {
        assert_eq!(phone.register(&format!("secret-{}", phone.name), "").status(), 200);
    }
    let [a, b] = phones;
    (alice, bob, a, b)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_echo_service_answers_and_leaves_one_record() {
    let house = House::open(&[]).await;
    house.user("alice").await;
    let mut phone = Phone::new("alice", house.sip());
    let sdp = phone.sdp(40_000);
    phone.invite("5005", &sdp);
    let answer = phone.response(200);
    assert_eq!(answer.status(), 200, "{}", String::from_utf8_lossy(answer.bytes()));
    assert!(String::from_utf8_lossy(answer.body()).contains("m=audio"));
    phone.within(&answer, "ACK", Some(answer.cseq()));
    until("a speaking call", || async {
        let live = house.handle().live_calls(Scope::All).await.unwrap();
        live.first().is_some_and(|call| call.state == LiveState::Speaking && call.dialled == "5005")
    })
    .await;
    phone.within(&answer, "BYE", None);
    assert_eq!(phone.response(200).status(), 200);
    until("the call's end", || async { calls(&house).await == 0 }).await;
    assert_eq!(records(&house).await.rows.len(), 1);
    let statistics = house.handle().statistics().await.unwrap();
    assert_eq!((statistics.slots_used, statistics.calls_total, statistics.panics), (0, 1, 0));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_phone_calls_another() {
    let house = House::open(&[]).await;
    let (alice, bob, mut a, mut b) = two_phones(&house).await;
    let sdp = a.sdp(40_000);
    a.invite("bob", &sdp);
    assert_eq!(a.response(100).status(), 100);
    let invite = request(&b, Method::Invite);
    assert_eq!(invite.uri().unwrap().user, Some("bob"));
    b.answer(&invite, 180, "", "");
    assert_eq!(a.response(180).status(), 180);
    assert_eq!(house.handle().line_state(alice).await, Ok(LineStatus::Calling));
    let sdp = b.sdp(40_002);
    b.answer(&invite, 200, "", &sdp);
    let answer = a.response(200);
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.named("X-UT"), Some(&b"s"[..]));
    a.within(&answer, "ACK", Some(answer.cseq()));
    request(&b, Method::Ack);
    until("both lines speak", || async {
        house.handle().line_states(&[alice, bob]).await == Ok(vec![LineStatus::Speaking; 2])
    })
    .await;
    let foreign = Scope::Own(AccountId(424_242));
    assert!(house.handle().live_calls(foreign).await.unwrap().is_empty());
    assert_eq!(house.handle().disconnect(foreign, CallRef::All).await, Ok(0));
    let live = house.handle().live_calls(Scope::Own(bob)).await.unwrap();
    let which: CallRef = live[0].id.to_string().parse().unwrap();
    assert_eq!(house.handle().disconnect(Scope::All, which).await, Ok(1));
    for phone in [&mut a, &mut b] {
        let bye = request(phone, Method::Bye);
        phone.answer(&bye, 200, "", "");
    }
    until("the call's end", || async { calls(&house).await == 0 }).await;
    assert_eq!(records(&house).await.rows.len(), 1);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_calls_both_and_connects_them() {
    let house = House::open(&[]).await;
    let (alice, _, a, b) = two_phones(&house).await;
    let handle = house.handle().clone();
    let order = P2p {
        account: alice,
        first: "alice".into(),
        second: "bob".into(),
        caller: None,
        wait: WaitFor::Connected,
    };
    let placing = tokio::spawn(async move { handle.place_p2p(order).await });
    for phone in [&a, &b] {
        let invite = request(phone, Method::Invite);
        let sdp = phone.sdp(40_010);
        phone.answer(&invite, 200, "", &sdp);
        request(phone, Method::Ack);
    }
    let placed = placing.await.unwrap().unwrap();
    assert!(placed.answered);
    assert_eq!(house.handle().disconnect(Scope::All, CallRef::Call(placed.call)).await, Ok(1));
    for phone in [&a, &b] {
        let bye = request(phone, Method::Bye);
        phone.answer(&bye, 200, "", "");
    }
    until("the call's end", || async { calls(&house).await == 0 }).await;
    assert_eq!(records(&house).await.rows.len(), 2, "one per dialled number");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_server_refuses_new_calls_and_finishes_running_ones() {
    let house = House::open(&[]).await;
    let alice = house.user("alice").await;
    let mut phone = Phone::new("alice", house.sip());
    let sdp = phone.sdp(40_000);
    phone.invite("5005", &sdp);
    let answer = phone.response(200);
    phone.within(&answer, "ACK", Some(answer.cseq()));
    house.handle().drain();
    let mut other = Phone::new("alice", house.sip());
    let text = other.request("INVITE", "sip:5005@strowger", "<sip:5005@strowger>", "", &sdp);
    other.send(&text);
    let refusal = other.response(200);
    assert_eq!(refusal.status(), 503);
    assert!(refusal.value(HeaderId::RetryAfter).is_some());
    other.send(&ack_of(&text, &refusal));
    other.hears_nothing();
    let order = P2p {
        account: alice,
        first: "5005".into(),
        second: "5005".into(),
        caller: None,
        wait: WaitFor::Placed,
    };
    assert_eq!(house.handle().place_p2p(order).await, Err(P2pError::Draining));
    assert_eq!(calls(&house).await, 1);
    phone.within(&answer, "BYE", None);
    house.handle().drained().await;
    assert_eq!(calls(&house).await, 0);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_a_crash_cut_off_gets_a_bye_at_the_next_start() {
    let house = House::open(&[]).await;
    house.user("alice").await;
    let mut phone = Phone::new("alice", house.sip());
    let sdp = phone.sdp(40_000);
    phone.invite("5005", &sdp);
    let answer = phone.response(200);
    phone.within(&answer, "ACK", Some(answer.cseq()));
    until("a speaking call", || async {
        let live = house.handle().live_calls(Scope::All).await.unwrap();
        live.first().is_some_and(|call| call.state == LiveState::Speaking)
    })
    .await;
    // The database as a crash would leave it: copied while the call runs, after the writer has come to this write.
    assert!(house.store.health().await.ok);
    let copy = std::sync::Arc::new(tempfile::tempdir().unwrap());
    for name in ["strowger.db", "strowger.db-wal", "key", "bindings.log"] {
        let _ = std::fs::copy(house.dir.path().join(name), copy.path().join(name));
    }
    let again = House::open_in(copy, &[]).await;
    let bye = request(&phone, Method::Bye);
    phone.answer(&bye, 200, "", "");
    assert_eq!(records(&again).await.rows.len(), 1);
    until("nothing is left", || async { calls(&again).await == 0 }).await;
    again.close().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_between_local_accounts_is_in_force_from_the_start() {
    let house = House::open(&[("onnetprice", "0.60")]).await;
    let (alice, _) = (house.user("alice").await, house.user("bob").await);
    let test =
        RoutingTest { ip: None, caller: Some(alice), caller_number: "alice".into(), called: "bob".into() };
    let plan = house.handle().routing_test(test).await.unwrap().plan.unwrap();
    assert_eq!(plan.steps[0].targets[0].chain.rating_text().as_deref(), Some("0.6 USD/min"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn routing_can_be_asked_without_a_call() {
    let house = House::open(&[]).await;
    let alice = house.user("alice").await;
    let bob = house.user("bob").await;
    let ask = |called: &str| RoutingTest {
        ip: None,
        caller: Some(alice),
        caller_number: "alice".into(),
        called: called.into(),
    };
    let decision = house.handle().routing_test(ask("bob")).await.unwrap();
    assert_eq!(decision.plan.unwrap().called, Some(bob));
    assert!(!decision.trace.is_empty());
    let decision = house.handle().routing_test(ask("3615550000")).await.unwrap();
    assert_eq!(decision.plan.unwrap_err().status, 403, "no price");
    let foreign = RoutingTest { ip: Some("192.0.2.1:5060".parse().unwrap()), caller: None, ..ask("bob") };
    let unknown = RoutingTest { caller_number: "ghost".into(), ..foreign };
    let decision = house.handle().routing_test(unknown).await.unwrap();
    assert_eq!(decision.plan.unwrap_err().status, 407);
    assert_eq!(calls(&house).await, 0);
    house.close().await;
}
