//! An encrypted connection that counts what passes and says when it is closed: the registry's place ends with it, however
//! it ends and whoever it was handed on to.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use strowger_switch::EncryptedConnection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::stream::Bytes;

/// The stream inside TLS.
pub(crate) struct Counted<S> {
    inner: S,
    place: EncryptedConnection,
}

impl<S> Counted<S> {
    pub(crate) const fn new(inner: S, place: EncryptedConnection) -> Self {
        Self { inner, place }
    }

    fn wrote(&self, poll: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = &poll {
            self.place.sent(*count);
        }
        poll
    }
}

impl<S: Bytes> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let poll = Pin::new(&mut self.inner).poll_read(cx, buf);
        self.place.received(buf.filled().len().saturating_sub(before));
        poll
    }
}

impl<S: Bytes> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.wrote(poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.wrote(poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
