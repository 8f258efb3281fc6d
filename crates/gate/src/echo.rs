//! A WebSocket that sends back every message as it came: whoever writes a client, or sets up a proxy, sees there what
//! arrives. It is off unless the configuration switches it on.

use bytes::Bytes as Body;
use futures_util::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Response, StatusCode};
use tokio_tungstenite::tungstenite::Message;

use crate::gate::Gate;
use crate::http::plain;
use crate::websocket::{MAX_UNANSWERED, Socket, fail, farewell, pings, upgrade};

/// The subprotocol's name.
const PROTOCOL: &str = "echo";

/// Upgrades to the echo.
pub(crate) fn serve(gate: Gate, request: hyper::Request<Incoming>) -> Response<Full<Body>> {
    let config = gate.switch.config();
    if !config.wsecho {
        return plain(StatusCode::NOT_FOUND, "the echo is switched off, see wsecho");
    }
    let most = usize::try_from(config.apimaxrequest).unwrap_or(usize::MAX);
    upgrade(request, PROTOCOL, most, move |socket| async move { carry(&gate, socket).await })
}

async fn carry(gate: &Gate, mut socket: Socket) {
    let (mut pings, mut unanswered) = (pings(gate), 0);
    loop {
        let message = tokio::select! {
            () = gate.closed() => break,
            _ = pings.tick() => {
                if unanswered == MAX_UNANSWERED { return }
                unanswered += 1;
                if socket.send(Message::Ping(Body::new())).await.is_err() { return }
                continue;
            }
            message = socket.next() => message,
        };
        unanswered = 0;
        match message {
            Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                if socket.send(message).await.is_err() {
                    return;
                }
            }
            Some(Ok(Message::Close(_))) => return farewell(&mut socket).await,
            Some(Ok(_)) => {}
            Some(Err(error)) => return fail(&mut socket, &error).await,
            None => return,
        }
    }
    let _ = socket.close(None).await;
}
