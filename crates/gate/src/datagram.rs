//! API requests as datagrams on the main UDP port. The socket is the switch's; answers go back through it.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;

use strowger_api::{Answer, Origin, Request, Transport, UDP_MAX_BYTES, is_request_line};
use strowger_switch::{ApiDatagram, ApiReply};
use tokio::sync::{Semaphore, mpsc};
use tracing::debug;

use crate::gate::Gate;

/// Answers that are waited for at a time; further datagrams wait in the switch's bounded queue.
const MOST_AT_A_TIME: usize = 256;

/// Serves datagrams until the switch or the gate closes. Those that came together and need no waiting are answered
/// together.
pub(crate) async fn serve(gate: Gate, mut datagrams: mpsc::Receiver<Vec<ApiDatagram>>, port: u16) {
    let room = Arc::new(Semaphore::new(MOST_AT_A_TIME));
    let mut closed = std::pin::pin!(gate.closed());
    let mut replies = Vec::new();
    loop {
        let batch = tokio::select! {
            () = &mut closed => return,
            batch = datagrams.recv() => batch,
        };
        let Some(batch) = batch else { return };
        for datagram in batch {
            let Some(request) = request(&datagram, port) else { continue };
            let mut answering = Box::pin(gate.dispatcher.answer(request));
            if let Poll::Ready(answer) =
                poll_fn(|context| Poll::Ready(answering.as_mut().poll(context))).await
            {
                replies.extend(reply(&datagram, answer));
                continue;
            }
            // What needs waiting must hold up neither the answers before it nor the next datagram.
            send(&gate, &mut replies);
            let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
            let gate = gate.clone();
            tokio::spawn(async move {
                let answer = answering.await;
                gate.switch.api_replies(reply(&datagram, answer).as_slice());
                drop(place);
            });
        }
        send(&gate, &mut replies);
    }
}

fn send(gate: &Gate, replies: &mut Vec<ApiReply>) {
    gate.switch.api_replies(replies);
    replies.clear();
}

fn request(datagram: &ApiDatagram, port: u16) -> Option<Request> {
    let bytes = datagram.bytes.trim_ascii_end();
    if bytes.len() > UDP_MAX_BYTES || !is_request_line(bytes) {
        debug!(peer = %datagram.from, bytes = bytes.len(), "a datagram that is no request");
        return None;
    }
    let local = SocketAddr::new(datagram.local, port);
    Some(Request::line(Origin::new(datagram.from, local, Transport::Udp), bytes))
}

/// None where there is nothing to say.
fn reply(datagram: &ApiDatagram, answer: Answer) -> Option<ApiReply> {
    let bytes = answer.body;
    (!bytes.is_empty()).then_some(ApiReply { to: datagram.from, local: datagram.local, bytes })
}
