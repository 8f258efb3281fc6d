//! Registration, OPTIONS and the doors over real loopback sockets.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::io::{Read as _, Write as _};

use strowger_model::{AccountId, Scope};
use strowger_sip::HeaderId;
use strowger_switch::{ApiReply, BindingFilter, LineStatus, UnregMode};
use support::{House, Phone, until};

#[tokio::test(flavor = "multi_thread")]
async fn options_are_answered_on_both_ports() {
    let house = House::open(&[]).await;
    for server in [house.sip(), house.main()] {
        let mut phone = Phone::new("nobody", server);
        let text = phone.request("OPTIONS", "sip:strowger", "<sip:strowger>", "", "");
        phone.send(&text);
        let answer = phone.receive();
        assert_eq!(answer.status(), 200);
        assert!(answer.has_token(HeaderId::Allow, "INVITE"));
        let tag = answer.to_tag().to_owned();
        phone.send(&text);
        assert_eq!(phone.receive().to_tag(), tag, "a retransmission gets the same answer");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_register_with_the_right_password_only() {
    let house = House::open(&[]).await;
    let id = house.user("alice").await;
    assert_eq!(house.handle().line_state(id).await, Ok(LineStatus::Offline));
    assert_eq!(house.handle().line_state(AccountId(99_999)).await, Ok(LineStatus::Unknown));

    let mut phone = Phone::new("alice", house.sip());
    assert_eq!(phone.register("wrong", "").status(), 401);
    let answer = phone.register("secret-alice", "Expires: 120\r\nX-MPUSH: w:p:t\r\nUser-Agent: test/1\r\n");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.named("X-UT"), Some(&b"s"[..]));
    assert!(answer.text(HeaderId::Contact).unwrap().contains(";expires=120"));
    assert_eq!(Phone::new("ghost", house.sip()).register("x", "").status(), 401, "as with a wrong password");
    assert_eq!(house.handle().line_state(id).await, Ok(LineStatus::Online));

    let all = house.handle().bindings(Scope::All, BindingFilter::default()).await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].account, all[0].username.as_str(), all[0].source), (id, "alice", phone.own()));
    assert_eq!((all[0].push.as_str(), all[0].user_agent.as_str()), ("w:p:t", "test/1"));
    let foreign = Scope::Own(AccountId(id.0 + 1));
    assert!(house.handle().bindings(foreign, BindingFilter::default()).await.unwrap().is_empty());
    let filter = BindingFilter { username: Some("ALICE".into()), ..BindingFilter::default() };
    assert_eq!(house.handle().unregister(foreign, filter.clone(), UnregMode::Remove).await, Ok(0));
    assert_eq!(house.handle().unregister(Scope::All, filter, UnregMode::Unregister).await, Ok(1));
    assert_eq!(house.handle().line_state(id).await, Ok(LineStatus::Offline));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_may_be_used_again_with_a_higher_count_only() {
    let house = House::open(&[("digestalgorithms", "MD5,SHA-256")]).await;
    house.user("alice").await;
    let mut phone = Phone::new("alice", house.sip());
    let to = "<sip:alice@strowger>";
    let text = phone.request("REGISTER", "sip:strowger", to, "", "");
    phone.send(&text);
    let challenge = phone.response(200);
    let offered: Vec<&[u8]> = challenge.values(HeaderId::WwwAuthenticate).collect();
    assert_eq!(offered.len(), 2);
    assert!(String::from_utf8_lossy(offered[0]).contains("SHA-256"), "the stronger one is listed first");
    let asked = strowger_sip::digest::best_challenge(&challenge).unwrap();
    for (count, status) in [(1, 200), (1, 401), (2, 200), (2, 401), (9, 200), (8, 200), (8, 401)] {
        let value = asked.answer("REGISTER", "sip:strowger", "alice", "secret-alice", "c", count);
        let text = phone.request("REGISTER", "sip:strowger", to, &format!("Authorization: {value}\r\n"), "");
        phone.send(&text);
        let answer = phone.response(200);
        assert_eq!(answer.status(), status, "count {count}");
        let stale = answer.text(HeaderId::WwwAuthenticate).is_some_and(|c| c.contains("stale=true"));
        assert_eq!(stale, status == 401, "a right password with an old count is no failure");
        phone.send(&text);
        assert_eq!(phone.response(200).status(), status, "a retransmission is no replay");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_registers_for_somebody_else() {
    let house = House::open(&[]).await;
    house.user("alice").await;
    house.user("bob").await;
    let mut phone = Phone::new("alice", house.sip());
    let to = "<sip:bob@strowger>";
    let first = phone.request("REGISTER", "sip:strowger", to, "", "");
    phone.send(&first);
    let challenge = phone.response(200);
    let auth = phone.credentials(&challenge, "REGISTER", "sip:strowger", "secret-alice");
    let second = phone.request("REGISTER", "sip:strowger", to, &auth, "");
    phone.send(&second);
    assert_eq!(phone.response(200).status(), 403);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_survive_a_restart() {
    let ports = House::open(&[]).await;
    let alice = ports.user("alice").await;
    let mut phone = Phone::new("alice", ports.main());
    assert_eq!(phone.register("secret-alice", "Expires: 600\r\n").status(), 200);
    let dir = ports.close().await;
    let again = House::open_in(dir, &[]).await;
    let back = again.handle().bindings(Scope::All, BindingFilter::default()).await.unwrap();
    assert_eq!(back.iter().map(|b| (b.account, b.source)).collect::<Vec<_>>(), [(alice, phone.own())]);
    assert_eq!(again.handle().line_state(alice).await, Ok(LineStatus::Online));
    again.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_wrong_passwords_silence_a_source() {
    let house = House::open(&[("banfailures", "3")]).await;
    house.user("alice").await;
    let mut trusted = Phone::new("alice", house.sip());
    for _ in 0..5 {
        assert_eq!(trusted.register("wrong", "").status(), 401, "this machine is never banned");
    }
    house.handle().guard(strowger_guard::Guard::lift_all);
    let mut phone = Phone::from("127.0.0.2:0", "alice", house.sip());
    for _ in 0..3 {
        assert_eq!(phone.register("wrong", "").status(), 401);
    }
    let text = phone.request("OPTIONS", "sip:strowger", "<sip:strowger>", "", "");
    phone.send(&text);
    phone.hears_nothing();
    let now = house.handle().now();
    assert!(!house.handle().guard(|guard| guard.bans(now)).is_empty());
    assert!(house.handle().guard(strowger_guard::Guard::lift_all) > 0);
    phone.send(&text);
    assert_eq!(phone.receive().status(), 200);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_loses_its_registration_and_may_not_come_back() {
    let house = House::open(&[]).await;
    let id = house.user("alice").await;
    let mut phone = Phone::new("alice", house.sip());
    assert_eq!(phone.register("secret-alice", "").status(), 200);
    house.store.set_fields(Scope::All, id, vec![("enabled".into(), "0".into())]).await.unwrap();
    house.handle().refresh().await;
    until("the registration's end", || async {
        house.handle().bindings(Scope::All, BindingFilter::default()).await.unwrap().is_empty()
    })
    .await;
    assert_eq!(phone.register("secret-alice", "").status(), 401);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_port_passes_api_datagrams_on() {
    let mut house = House::open(&[]).await;
    let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    client.set_read_timeout(Some(support::PATIENCE)).unwrap();
    client.send_to(b"?apientry=balance", house.main()).unwrap();
    let datagram = house.running.api_datagrams.recv().await.unwrap().remove(0);
    assert_eq!(
        (datagram.bytes.as_slice(), datagram.from),
        (&b"?apientry=balance"[..], client.local_addr().unwrap())
    );
    let reply = ApiReply { to: datagram.from, local: datagram.local, bytes: b"OK: 1".to_vec() };
    house.handle().api_replies(&[reply]);
    let mut buffer = [0; 100];
    let (length, from) = client.recv_from(&mut buffer).unwrap();
    assert_eq!((&buffer[..length], from), (&b"OK: 1"[..], house.main()));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_behind_nat_registers_over_tcp_and_is_gone_with_its_connection() {
    let house = House::open(&[]).await;
    let id = house.user("alice").await;
    let mut stream = std::net::TcpStream::connect(house.sip()).unwrap();
    stream.set_read_timeout(Some(support::PATIENCE)).unwrap();
    let mut phone = Phone::new("alice", house.sip());
    let to = "<sip:alice@strowger>";
    stream.write_all(b"\r\n\r\n").unwrap();
    let mut pong = [0; 2];
    stream.read_exact(&mut pong).unwrap();
    assert_eq!(&pong, b"\r\n", "RFC 5626 section 4.4.1");
    // Its own address is another one than the one we see: nothing but its connection reaches it.
    let behind_nat =
        |text: String| text.replace("UDP", "TCP").replace("<sip:alice@127.0.0.1", "<sip:alice@10.9.9.9");
    let first = behind_nat(phone.request("REGISTER", "sip:strowger", to, "", ""));
    // In two pieces: the framing waits for the rest.
    stream.write_all(&first.as_bytes()[..100]).unwrap();
    stream.flush().unwrap();
    stream.write_all(&first.as_bytes()[100..]).unwrap();
    let challenge = read_message(&mut stream);
    let auth = phone.credentials(&challenge, "REGISTER", "sip:strowger", "secret-alice");
    let second = behind_nat(phone.request("REGISTER", "sip:strowger", to, &auth, ""));
    stream.write_all(second.as_bytes()).unwrap();
    assert_eq!(read_message(&mut stream).status(), 200);
    assert_eq!(house.handle().line_state(id).await, Ok(LineStatus::Online));
    drop(stream);
    until("the connection's end", || async {
        house.handle().line_state(id).await == Ok(LineStatus::Offline)
    })
    .await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_bounded_and_room_comes_back() {
    let house = House::open(&[("maxconnections", "2")]).await;
    let connect = || {
        let mut stream = std::net::TcpStream::connect(house.sip()).unwrap();
        stream.set_read_timeout(Some(support::PATIENCE)).unwrap();
        let _ = stream.write_all(b"\r\n\r\n");
        let mut pong = [0; 2];
        stream.read_exact(&mut pong).map(|()| stream)
    };
    let (first, second) = (connect().unwrap(), connect().unwrap());
    assert!(connect().is_err(), "the third is closed");
    drop((first, second));
    until("room again", || async { connect().is_ok() }).await;
    house.close().await;
}

fn read_message(stream: &mut std::net::TcpStream) -> strowger_sip::Message {
    let mut buffer = Vec::new();
    loop {
        if let strowger_sip::StreamFrame::Frame(length) = strowger_sip::stream_frame(&buffer) {
            return strowger_sip::Message::parse(&buffer[..length], strowger_sip::Framing::Stream).unwrap();
        }
        let mut part = [0; 2048];
        let read = stream.read(&mut part).unwrap();
        assert!(read > 0, "the connection ended");
        buffer.extend_from_slice(&part[..read]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_served_is_refused_clearly() {
    let house = House::open(&[]).await;
    let mut phone = Phone::new("alice", house.sip());
    for (method, status) in [
        ("MESSAGE", 407),
        ("SUBSCRIBE", 401),
        ("PUBLISH", 401),
        ("NOTIFY", 481),
        ("REFER", 405),
        ("BYE", 481),
        ("FROBNICATE", 501),
    ] {
        let text = phone.request(method, "sip:bob@strowger", "<sip:bob@strowger>", "", "");
        phone.send(&text);
        let answer = phone.response(200);
        assert_eq!(answer.status(), status, "{method}");
        assert!(matches!(status, 401 | 407 | 481) || answer.has_token(HeaderId::Allow, "INVITE"), "{method}");
    }
    let text = phone.request("INFO", "sip:bob@strowger", "<sip:bob@strowger>;tag=foreign", "", "");
    phone.send(&text);
    assert_eq!(phone.response(200).status(), 481);
    let text = phone.request("ACK", "sip:bob@strowger", "<sip:bob@strowger>;tag=foreign", "", "");
    phone.send(&text);
    for junk in ["", "\r\n\r\n", "no sip at all", "SIP/2.0 200 OK\r\n\r\n", "INVITE sip:x SIP/2.0\r\n\r\n"] {
        phone.send(junk);
    }
    phone.hears_nothing();
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_heartbeat_tells_what_is_broken() {
    let house = House::open(&[]).await;
    let checks = house.handle().heartbeat(true).await;
    let names: Vec<&str> = checks.iter().map(|check| check.name).collect();
    assert_eq!(names, ["database", "sip", "media", "disk", "queue"]);
    for check in &checks {
        assert!(check.ok, "{check:?}");
    }
    house.running.handle.close_media_ports();
    let checks = house.handle().heartbeat(true).await;
    let broken: Vec<&str> = checks.iter().filter(|check| !check.ok).map(|check| check.name).collect();
    assert_eq!(broken, ["media"]);
    let info = house.handle().info().await;
    assert!(info.epoch > 0 && info.memory_kb > 0 && info.sip_received > 0);
    house.close().await;
}
