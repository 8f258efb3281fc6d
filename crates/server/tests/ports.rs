//! The one port on the real binary: what is answered, in which order, and what is closed without a word.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::Ipv4Addr;

use common::{ADMIN, AS_ADMIN, Server, connect, datagram, exchange};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message, http::HeaderValue};

const OPEN: [&str; 3] = ["apiv2key=", "apiv2md5salt=", "banfailures=0"];

fn server(settings: &[&str]) -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data"), &[&OPEN, settings].concat(), &["--admin", ADMIN]);
    (folder, server)
}

#[test]
fn http_keeps_connections_and_bounds_requests() {
    let (_folder, server) = server(&["apimaxrequest=4096"]);
    let mut stream = connect(server.main());
    let request = "GET /mvapireq/?apientry=apitest1 HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(request.repeat(2).as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    for _ in 0..2 {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
        }
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        let length = head
            .lines()
            .find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        assert!(body.starts_with(b"OK"), "{}", body.escape_ascii());
    }
    for (request, status) in [
        ("GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(), "404"),
        ("GET /mvapireq/?apientry=apitest1 HTTP/1.0\r\n\r\n".to_owned(), "200"),
        ("GET /mvapireq/?apientry=apitest1&x=a \"b\" \u{e9} HTTP/1.0\r\n\r\n".to_owned(), "200"),
        ("GET /mvstwebsocket/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(), "426"),
        (
            "POST /mvapireq/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n".to_owned()
                + &"a".repeat(5000),
            "413",
        ),
        (
            "POST /mvapireq/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 17\r\n\r\napientry=apitest1"
                .to_owned(),
            "200",
        ),
    ] {
        let answer = exchange(server.main(), &request);
        assert_eq!(answer.split(' ').nth(1), Some(status), "{answer}");
    }
}

#[test]
fn a_browser_cannot_smuggle_lines_in_a_body() {
    let (_folder, server) = server(&[]);
    let smuggled = format!("?apientry=newuseri&{AS_ADMIN}&u_username=eve&u_password=x\r\n");
    let request = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{smuggled}",
        smuggled.len()
    );
    assert!(exchange(server.main(), &request).starts_with("HTTP/1.1 404"));
    assert!(!server.admin("apientry=listusers").contains("eve"));
}

#[test]
fn lines_are_pipelined_and_answered_in_order() {
    let (_folder, server) = server(&["apimaxline=4096", "headertimeout=1"]);
    let answers = exchange(
        server.main(),
        "?apientry=apitest1\r\nmvapireq/?apientry=nosuchcommand\n\r\n?apientry=apitest1\r\n?apientry=exit\r\n",
    );
    let lines: Vec<_> = answers.split("\r\n").collect();
    assert!(lines[0].starts_with("OK"), "{answers}");
    assert!(lines[1].starts_with("ERROR: unknown command"), "{answers}");
    assert!(lines[2].starts_with("OK"), "{answers}");
    for silence in ["hello\r\n", "EHLO x\r\n", "\u{1}\u{2}\u{3}", &"a".repeat(5000)] {
        assert_eq!(exchange(server.main(), silence), "", "{}", &silence[..3]);
    }
    let then_nonsense =
        exchange(server.main(), "?apientry=apitest1\r\nwhat is this\r\n?apientry=apitest1\r\n");
    assert_eq!(then_nonsense.matches("OK").count(), 1, "{then_nonsense}");
}

#[test]
fn a_silent_connection_is_closed_and_connections_are_counted() {
    let (_folder, server) = server(&["headertimeout=1", "maxconnections=2"]);
    let (mut first, _second) = (connect(server.main()), connect(server.main()));
    let mut third = connect(server.main());
    let mut byte = [0];
    assert_eq!(third.read(&mut byte).unwrap_or(0), 0);
    assert_eq!(first.read(&mut byte).unwrap_or(0), 0);
}

#[test]
fn datagrams_are_answered_and_nonsense_is_not() {
    let (_folder, server) = server(&[]);
    assert!(datagram(server.main(), "?apientry=apitest1").starts_with("OK"));
    let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(common::PATIENCE)).unwrap();
    for sent in ["garbage", "?apientry=apitest1"] {
        socket.send_to(sent.as_bytes(), server.main()).unwrap();
    }
    let mut buffer = [0; 2048];
    let count = socket.recv(&mut buffer).unwrap();
    assert!(buffer[..count].starts_with(b"OK"), "{}", buffer[..count].escape_ascii());
}

#[test]
fn sip_is_served_on_the_main_port_over_tcp_and_websocket() {
    let (_folder, server) = server(&[]);
    let options = |via: &str| {
        format!(
            "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{via} 127.0.0.1:9;branch=z9hG4bKx1\r\nMax-Forwards: 70\r\n\
             From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: c-{via}\r\nCSeq: 1 OPTIONS\r\n\
             Content-Length: 0\r\n\r\n"
        )
    };
    let mut stream = connect(server.main());
    stream.write_all(options("TCP").as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).unwrap();
    assert!(line.starts_with("SIP/2.0 200"), "{line}");

    let answer = websocket(&server, "mfstwebsocket", "sip", &[&options("WS")]);
    assert!(answer[0].starts_with("SIP/2.0 200"), "{answer:?}");
}

#[test]
fn a_websocket_answers_lines_in_order_one_message_each() {
    let (_folder, server) = server(&[]);
    let answers = websocket(
        &server,
        "mvstwebsocket/",
        "api",
        &["?apientry=apitest1", "?apientry=nosuchcommand\r\n?apientry=apitest1\r\n"],
    );
    assert_eq!(answers.len(), 3);
    assert!(answers[0].starts_with("OK"), "{answers:?}");
    assert!(answers[1].starts_with("ERROR: unknown command"), "{answers:?}");
    assert!(answers[2].starts_with("OK"), "{answers:?}");
}

/// Sends messages over a WebSocket; reads as many answers as there were lines.
fn websocket(server: &Server, path: &str, protocol: &'static str, messages: &[&str]) -> Vec<String> {
    let expected =
        if protocol == "sip" { 1 } else { messages.iter().map(|m| m.trim().lines().count()).sum() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(server.main()).await.unwrap();
        let mut request = format!("ws://127.0.0.1/{path}").into_client_request().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(protocol));
        let (mut socket, response) = tokio_tungstenite::client_async(request, stream).await.unwrap();
        assert_eq!(response.headers()["Sec-WebSocket-Protocol"], protocol);
        for message in messages {
            socket.send(Message::text(*message)).await.unwrap();
        }
        let mut answers = Vec::new();
        while answers.len() < expected {
            let next = tokio::time::timeout(common::PATIENCE, socket.next()).await.unwrap();
            if let Message::Text(text) = next.unwrap().unwrap() {
                answers.push(text.to_string());
            }
        }
        answers
    })
}

#[test]
fn the_console_port_asks_for_a_login() {
    let (_folder, server) = server(&[]);
    let console = (Ipv4Addr::LOCALHOST, server.port("admin")).into();
    let session = exchange(console, "root\r\nopen-sesame\r\napitest1\r\nexit\r\n");
    assert!(session.contains("user: ") && session.contains("> OK"), "{session}");
    let refused = exchange(console, "root\r\nwrong\r\nroot\r\nwrong\r\nroot\r\nwrong\r\napitest1\r\n");
    assert!(refused.contains("ERROR: auth failed") && !refused.contains("> "), "{refused}");
    assert_eq!(from_elsewhere(console, "root\r\nopen-sesame\r\n"), "");
}

/// Sends bytes from 127.0.0.2, an address that nobody trusts, and reads until the server closes.
fn from_elsewhere(to: std::net::SocketAddr, sent: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        let mut stream = socket.connect(to).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A reset says as little as an orderly end.
        let _ = tokio::time::timeout(common::PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    })
}

#[test]
fn a_banned_address_is_told_by_the_api_and_turned_away_elsewhere() {
    let (_folder, server) = server(&["banfailures=3", "remoteadmin=5"]);
    for guess in 0..3 {
        // A different account each time: accounts are counted too, and root is needed below.
        let wrong = format!("GET /mvapireq/?apientry=status&authid=guess{guess}&authpwd=no HTTP/1.0\r\n\r\n");
        assert!(from_elsewhere(server.main(), &wrong).contains("ERROR: auth failed"));
    }
    let right = format!("GET /mvapireq/?apientry=listusers&{AS_ADMIN} HTTP/1.0\r\n\r\n");
    let refused = from_elsewhere(server.main(), &right);
    assert!(refused.contains("ERROR: limit"), "{refused}");
    let console = (Ipv4Addr::LOCALHOST, server.port("admin")).into();
    assert_eq!(from_elsewhere(console, "root\r\n"), "");
    assert_eq!(from_elsewhere(server.main(), "OPTIONS sip:127.0.0.1 SIP/2.0\r\n\r\n"), "");
    assert!(server.admin("apientry=bannedlist").contains("127.0.0.2"));
    assert!(server.admin("apientry=delbanned&ip=127.0.0.2").starts_with("OK"));
    let let_in = from_elsewhere(server.main(), &right);
    assert!(let_in.contains("OK: "), "{let_in}");
}
