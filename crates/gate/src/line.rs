//! API requests as lines over TCP or TLS: one per line, pipelined at will, answered in order with CR LF.

use std::io;

use strowger_api::{Request, Transport, is_request_line};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tracing::{debug, info};

use crate::connection::Client;
use crate::events::Pushes;
use crate::gate::Gate;
use crate::stream::{Bytes, Stream};

/// Serves lines until one does not count as a request, the peer ends or asks to close.
pub(crate) async fn serve<S: Bytes>(gate: &Gate, stream: Stream<S>, client: Client) {
    let most = usize::try_from(gate.switch.config().apimaxline).unwrap_or(usize::MAX);
    let (reader, mut writer) = tokio::io::split(stream);
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    let mut pushes = Pushes::new(gate);
    'stream: loop {
        let read = {
            // Not begun anew after a push: what was read of a line would be lost.
            let mut reading = std::pin::pin!(read_line(&mut reader, &mut line, most));
            loop {
                tokio::select! {
                    () = gate.closed() => break 'stream,
                    read = &mut reading => break read,
                    mut text = pushes.next() => {
                        text.push_str("\r\n");
                        if writer.write_all(text.as_bytes()).await.is_err() {
                            break 'stream;
                        }
                    }
                }
            }
        };
        match read {
            Ok(Line::Whole) if line.is_empty() => continue,
            Ok(Line::Whole) if is_request_line(&line) => {}
            Ok(Line::Whole) => {
                debug!(peer = %client.peer, "a line that is no request");
                break;
            }
            Ok(Line::TooLong) => {
                info!(peer = %client.peer, bytes = most, "oversize: a line without end");
                break;
            }
            Ok(Line::End) | Err(_) => break,
        }
        let origin = client.origin(Transport::Tcp, Transport::Tls);
        let request = pushes.attach(Request::line(origin, &line), &line);
        let mut answer = gate.dispatcher.answer(request).await;
        answer.body.extend_from_slice(b"\r\n");
        if writer.write_all(&answer.body).await.is_err() || answer.close {
            break;
        }
    }
    let _ = writer.shutdown().await;
}

/// What a read brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line, its end removed.
    Whole,
    /// No line end within the limit.
    TooLong,
    /// The end of the stream.
    End,
}

/// Reads one line of at most `most` bytes. At the end of the stream an unfinished line counts.
///
/// Not to be polled again after cancellation: what was read of a line is dropped then.
pub(crate) async fn read_line<R>(reader: &mut R, line: &mut Vec<u8>, most: usize) -> io::Result<Line>
where
    R: AsyncBufReadExt + AsyncRead + Unpin,
{
    line.clear();
    let count = reader.take(most as u64).read_until(b'\n', line).await?;
    if count == 0 {
        return Ok(Line::End);
    }
    if line.last() != Some(&b'\n') && count >= most {
        return Ok(Line::TooLong);
    }
    while matches!(line.last(), Some(b'\r' | b'\n')) {
        line.pop();
    }
    Ok(Line::Whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_by_either_convention_and_are_bounded() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut input = &b"one\r\ntwo\n\r\n12345678last"[..];
            let mut line = Vec::new();
            for (read, text) in [
                (Line::Whole, &b"one"[..]),
                (Line::Whole, b"two"),
                (Line::Whole, b""),
                (Line::TooLong, b"12345678"),
                (Line::Whole, b"last"),
                (Line::End, b""),
            ] {
                assert_eq!(read_line(&mut input, &mut line, 8).await.unwrap(), read);
                assert_eq!(line, text);
            }
        });
    }
}
