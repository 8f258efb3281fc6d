//! Every transcript of `conformance/api` on the real binary, once over each transport. Each run has a server and
//! a database of its own.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::fmt::Write as _;
use std::path::Path;

use common::{Server, datagram, exchange_half};
use futures_util::{SinkExt, StreamExt};
use strowger_api::transcript::{StepKind, Transcript, Variables, check, load_all};
use tokio_tungstenite::tungstenite::Message;

/// The API key that the servers demand.
const KEY: &str = "K";

/// The administrator that transcripts know.
const ADMIN: (&str, &str) = ("admin", "admin-7");

/// What every run sets; a transcript may set it otherwise.
const SETTINGS: [&str; 6] =
    ["apiv2key=K", "apiv2md5salt=", "banfailures=0", "ratelimitip=0", "ratelimituser=0", "ratelimitglobal=0"];

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Http,
    WebSocket,
    Tcp,
    Udp,
}

#[test]
fn transcripts_over_http() {
    run_all(Way::Http);
}

#[test]
fn transcripts_over_websocket() {
    run_all(Way::WebSocket);
}

#[test]
fn transcripts_over_tcp() {
    run_all(Way::Tcp);
}

#[test]
fn transcripts_over_udp() {
    run_all(Way::Udp);
}

fn run_all(way: Way) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/api");
    let transcripts = load_all(&folder).unwrap();
    assert!(!transcripts.is_empty(), "no transcripts in {}", folder.display());
    // STROWGER_TRANSCRIPT=name runs one of them.
    let only = std::env::var("STROWGER_TRANSCRIPT").ok();
    let chosen = transcripts.iter().filter(|t| only.as_ref().is_none_or(|name| *name == t.name));
    let failures: Vec<String> = chosen.filter_map(|t| play(t, way).err()).collect();
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
}

/// Plays one transcript to its first mismatch.
fn play(transcript: &Transcript, way: Way) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let own: Vec<String> = transcript.settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let settings: Vec<&str> = SETTINGS.iter().copied().chain(own.iter().map(String::as_str)).collect();
    let server = Server::start(
        &folder.path().join("data"),
        &settings,
        &["--admin", &format!("{}:{}", ADMIN.0, ADMIN.1)],
    );
    let admin = format!("authkey={KEY}&authid={}&authpwd={}", ADMIN.0, ADMIN.1);
    let mut variables = Variables::new(&[("admin", &admin), ("key", &format!("authkey={KEY}"))]);
    for step in &transcript.steps {
        let request = variables.expand(&step.request);
        let way = if step.kind == StepKind::Setup { Way::Tcp } else { way };
        if step.bare && way == Way::Http {
            continue;
        }
        let answer = match way {
            Way::Http => server.get(&target(&request)),
            Way::WebSocket => websocket(&server, &request),
            Way::Tcp => line(&server, &request),
            Way::Udp => datagram(server.main(), &request),
        };
        check(step, way == Way::Udp, &answer, &mut variables)
            .map_err(|mismatch| format!("{}.txt {mismatch}", transcript.name))?;
    }
    Ok(())
}

/// One line over a connection of its own; the answer ends with the connection.
fn line(server: &Server, request: &str) -> String {
    exchange_half(server.main(), &format!("{request}\r\n"))
}

/// The request target of a line: the documented path, with what a URL may not hold percent-encoded.
fn target(request: &str) -> String {
    let path = match request.as_bytes().first() {
        Some(b'?') => "/mvapireq/",
        Some(b'/') => "",
        _ => "/",
    };
    let mut target = path.to_owned();
    for byte in request.bytes() {
        if byte.is_ascii_graphic()
            && !matches!(byte, b'"' | b'<' | b'>' | b'#' | b'`' | b'{' | b'}' | b'\\' | b'^' | b'|')
        {
            target.push(char::from(byte));
        } else {
            let _ = write!(target, "%{byte:02X}");
        }
    }
    target
}

/// One message over a WebSocket of its own.
fn websocket(server: &Server, request: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(server.main()).await.unwrap();
        let url = "ws://127.0.0.1/mvstwebsocket/";
        let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
        socket.send(Message::text(request)).await.unwrap();
        loop {
            let next = tokio::time::timeout(common::PATIENCE, socket.next()).await.unwrap();
            if let Message::Text(text) = next.unwrap().unwrap() {
                return text.to_string();
            }
        }
    })
}

#[test]
fn targets_are_urls() {
    for (request, expected) in [
        ("?apientry=db&sql=select 1", "/mvapireq/?apientry=db&sql=select%201"),
        ("/xmapi/balance?user=a", "/xmapi/balance?user=a"),
        ("mvapireq/?apientry=help", "/mvapireq/?apientry=help"),
        ("?name=\u{e9}+%41", "/mvapireq/?name=%C3%A9+%41"),
    ] {
        assert_eq!(target(request), expected);
    }
}
