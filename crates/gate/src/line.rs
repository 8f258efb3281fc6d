//! API requests as lines over TCP or TLS: one per line, pipelined at will, answered in order with CR LF.

use std::io;

use strowger_api::{Request, Transport, is_request_line};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tracing::{debug, info};

use crate::connection::Client;
use crate::events::Pushes;
use crate::gate::Gate;
use crate::stream::{Bytes, Stream};

/// How much is read at a time, in bytes; an idle connection keeps as much.
const READ_STEP: usize = 1024;

/// Serves lines until one does not count as a request, the peer ends or asks to close.
pub(crate) async fn serve<S: Bytes>(gate: &Gate, stream: Stream<S>, client: Client) {
    let most = usize::try_from(gate.switch.config().apimaxline).unwrap_or(usize::MAX);
    let (reader, mut writer) = tokio::io::split(stream);
    let mut lines = Lines::new(reader);
    let mut line = Vec::new();
    let mut pushes = Pushes::new(gate);
    'stream: loop {
        let read = {
            // Not begun anew after a push: what was read of a line would be lost.
            let mut reading = std::pin::pin!(lines.next(&mut line, most));
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
        let request = pushes.attach(gate, Request::line(origin, &line), &line);
        // In a place of its own: an idle connection would else keep the room for it.
        let mut answer = Box::pin(gate.dispatcher.answer(request)).await;
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

/// Lines that end in CR, LF or both.
pub(crate) struct Lines<R> {
    reader: BufReader<R>,
    /// The last line ended in CR: what follows of CR LF, or of telnet's CR NUL (RFC 854), belongs to it.
    after_cr: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader: BufReader::with_capacity(READ_STEP, reader), after_cr: false }
    }

    /// Reads one line of at most `most` bytes. At the end of the stream an unfinished line counts.
    ///
    /// Not to be polled again after cancellation: what was read of a line is dropped then.
    pub(crate) async fn next(&mut self, line: &mut Vec<u8>, most: usize) -> io::Result<Line> {
        line.clear();
        loop {
            let bytes = self.reader.fill_buf().await?;
            let Some(first) = bytes.first() else {
                return Ok(if line.is_empty() { Line::End } else { Line::Whole });
            };
            if std::mem::take(&mut self.after_cr) && matches!(first, b'\n' | 0) {
                self.reader.consume(1);
                continue;
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let part = &bytes[..end.unwrap_or(bytes.len())];
            if line.len() + part.len() > most {
                return Ok(Line::TooLong);
            }
            line.extend_from_slice(part);
            let taken = part.len() + usize::from(end.is_some());
            self.after_cr = end.is_some_and(|end| bytes[end] == b'\r');
            self.reader.consume(taken);
            if end.is_some() {
                return Ok(Line::Whole);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &[u8], most: usize) -> Vec<(Line, String)> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (mut lines, mut line, mut all) = (Lines::new(input), Vec::new(), Vec::new());
            loop {
                let read = lines.next(&mut line, most).await.unwrap();
                if read == Line::End {
                    return all;
                }
                let over = read == Line::TooLong;
                all.push((read, String::from_utf8(line.clone()).unwrap()));
                if over {
                    return all;
                }
            }
        })
    }

    #[test]
    fn lines_end_in_cr_lf_or_both() {
        let input = b"one\r\ntwo\nthree\rfour\r\0five\n\rlast";
        let texts: Vec<String> = read(input, 8).into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["one", "two", "three", "four", "five", "", "last"]);
    }

    #[test]
    fn lines_are_bounded() {
        assert_eq!(read(b"12345678\n", 8), [(Line::Whole, "12345678".to_owned())]);
        assert_eq!(read(b"123456789\n", 8), [(Line::TooLong, String::new())]);
        let long = [b'x'; 3 * READ_STEP];
        assert_eq!(read(&long, 2 * READ_STEP).last().map(|(read, _)| read), Some(&Line::TooLong));
        assert_eq!(read(&long, 3 * READ_STEP).last().map(|(_, text)| text.len()), Some(3 * READ_STEP));
    }
}
