//! The sound of a live call over WebSocket: a JSON object that describes it, then binary messages of samples as they are
//! spoken, a JSON object with what was lost, and a close when the call has ended. Nothing that the peer says counts.

use std::time::Duration;

use bytes::Bytes as Body;
use futures_util::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Response, StatusCode};
use strowger_api::{LISTEN_PATH, Listener, Transport};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::connection::Client;
use crate::gate::Gate;
use crate::http::{origin, plain};
use crate::websocket::{
    MAX_UNANSWERED, Socket, end, fail, farewell, is_handshake, no_handshake, pings, upgrade,
};

/// The subprotocol's name.
const PROTOCOL: &str = "mvlisten";

/// The longest message that a listener may send, in bytes; none is looked at.
const MAX_MESSAGE_BYTES: usize = 1_024;

/// A listener that takes nothing for so long is gone. Until then it loses what does not fit its queue.
const PATIENCE: Duration = Duration::from_secs(10);

/// How listening ends.
enum Then {
    /// It is closed with a code and a reason.
    End(CloseCode, &'static str),
    /// There is nobody left to tell.
    Gone,
}

/// Upgrades to the sound of the call whose token the path has.
pub(crate) async fn serve(
    gate: &Gate,
    request: hyper::Request<Incoming>,
    client: Client,
) -> Response<Full<Body>> {
    if gate.bans(client.peer) {
        return plain(StatusCode::FORBIDDEN, "this address is banned for a while");
    }
    // Whoever cannot listen does not use the token up.
    if !is_handshake(&request) {
        return no_handshake();
    }
    let from = origin(gate, request.headers(), client, Transport::WebSocket, Transport::SecureWebSocket).peer;
    let token = request.uri().path().get(LISTEN_PATH.len()..).unwrap_or_default();
    let Some(listener) = gate.dispatcher.listen(token, from.ip()).await else {
        return plain(
            StatusCode::NOT_FOUND,
            "this address is wrong, was used, is too old, or the call is over",
        );
    };
    let gate = gate.clone();
    upgrade(request, PROTOCOL, MAX_MESSAGE_BYTES, move |mut socket| async move {
        let mut listener = Box::new(listener);
        if let Then::End(code, reason) = carry(&gate, &mut socket, &mut listener).await
            && sent(&mut socket, Message::text(listener.farewell())).await.is_ok()
        {
            end(&mut socket, code, reason).await;
        }
    })
}

/// Carries the sound until the call or the listener ends.
async fn carry(gate: &Gate, socket: &mut Socket, listener: &mut Listener) -> Then {
    let (mut pings, mut unanswered) = (pings(gate), 0);
    let mut outgoing = Message::text(listener.description());
    loop {
        if let Err(then) = sent(socket, outgoing).await {
            return then;
        }
        outgoing = loop {
            tokio::select! {
                () = gate.closed() => return Then::End(CloseCode::Away, "the server is ending"),
                _ = pings.tick() => {
                    if unanswered == MAX_UNANSWERED { return Then::Gone }
                    unanswered += 1;
                    break Message::Ping(Body::new());
                }
                samples = listener.next() => match samples {
                    Some(samples) => break Message::binary(samples),
                    None => return Then::End(CloseCode::Normal, "the call has ended"),
                },
                message = socket.next() => {
                    unanswered = 0;
                    match message {
                        Some(Ok(Message::Close(_))) => {
                            farewell(socket).await;
                            return Then::Gone;
                        }
                        Some(Ok(_)) => {}
                        Some(Err(error)) => {
                            fail(socket, &error).await;
                            return Then::Gone;
                        }
                        None => return Then::Gone,
                    }
                }
            }
        };
    }
}

async fn sent(socket: &mut Socket, message: Message) -> Result<(), Then> {
    match tokio::time::timeout(PATIENCE, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Then::Gone),
    }
}
