//! A connection whose first bytes were read already and which fails after a time of silence.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::coarse;

/// The shortest time between two wake-ups.
const SHORTEST_BEAT: Duration = Duration::from_millis(100);

/// How long a peer may still send after our end.
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// How much it may send, in bytes.
const DRAIN_MOST: usize = 4 << 20;

/// How much of it is read at a time, in bytes.
const DRAIN_STEP: usize = 4096;

/// A stream of bytes, plain or encrypted.
pub(crate) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Bytes for S {}

/// Replays what detection consumed, then reads on. Fails with `TimedOut` when neither direction moved for
/// the idle time, whoever polls it.
pub(crate) struct Stream<S> {
    inner: S,
    first: Vec<u8>,
    taken: usize,
    idle: Duration,
    /// How often whoever waits is woken all the same.
    beat: Duration,
    moved: std::time::Instant,
    alarm: Pin<Box<Sleep>>,
    /// Whom the alarm wakes.
    waits: Option<Waker>,
    ending: Ending,
}

/// How far the end of our side has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Not asked for.
    No,
    /// Asked for.
    Asked,
    /// The peer knows; what it still sends is thrown away, as many bytes as this.
    Told(usize),
}

impl<S> Stream<S> {
    pub(crate) fn new(inner: S, first: Vec<u8>, idle: Duration) -> Self {
        Self {
            inner,
            first,
            taken: 0,
            idle,
            beat: idle,
            moved: coarse::now(),
            alarm: Box::pin(sleep(idle)),
            waits: None,
            ending: Ending::No,
        }
    }

    /// The same; who waits is woken every `beat`, so that it can look at deadlines of its own.
    pub(crate) fn with_beat(inner: S, first: Vec<u8>, idle: Duration, beat: Duration) -> Self {
        let alarm = Box::pin(sleep(idle.min(beat)));
        Self { beat: beat.max(SHORTEST_BEAT), alarm, ..Self::new(inner, first, idle) }
    }

    /// Called where nothing could be done: has it been so for too long?
    fn check_silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        // The alarm knows already whom to wake.
        if !self.alarm.is_elapsed() && self.waits.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        loop {
            // A task whose turn is over is told "pending" by whatever it asks, and is known to nothing then.
            self.waits = tokio::task::coop::has_budget_remaining().then(|| cx.waker().clone());
            if self.alarm.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            let due = Instant::from_std(self.moved + self.idle);
            if due <= Instant::now() {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            self.alarm.as_mut().reset(due.min(Instant::now() + self.beat));
        }
    }

    /// Throws away what the peer still sends, until it ends too. Closing with bytes unread would reset the connection,
    /// and a reset takes from the peer the answer that it has not read yet.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>
    where
        S: Bytes,
    {
        let mut scratch = [MaybeUninit::uninit(); DRAIN_STEP];
        while let Ending::Told(drained) = self.ending {
            let mut read = ReadBuf::uninit(&mut scratch);
            match Pin::new(&mut self.inner).poll_read(cx, &mut read) {
                Poll::Ready(Ok(())) if !read.filled().is_empty() && drained < DRAIN_MOST => {
                    self.ending = Ending::Told(drained + read.filled().len());
                }
                Poll::Ready(_) => break,
                Poll::Pending if self.alarm.as_mut().poll(cx).is_ready() => break,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }

    fn watch<T>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.moved = coarse::now();
            return poll;
        }
        self.check_silence(cx).map(Err)
    }
}

impl<S: Bytes> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = &self.first[self.taken..];
        if !rest.is_empty() {
            let count = rest.len().min(buf.remaining());
            buf.put_slice(&rest[..count]);
            self.taken += count;
            if self.taken == self.first.len() {
                (self.first, self.taken) = (Vec::new(), 0);
            }
            return Poll::Ready(Ok(()));
        }
        let poll = Pin::new(&mut self.inner).poll_read(cx, buf);
        self.watch(cx, poll)
    }
}

impl<S: Bytes> AsyncWrite for Stream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.watch(cx, poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.watch(cx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What is flushed was written before, which was noted.
        let poll = Pin::new(&mut self.inner).poll_flush(cx);
        if poll.is_ready() { poll } else { self.watch(cx, poll) }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.ending == Ending::No {
            self.ending = Ending::Asked;
            self.alarm.as_mut().reset(Instant::now() + DRAIN_TIME);
            self.waits = None;
        }
        if self.ending == Ending::Asked {
            match Pin::new(&mut self.inner).poll_shutdown(cx) {
                Poll::Ready(Ok(())) => self.ending = Ending::Told(0),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    let late = self.alarm.as_mut().poll(cx);
                    return late.map(|()| Err(io::ErrorKind::TimedOut.into()));
                }
            }
        }
        self.poll_drain(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
    }

    #[test]
    fn what_was_read_comes_first() {
        runtime().block_on(async {
            let (mut far, near) = tokio::io::duplex(64);
            far.write_all(b" world").await.unwrap();
            drop(far);
            let mut text = String::new();
            let mut stream = Stream::new(near, b"hello".to_vec(), Duration::from_secs(5));
            stream.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, "hello world");
        });
    }

    #[test]
    fn our_end_waits_for_the_peers_but_not_for_ever() {
        runtime().block_on(async {
            let (mut far, near) = tokio::io::duplex(64);
            let mut stream = Stream::new(near, Vec::new(), Duration::from_secs(5));
            let peer = async {
                far.write_all(&[b'x'; 10_000]).await.unwrap();
                far.shutdown().await.unwrap();
            };
            let (ended, ()) = tokio::join!(stream.shutdown(), peer);
            ended.unwrap();
            let (_far, near) = tokio::io::duplex(64);
            Stream::new(near, Vec::new(), Duration::from_secs(5)).shutdown().await.unwrap();
        });
    }

    #[test]
    fn silence_ends_reading_and_writing() {
        runtime().block_on(async {
            let (_far, near) = tokio::io::duplex(4);
            let mut stream = Stream::new(near, Vec::new(), Duration::from_millis(5));
            let read = stream.read_u8().await.unwrap_err();
            assert_eq!(read.kind(), io::ErrorKind::TimedOut);
            let written = stream.write_all(b"more than fits").await.unwrap_err();
            assert_eq!(written.kind(), io::ErrorKind::TimedOut);
        });
    }
}
