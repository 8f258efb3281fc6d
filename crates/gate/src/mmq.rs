//! The message queue over WebSocket: a login by the handshake or by the first message, then one JSON object a message
//! both ways (docs/api/mmq.md).

use std::time::Duration;

use bytes::Bytes as Body;
use futures_util::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Response, StatusCode, header};
use strowger_api::{AfterRefusal, Http, JoinRefused, Joined, Member, Origin, Request, Transport};
use strowger_switch::EncryptedKind;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::connection::Client;
use crate::gate::Gate;
use crate::http::{origin, plain};
use crate::websocket::{MAX_UNANSWERED, Socket, end, fail, farewell, pings, upgrade};

/// The subprotocol's name.
const PROTOCOL: &str = "mmq";

/// Tries to log in by message.
const MAX_LOGINS: u32 = 5;

/// The server ends.
const CLOSING: Then = Then::End(CloseCode::Away, "the server is ending");

/// The account may not log in any more, or has another password.
const LOG_IN_AGAIN: Then = Then::End(CloseCode::Policy, "log in again");

/// How a socket ends.
enum Then {
    /// It is closed with a code and a reason.
    End(CloseCode, &'static str),
    /// There is nobody left to tell.
    Gone,
}

/// Upgrades to the queue.
pub(crate) fn serve(gate: Gate, request: hyper::Request<Incoming>, client: Client) -> Response<Full<Body>> {
    let config = gate.switch.config();
    if !config.usemmq {
        return plain(StatusCode::NOT_FOUND, "the message queue is switched off, see usemmq");
    }
    let origin = origin(&gate, request.headers(), client, Transport::WebSocket, Transport::SecureWebSocket);
    let authorization = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let handshake = Request::http(
        origin.clone(),
        &Http {
            method: "GET",
            target: request.uri().path_and_query().map_or("/", |target| target.as_str()),
            content_type: None,
            accept: None,
            authorization,
            soap_action: None,
            body: &[],
        },
    );
    let most = usize::try_from(config.mmqmaxmessage).unwrap_or(usize::MAX);
    upgrade(request, PROTOCOL, most, move |mut socket| async move {
        gate.carries(client, EncryptedKind::QueueSocket);
        // In a place of its own: the login needs more room than an idle socket should keep.
        let then = match Box::pin(login(&gate, &mut socket, *handshake, origin)).await {
            Ok(member) => carry(&gate, &mut socket, *member).await,
            Err(then) => then,
        };
        if let Then::End(code, reason) = then {
            end(&mut socket, code, reason).await;
        }
    })
}

/// Lets the peer in, by its handshake or its messages.
async fn login(
    gate: &Gate,
    socket: &mut Socket,
    handshake: Request,
    origin: Origin,
) -> Result<Box<Member>, Then> {
    let limit = Duration::from_secs(gate.switch.config().headertimeout.into());
    let deadline = Instant::now() + limit;
    let mut tried = gate.dispatcher.join_by_handshake(handshake).await;
    let mut logins = 0;
    loop {
        match tried {
            Some(Ok(Joined { member, text })) => {
                sent(socket, text).await?;
                return Ok(member);
            }
            Some(Err(JoinRefused { text, then })) => {
                sent(socket, text).await?;
                match then {
                    AfterRefusal::Retry => {}
                    AfterRefusal::Full => {
                        return Err(Then::End(CloseCode::Again, "no room, come back later"));
                    }
                    AfterRefusal::End => return Err(Then::End(CloseCode::Policy, "not logged in")),
                }
            }
            None => {}
        }
        if logins == MAX_LOGINS {
            return Err(Then::End(CloseCode::Policy, "too many logins"));
        }
        logins += 1;
        let text = tokio::select! {
            () = gate.closed() => return Err(CLOSING),
            received = tokio::time::timeout_at(deadline, received(socket)) => match received {
                Ok(text) => text?,
                Err(_) => return Err(Then::End(CloseCode::Policy, "no login in time")),
            },
        };
        tried = Some(gate.dispatcher.join_by_message(origin.clone(), &text).await);
    }
}

/// The next text.
async fn received(socket: &mut Socket) -> Result<String, Then> {
    loop {
        let message = socket.next().await;
        if let Some(text) = taken(socket, message).await? {
            return Ok(text);
        }
    }
}

/// The text of a message, if it has one; the end of the socket where it is that.
async fn taken(socket: &mut Socket, message: Option<Result<Message, Error>>) -> Result<Option<String>, Then> {
    match message {
        Some(Ok(Message::Text(text))) => return Ok(Some(text.to_string())),
        Some(Ok(Message::Binary(_))) => return Err(Then::End(CloseCode::Unsupported, "text only")),
        Some(Ok(Message::Close(_))) => farewell(socket).await,
        Some(Ok(_)) => return Ok(None),
        Some(Err(error)) => fail(socket, &error).await,
        None => {}
    }
    Err(Then::Gone)
}

/// Carries messages both ways until one side ends.
async fn carry(gate: &Gate, socket: &mut Socket, mut member: Member) -> Then {
    let (mut pings, mut unanswered) = (pings(gate), 0);
    loop {
        let done = tokio::select! {
            () = gate.closed() => Err(CLOSING),
            _ = pings.tick() => {
                if unanswered == MAX_UNANSWERED { return Then::Gone }
                unanswered += 1;
                if !member.is_entitled() { return LOG_IN_AGAIN }
                socket.send(Message::Ping(Body::new())).await.map_err(|_| Then::Gone)
            }
            text = member.next() => match text {
                Some(text) => sent(socket, text).await,
                None => Err(LOG_IN_AGAIN),
            },
            message = socket.next() => {
                unanswered = 0;
                answered(socket, &mut member, message).await
            }
        };
        if let Err(then) = done {
            return then;
        }
    }
}

/// Answers a message, if it is one that wants an answer.
async fn answered(
    socket: &mut Socket,
    member: &mut Member,
    message: Option<Result<Message, Error>>,
) -> Result<(), Then> {
    let Some(text) = taken(socket, message).await? else { return Ok(()) };
    let answer = member.answer(&text);
    sent(socket, answer.text).await?;
    answer.end.map_or(Ok(()), |reason| Err(Then::End(CloseCode::Policy, reason)))
}

async fn sent(socket: &mut Socket, text: String) -> Result<(), Then> {
    socket.send(Message::text(text)).await.map_err(|_| Then::Gone)
}
