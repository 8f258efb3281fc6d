//! WebSockets (RFC 6455): the API, one request per line or message, and SIP (RFC 7118).

use std::time::Duration;

use bytes::Bytes as Body;
use futures_util::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::upgrade::Upgraded;
use hyper::{Method, Response, StatusCode};
use hyper_util::rt::TokioIo;
use strowger_api::{Origin, Request, Transport};
use strowger_switch::{EncryptedKind, FlowTransport};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tracing::debug;

use crate::connection::Client;
use crate::events::Pushes;
use crate::gate::Gate;
use crate::http::{origin, plain};

/// How long a peer that broke the protocol has for taking notice.
const FAREWELL: Duration = Duration::from_secs(1);

/// Pings after which a peer that never sends a whole frame, not even a pong, counts as gone.
pub(crate) const MAX_UNANSWERED: u32 = 2;

/// How much is read at a time, in bytes; an idle socket keeps as much.
const READ_STEP: usize = 1024;

/// The keep-alive of SIP over connections, and its answer.
const PING: &[u8] = b"\r\n\r\n";
const PONG: &str = "\r\n";

/// The longest SIP message over WebSocket, in bytes.
const MAX_SIP_BYTES: usize = 65_536;

pub(crate) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Upgrades to the API.
pub(crate) fn api(gate: Gate, request: hyper::Request<Incoming>, client: Client) -> Response<Full<Body>> {
    let origin = origin(&gate, request.headers(), client, Transport::WebSocket, Transport::SecureWebSocket);
    let most = usize::try_from(gate.switch.config().apimaxrequest).unwrap_or(usize::MAX);
    upgrade(request, "api", most, move |socket| async move {
        gate.carries(client, EncryptedKind::ApiSocket);
        serve_api(&gate, socket, origin).await;
    })
}

/// Upgrades to SIP.
pub(crate) fn sip(gate: Gate, request: hyper::Request<Incoming>, client: Client) -> Response<Full<Body>> {
    if gate.bans(client.peer) {
        return plain(StatusCode::FORBIDDEN, "this address is banned for a while");
    }
    upgrade(request, "sip", MAX_SIP_BYTES, move |socket| async move {
        gate.carries(client, EncryptedKind::SipSocket);
        serve_sip(&gate, socket, client).await;
    })
}

/// Answers the handshake; `run` gets the socket once the answer has left.
pub(crate) fn upgrade<R, F>(
    mut request: hyper::Request<Incoming>,
    protocol: &'static str,
    most: usize,
    run: R,
) -> Response<Full<Body>>
where
    R: FnOnce(Socket) -> F + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let Some(key) = handshake_key(request.method(), request.headers()) else { return no_handshake() };
    let offered = lists(request.headers(), &header::SEC_WEBSOCKET_PROTOCOL, protocol);
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let limits = WebSocketConfig::default()
            .read_buffer_size(READ_STEP)
            .max_message_size(Some(most))
            .max_frame_size(Some(most));
        run(Socket::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(limits)).await).await;
    });
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, key);
    if offered {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
    }
    response
}

/// The answer to a request that is no handshake where one is wanted.
pub(crate) fn no_handshake() -> Response<Full<Body>> {
    let mut refusal = plain(StatusCode::UPGRADE_REQUIRED, "this path is a WebSocket (RFC 6455, version 13)");
    refusal.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    refusal.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    refusal
}

/// The request is a proper handshake.
pub(crate) fn is_handshake(request: &hyper::Request<Incoming>) -> bool {
    handshake_key(request.method(), request.headers()).is_some()
}

/// The Sec-WebSocket-Accept of a proper handshake (RFC 6455 4.2.1).
fn handshake_key(method: &Method, headers: &HeaderMap) -> Option<HeaderValue> {
    let version = headers.get(header::SEC_WEBSOCKET_VERSION)?;
    let proper = *method == Method::GET
        && lists(headers, &header::UPGRADE, "websocket")
        && lists(headers, &header::CONNECTION, "upgrade")
        && version.as_bytes() == b"13";
    let key = headers.get(header::SEC_WEBSOCKET_KEY)?;
    if proper { HeaderValue::try_from(derive_accept_key(key.as_bytes())).ok() } else { None }
}

/// A comma-separated header contains a word.
fn lists(headers: &HeaderMap, name: &header::HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(word))
}

/// Answers requests in order, one message each.
async fn serve_api(gate: &Gate, mut socket: Socket, origin: Origin) {
    let (mut pings, mut unanswered) = (pings(gate), 0);
    let mut pushes = Pushes::new(gate);
    'socket: loop {
        let message = tokio::select! {
            () = gate.closed() => break,
            _ = pings.tick() => {
                if unanswered == MAX_UNANSWERED { return }
                unanswered += 1;
                if socket.send(Message::Ping(Body::new())).await.is_err() { return }
                continue;
            }
            text = pushes.next() => {
                if socket.send(Message::text(text)).await.is_err() { return }
                continue;
            }
            message = socket.next() => message,
        };
        unanswered = 0;
        let bytes = match message {
            Some(Ok(Message::Text(text))) => Body::from(text),
            Some(Ok(Message::Binary(bytes))) => bytes,
            Some(Ok(Message::Close(_))) => return farewell(&mut socket).await,
            None => return,
            Some(Ok(_)) => continue,
            Some(Err(error)) => return fail(&mut socket, &error).await,
        };
        for request in requests(&bytes) {
            let request = pushes.attach(gate, Request::line(origin.clone(), request), request);
            // In a place of its own: an idle socket would else keep the room for it.
            let answer = Box::pin(gate.dispatcher.answer(request)).await;
            let text = String::from_utf8(answer.body)
                .unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
            if socket.send(Message::text(text)).await.is_err() {
                return;
            }
            if answer.close {
                break 'socket;
            }
        }
    }
    let _ = socket.close(None).await;
}

/// Sends the answer to the peer's close, which the socket has ready.
pub(crate) async fn farewell(socket: &mut Socket) {
    let _ = tokio::time::timeout(FAREWELL, socket.flush()).await;
}

/// Tells the peer why its connection ends (RFC 6455 7.1.7), where it can still be told.
pub(crate) async fn fail(socket: &mut Socket, error: &Error) {
    debug!(%error, "the WebSocket failed");
    let code = match error {
        Error::Capacity(_) => CloseCode::Size,
        Error::Utf8(_) => CloseCode::Invalid,
        Error::Protocol(_) => CloseCode::Protocol,
        _ => return,
    };
    end(socket, code, "").await;
}

/// Closes from our side, with a reason for people.
pub(crate) async fn end(socket: &mut Socket, code: CloseCode, reason: &'static str) {
    let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
    let telling = async {
        socket.close(Some(frame)).await?;
        // The peer's own end of the stream, so that what it sent meanwhile does not reset ours.
        while let Some(Ok(_)) = socket.next().await {}
        Ok::<_, Error>(())
    };
    let _ = tokio::time::timeout(FAREWELL, telling).await;
}

/// The requests of a message: its lines, or the whole where it is a JSON or XML document.
fn requests(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    let message = message.trim_ascii();
    let document = matches!(message.first(), Some(b'{' | b'[' | b'<'));
    let lines = message.split(move |b| !document && matches!(b, b'\r' | b'\n'));
    lines.map(<[u8]>::trim_ascii).filter(|line| !line.is_empty())
}

/// Carries SIP messages both ways.
async fn serve_sip(gate: &Gate, mut socket: Socket, client: Client) {
    let mut flow = gate.switch.open_flow(client.flow(FlowTransport::Ws, FlowTransport::Wss));
    let (mut pings, mut unanswered) = (pings(gate), 0);
    loop {
        let sent = tokio::select! {
            () = gate.closed() => break,
            _ = pings.tick() => {
                if unanswered == MAX_UNANSWERED { return }
                unanswered += 1;
                socket.send(Message::Ping(Body::new())).await
            }
            outgoing = flow.outgoing.recv() => match outgoing {
                Some(bytes) => socket.send(sip_message(bytes)).await,
                None => break,
            },
            incoming = socket.next() => {
                unanswered = 0;
                match incoming {
                    // A page cannot send pings of its own and keeps its flow by this one (RFC 5626 section 4.4.1).
                    Some(Ok(Message::Text(text))) if text.as_bytes() == PING => socket.send(Message::text(PONG)).await,
                    Some(Ok(Message::Text(text))) => { flow.feed(text.as_bytes()); Ok(()) }
                    Some(Ok(Message::Binary(bytes))) => { flow.feed(&bytes); Ok(()) }
                    Some(Err(error)) => return fail(&mut socket, &error).await,
                    Some(Ok(Message::Close(_))) => return farewell(&mut socket).await,
                    None => return,
                    Some(Ok(_)) => Ok(()),
                }
            },
        };
        if sent.is_err() {
            return;
        }
    }
    let _ = socket.close(None).await;
}

/// Text where it is UTF-8, as browsers expect; SIP allows other bytes, which go as binary.
fn sip_message(bytes: Vec<u8>) -> Message {
    match String::from_utf8(bytes) {
        Ok(text) => Message::text(text),
        Err(bytes) => Message::binary(bytes.into_bytes()),
    }
}

/// Two pings per idle time keep a living peer's connection open; without any answer it ends.
pub(crate) fn pings(gate: &Gate) -> tokio::time::Interval {
    let idle = Duration::from_secs(gate.switch.config().idletimeout.into());
    let period = (idle / 2).max(Duration::from_secs(1));
    tokio::time::interval_at(tokio::time::Instant::now() + period, period)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_lines_or_one_document() {
        for (message, expected) in [
            (&b"?a=1"[..], vec![&b"?a=1"[..]]),
            (b"?a=1\r\n?b=2\n\n", vec![b"?a=1", b"?b=2"]),
            (b" {\"a\":\n1}\n", vec![b"{\"a\":\n1}"]),
            (b"<a>\n</a>", vec![b"<a>\n</a>"]),
            (b"\r\n", vec![]),
        ] {
            assert_eq!(requests(message).collect::<Vec<_>>(), expected, "{}", message.escape_ascii());
        }
    }

    #[test]
    fn the_key_of_the_rfc_is_accepted() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (header::UPGRADE, "WebSocket"),
            (header::CONNECTION, "keep-alive, Upgrade"),
            (header::SEC_WEBSOCKET_VERSION, "13"),
            (header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        // RFC 6455 1.3.
        let accept = handshake_key(&Method::GET, &headers);
        assert_eq!(accept.as_ref().map(HeaderValue::as_bytes), Some(&b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="[..]));
        assert_eq!(handshake_key(&Method::POST, &headers), None);
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("8"));
        assert_eq!(handshake_key(&Method::GET, &headers), None);
    }
}
