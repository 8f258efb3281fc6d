//! One connection: finds out what it speaks and runs that.

use std::net::SocketAddr;
use std::time::Duration;

use strowger_api::{Origin, Transport};
use strowger_switch::{FlowInfo, FlowTransport};
use tokio::io::{AsyncRead, AsyncReadExt};
use tracing::{debug, info};

use crate::detect::{Verdict, detect};
use crate::gate::Gate;
use crate::mend::mended;
use crate::stream::{Bytes, Stream};
use crate::{http, line};

/// How much is read at a time while nothing is decided, in bytes.
const SNIFF_STEP: usize = 4096;

/// Who is at the other end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client {
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) secure: bool,
}

impl Client {
    /// The origin of a request that came over `clear`, or over `secure` where TLS is below it.
    pub(crate) fn origin(&self, clear: Transport, secure: Transport) -> Origin {
        Origin::new(self.peer, self.local, if self.secure { secure } else { clear })
    }

    pub(crate) fn flow(&self, clear: FlowTransport, secure: FlowTransport) -> FlowInfo {
        FlowInfo { peer: self.peer, local: self.local, transport: if self.secure { secure } else { clear } }
    }
}

/// Reads until the protocol is known and serves it until one side ends.
pub(crate) async fn serve<S: Bytes>(gate: Gate, mut stream: S, client: Client) {
    let config = gate.switch.config();
    let limit = Duration::from_secs(config.headertimeout.into());
    let most = usize::try_from(config.apimaxline).unwrap_or(usize::MAX);
    let sniffed = tokio::select! {
        () = gate.closed() => return,
        sniffed = tokio::time::timeout(limit, sniff(&mut stream, most)) => sniffed,
    };
    let Ok((verdict, first)) = sniffed else {
        debug!(peer = %client.peer, "the first bytes took too long");
        return;
    };
    let idle = Duration::from_secs(config.idletimeout.into());
    match verdict {
        Verdict::Http => http::serve(gate, Stream::new(stream, mended(first), idle), client).await,
        Verdict::Line => line::serve(&gate, Stream::new(stream, first, idle), client).await,
        Verdict::Sip if gate.bans(client.peer) => {}
        Verdict::Sip => {
            let flow = client.flow(FlowTransport::Tcp, FlowTransport::Tls);
            gate.switch.serve_sip_stream(stream, flow, first).await;
        }
        Verdict::Tls => debug!(peer = %client.peer, "TLS on a port in clear"),
        Verdict::Stun => debug!(peer = %client.peer, "STUN over TCP is not served"),
        Verdict::Unknown | Verdict::More if first.len() >= most => {
            info!(peer = %client.peer, bytes = first.len(), "oversize: no line end in the first bytes");
        }
        Verdict::Unknown | Verdict::More => debug!(peer = %client.peer, "an unknown protocol"),
    }
}

/// Reads until there is a verdict, the stream ends or `most` bytes have come.
async fn sniff<S: AsyncRead + Unpin>(stream: &mut S, most: usize) -> (Verdict, Vec<u8>) {
    let mut bytes = Vec::with_capacity(SNIFF_STEP);
    loop {
        let room = most.saturating_sub(bytes.len()).min(SNIFF_STEP);
        bytes.reserve(room);
        let ended = match (&mut *stream).take(room as u64).read_buf(&mut bytes).await {
            Ok(count) => count == 0,
            Err(_) => return (Verdict::Unknown, bytes),
        };
        match detect(&bytes, ended) {
            Verdict::More if ended => return (Verdict::Unknown, bytes),
            Verdict::More => {}
            // The whole request line, so that it can be mended.
            Verdict::Http if !ended && !bytes.contains(&b'\n') => {}
            verdict => return (verdict, bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    fn sniffed(pieces: &[&[u8]], most: usize) -> (Verdict, Vec<u8>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (mut far, mut near) = tokio::io::duplex(1 << 16);
            let feed = async {
                for piece in pieces {
                    far.write_all(piece).await.unwrap();
                    tokio::task::yield_now().await;
                }
                drop(far);
            };
            tokio::join!(feed, sniff(&mut near, most)).1
        })
    }

    #[test]
    fn pieces_are_put_together() {
        assert_eq!(sniffed(&[b"GE", b"T / HTTP/1.1\r\n"], 100).0, Verdict::Http);
        assert_eq!(
            sniffed(&[b"?apientry", b"=apitest1"], 100),
            (Verdict::Line, b"?apientry=apitest1".to_vec())
        );
    }

    #[test]
    fn a_line_without_end_is_bounded() {
        let (verdict, bytes) = sniffed(&[&[b'a'; 5000], &[b'a'; 5000]], 6000);
        assert_eq!((verdict, bytes.len()), (Verdict::Unknown, 6000));
    }
}
