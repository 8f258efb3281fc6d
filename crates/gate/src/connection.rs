//! One connection: finds out what it speaks and runs that.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;

use strowger_api::{Origin, Transport};
use strowger_switch::{EncryptedKind, FlowInfo, FlowTransport, Handshake, NotEncrypted};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::rustls::ServerConnection;
use tracing::{debug, info};

use crate::counted::Counted;
use crate::detect::{Verdict, detect};
use crate::gate::Gate;
use crate::mend::mended;
use crate::stream::{Bytes, Stream};
use crate::tls::ACME_TLS;
use crate::{http, line};

/// How much is read at a time while nothing is decided, in bytes.
const SNIFF_STEP: usize = 4096;

/// Who is at the other end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client {
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) secure: bool,
    /// Its number among the encrypted connections.
    pub(crate) encrypted: Option<u64>,
}

impl Client {
    /// The origin of a request that came over `clear`, or over `secure` where TLS is below it.
    pub(crate) fn origin(&self, clear: Transport, secure: Transport) -> Origin {
        let transport = if self.secure { secure } else { clear };
        Origin { encrypted: self.encrypted, ..Origin::new(self.peer, self.local, transport) }
    }

    pub(crate) fn flow(&self, clear: FlowTransport, secure: FlowTransport) -> FlowInfo {
        FlowInfo { peer: self.peer, local: self.local, transport: if self.secure { secure } else { clear } }
    }
}

/// Serves a connection of the one port. One that begins with a TLS handshake is served behind it.
pub(crate) async fn serve_any(gate: Gate, mut stream: TcpStream, client: Client) {
    let Some((verdict, first)) = first_bytes(&gate, &mut stream, client).await else { return };
    if verdict == Verdict::Tls && gate.tls.is_some() {
        let idle = idle_time(&gate);
        // A future of its own, so that clear connections do not pay for the room that TLS takes.
        Box::pin(serve_tls(gate, Stream::new(stream, first, idle), client)).await;
    } else {
        serve(gate, stream, verdict, first, client).await;
    }
}

/// Takes the handshake and serves what is behind it.
pub(crate) async fn serve_tls<S: Bytes>(gate: Gate, stream: S, client: Client) {
    let Some(tls) = &gate.tls else { return };
    let limit = Duration::from_secs(gate.switch.config().headertimeout.into());
    let stream = match tokio::time::timeout(limit, tls.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            gate.switch.encrypted().count(NotEncrypted::Failed);
            return debug!(peer = %client.peer, %error, "the TLS handshake failed");
        }
        Err(_) => {
            gate.switch.encrypted().count(NotEncrypted::Late);
            return debug!(peer = %client.peer, "the TLS handshake took too long");
        }
    };
    let handshake = handshake(&gate, stream.get_ref().1, client);
    let kind = handshake.kind;
    let place = gate.switch.encrypted().open(handshake);
    let client = Client { secure: true, encrypted: Some(place.id()), ..client };
    let mut stream = Counted::new(stream, place);
    if kind == EncryptedKind::Validation {
        // The handshake was all that the validation wanted (RFC 8737 section 3).
        let _ = stream.shutdown().await;
        return;
    }
    if let Some((verdict, first)) = first_bytes(&gate, &mut stream, client).await {
        serve(gate, stream, verdict, first, client).await;
    }
}

/// What was agreed on.
fn handshake(gate: &Gate, tls: &ServerConnection, client: Client) -> Handshake {
    let alpn = tls.alpn_protocol();
    let validation = alpn == Some(ACME_TLS);
    Handshake {
        peer: client.peer,
        port: client.local.port(),
        since: gate.switch.now().wall,
        version: tls.protocol_version().and_then(|version| version.as_str()).unwrap_or("unknown"),
        cipher: tls.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str()).unwrap_or("unknown"),
        sni: tls.server_name().unwrap_or_default().to_owned(),
        alpn: String::from_utf8_lossy(alpn.unwrap_or_default()).into_owned(),
        kind: if validation { EncryptedKind::Validation } else { EncryptedKind::Undecided },
    }
}

fn idle_time(gate: &Gate) -> Duration {
    Duration::from_secs(gate.switch.config().idletimeout.into())
}

/// The most bytes that are read before the protocol is known.
fn most_undecided(gate: &Gate) -> usize {
    usize::try_from(gate.switch.config().apimaxline).unwrap_or(usize::MAX)
}

/// Reads until the protocol is known, for the time that a head may take.
async fn first_bytes<S: Bytes>(gate: &Gate, stream: &mut S, client: Client) -> Option<(Verdict, Vec<u8>)> {
    let limit = Duration::from_secs(gate.switch.config().headertimeout.into());
    let sniffed = tokio::select! {
        () = gate.closed() => return None,
        sniffed = tokio::time::timeout(limit, sniff(stream, most_undecided(gate))) => sniffed,
    };
    if sniffed.is_err() {
        debug!(peer = %client.peer, "the first bytes took too long");
    }
    sniffed.ok()
}

/// Serves a known protocol until one side ends. Each has its room for itself: a connection that has not spoken yet
/// would else keep the room of the largest.
async fn serve<S: Bytes>(gate: Gate, stream: S, verdict: Verdict, first: Vec<u8>, client: Client) {
    let idle = idle_time(&gate);
    match verdict {
        Verdict::Http => {
            gate.carries(client, EncryptedKind::Https);
            let head = Duration::from_secs(gate.switch.config().headertimeout.into());
            let stream = Stream::with_beat(stream, mended(first), idle, head);
            Box::pin(http::serve(gate, stream, client)).await;
        }
        Verdict::Line => {
            gate.carries(client, EncryptedKind::Api);
            Box::pin(line::serve(&gate, Stream::new(stream, first, idle), client)).await;
        }
        Verdict::Sip if gate.bans(client.peer) => {
            if client.secure {
                gate.switch.encrypted().count(NotEncrypted::Refused);
            }
        }
        Verdict::Sip => {
            gate.carries(client, EncryptedKind::Sip);
            let flow = client.flow(FlowTransport::Tcp, FlowTransport::Tls);
            Box::pin(gate.switch.serve_sip_stream(stream, flow, first)).await;
        }
        Verdict::Tls => {
            gate.switch.encrypted().count(NotEncrypted::Refused);
            debug!(peer = %client.peer, "TLS, for which there is no certificate or which is inside TLS");
        }
        Verdict::Stun => debug!(peer = %client.peer, "STUN over TCP is not served"),
        Verdict::Unknown | Verdict::More if first.len() >= most_undecided(&gate) => {
            info!(peer = %client.peer, bytes = first.len(), "oversize: no line end in the first bytes");
        }
        Verdict::Unknown | Verdict::More => debug!(peer = %client.peer, "an unknown protocol"),
    }
}

/// Reads until there is a verdict, the stream ends or `most` bytes have come.
async fn sniff<S: AsyncRead + Unpin>(stream: &mut S, most: usize) -> (Verdict, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        let room = most.saturating_sub(bytes.len()).min(SNIFF_STEP);
        let ended = match read_some(stream, &mut bytes, room).await {
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

/// Appends at most `room` bytes, and says how many. The buffer lives only while there is something to read: a
/// connection that waits for its first byte keeps none.
async fn read_some<S: AsyncRead + Unpin>(
    stream: &mut S,
    bytes: &mut Vec<u8>,
    room: usize,
) -> io::Result<usize> {
    poll_fn(|context| {
        let mut buffer = [MaybeUninit::uninit(); SNIFF_STEP];
        let mut read = ReadBuf::uninit(&mut buffer[..room.min(SNIFF_STEP)]);
        ready!(Pin::new(&mut *stream).poll_read(context, &mut read))?;
        bytes.extend_from_slice(read.filled());
        Poll::Ready(Ok(read.filled().len()))
    })
    .await
}

#[cfg(test)]
mod tests {
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
