//! API requests in a header of SIP requests. The switch has proved who sent them; the answers go back through it.

use std::sync::Arc;

use std::net::SocketAddr;

use strowger_api::{Origin, Request, Transport};
use strowger_switch::ApiInSip;
use tokio::sync::{Semaphore, mpsc};

use crate::gate::Gate;

/// Requests answered at a time; further ones wait in the switch's bounded queue.
const MOST_AT_A_TIME: usize = 64;

/// Serves requests until the switch or the gate closes.
pub(crate) async fn serve(gate: Gate, mut requests: mpsc::Receiver<ApiInSip>) {
    let room = Arc::new(Semaphore::new(MOST_AT_A_TIME));
    loop {
        let request = tokio::select! {
            () = gate.closed() => return,
            request = requests.recv() => request,
        };
        let Some(ApiInSip { token, account, peer, local, line }) = request else { return };
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let gate = gate.clone();
        tokio::spawn(async move {
            let origin = Origin::new(peer, SocketAddr::new(local, 0), Transport::Sip);
            let answer = gate.dispatcher.answer(Request::sip(origin, account, &line)).await;
            gate.switch.api_answer(token, String::from_utf8_lossy(&answer.body).into_owned());
            drop(place);
        });
    }
}
