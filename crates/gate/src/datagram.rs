//! API requests as datagrams on the main UDP port. The socket is the switch's; answers go back through it.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;

use strowger_api::{Origin, Request, Transport, UDP_MAX_BYTES, is_request_line};
use strowger_switch::ApiDatagram;
use tokio::sync::{Semaphore, mpsc};
use tracing::debug;

use crate::gate::Gate;

/// Datagrams answered at a time; further ones wait in the switch's bounded queue.
const MOST_AT_A_TIME: usize = 256;

/// Serves datagrams until the switch or the gate closes.
pub(crate) async fn serve(gate: Gate, mut datagrams: mpsc::Receiver<ApiDatagram>, port: u16) {
    let room = Arc::new(Semaphore::new(MOST_AT_A_TIME));
    loop {
        // Only who waits looks whether the gate closes.
        let datagram = match datagrams.try_recv() {
            Ok(datagram) => Some(datagram),
            Err(_) => tokio::select! {
                () = gate.closed() => return,
                datagram = datagrams.recv() => datagram,
            },
        };
        let Some(datagram) = datagram else { return };
        let bytes = datagram.bytes.trim_ascii_end();
        if bytes.len() > UDP_MAX_BYTES || !is_request_line(bytes) {
            debug!(peer = %datagram.from, bytes = bytes.len(), "a datagram that is no request");
            continue;
        }
        let origin = Origin::new(datagram.from, SocketAddr::new(datagram.local, port), Transport::Udp);
        let request = Request::line(origin, bytes);
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let gate = gate.clone();
        let mut answering = Box::pin(async move {
            let answer = gate.dispatcher.answer(request).await;
            if !answer.body.is_empty() {
                gate.switch.api_reply(datagram.from, datagram.local, &answer.body);
            }
            drop(place);
        });
        // What needs no waiting is answered here; the rest must not hold up the next datagram.
        if poll_fn(|context| Poll::Ready(answering.as_mut().poll(context))).await.is_pending() {
            tokio::spawn(answering);
        }
    }
}
